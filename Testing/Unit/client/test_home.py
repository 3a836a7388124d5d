"""The client's folder: what is made, pinned and refused, and what others may read of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.trust import is_loopback, utc_now
from EncryptSecureRTLib.custodian.certificates import (
    Validity,
    certificate_pem,
    issue_user,
    make_user_ca,
    new_id,
    read_request,
)


def _welcome(folder: Path, csr: bytes, *, site: bytes = b"site key") -> Path:
    """Write what a custodian hands over, with a certificate for the request."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    now = utc_now().replace(microsecond=0)
    validity = Validity(not_before=now, not_after=now + timedelta(days=30))
    ca = make_user_ca(ca_key, validity)
    certificate = issue_user(ca_key, ca, new_id(), read_request(csr), validity)
    folder.mkdir()
    files = {"user.pem": certificate_pem(certificate), "site.pub": site}
    files |= {"policy.json": b"{}", "policy.json.sig": bytes(64)}
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
    return folder


def _code(home: ClientHome, welcome: Path) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refusal:
        home.accept(welcome)
    return refusal.value.code


def test_enrolling_makes_a_key_that_only_its_user_can_read(tmp_path: Path) -> None:
    home = ClientHome(tmp_path / "home")
    request = x509.load_pem_x509_csr(home.enroll().read_bytes())

    assert request.is_signature_valid
    assert [a.value for a in request.subject] == ["enroll"]
    assert len(home.dedup_key()) == 32
    modes = {p.name: p.stat().st_mode & 0o777 for p in home.path.iterdir()}
    assert modes == dict.fromkeys(("user.key", "user.csr", "dedup.key"), 0o600)
    assert home.path.stat().st_mode & 0o077 == 0


def test_enrolling_twice_is_refused_and_keeps_the_first_key(tmp_path: Path) -> None:
    home = ClientHome(tmp_path)
    home.enroll()
    key = home.key_path.read_bytes()

    with pytest.raises(EncryptSecureRTError) as refusal:
        home.enroll()

    assert refusal.value.code is ErrorCode.E_USER_KEY
    assert home.key_path.read_bytes() == key


def test_accepting_gives_a_user_with_a_random_id(tmp_path: Path) -> None:
    home = ClientHome(tmp_path / "home")
    welcome = _welcome(tmp_path / "welcome", home.enroll().read_bytes())
    home.accept(welcome)
    user = home.user()

    assert len(user.user) == 32
    assert home.site_key() == b"site key"
    assert home.policy() == (b"{}", bytes(64))
    assert "Private" not in repr(user)
    assert user.user not in repr(user)


def test_another_site_cannot_be_pinned_over_the_first(tmp_path: Path) -> None:
    home = ClientHome(tmp_path / "home")
    csr = home.enroll().read_bytes()
    home.accept(_welcome(tmp_path / "first", csr))

    assert _code(home, _welcome(tmp_path / "second", csr, site=b"another")) is ErrorCode.E_SITE
    assert home.site_key() == b"site key"
    home.accept(_welcome(tmp_path / "third", csr))  # the same site: a renewed certificate


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("site.pub", ErrorCode.E_POLICY_MISSING),
        ("policy.json", ErrorCode.E_POLICY_MISSING),
        ("policy.json.sig", ErrorCode.E_POLICY_SIGNATURE),
        ("user.pem", ErrorCode.E_USER_KEY),
    ],
)
def test_a_welcome_that_is_not_whole_leaves_nothing(
    tmp_path: Path, missing: str, code: ErrorCode
) -> None:
    home = ClientHome(tmp_path / "home")
    welcome = _welcome(tmp_path / "welcome", home.enroll().read_bytes())
    before = sorted(home.path.iterdir())
    (welcome / missing).unlink()

    assert _code(home, welcome) is code
    assert sorted(home.path.iterdir()) == before


def test_a_certificate_of_another_key_is_refused_and_nothing_is_pinned(tmp_path: Path) -> None:
    home, other = ClientHome(tmp_path / "home"), ClientHome(tmp_path / "other")
    home.enroll()
    welcome = _welcome(tmp_path / "welcome", other.enroll().read_bytes())
    before = sorted(home.path.iterdir())

    assert _code(home, welcome) is ErrorCode.E_USER_KEY
    assert sorted(home.path.iterdir()) == before


@pytest.mark.parametrize("octets", [b"", b"no PEM", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_key_is_one_error(tmp_path: Path, octets: bytes) -> None:
    home = ClientHome(tmp_path / "home")
    home.accept(_welcome(tmp_path / "welcome", home.enroll().read_bytes()))
    home.key_path.write_bytes(octets)

    with pytest.raises(EncryptSecureRTError) as refusal:
        home.user()

    assert refusal.value.code is ErrorCode.E_USER_KEY
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("https://127.0.0.1:1", True),
        ("https://127.8.9.1:1", True),
        ("https://[::1]:1", True),
        ("https://localhost:1", True),
        ("https://localhost.example:1", False),
        ("https://127.0.0.1.example:1", False),
        ("https://10.0.0.1:1", False),
        ("https://worker:1", False),
        ("", False),
    ],
)
def test_loopback_is_told_without_asking_a_name_service(address: str, here: bool) -> None:
    assert is_loopback(address) is here
