"""How long the event loop stood still: a timer ticks, and the longest gap between ticks counts.

    with host.heartbeat() as beat:
        host.process_events(lambda: done, timeout_s=5)
    assert beat.longest_ms < 100

Whatever keeps the loop from turning counts, so a test that does something itself inside the block
measures that too. Only what other programs took does not: on a machine with more to do than cores,
a thread that could go on and got no core is not blocked.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from Testing.host.binding import QtCore

_TICK_MS = 5
_SCHEDULER = Path("/proc/thread-self/schedstat")  # ns on a core, ns waiting for one, turns


def seconds_not_waiting_for_a_core() -> float:
    """Return a clock that stands still while this thread could run and got no core (Linux)."""
    try:
        waited_ns = int(_SCHEDULER.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        waited_ns = 0
    return time.perf_counter() - waited_ns / 1e9


class Heartbeat:
    """Measures between `__enter__` and `__exit__`.

    Attributes
    ----------
    longest_ms : float
        The longest time by which a tick was late, or by which it had not come at the end.
    ticks : int
        How many came.
    """

    def __init__(self, clock_s: Callable[[], float] = seconds_not_waiting_for_a_core) -> None:
        self.longest_ms = 0.0
        self.ticks = 0
        self._clock_s = clock_s
        self._last_s = 0.0
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)

    def _note(self) -> None:
        now_s = self._clock_s()
        late_ms = (now_s - self._last_s) * 1000 - _TICK_MS
        self.longest_ms = max(self.longest_ms, late_ms)
        self._last_s = now_s

    def _tick(self) -> None:
        self.ticks += 1
        self._note()

    def __enter__(self) -> Self:
        self._last_s = self._clock_s()
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._note()
