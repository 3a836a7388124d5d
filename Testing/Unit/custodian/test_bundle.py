"""The bundle of an epoch, judged by the worker's own reader."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from encryptsecurert_protocol.bundles import BundleCore, BundleMessage, BundleSecrets
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import STARTING_RIGHTS, Operation, Role
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from encryptsecurert_protocol.statement import Statement
from encryptsecurert_worker.vault.site import Site as WorkerSite
from EncryptSecureRTLib.custodian.site import Site
from EncryptSecureRTLib.custodian.site_keys import SiteKeys, private_der

RequestOf = Callable[..., bytes]
Reopen = Callable[[], Site]
StatementOf = Callable[..., Statement]
_NOW = datetime(2025, 1, 6, 12, 1, tzinfo=UTC)


def _der(certificate_pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(certificate_pem).public_bytes(Encoding.DER)


def test_a_worker_opens_the_bundle_and_finds_the_sites_keys(
    site: Site, keys: SiteKeys, worker_key: HpkeKeyPair, statement_of: StatementOf
) -> None:
    message = site.bundle_for(statement_of(worker_key))

    core, secrets = message.open(worker_key)
    assert core.site_key_id == keys.site_key_id == hashlib.sha256(message.site_key).hexdigest()
    assert secrets.pseudonym_key == keys.pseudonym
    assert secrets.recipient_key == private_der(keys.recipient)
    assert secrets.manifest_key == private_der(keys.manifest)
    assert core.roles.rights == STARTING_RIGHTS
    assert (core.epoch, core.lease_s, core.cases) == (1, 0, ())


def test_the_bundle_is_read_again_as_it_travels(
    site: Site, worker_key: HpkeKeyPair, statement_of: StatementOf
) -> None:
    message = site.bundle_for(statement_of(worker_key))

    assert BundleMessage.from_json(message.as_json(), 1024 * 1024) == message


def test_recipient_certificates_belong_to_their_keys(site: Site, keys: SiteKeys) -> None:
    core = BundleCore.decode(site.current_bundle().core)

    recipient = x509.load_der_x509_certificate(core.recipient_certificate)
    escrow = x509.load_der_x509_certificate(core.escrow_certificate)
    assert recipient.public_key() == keys.recipient.public_key()
    assert escrow.public_key() != recipient.public_key()
    pem = (site.path / "escrow" / "escrow.pem").read_bytes()
    assert core.escrow_certificate == _der(pem)


def test_another_worker_cannot_open_it(
    site: Site, worker_key: HpkeKeyPair, statement_of: StatementOf
) -> None:
    message = site.bundle_for(statement_of(worker_key))

    with pytest.raises(EncryptSecureRTError) as caught:
        message.open(HpkeKeyPair.generate())

    assert caught.value.code is ErrorCode.E_BUNDLE


def test_a_worker_takes_it_lets_the_user_in_and_takes_it_again(
    site: Site, request_of: RequestOf, worker_key: HpkeKeyPair, statement_of: StatementOf
) -> None:
    user = site.add_user(request_of(), [Role.PHYSICIST])
    worker = WorkerSite()

    assert worker.provision(site.bundle_for(statement_of(worker_key)), [worker_key], _NOW)
    assert not worker.provision(site.bundle_for(statement_of(worker_key)), [worker_key], _NOW)

    caller = worker.caller(_der(user.certificate_pem), _NOW)
    assert caller.user == user.user
    worker.require_right(caller, Operation.SEGMENT)
    with pytest.raises(EncryptSecureRTError) as caught:
        worker.require_right(caller, Operation.AUDIT)
    assert caught.value.code is ErrorCode.E_FORBIDDEN


def test_a_worker_no_longer_lets_a_revoked_user_in(
    site: Site, request_of: RequestOf, worker_key: HpkeKeyPair, statement_of: StatementOf
) -> None:
    revoked = site.add_user(request_of(), [Role.PHYSICIST])
    kept = site.add_user(request_of(), [Role.PHYSICIST])
    worker = WorkerSite()
    worker.provision(site.bundle_for(statement_of(worker_key)), [worker_key], _NOW)

    site.revoke_user(revoked.user)
    assert worker.provision(site.bundle_for(statement_of(worker_key)), [worker_key], _NOW)
    assert worker.require().core.revoked == (revoked.fingerprint,)

    with pytest.raises(EncryptSecureRTError) as caught:
        worker.caller(_der(revoked.certificate_pem), _NOW)
    assert caught.value.code is ErrorCode.E_USER_CERTIFICATE
    assert worker.caller(_der(kept.certificate_pem), _NOW).user == kept.user


def test_one_epoch_has_one_core_and_one_salt(site: Site, reopen: Reopen) -> None:
    first = site.current_bundle()

    again, reopened = site.current_bundle(), reopen().current_bundle()

    assert (again.core, again.secrets) == (first.core, first.secrets)
    assert (reopened.core, reopened.secrets) == (first.core, first.secrets)


def test_two_workers_get_one_digest_and_different_octets(
    site: Site, statement_of: StatementOf
) -> None:
    one = site.bundle_for(statement_of(HpkeKeyPair.generate()))
    other = site.bundle_for(statement_of(HpkeKeyPair.generate()))

    assert one.core == other.core
    assert one.sealed != other.sealed


def test_a_change_makes_a_new_epoch_with_a_new_salt(site: Site, request_of: RequestOf) -> None:
    first = site.current_bundle()

    site.add_user(request_of(), [Role.PHYSICIST])

    second = site.current_bundle()
    assert (first.name.epoch, second.name.epoch) == (1, 2)
    salts = {BundleSecrets.decode(bundle.secrets).salt for bundle in (first, second)}
    assert len(salts) == 2


def test_time_that_passes_makes_no_new_epoch(site: Site, pass_time: Callable[..., None]) -> None:
    first = site.current_bundle()

    pass_time(days=335)

    assert site.current_bundle().core == first.core


def test_a_bundle_that_ends_soon_is_followed_by_the_next_epochs(
    site: Site, pass_time: Callable[..., None]
) -> None:
    site.current_bundle()

    pass_time(days=337)

    assert site.current_bundle().name.epoch == 2


@pytest.mark.parametrize("harm", ["lost", "damaged", "older"])
def test_a_bundle_that_is_lost_costs_an_epoch_and_never_makes_two_of_one(
    site: Site, reopen: Reopen, request_of: RequestOf, harm: str
) -> None:
    file: Path = site.path / "bundle.sealed"
    site.current_bundle()
    older = file.read_bytes()
    site.add_user(request_of(), [Role.PHYSICIST])
    lost = site.current_bundle()
    if harm == "lost":
        file.unlink()
    else:
        file.write_bytes(older if harm == "older" else b"\0" * 200)

    found = reopen().current_bundle()

    assert found.name.epoch == lost.name.epoch + 1 == 3


def test_a_bundle_that_was_kept_but_not_named_costs_nothing(site: Site, reopen: Reopen) -> None:
    """The power failed between the two writes; that bundle was never sent."""
    before = (site.path / "site.json").read_bytes()
    site.current_bundle()
    (site.path / "site.json").write_bytes(before)

    assert reopen().current_bundle().name.epoch == 1


def test_the_sites_keys_are_not_sealed_with_the_classical_suite(
    site: Site, statement_of: StatementOf
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        site.bundle_for(statement_of(HpkeKeyPair.generate(HpkeSuite.X25519)))

    assert caught.value.code is ErrorCode.E_STATEMENT
