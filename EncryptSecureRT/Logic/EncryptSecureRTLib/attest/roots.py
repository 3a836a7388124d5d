"""The two trust roots and the names of the roles below them.

A root is known by SHA-384 of its key's uncompressed point. Intel's is a constant; a simulated root
is whatever the policy pins. The verification library does not look at roles (it takes TCB
information signed by a PCK key), so the names are checked here.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

INTEL_ROOT_KEY_ID = (
    "46e403bd34f05a3f2817ab9badcaacc7ffc98e0f261008cd30dae936cace18d5"
    "dcf58eef31463613de1570d516200993"
)


# All that the X.509 library raises on malformed input. The warning is there for programs that make
# warnings into errors; what it warns of is refused below in any case.
X509_ERRORS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)


class RootKind(Enum):
    """Which root a policy entry trusts."""

    INTEL = "intel"
    SIMULATED = "simulated"


class PckCa(Enum):
    """Which of the two CAs issued a platform's certificate; it names the revocation list."""

    PROCESSOR = "processor"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleNames:
    """The common names of the roles below one root."""

    tcb_signer: str
    pck_cas: dict[str, PckCa]


ROLE_NAMES = {
    RootKind.INTEL: RoleNames(
        tcb_signer="Intel SGX TCB Signing",
        pck_cas={
            "Intel SGX PCK Processor CA": PckCa.PROCESSOR,
            "Intel SGX PCK Platform CA": PckCa.PLATFORM,
        },
    ),
    RootKind.SIMULATED: RoleNames(
        tcb_signer="ESRT Sim TCB Signing", pck_cas={"ESRT Sim PCK Platform CA": PckCa.PLATFORM}
    ),
}
ALL_PCK_CAS = {name: ca for names in ROLE_NAMES.values() for name, ca in names.pck_cas.items()}


def common_name(name: x509.Name) -> str:
    """Return the only common name of a name, or nothing if there is none or more than one."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""


def public_point(certificate: x509.Certificate, code: ErrorCode) -> bytes:
    """Return the uncompressed point of a certificate's key, or refuse with `code`."""
    try:
        key = certificate.public_key()
    except X509_ERRORS:
        raise EncryptSecureRTError(code) from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise EncryptSecureRTError(code)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def root_key_id(certificate: x509.Certificate) -> str:
    """Return SHA-384 of the uncompressed point of a root's key, in hex; E_ROOT for other keys."""
    return hashlib.sha384(public_point(certificate, ErrorCode.E_ROOT)).hexdigest()


def read_chain(pem: bytes, code: ErrorCode) -> list[x509.Certificate]:
    """Return the certificates of a PEM text of at most four, or refuse with `code`."""
    try:
        chain = x509.load_pem_x509_certificates(pem)
        for certificate in chain:
            common_name(certificate.subject)  # names are parsed lazily; find out now
            common_name(certificate.issuer)
        fine = all(certificate.serial_number > 0 for certificate in chain)
    except X509_ERRORS:
        raise EncryptSecureRTError(code) from None
    if not fine or not 2 <= len(chain) <= 4:
        raise EncryptSecureRTError(code)
    return chain
