"""A user's certificates come and go under one id; a lost key never comes back."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from encryptsecurert_protocol.bundles import BundleCore
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.changes import without_certificate, without_user
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site
from EncryptSecureRTLib.custodian.site_users import SiteUser
from EncryptSecureRTLib.custodian.users import UserCredentials

RequestOf = Callable[..., bytes]
Reopen = Callable[[], Site]
PassTime = Callable[..., None]


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def user(site: Site, request_of: RequestOf, key: ec.EllipticCurvePrivateKey) -> UserCredentials:
    """Give a user with one certificate, of 90 days."""
    return site.add_user(request_of(key), [Role.PHYSICIST])


def _entry(site: Site, user: str) -> SiteUser:
    entry = site.state.user(user)
    assert entry is not None
    return entry


def _listed(site: Site, user: str) -> tuple[str, ...]:
    core = BundleCore.decode(site.current_bundle().core)
    return next((entry.certificates for entry in core.roles.users if entry.user == user), ())


def _revoked(site: Site) -> tuple[str, ...]:
    return BundleCore.decode(site.current_bundle().core).revoked


def _revoke(site: Site, user: str, prefix: str) -> int:
    return site.change(lambda state, now: without_certificate(state, user, prefix, now))


@pytest.mark.parametrize("same_key", [True, False])
def test_a_renewed_user_keeps_id_and_roles_and_has_both_certificates(
    site: Site,
    request_of: RequestOf,
    key: ec.EllipticCurvePrivateKey,
    user: UserCredentials,
    reopen: Reopen,
    same_key: bool,
) -> None:
    renewed = site.renew_user(user.user, request_of(key if same_key else None), 30)

    certificate = x509.load_pem_x509_certificate(renewed.certificate_pem)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [name.value for name in names] == [renewed.user] == [user.user]
    assert renewed.not_after == datetime(2025, 2, 5, 12, tzinfo=UTC)
    assert renewed.epoch == site.state.epoch == 3
    assert _listed(reopen(), user.user) == (user.fingerprint, renewed.fingerprint)
    assert _entry(reopen(), user.user).roles == (Role.PHYSICIST,)


def test_the_renewed_files_are_accepted_by_the_users_client(
    site: Site, simulated_release: Release, tmp_path: Path
) -> None:
    site.set_policy(simulated_release, allow_simulated=True)
    home = ClientHome(tmp_path / "user")
    request = home.enroll().read_bytes()
    first = site.add_user(request, [Role.PHYSICIST], out=tmp_path / "welcome")
    home.accept(tmp_path / "welcome")

    renewed = site.renew_user(first.user, request, out=tmp_path / "again")

    home.accept(tmp_path / "again")
    assert home.user().fingerprint == renewed.fingerprint != first.fingerprint


def test_a_renewal_that_cannot_be_handed_over_did_not_happen(
    site: Site, request_of: RequestOf, user: UserCredentials, tmp_path: Path, reopen: Reopen
) -> None:
    (tmp_path / "user.pem").write_bytes(b"another's")

    with pytest.raises(EncryptSecureRTError) as caught:
        site.renew_user(user.user, request_of(), out=tmp_path)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
    assert reopen().state.epoch == 2
    assert (tmp_path / "user.pem").read_bytes() == b"another's"


@pytest.mark.parametrize("same_key", [True, False])
def test_replacing_revokes_the_older_certificates(
    site: Site,
    request_of: RequestOf,
    key: ec.EllipticCurvePrivateKey,
    user: UserCredentials,
    same_key: bool,
) -> None:
    request = request_of(key if same_key else None)

    renewed = site.renew_user(user.user, request, replace_older=True)

    assert _listed(site, user.user) == (renewed.fingerprint,)
    assert _revoked(site) == (user.fingerprint,)
    assert site.renew_user(user.user, request).user == user.user


def test_a_key_that_was_replaced_by_another_gets_no_certificate_again(
    site: Site, request_of: RequestOf, key: ec.EllipticCurvePrivateKey, user: UserCredentials
) -> None:
    site.renew_user(user.user, request_of(), replace_older=True)

    with pytest.raises(EncryptSecureRTError) as caught:
        site.renew_user(user.user, request_of(key))

    assert caught.value.code is ErrorCode.E_USER_KEY


@pytest.mark.parametrize("owner_revoked", [False, True])
def test_another_users_key_is_refused(
    site: Site,
    request_of: RequestOf,
    key: ec.EllipticCurvePrivateKey,
    user: UserCredentials,
    owner_revoked: bool,
) -> None:
    other = site.add_user(request_of(), [Role.RESEARCHER])
    if owner_revoked:
        site.revoke_user(user.user)
    epoch = site.state.epoch

    with pytest.raises(EncryptSecureRTError) as caught:
        site.renew_user(other.user, request_of(key))

    assert caught.value.code is ErrorCode.E_USER_KEY
    assert site.state.epoch == epoch


@pytest.mark.parametrize("who", ["unknown", "revoked"])
def test_an_unknown_or_revoked_user_is_not_renewed(
    site: Site, request_of: RequestOf, user: UserCredentials, who: str
) -> None:
    site.revoke_user(user.user)

    with pytest.raises(EncryptSecureRTError) as caught:
        site.renew_user(user.user if who == "revoked" else "0" * 32, request_of())

    assert caught.value.code is ErrorCode.E_NOT_FOUND


def test_a_lost_certificate_takes_its_key_along_and_no_other(
    site: Site, request_of: RequestOf, key: ec.EllipticCurvePrivateKey, user: UserCredentials
) -> None:
    same_key = site.renew_user(user.user, request_of(key))
    other_key = site.renew_user(user.user, request_of())

    _revoke(site, user.user, same_key.fingerprint[:8].upper())

    assert _listed(site, user.user) == (other_key.fingerprint,)
    assert _revoked(site) == (user.fingerprint, same_key.fingerprint)
    with pytest.raises(EncryptSecureRTError) as caught:
        site.renew_user(user.user, request_of(key))
    assert caught.value.code is ErrorCode.E_USER_KEY


def test_a_lost_key_stays_lost_after_its_certificates_ended(
    site: Site,
    request_of: RequestOf,
    key: ec.EllipticCurvePrivateKey,
    user: UserCredentials,
    pass_time: PassTime,
) -> None:
    _revoke(site, user.user, user.fingerprint)
    pass_time(days=100)
    site.renew_user(user.user, request_of())
    assert len(_entry(site, user.user).certificates) == 1

    with pytest.raises(EncryptSecureRTError) as renewed:
        site.renew_user(user.user, request_of(key))
    with pytest.raises(EncryptSecureRTError) as added:
        site.add_user(request_of(key), [Role.PHYSICIST])

    assert renewed.value.code is added.value.code is ErrorCode.E_USER_KEY


def test_revoking_a_certificate_again_costs_no_epoch(site: Site, user: UserCredentials) -> None:
    first = _revoke(site, user.user, user.fingerprint)

    assert _revoke(site, user.user, user.fingerprint) == first == 3


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("0" * 64, ErrorCode.E_NOT_FOUND),
        ("", ErrorCode.E_USAGE),
        ("first seven", ErrorCode.E_USAGE),
        ("zzzzzzzz", ErrorCode.E_USAGE),
    ],
)
def test_a_certificate_is_named_by_eight_digits_that_fit_one(
    site: Site, user: UserCredentials, prefix: str, code: ErrorCode
) -> None:
    named = user.fingerprint[:7] if prefix == "first seven" else prefix

    with pytest.raises(EncryptSecureRTError) as caught:
        _revoke(site, user.user, named)

    assert caught.value.code is code


def test_a_user_whose_certificates_all_ended_or_were_revoked_is_left_out(
    site: Site, request_of: RequestOf, user: UserCredentials, pass_time: PassTime
) -> None:
    lost = site.add_user(request_of(), [Role.RESEARCHER])
    _revoke(site, lost.user, lost.fingerprint)
    assert _listed(site, lost.user) == ()
    pass_time(days=91)
    late = site.add_user(request_of(), [Role.RESEARCHER])

    core = BundleCore.decode(site.current_bundle().core)

    assert [u.user for u in core.roles.users] == [site.state.home_user, late.user]
    assert core.revoked == ()  # they ended, too


def test_a_user_has_sixteen_certificates_and_not_one_more(
    site: Site, request_of: RequestOf, user: UserCredentials, pass_time: PassTime
) -> None:
    for _ in range(15):
        site.renew_user(user.user, request_of())
    assert len(_listed(site, user.user)) == 16

    with pytest.raises(EncryptSecureRTError) as caught:
        site.renew_user(user.user, request_of())
    assert caught.value.code is ErrorCode.E_TOO_LARGE

    site.renew_user(user.user, request_of(), replace_older=True)
    assert len(_listed(site, user.user)) == 1
    pass_time(days=91)
    site.renew_user(user.user, request_of())
    assert len(_entry(site, user.user).certificates) == 1


def test_a_user_revoked_with_several_certificates_is_revoked_with_all(
    site: Site, request_of: RequestOf, user: UserCredentials
) -> None:
    second = site.renew_user(user.user, request_of())

    epoch = site.change(lambda state, now: without_user(state, user.user, now))

    assert epoch == 4
    assert _listed(site, user.user) == ()
    assert _revoked(site) == (user.fingerprint, second.fingerprint)
