"""What a user may do a day, and the cases that break-glass opened.

    quota   owner: the user, id: the day of the worker's time, value {patients, break_glass,
            noted_s}; a patient is 8 octets of an HMAC, since only the count matters
    grant   owner: the user, id: the pseudonym, value {until, from_s, job}

A grant ends by the worker's time and by service seconds, whichever comes first. Days are forgotten
by service seconds, so that a clock that jumps gives nobody the same day twice.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES, MAX_INTEGER, Fields, time_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import keyed_name
from encryptsecurert_worker.vault.ledger import Change, Ledger
from encryptsecurert_worker.vault.time import WorkerTime

_DAY, _GRANT = "quota", "grant"
_DAYS_KEPT_S = 8 * 24 * 3600
_MARK_DIGITS = 16
_MARK = re.compile(rf"[0-9a-f]{{{_MARK_DIGITS}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """What one user did on one day."""

    patients: tuple[str, ...] = ()
    break_glass: int = 0
    noted_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One case that is open to one user for a while."""

    user: str
    pseudonym: str
    until: datetime
    from_s: int
    job: str

    def live(self, now: datetime, service_s: int) -> bool:
        """Tell whether it holds still, by both clocks."""
        return now < self.until and service_s - self.from_s < LIMITS.break_glass_s


class Quotas:
    """Counts for all users; nothing is kept but in the ledger."""

    def __init__(self, ledger: Ledger, time: WorkerTime, key: bytes) -> None:
        self._ledger = ledger
        self._time = time
        self._key = key
        self._lock = threading.Lock()

    def admit_patient(self, user: str, pseudonym: str) -> None:
        """Count a patient once a day, or refuse with E_QUOTA (E_BUSY: not counted).

        The journal may lose the count with the machine's power, but not before a job's end that
        is in the journal after it.
        """
        mark = keyed_name(self._key, user.encode(), pseudonym.encode())[:_MARK_DIGITS]
        with self._lock:
            today = self._time.today()
            day = self._day(user, today)
            if mark in day.patients:
                return
            if len(day.patients) >= LIMITS.patients_per_day:
                raise EncryptSecureRTError(ErrorCode.E_QUOTA, "patients of a day")
            counted = replace(day, patients=(*day.patients, mark))
            self._ledger.write([self._day_fact(user, today, counted)], durable=False)

    def patients_today(self, user: str) -> int:
        """Return how many patients are counted for a user today."""
        return len(self._day(user, self._time.today()).patients)

    def break_glass(
        self,
        user: str,
        pseudonym: str,
        job: str,
        write: Callable[[Sequence[Change]], object] | None = None,
    ) -> datetime:
        """Open a case to a user for a while, and return until when.

        Parameters
        ----------
        job : str
            The order's id. One that runs again, after a crash, opens and counts nothing more.
        write : callable
            Writes the facts durably, with the audit line that tells of them; the ledger if None.

        Raises
        ------
        EncryptSecureRTError
            E_QUOTA beyond the day's count; what `write` raises. Nothing is open then.
        """
        with self._lock:
            held = self._ledger.get(_GRANT, user, pseudonym)
            if held is not None and held["job"] == job:
                return _grant(user, pseudonym, held).until
            today = self._time.today()
            day = self._day(user, today)
            if day.break_glass >= LIMITS.break_glass_per_day:
                raise EncryptSecureRTError(ErrorCode.E_QUOTA, "break-glass of a day")
            now = self._time.now().replace(microsecond=0)
            until = now + timedelta(seconds=LIMITS.break_glass_s)
            value = {"until": time_text(until), "from_s": self._time.service_s(), "job": job}
            counted = replace(day, break_glass=day.break_glass + 1)
            facts = [
                self._day_fact(user, today, counted),
                Change(_GRANT, user, pseudonym, value),
            ]
            (write or self._ledger.write)(facts)
            return until

    def granted(self, user: str, pseudonym: str, now: datetime) -> bool:
        """Tell whether break-glass has this case open to this user."""
        value = self._ledger.get(_GRANT, user, pseudonym)
        if value is None:
            return False
        return _grant(user, pseudonym, value).live(now, self._time.service_s())

    def grants(self, user: str, now: datetime) -> Iterator[Grant]:
        """Yield what break-glass has open to this user."""
        service_s = self._time.service_s()
        for owner, pseudonym, value in self._ledger.of(_GRANT):
            if owner == user:
                grant = _grant(owner, pseudonym, value)
                if grant.live(now, service_s):
                    yield grant

    def expire(self, service_s: int) -> None:
        """Forget days and grants that are over by service seconds (E_BUSY: the next time)."""
        with self._lock:
            old = [
                Change(_GRANT, user, pseudonym, None)
                for user, pseudonym, value in self._ledger.of(_GRANT)
                if service_s - _grant(user, pseudonym, value).from_s >= LIMITS.break_glass_s
            ]
            today = self._time.today()
            old += [
                Change(_DAY, user, day, None)
                for user, day, value in self._ledger.of(_DAY)
                if day != today and service_s - _read_day(value).noted_s >= _DAYS_KEPT_S
            ]
            if old:
                self._ledger.write(old, durable=False)

    def _day(self, user: str, day: str) -> _Day:
        value = self._ledger.get(_DAY, user, day)
        return _Day() if value is None else _read_day(value)

    def _day_fact(self, user: str, day: str, done: _Day) -> Change:
        value = {
            "patients": list(done.patients),
            "break_glass": done.break_glass,
            "noted_s": self._time.service_s(),
        }
        return Change(_DAY, user, day, value)


def _read_day(value: object) -> _Day:
    fields = Fields(value, ("patients", "break_glass", "noted_s"), ErrorCode.E_STATE)
    patients = fields.items("patients", LIMITS.patients_per_day)
    if not all(isinstance(mark, str) and _MARK.fullmatch(mark) for mark in patients):
        raise EncryptSecureRTError(ErrorCode.E_STATE)
    return _Day(
        patients=tuple(patients),
        break_glass=fields.integer("break_glass", 0, LIMITS.break_glass_per_day),
        noted_s=fields.integer("noted_s", 0, MAX_INTEGER),
    )


def _grant(user: str, pseudonym: str, value: object) -> Grant:
    fields = Fields(value, ("until", "from_s", "job"), ErrorCode.E_STATE)
    return Grant(
        user=user,
        pseudonym=pseudonym,
        until=fields.time("until"),
        from_s=fields.integer("from_s", 0, MAX_INTEGER),
        job=fields.hex("job", ID_BYTES),
    )
