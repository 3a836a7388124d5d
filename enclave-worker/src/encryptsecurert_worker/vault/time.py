"""The worker's times: an enclave has no clock of its own.

Each question has its own answer:

    now        max(host's clock, floor). Only times that the site key signed raise the floor.
    today      the day of quotas: of the lease and what has passed since, else of `now`
    service_s  seconds that workers of this state folder have served. What is kept for a while is
               kept by this count, so that a clock that jumps deletes nothing.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from encryptsecurert_protocol.fields import Fields, time_text
from encryptsecurert_worker.vault.ledger import Change, Ledger

_KIND = "time"
_FLOOR, _SERVICE = "floor", "service"
_MAX_SERVICE_S = 2**40
COUNTED_EACH_S = 60  # at the latest, the count is written down again


class WorkerTime:
    """Answers for one start of the worker.

    Parameters
    ----------
    host : callable
        The host's clock, UTC.
    monotonic_s : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        ledger: Ledger,
        host: Callable[[], datetime],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._host = host
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._floor = datetime.min.replace(tzinfo=UTC)
        self._served_s = 0
        self._started_s = monotonic_s()
        self._anchor: tuple[datetime, float] | None = None

    def restore(self) -> None:
        """Go on from what the ledger holds."""
        floor = self._ledger.get(_KIND, fact_id=_FLOOR)
        if floor is not None:
            self._floor = Fields(floor, ("time",)).time("time")
        served = self._ledger.get(_KIND, fact_id=_SERVICE)
        if served is not None:
            counted_s = Fields(served, ("seconds",)).integer("seconds", 0, _MAX_SERVICE_S)
            # What a killed start had not counted yet: no host keeps time from passing by kills.
            self._served_s = counted_s + COUNTED_EACH_S

    def now(self) -> datetime:
        """Return the worker's time."""
        return max(self._host(), self._floor)

    def signed(self, at: datetime) -> Change:
        """Raise the floor to a time that the site key signed; returns the fact to write."""
        with self._lock:
            self._floor = max(self._floor, at)
            return Change(_KIND, "", _FLOOR, {"time": time_text(self._floor)})

    def leased(self, at: datetime) -> None:
        """Count days from a lease's time on."""
        self._anchor = (at, self._monotonic_s())

    def today(self) -> str:
        """Return the day of quotas, as YYYY-MM-DD."""
        anchor = self._anchor
        if anchor is None:
            moment = self.now()
        else:
            moment = anchor[0] + timedelta(seconds=self._monotonic_s() - anchor[1])
        return moment.strftime("%Y-%m-%d")

    def monotonic_s(self) -> float:
        """Return seconds that only grow, for what passes within this start."""
        return self._monotonic_s()

    def service_s(self) -> int:
        """Return the seconds served so far, by this start and those before it."""
        return self._served_s + int(self._monotonic_s() - self._started_s)

    def service_fact(self) -> Change:
        """Return the fact that keeps the count."""
        return Change(_KIND, "", _SERVICE, {"seconds": self.service_s()})
