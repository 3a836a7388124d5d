"""Which bundle the worker takes, and whom it knows under it."""

import dataclasses
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from Testing.Unit.worker.made import NOW, HandMadeSite, HandMadeUser, refusal_of

from encryptsecurert_protocol.bundles import BundleCore, BundleMessage, bundle_digest
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.rights import Operation, Role
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.vault.site import Site
from EncryptSecureRTLib.custodian.certificates import Validity, issue_user


def _site(made: HandMadeSite, core: BundleCore) -> Site:
    site = Site()
    assert site.provision(made.message(core), (made.worker_key,), NOW)
    return site


# ---- bundles


def test_nothing_is_known_before_the_first_bundle(made: HandMadeSite) -> None:
    site = Site()

    assert site.current is None
    assert refusal_of(site.require) is ErrorCode.E_NOT_PROVISIONED
    assert refusal_of(site.caller, b"", NOW) is ErrorCode.E_NOT_PROVISIONED


def test_a_bundle_is_named_by_site_epoch_and_digest(made: HandMadeSite) -> None:
    core = made.core(epoch=7)
    site = _site(made, core)

    name = site.require().name
    assert (name.site_key_id, name.epoch) == (core.site_key_id, 7)
    assert name.digest == bundle_digest(core.encode())
    keys = (site.require().uid_key, site.require().pid_key, site.require().dateshift_key)
    assert len(set(keys)) == 3


def test_the_same_bundle_again_changes_nothing(made: HandMadeSite) -> None:
    core = made.core()
    site = _site(made, core)
    held = site.require()

    assert site.provision(made.message(core), (made.worker_key,), NOW) is False
    assert site.require() is held


def test_a_higher_epoch_follows_and_none_goes_back(made: HandMadeSite) -> None:
    first, other, next_one = made.core(epoch=5), made.core(epoch=5), made.core(epoch=6)
    site = _site(made, first)

    def take(core: BundleCore) -> bool:
        return site.provision(made.message(core), (made.worker_key,), NOW)

    assert refusal_of(take, made.core(epoch=4)) is ErrorCode.E_REPLAY
    assert refusal_of(take, other) is ErrorCode.E_REPLAY
    assert take(next_one) is True
    assert refusal_of(take, first) is ErrorCode.E_REPLAY
    assert site.require().core == next_one


def test_another_site_cannot_take_the_worker_over(made: HandMadeSite) -> None:
    site = _site(made, made.core(epoch=1))
    other = HandMadeSite(made.worker_key)

    code = refusal_of(site.provision, other.message(other.core(epoch=9)), (made.worker_key,), NOW)

    assert code is ErrorCode.E_SITE
    assert Site().provision(other.message(other.core(epoch=9)), (made.worker_key,), NOW)


def test_a_bundle_counts_within_its_time_only(made: HandMadeSite) -> None:
    message = made.message(made.core())
    day = timedelta(days=1)
    for moment, taken in ((-day, True), (-day - timedelta(seconds=1), False), (day, False)):
        site = Site()
        if taken:
            assert site.provision(message, (made.worker_key,), NOW + moment)
        else:
            code = refusal_of(site.provision, message, (made.worker_key,), NOW + moment)
            assert code is ErrorCode.E_BUNDLE
            assert site.current is None


def _flip(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


@pytest.mark.parametrize("member", ["site_key", "signature", "sealed", "core"])
def test_a_damaged_bundle_is_refused_and_leaves_the_old_one(
    made: HandMadeSite, member: str
) -> None:
    site = _site(made, made.core(epoch=1))
    right = made.message(made.core(epoch=2))
    damaged = dataclasses.replace(right, **{member: _flip(getattr(right, member))})

    assert refusal_of(site.provision, damaged, (made.worker_key,), NOW) is ErrorCode.E_BUNDLE
    assert site.require().core.epoch == 1
    assert site.provision(right, (made.worker_key,), NOW)


def test_a_bundle_sealed_to_another_worker_or_start_is_refused(made: HandMadeSite) -> None:
    message: BundleMessage = made.message(made.core())

    code = refusal_of(Site().provision, message, (HpkeKeyPair.generate(),), NOW)

    assert code is ErrorCode.E_BUNDLE


# ---- callers


def test_a_listed_user_is_known_by_id_and_key(made: HandMadeSite) -> None:
    user = made.user()
    caller = _site(made, made.core(user)).caller(user.certificate, NOW)

    assert (caller.user, caller.fingerprint) == (user.user, user.fingerprint)
    assert caller.entry.roles == (Role.PHYSICIST,)


def _of_another_ca(made: HandMadeSite, user: HandMadeUser) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    validity = Validity.from_days(NOW, 30)
    return issue_user(key, made.user_ca, user.user, key.public_key(), validity)


def test_whoever_is_not_listed_is_refused(made: HandMadeSite) -> None:
    user, stranger = made.user(), made.user()
    site = _site(made, made.core(user))

    for certificate in (
        None,
        b"",
        b"no certificate",
        stranger.certificate,
        _flip(user.certificate),
    ):
        code = refusal_of(site.caller, certificate, NOW)
        assert code is ErrorCode.E_USER_CERTIFICATE
    assert site.caller(user.certificate, NOW).user == user.user


def test_a_listed_certificate_of_another_ca_is_refused(made: HandMadeSite) -> None:
    user = made.user()
    forged = dataclasses.replace(user, certificate=_of_another_ca(made, user))
    site = _site(made, made.core(forged))

    code = refusal_of(site.caller, forged.certificate, NOW)

    assert code is ErrorCode.E_USER_CERTIFICATE


def test_a_listed_certificate_that_names_another_user_is_refused(made: HandMadeSite) -> None:
    user = made.user()
    renamed = dataclasses.replace(user, user="0f" * 16)
    site = _site(made, made.core(renamed))

    assert refusal_of(site.caller, user.certificate, NOW) is ErrorCode.E_USER_CERTIFICATE


def test_a_revoked_certificate_is_refused_although_it_is_listed(made: HandMadeSite) -> None:
    user, other = made.user(), made.user()
    site = _site(made, made.core(user, other, revoked=(user.fingerprint,)))

    assert refusal_of(site.caller, user.certificate, NOW) is ErrorCode.E_USER_CERTIFICATE
    assert site.caller(other.certificate, NOW).user == other.user


def test_a_certificate_counts_within_its_time_by_the_workers_clock(made: HandMadeSite) -> None:
    user = made.user(days=10, since_days=5)
    core = made.core(user, not_before=NOW - timedelta(days=90), not_after=NOW + timedelta(days=90))
    site = _site(made, core)
    moments = {
        -timedelta(days=5): True,
        -timedelta(days=5, seconds=1): False,
        timedelta(days=5, seconds=-1): True,
        timedelta(days=5): False,
    }
    for moment, known in moments.items():
        if known:
            assert site.caller(user.certificate, NOW + moment).user == user.user
        else:
            code = refusal_of(site.caller, user.certificate, NOW + moment)
            assert code is ErrorCode.E_USER_CERTIFICATE


def test_nobody_is_known_once_the_bundle_is_over(made: HandMadeSite) -> None:
    user = made.user()
    site = _site(made, made.core(user))

    site.caller(user.certificate, NOW)
    late = NOW + timedelta(days=1)
    assert refusal_of(site.caller, user.certificate, late) is ErrorCode.E_USER_CERTIFICATE


def test_what_was_judged_under_one_bundle_is_judged_anew_under_the_next(
    made: HandMadeSite,
) -> None:
    user = made.user()
    site = _site(made, made.core(user, epoch=1))
    site.caller(user.certificate, NOW)
    site.provision(made.message(made.core(epoch=2)), (made.worker_key,), NOW)

    assert refusal_of(site.caller, user.certificate, NOW) is ErrorCode.E_USER_CERTIFICATE


def test_rights_are_those_of_the_roles_in_the_current_bundle(made: HandMadeSite) -> None:
    technician = made.user(Role.TECHNICIAN)
    site = _site(made, made.core(technician, epoch=1))
    caller = site.caller(technician.certificate, NOW)

    site.require_right(caller, Operation.PROTECT)
    assert refusal_of(site.require_right, caller, Operation.SEGMENT) is ErrorCode.E_FORBIDDEN
    assert site.refusal(technician.fingerprint, Operation.PROTECT) is None
    assert site.refusal(technician.fingerprint, Operation.SEGMENT) is ErrorCode.E_FORBIDDEN
    revoked = made.core(technician, epoch=2, revoked=(technician.fingerprint,))
    site.provision(made.message(revoked), (made.worker_key,), NOW)
    for out in (technician.fingerprint, "00" * 32):
        assert site.refusal(out, Operation.PROTECT) is ErrorCode.E_USER_CERTIFICATE
