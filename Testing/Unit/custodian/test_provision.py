"""Provisioning: nothing leaves before the worker is verified, and the answer must be ours.

The network is a fake here; `test_real_worker.py` does the same with a worker and its TLS.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from encryptsecurert_protocol.bundles import BundleMessage
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_protocol.statement import BundleName, Statement
from encryptsecurert_worker.vault.site import Site as WorkerSite
from EncryptSecureRTLib.attest.verdict import RowBook, Verdict, VerdictKind
from EncryptSecureRTLib.custodian.provision import provision
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site

StatementOf = Callable[..., Statement]
_NOW = datetime(2025, 1, 6, 12, 1, tzinfo=UTC)


def _verdict(kind: VerdictKind, policy: bytes, code: ErrorCode | None = None) -> Verdict:
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
        judged_at=_NOW,
        policy_sha256=hashlib.sha256(policy).hexdigest(),
    )


class FakeChannel:
    """A channel to the worker's own reader, without a network; notes what was sent."""

    def __init__(self, key: HpkeKeyPair, statement: Statement, policy: bytes) -> None:
        self.statement = statement
        self.verdict = _verdict(VerdictKind.FRESH, policy)
        self.certificate_verdict = _verdict(VerdictKind.CERTIFICATE, policy)
        self.sent: list[tuple[str, str]] = []
        self.changes: dict[str, object] = {}
        self._key = key
        self._worker = WorkerSite()

    def request_json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Take the bundle as a worker does, and answer with its name, changed if a test says so."""
        self.sent.append((method, path))
        self._worker.provision(BundleMessage.from_json(body, 1024 * 1024), self._key, _NOW)
        name = self._worker.require().name
        answer = {"site_key_id": name.site_key_id, "epoch": name.epoch, "digest": name.digest}
        return {**answer, **self.changes}


@pytest.fixture
def ready(site: Site, simulated_release: Release) -> Site:
    """Give a site with a policy."""
    site.set_policy(simulated_release, allow_simulated=True)
    return site


@pytest.fixture
def channel(ready: Site, worker_key: HpkeKeyPair, statement_of: StatementOf) -> FakeChannel:
    policy = ready.state.policy
    assert policy is not None
    return FakeChannel(worker_key, statement_of(worker_key), policy.octets)


def test_a_verified_worker_gets_the_bundle(ready: Site, channel: FakeChannel) -> None:
    name = provision(ready, channel)

    assert name == ready.current_bundle().name
    assert channel.sent == [("POST", "/v1/provision")]


def test_the_same_worker_again_is_the_same_bundle(ready: Site, channel: FakeChannel) -> None:
    first = provision(ready, channel)
    channel.statement = replace(channel.statement, bundle=first)

    assert provision(ready, channel) == first


@pytest.mark.parametrize("which", ["verdict", "certificate_verdict"])
def test_to_a_refused_worker_nothing_is_sent(ready: Site, channel: FakeChannel, which: str) -> None:
    policy = ready.state.policy
    assert policy is not None
    refused = _verdict(VerdictKind.FRESH, policy.octets, ErrorCode.E_MEASUREMENT)
    setattr(channel, which, refused)

    with pytest.raises(EncryptSecureRTError) as caught:
        provision(ready, channel)

    assert caught.value.code is ErrorCode.E_MEASUREMENT
    assert channel.sent == []


@pytest.mark.parametrize("which", ["verdict", "certificate_verdict"])
def test_a_worker_judged_by_another_policy_gets_nothing(
    ready: Site, channel: FakeChannel, which: str
) -> None:
    setattr(channel, which, _verdict(VerdictKind.FRESH, b"an older policy"))

    with pytest.raises(EncryptSecureRTError) as caught:
        provision(ready, channel)

    assert caught.value.code is ErrorCode.E_POLICY_EXPIRED
    assert channel.sent == []


def test_a_site_without_a_policy_provisions_nobody(
    site: Site, worker_key: HpkeKeyPair, statement_of: StatementOf
) -> None:
    channel = FakeChannel(worker_key, statement_of(worker_key), b"")

    with pytest.raises(EncryptSecureRTError) as caught:
        provision(site, channel)

    assert caught.value.code is ErrorCode.E_POLICY_MISSING
    assert channel.sent == []


@pytest.mark.parametrize(
    ("site_key_id", "epoch", "code"),
    [("0f" * 32, 1, ErrorCode.E_SITE), (None, 99, ErrorCode.E_REPLAY)],
    ids=["another site", "a newer bundle"],
)
def test_a_worker_that_is_not_ours_to_provision_gets_nothing(
    ready: Site,
    channel: FakeChannel,
    site_key_id: str | None,
    epoch: int,
    code: ErrorCode,
) -> None:
    held = BundleName(
        site_key_id=site_key_id or ready.state.site_key_id, epoch=epoch, digest="aa" * 32
    )
    channel.statement = replace(channel.statement, bundle=held)

    with pytest.raises(EncryptSecureRTError) as caught:
        provision(ready, channel)

    assert caught.value.code is code
    assert channel.sent == []


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "ab" * 32},
        {"epoch": 2},
        {"site_key_id": "ab" * 32},
        {"epoch": "1"},
        {"digest": None},
        {"extra": 1},
    ],
)
def test_an_answer_that_names_another_bundle_is_an_error(
    ready: Site, channel: FakeChannel, changes: dict[str, object]
) -> None:
    channel.changes = changes

    with pytest.raises(EncryptSecureRTError) as caught:
        provision(ready, channel)

    assert caught.value.code is ErrorCode.E_BUNDLE
