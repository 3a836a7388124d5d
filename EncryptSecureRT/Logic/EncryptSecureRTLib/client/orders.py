"""Orders on disk: what it takes to go on with a job from another process of the same user.

jobs/<job id>/order.json     canonical JSON {schema, header, secret, url}, mode 0600

`header` are the octets that were signed: task, times and inputs stand in there. `secret` opens the
results of this one job. An order is written before the worker hears of the job, so that there is
none whose results nobody could open.
"""

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
    return _open(home, job, home.user().user)


def _open(home: ClientHome, job: str, user: str) -> Order:
    octets = read_whole(home.jobs_path / job / _FILE, LIMITS.json_line_bytes)
    if octets is None:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND, "this job was not ordered from here")
    refusal = EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the job's order is damaged or foreign")
    try:
        order = _decode(octets)
    except EncryptSecureRTError:
        raise refusal from None
    if order.job != job or order.header.user != user:
        raise refusal
    if order.result_key.public != order.header.result_key.public:
        raise refusal
    return order


def _decode(octets: bytes) -> Order:
    fields = Fields(canonical.decode(octets), _MEMBERS)
    fields.constant("schema", _SCHEMA)
    header = JobHeader.decode(fields.octets("header", LIMITS.json_line_bytes))
    secret = fields.octets("secret", _MAX_SECRET_BYTES)
    return Order(
        header=header,
        result_key=HpkeKeyPair.from_secret(header.result_key.suite, secret),
        url=fields.text("url", r"https://[!-~]+"),
    )


def forget_order(home: ClientHome, job: str) -> None:
    """Remove an order for good; what cannot be removed stays."""
    folder = home.jobs_path / job
    with contextlib.suppress(OSError):
        (folder / _FILE).unlink(missing_ok=True)
        folder.rmdir()


def _orders(home: ClientHome) -> Iterator[Order]:
    """Yield the orders that can be read; a damaged one is left for its owner to look at."""
    try:
        user = home.user().user
        names = sorted(path.name for path in home.jobs_path.iterdir())
    except (OSError, EncryptSecureRTError):
        return
    for name in names:
        if is_job_id(name):
            with contextlib.suppress(EncryptSecureRTError):
                yield _open(home, name, user)


def opened_here(home: ClientHome) -> frozenset[str]:
    """Return the jobs whose results can be opened from this folder."""
    return frozenset(order.job for order in _orders(home))


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
    for order in list(_orders(home)):
        lost = held is not None and order.url == url and order.job not in held
        if now >= order.header.created + _KEPT or (lost and now >= order.header.expires):
            forget_order(home, order.job)
