"""Orders on disk: what it takes to go on with a job from another process of the same user.

jobs/<job id>/order.json     canonical JSON {schema, header, secret, url}, mode 0600

`header` are the octets that were signed: task, times and inputs stand in there. `secret` opens the
results of this one job. An order is written before the worker hears of the job, so that there is
none whose results nobody could open.
"""

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields, base64_text
from encryptsecurert_protocol.jobs import JobHeader, job_digest
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import HpkeKeyPair
from EncryptSecureRTLib.attest.localfiles import read_whole, write_whole
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.unfinished import is_job_id

_SCHEMA = "encryptsecurert.order/1"
_MEMBERS = ("schema", "header", "secret", "url")
_FILE = "order.json"
_MAX_SECRET_BYTES = 96
_KEPT = timedelta(days=8)  # a worker keeps results for seven days
_YOUNG = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job that was ordered from the worker at `url`; `result_key` opens its results."""

    header: JobHeader
    result_key: HpkeKeyPair = field(repr=False)
    url: str

    @property
    def job(self) -> str:
        """The job's id."""
        return self.header.job

    @property
    def digest(self) -> bytes:
        """The job digest."""
        return job_digest(self.header.encode())


def write_order(home: ClientHome, order: Order) -> None:
    """Keep an order; it is on the disk when this returns."""
    octets = canonical.encode(
        {
            "schema": _SCHEMA,
            "header": base64_text(order.header.encode()),
            "secret": base64_text(order.result_key.secret_octets),
            "url": order.url,
        }
    )
    write_whole(home.jobs_path / order.job / _FILE, octets)


def open_order(home: ClientHome, job: str) -> Order:
    """Return the order of a job.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_FOUND if there is none here; E_LOCAL_FILE if it is damaged, another job's or
        another user's.
    """
    if not is_job_id(job):
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
    return _kept(home, job, home.user().user).order()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """An order as its file has it: the key is not made from its secret yet, which takes a while."""

    header: JobHeader
    secret: bytes = field(repr=False)
    url: str

    def order(self) -> Order:
        """Return the order (E_LOCAL_FILE if the secret is not that of the header's key)."""
        try:
            key = HpkeKeyPair.from_secret(self.header.result_key.suite, self.secret)
        except EncryptSecureRTError:
            raise _refusal() from None
        if key.public != self.header.result_key.public:
            raise _refusal()
        return Order(header=self.header, result_key=key, url=self.url)


def _refusal() -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the job's order is damaged or foreign")


def _kept(home: ClientHome, job: str, user: str) -> _Kept:
    octets = read_whole(home.jobs_path / job / _FILE, LIMITS.json_line_bytes)
    if octets is None:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND, "this job was not ordered from here")
    try:
        kept = _decode(octets)
    except EncryptSecureRTError:
        raise _refusal() from None
    if kept.header.job != job or kept.header.user != user:
        raise _refusal()
    return kept


def _decode(octets: bytes) -> _Kept:
    fields = Fields(canonical.decode(octets), _MEMBERS)
    fields.constant("schema", _SCHEMA)
    return _Kept(
        header=JobHeader.decode(fields.octets("header", LIMITS.json_line_bytes)),
        secret=fields.octets("secret", _MAX_SECRET_BYTES),
        url=fields.text("url", r"https://[!-~]+"),
    )


def forget_order(home: ClientHome, job: str) -> None:
    """Remove an order for good; what cannot be removed stays."""
    folder = home.jobs_path / job
    with contextlib.suppress(OSError):
        (folder / _FILE).unlink(missing_ok=True)
        folder.rmdir()


def _all_kept(home: ClientHome, *, before: datetime | None = None) -> Iterator[_Kept]:
    """Yield the orders whose files can be read; another one is left for its owner to look at.

    Of those whose files were written later than `before` nothing is read: there may be thousands.
    """
    try:
        user = home.user().user
        names = sorted(path.name for path in home.jobs_path.iterdir())
    except (OSError, EncryptSecureRTError):
        return
    for name in names:
        if is_job_id(name) and (before is None or _written_at(home, name) < before):
            with contextlib.suppress(EncryptSecureRTError):
                yield _kept(home, name, user)


def _written_at(home: ClientHome, job: str) -> datetime:
    """Return when an order was written; long ago if nobody can tell."""
    try:
        modified_s = (home.jobs_path / job / _FILE).stat().st_mtime
        return datetime.fromtimestamp(modified_s, UTC)
    except (OSError, OverflowError, ValueError):
        return datetime.min.replace(tzinfo=UTC)


def opened_here(home: ClientHome) -> frozenset[str]:
    """Return the jobs whose results can be opened from this folder."""
    here: set[str] = set()
    for kept in _all_kept(home):
        with contextlib.suppress(EncryptSecureRTError):
            here.add(kept.order().job)
    return frozenset(here)


def prune_orders(
    home: ClientHome, now: datetime, *, url: str = "", held: Collection[str] | None = None
) -> None:
    """Remove the orders of jobs that are gone.

    Parameters
    ----------
    url, held
        A worker, and the jobs that it has of this user. An order that it does not know stays
        until it can be taken no more: another process may be about to submit it.
    """
    for kept in list(_all_kept(home, before=None if held is not None else now - _YOUNG)):
        header = kept.header
        lost = held is not None and kept.url == url and header.job not in held
        if now >= header.created + _KEPT or (lost and now >= header.expires):
            forget_order(home, header.job)
