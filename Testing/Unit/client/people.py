"""Enrolled users, orders of theirs, and a line to a worker whose answers a test writes down."""

import base64
import dataclasses
import hashlib
import io
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ParamSpec, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import Event, encode_event
from encryptsecurert_protocol.jobs import JobHeader
from encryptsecurert_protocol.results import ResultKey
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite, random_octets
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.orders import Order
from EncryptSecureRTLib.client.trust import utc_now
from EncryptSecureRTLib.custodian.certificates import (
    Validity,
    certificate_pem,
    issue_user,
    make_user_ca,
    new_id,
    read_request,
)

P = ParamSpec("P")
URL = "https://worker:8443"


def refusal_of(action: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> ErrorCode:
    """Return the code with which an action is refused."""
    with pytest.raises(EncryptSecureRTError) as refusal:
        action(*args, **kwargs)
    return refusal.value.code


def enrolled(folder: Path) -> ClientHome:
    """Return the client folder of a new user."""
    home = ClientHome(folder)
    request = read_request(home.enroll().read_bytes())
    now = utc_now().replace(microsecond=0)
    validity = Validity(not_before=now, not_after=now + timedelta(days=30))
    ca_key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue_user(ca_key, make_user_ca(ca_key, validity), new_id(), request, validity)
    home.certificate_path.write_bytes(certificate_pem(certificate))
    return home


def order_of(
    home: ClientHome, *, created: datetime | None = None, url: str = URL, **changes: Any
) -> Order:
    """Return an order of the home's user that nobody has submitted yet."""
    created = created or utc_now().replace(microsecond=0)
    key = HpkeKeyPair.generate(HpkeSuite.X25519)
    header = JobHeader(
        job=random_octets(16).hex(),
        user=home.user().user,
        certificate=home.user().fingerprint,
        task="segment",
        inputs=("ab" * 32,),
        parameters="cd" * 32,
        result_key=ResultKey(suite=key.suite, public=key.public),
        created=created,
        expires=created + timedelta(hours=24),
        site_key_id="11" * 32,
        min_epoch=1,
        policy="22" * 32,
        worker="33" * 32,
    )
    return Order(header=dataclasses.replace(header, **changes), result_key=key, url=url)


class Flushes(io.StringIO):
    """A text stream that counts how often it was written out."""

    flushed = 0

    def flush(self) -> None:
        """Count it."""
        self.flushed += 1


class WrittenLine:
    """A line that answers as it was told, and writes down what it was asked.

    Attributes
    ----------
    streams : one item for each stream that is opened: events, b"" for a heartbeat, or an error
        code where the stream breaks.
    read_whole : how many streams were read to their ends.
    refusals : error codes for job submissions, None for one that is taken.
    """

    def __init__(self, home: ClientHome) -> None:
        self.url = URL
        self.user = home.user()
        self.verdict = SimpleNamespace(policy_sha256="22" * 32, simulated=True)
        self.statement = worker_state()
        self.streams: list[Sequence[Event | bytes | ErrorCode]] = []
        self.read_whole = 0
        self.refusals: list[ErrorCode | None] = []
        self.cancel_refusal: ErrorCode | None = None
        self.answers: dict[str, Mapping[str, Any]] = {}
        self.asked: list[str] = []
        self.submitted: list[JobHeader] = []
        self.on_submit: Callable[[JobHeader], None] = lambda header: None

    @property
    def line(self) -> Line:
        """Itself, as what it stands for."""
        return cast(Line, self)

    def request_json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer a request."""
        self.asked.append(f"{method} {path}")
        if method == "DELETE":
            if self.cancel_refusal is not None:
                raise EncryptSecureRTError(self.cancel_refusal)
            return {"job": path.rsplit("/", 1)[1], "state": "cancelling"}
        if path == "/v1/objects":
            return {"have": True}
        if (method, path) == ("POST", "/v1/jobs"):
            return self._take(body or {})
        return dict(self.answers[path])

    def _take(self, body: Mapping[str, Any]) -> dict[str, Any]:
        header = JobHeader.decode(base64.b64decode(body["header"]))
        self.submitted.append(header)
        self.on_submit(header)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise EncryptSecureRTError(refusal)
        return {"job": header.job, "state": "queued"}

    def stream_lines(self, path: str, max_line_bytes: int) -> Generator[bytes, None, None]:
        """Yield the lines of the next stream."""
        self.asked.append(f"GET {path}")
        for item in self.streams.pop(0):
            if isinstance(item, ErrorCode):
                raise EncryptSecureRTError(item)
            yield item if isinstance(item, bytes) else encode_event(item).rstrip(b"\n")
        self.read_whole += 1

    def count(self, beginning: str) -> int:
        """Return how many requests begin so."""
        return sum(asked.startswith(beginning) for asked in self.asked)


def worker_state() -> Any:
    """Return what a worker proves of itself after a start, as far as jobs look at it."""
    public = HpkeKeyPair.generate(HpkeSuite.X25519).public
    return SimpleNamespace(
        hpke_suite=HpkeSuite.X25519,
        hpke_public_key=public,
        hpke_key_sha256=hashlib.sha256(public).hexdigest(),
        bundle=SimpleNamespace(site_key_id="11" * 32, epoch=1),
    )
