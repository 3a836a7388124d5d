"""A channel to the worker's own readers, without a network; notes what was sent."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from encryptsecurert_protocol.bundles import BundleMessage
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.leases import Lease, open_lease
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_protocol.statement import Statement
from encryptsecurert_worker.vault.site import Site as WorkerSite
from EncryptSecureRTLib.attest.verdict import RowBook, Verdict, VerdictKind

NOW = datetime(2025, 1, 6, 12, 1, tzinfo=UTC)


def verdict_of(kind: VerdictKind, policy: bytes, code: ErrorCode | None = None) -> Verdict:
    """Return a verdict under a policy: accepted, or refused with a code."""
    book = RowBook()
    for number in range(1, 20):
        book.passed(number)
    if code is not None:
        book.failed(EncryptSecureRTError(code))
    return Verdict(
        kind=kind,
        accepted=code is None,
        simulated=True,
        code=code,
        rows=book.rows(),
        judged_at=NOW,
        policy_sha256=hashlib.sha256(policy).hexdigest(),
    )


class FakeChannel:
    """Takes bundles and leases as a worker does; `changes` spoils the next answers' members."""

    def __init__(self, key: HpkeKeyPair, statement: Statement, policy: bytes) -> None:
        self.statement = statement
        self.verdict = verdict_of(VerdictKind.FRESH, policy)
        self.certificate_verdict = verdict_of(VerdictKind.CERTIFICATE, policy)
        self.sent: list[tuple[str, str]] = []
        self.leases: list[Lease] = []
        self.bundle_changes: dict[str, object] = {}
        self.lease_changes: dict[str, object] = {}
        self._key = key
        self.worker = WorkerSite()

    def request_json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer with what was taken, changed if a test says so."""
        self.sent.append((method, path))
        if body is not None and set(body) == {"header", "signature"}:
            return {**self._take_lease(body), **self.lease_changes}
        message = BundleMessage.from_json(body, 1024 * 1024)
        self.worker.provision(message, [self._key], NOW)
        name = self.worker.require().name
        answer = {"site_key_id": name.site_key_id, "epoch": name.epoch, "digest": name.digest}
        return {**answer, **self.bundle_changes}

    def _take_lease(self, body: Mapping[str, Any]) -> dict[str, Any]:
        provisioned = self.worker.require()
        lease = open_lease(body, provisioned.site_key)
        last = self.leases[-1].time if self.leases else datetime.min.replace(tzinfo=UTC)
        fits = lease.length_s <= provisioned.core.lease_s and lease.time > last
        named = (self.statement.start_id, provisioned.core.epoch)
        if not fits or (lease.start_id, lease.epoch) != named:
            raise EncryptSecureRTError(ErrorCode.E_REPLAY)
        self.leases.append(lease)
        until = time_text(lease.not_after)
        return {"start_id": lease.start_id, "epoch": lease.epoch, "not_after": until}

    def reconnect(self) -> None:
        """Let the statement name the bundle that the worker holds, as a new connection will."""
        self.statement = replace(self.statement, bundle=self.worker.require().name)
