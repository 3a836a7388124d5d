"""Offline recipients of a bundle: a worker takes those that it can seal for, and no others."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from Testing.Unit.worker.made import NOW, HandMadeSite

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.offline import OfflineRecipient
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_worker.vault.site import Site

_OPAQUE = "0a" * 16
Key = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def _rsa_key(number: int, bits: int = 3072) -> rsa.RSAPublicKey:
    """Return a key that nobody has the other half of, which takes no time to make."""
    return rsa.RSAPublicNumbers(65537, (1 << bits - 1) + 2 * number + 1).public_key()


KEYS = [_rsa_key(number) for number in range(4)]


def _certificate(
    key: Key, *names: tuple[x509.ObjectIdentifier, str], issuer: str | None = None
) -> bytes:
    subject = x509.Name([x509.NameAttribute(*name) for name in names])
    by = subject if issuer is None else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key)
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=30))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def _own(number: int) -> bytes:
    """Return a certificate as it should be, of key `number`: 0 is the site's, 1 the escrow's."""
    return _certificate(KEYS[number], (NameOID.COMMON_NAME, f"{number:032x}"))


def _recipient(certificate: bytes, name: str = "console") -> OfflineRecipient:
    return OfflineRecipient(name=name, classes=(RevealClass.DATES,), certificate=certificate)


@pytest.fixture
def provision(made: HandMadeSite) -> "Provision":
    """Provision a bundle with these certificates of offline recipients; return the refusal."""

    def run(*certificates: bytes) -> tuple[Site, ErrorCode | None]:
        site = Site()
        core = replace(
            made.core(made.user()),
            recipient_certificate=_own(0),
            escrow_certificate=_own(1),
            offline=tuple(_recipient(der, f"r{n}") for n, der in enumerate(certificates)),
        )
        try:
            assert site.provision(made.message(core), [made.worker_key], NOW)
        except EncryptSecureRTError as refusal:
            return site, refusal.code
        return site, None

    return run


Provision = Callable[..., tuple[Site, ErrorCode | None]]


def test_recipients_with_keys_of_their_own_are_taken(provision: Provision) -> None:
    certificates = [_own(2), _own(3)]

    site, code = provision(*certificates)

    assert code is None
    assert [one.certificate for one in site.require().core.offline] == certificates


@pytest.mark.parametrize("number", [0, 1], ids=["site", "escrow"])
def test_the_sites_own_keys_are_no_offline_recipients(provision: Provision, number: int) -> None:
    _, code = provision(_certificate(KEYS[number], (NameOID.COMMON_NAME, _OPAQUE)))

    assert code is ErrorCode.E_BUNDLE


def test_one_key_is_one_recipient(provision: Provision) -> None:
    _, code = provision(
        *(_certificate(KEYS[2], (NameOID.COMMON_NAME, name)) for name in ("a1" * 16, "b2" * 16))
    )

    assert code is ErrorCode.E_BUNDLE


def test_two_keys_that_an_item_names_alike_are_refused(provision: Provision) -> None:
    _, code = provision(*(_certificate(key, (NameOID.COMMON_NAME, _OPAQUE)) for key in KEYS[2:]))

    assert code is ErrorCode.E_BUNDLE


@pytest.mark.parametrize(
    "names",
    [
        [],
        [(NameOID.COMMON_NAME, "radiographer")],
        [(NameOID.COMMON_NAME, _OPAQUE.upper().replace("0", "A"))],
        [(NameOID.COMMON_NAME, _OPAQUE + "0a")],
        [(NameOID.ORGANIZATION_NAME, _OPAQUE)],
        [(NameOID.COMMON_NAME, _OPAQUE), (NameOID.ORGANIZATION_NAME, "Hospital")],
        [(NameOID.COMMON_NAME, _OPAQUE), (NameOID.COMMON_NAME, _OPAQUE)],
    ],
    ids=["none", "a word", "upper case", "longer", "no common name", "one more", "twice"],
)
def test_names_that_could_tell_something_are_refused(
    provision: Provision,
    names: list[tuple[x509.ObjectIdentifier, str]],
) -> None:
    _, code = provision(_certificate(KEYS[2], *names))

    assert code is ErrorCode.E_BUNDLE


def test_an_issuer_that_could_tell_something_is_refused(provision: Provision) -> None:
    name = (NameOID.COMMON_NAME, _OPAQUE)

    assert provision(_certificate(KEYS[2], name))[1] is None
    assert provision(_certificate(KEYS[2], name, issuer="Hospital CA"))[1] is ErrorCode.E_BUNDLE


def test_short_and_other_keys_and_no_certificates_are_refused(provision: Provision) -> None:
    name = (NameOID.COMMON_NAME, _OPAQUE)
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    short = _certificate(_rsa_key(9, 3071), name)

    for der in (short, _certificate(curve, name), b"", bytes(300)):
        assert provision(der)[1] is ErrorCode.E_BUNDLE
