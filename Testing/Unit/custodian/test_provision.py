"""Provisioning: nothing leaves before the worker is verified, and the answer must be ours.

The network is a fake here; `test_real_worker.py` does the same with a worker and its TLS.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from Testing.Unit.custodian.fake_channel import FakeChannel, verdict_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_protocol.statement import BundleName, Statement
from EncryptSecureRTLib.attest.verdict import VerdictKind
from EncryptSecureRTLib.custodian.provision import provision
from EncryptSecureRTLib.custodian.site import Site

StatementOf = Callable[..., Statement]


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
    refused = verdict_of(VerdictKind.FRESH, policy.octets, ErrorCode.E_MEASUREMENT)
    setattr(channel, which, refused)

    with pytest.raises(EncryptSecureRTError) as caught:
        provision(ready, channel)

    assert caught.value.code is ErrorCode.E_MEASUREMENT
    assert channel.sent == []


@pytest.mark.parametrize("which", ["verdict", "certificate_verdict"])
def test_a_worker_judged_by_another_policy_gets_nothing(
    ready: Site, channel: FakeChannel, which: str
) -> None:
    setattr(channel, which, verdict_of(VerdictKind.FRESH, b"an older policy"))

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
    channel.bundle_changes = changes

    with pytest.raises(EncryptSecureRTError) as caught:
        provision(ready, channel)

    assert caught.value.code is ErrorCode.E_BUNDLE
