"""The panel's log: what client and worker said and when; never a name, a path or a UID."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

MOST_LINES = 2000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: when it came, whether the worker said it, and the words."""

    at: datetime
    from_worker: bool
    words: str

    def __str__(self) -> str:
        source = "[worker] " if self.from_worker else ""
        return f"{self.at:%H:%M:%S} {source}{self.words}"


class Log:
    """The newest lines; whoever shows them hears of each.

    Parameters
    ----------
    now : the time of day.
    """

    def __init__(self, now: Callable[[], datetime] = datetime.now) -> None:
        self._now = now
        self._lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self._listeners: list[Callable[[LogLine], None]] = []

    def client(self, words: str) -> None:
        """Add a line of the client's side."""
        self._add(LogLine(self._now(), False, words))

    def worker(self, words: str) -> None:
        """Add a line that the worker said."""
        self._add(LogLine(self._now(), True, words))

    def _add(self, line: LogLine) -> None:
        self._lines.append(line)
        for listener in self._listeners:
            listener(line)

    def listen(self, listener: Callable[[LogLine], None]) -> None:
        """Call `listener` with every line that comes."""
        self._listeners.append(listener)

    def as_text(self) -> str:
        """Return all lines."""
        return "\n".join(str(line) for line in self._lines)
