"""X.509 of a site: its user CA, its users, its recipients; all names are random.

    user CA        P-256, CN = 32 hex digits, signs user certificates and nothing else
    user           P-256, CN = user id, clientAuth, 90 days unless said otherwise
    recipients     RSA-3072, self-signed, key encipherment (the site's and the escrow key)

A certificate leaves in the TLS handshake, before the worker is judged, so nothing in it may tell a
person or a site. Of a request only the key is taken; its subject is never looked at.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import random_octets

USER_DAYS = 90
MAX_USER_DAYS = 397
AUTHORITY_DAYS = 20 * 365
# A worker's host whose clock is a little behind must not refuse what was made just now.
CLOCK_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when a certificate holds."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def from_days(cls, now: datetime, days: int) -> "Validity":
        """Return the validity of something made now for so many days."""
        return cls(not_before=now - CLOCK_MARGIN, not_after=now + timedelta(days=days))


def new_id() -> str:
    """Return a random id of 32 hex digits."""
    return random_octets(ID_BYTES).hex()


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(**allowed: bool) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    ).split()
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names})


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    validity: Validity,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def make_user_ca(key: ec.EllipticCurvePrivateKey, validity: Validity) -> bytes:
    """Return the DER of a self-signed user CA with a random name."""
    name, public = _name(new_id()), key.public_key()
    return _der(
        _builder(name, name, public, validity)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def make_recipient(key: rsa.RSAPrivateKey, validity: Validity) -> bytes:
    """Return the DER of a self-signed certificate to which attributes can be encrypted."""
    name = _name(new_id())
    return _der(
        _builder(name, name, key.public_key(), validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(key_encipherment=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def issue_user(
    ca_key: ec.EllipticCurvePrivateKey,
    ca_der: bytes,
    user: str,
    public_key: ec.EllipticCurvePublicKey,
    validity: Validity,
) -> bytes:
    """Return the DER of a user certificate: CN = user id, clientAuth, no role, no name.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE if it would outlive the user CA.
    """
    ca = x509.load_der_x509_certificate(ca_der)
    if validity.not_after > ca.not_valid_after_utc:
        detail = "the certificate would outlive the user CA"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return _der(
        _builder(_name(user), ca.subject, public_key, validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def read_request(csr_pem: bytes) -> ec.EllipticCurvePublicKey:
    """Return the public key of a certificate request whose sender holds the private key.

    Raises
    ------
    EncryptSecureRTError
        E_TOO_LARGE; E_USER_KEY if it is no PKCS #10 request in PEM, is not signed by its own key,
        or has a key of another type than P-256.
    """
    if len(csr_pem) > LIMITS.certificate_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    code = ErrorCode.E_USER_KEY
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
            key.curve, ec.SECP256R1
        ):
            raise EncryptSecureRTError(code, "the request's key is not P-256")
        if not request.is_signature_valid:
            raise EncryptSecureRTError(code, "the request is not signed by its own key")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(code, "not a certificate request in PEM") from None
    return key


def end_of(der: bytes) -> datetime:
    """Return the end of a certificate."""
    return x509.load_der_x509_certificate(der).not_valid_after_utc


def certificate_pem(der: bytes) -> bytes:
    """Return a certificate's PEM."""
    certificate = x509.load_der_x509_certificate(der)
    return certificate.public_bytes(serialization.Encoding.PEM)
