"""The simulation's own platform maker: five keys, four certificates and their collateral.

Everything is real (X.509, CRLs, signatures) but made by software on this machine, so it proves
nothing about any machine. Names and file names say SIMULATED. Keys are made once for a folder and
kept, so that a policy written for this folder's root stays right; collateral is made anew when it
gets old, as the platform's maker would do.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID, ObjectIdentifier

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

SGX_OID = "1.2.840.113741.1.13.1"
CPUSVN = bytes([5] * 16)
PCESVN = 13
_CERTIFICATE_LIFE = timedelta(days=3650)
_ROLES = ("root", "pck-ca", "tcb-signing", "pck", "attestation")
_ISSUERS = {"root": "root", "pck-ca": "root", "tcb-signing": "root", "pck": "pck-ca"}
_NAMES = {
    "root": "ESRT Sim Root CA",
    "pck-ca": "ESRT Sim PCK Platform CA",
    "tcb-signing": "ESRT Sim TCB Signing",
    "pck": "ESRT Sim PCK Certificate",
}


def raw_signature(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """Return ECDSA with SHA-256 as r || s, 32 octets each."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def raw_public_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return x || y, 32 octets each."""
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )[1:]


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def _member(suffix: str, value: bytes) -> bytes:
    """Return SEQUENCE { OID, value }; the arcs after the SGX OID are all below 128."""
    prefix = bytes.fromhex("2a864886f84d010d01")
    oid = prefix + bytes(int(arc) for arc in suffix.split("."))
    return _tlv(0x30, _tlv(0x06, oid) + value)


def sgx_extension(ppid: bytes, fmspc: bytes) -> bytes:
    """Return the SGX extension of the PCK certificate: PPID, TCB, ids, type 0 and flags."""
    tcb = [_member(f"2.{n + 1}", _tlv(0x02, bytes([svn]))) for n, svn in enumerate(CPUSVN)]
    tcb += [
        _member("2.17", _tlv(0x02, bytes([PCESVN]))),
        _member("2.18", _tlv(0x04, CPUSVN)),
    ]
    # Dynamic platform, cached keys, multithreading: none, so that the strictest policy accepts.
    flags = b"".join(_member(f"7.{n}", _tlv(0x01, b"\x00")) for n in (1, 2, 3))
    return _tlv(
        0x30,
        _member("1", _tlv(0x04, ppid))
        + _member("2", _tlv(0x30, b"".join(tcb)))
        + _member("3", _tlv(0x04, bytes(2)))
        + _member("4", _tlv(0x04, fmspc))
        + _member("5", _tlv(0x0A, b"\x00"))
        + _member("6", _tlv(0x04, hashlib.sha256(ppid).digest()[:16]))
        + _member("7", _tlv(0x30, flags)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPki:
    """The keys and certificates of one simulated platform."""

    keys: dict[str, ec.EllipticCurvePrivateKey]
    certificates: dict[str, x509.Certificate]
    fmspc: bytes

    def pem(self, *roles: str) -> str:
        """Return the certificates of these roles as one PEM text."""
        return "".join(
            self.certificates[role].public_bytes(serialization.Encoding.PEM).decode("ascii")
            for role in roles
        )


def _fmspc_of(root: ec.EllipticCurvePrivateKey) -> bytes:
    """Each simulated root has an FMSPC of its own, so two simulations never share collateral."""
    return b"\xe5\xd7" + hashlib.sha256(raw_public_key(root)).digest()[:4]


def _certificate(
    keys: dict[str, ec.EllipticCurvePrivateKey], role: str, issuer: str, start: datetime
) -> x509.Certificate:
    ca = role in ("root", "pck-ca")
    usage = x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=not ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    length = {"root": 1, "pck-ca": 0}.get(role)
    issuer_key = keys[issuer].public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name_of(role))
        .issuer_name(name_of(issuer))
        .public_key(keys[role].public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(keys[role].public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )
    if role == "pck":
        ppid = hashlib.sha256(b"SIMULATED PPID" + raw_public_key(keys["pck"])).digest()[:16]
        extension = sgx_extension(ppid, _fmspc_of(keys["root"]))
        oid = ObjectIdentifier(SGX_OID)
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, extension), critical=False)
    return builder.sign(keys[issuer], hashes.SHA256())


def name_of(role: str) -> x509.Name:
    """Return the subject name of a role."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, _NAMES[role]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SIMULATED - NOT A TEE"),
        ]
    )


def _certificate_pem(
    keys: dict[str, ec.EllipticCurvePrivateKey], role: str, issuer: str, start: datetime
) -> bytes:
    return _certificate(keys, role, issuer, start).public_bytes(serialization.Encoding.PEM)


def keep(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return the octets of a file, made once if it is not there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        octets = make()
        write(path, octets)
        return octets


def write(path: Path, octets: bytes) -> None:
    """Write a file with mode 0600, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    def make() -> bytes:
        return ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    key = serialization.load_pem_private_key(keep(path, make), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError
    return key


def open_pki(folder: Path, now: datetime) -> SimulatedPki:
    """Return the PKI kept in `folder`, made there at the first call; E_LOCAL_FILE if unreadable."""
    start = now.astimezone(UTC).replace(microsecond=0) - timedelta(days=1)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = {role: _key(folder / f"SIMULATED-{role}.key") for role in _ROLES}
        certificates = {}
        for role, issuer in _ISSUERS.items():
            make = partial(_certificate_pem, keys, role, issuer, start)
            pem = keep(folder / f"SIMULATED-{role}.pem", make)
            certificates[role] = x509.load_pem_x509_certificate(pem)
    except (OSError, ValueError):
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return SimulatedPki(keys=keys, certificates=certificates, fmspc=_fmspc_of(keys["root"]))
