"""The client's folder: the user's key and certificate, the pinned site key, the policy.

    user.key  user.csr  user.pem        made by `enroll`; the certificate comes from the custodian
    dedup.key                           32 octets, for object names
    site.pub                            SPKI of the site key, pinned when the site was accepted
    policy.json  policy.json.sig        what a worker must be, signed by the site key
    collateral/                         collateral, highest numbers seen, epochs seen
    receipts/                           archived receipts
    jobs/                               orders of jobs, see orders.py
    uploads/                            uploads that broke off, see upload_state.py

Files with keys have mode 0600; nothing is ever written half.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import KEY_BYTES, random_octets
from EncryptSecureRTLib.attest.localfiles import read_whole, write_whole
from EncryptSecureRTLib.attest.memory import CollateralStore

_MAX_KEY_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UserIdentity:
    """The user's key and certificate; the certificate's common name is a random id."""

    key: ec.EllipticCurvePrivateKey
    certificate_der: bytes
    user: str

    def __repr__(self) -> str:
        return "UserIdentity()"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, in hex."""
        return (
            x509.load_der_x509_certificate(self.certificate_der).fingerprint(hashes.SHA256()).hex()
        )


class ClientHome:
    """Paths and contents of one client folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def key_path(self) -> Path:
        """The user's private key, PEM."""
        return self.path / "user.key"

    @property
    def csr_path(self) -> Path:
        """The certificate request for the custodian, PEM."""
        return self.path / "user.csr"

    @property
    def certificate_path(self) -> Path:
        """The user's certificate, PEM."""
        return self.path / "user.pem"

    @property
    def state_path(self) -> Path:
        """Folder of collateral and of what was seen."""
        return self.path / "collateral"

    @property
    def receipts_path(self) -> Path:
        """Folder of archived receipts."""
        return self.path / "receipts"

    @property
    def jobs_path(self) -> Path:
        """Folder of the orders of jobs."""
        return self.path / "jobs"

    @property
    def uploads_path(self) -> Path:
        """Folder of what uploads need to go on."""
        return self.path / "uploads"

    def enroll(self) -> Path:
        """Make the user key, the request and the dedup key; return the request's path.

        Raises
        ------
        EncryptSecureRTError
            E_USER_KEY if there is a key already: a second one would orphan its certificate.
        """
        if self.key_path.exists():
            raise EncryptSecureRTError(ErrorCode.E_USER_KEY, "this folder is enrolled already")
        key = ec.generate_private_key(ec.SECP256R1())
        # The custodian chooses the user's id; the request names nobody.
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "enroll")])
        request = (
            x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        )
        self._write("dedup.key", random_octets(KEY_BYTES))
        self._write("user.csr", request.public_bytes(serialization.Encoding.PEM))
        self._write(
            "user.key",
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        return self.csr_path

    def _write(self, name: str, octets: bytes) -> None:
        write_whole(self.path / name, octets)

    def accept(self, welcome: Path) -> None:
        """Take what the custodian gave: certificate, site key, policy, collateral if there is any.

        The site key can be pinned once; another one later is refused with E_SITE.
        """
        site = _required(welcome / "site.pub", 256, ErrorCode.E_POLICY_MISSING)
        pinned = read_whole(self.path / "site.pub", 256)
        if pinned is not None and pinned != site:
            raise EncryptSecureRTError(ErrorCode.E_SITE)
        policy = _required(welcome / "policy.json", LIMITS.policy_bytes, ErrorCode.E_POLICY_MISSING)
        signature = _required(welcome / "policy.json.sig", 64, ErrorCode.E_POLICY_SIGNATURE)
        certificate = _required(
            welcome / "user.pem", LIMITS.certificate_bytes, ErrorCode.E_USER_KEY
        )
        # Before anything is written: a pinned site key stays, also if the certificate is not ours.
        _identity(_required(self.key_path, _MAX_KEY_BYTES, ErrorCode.E_USER_KEY), certificate)
        self._write("site.pub", site)
        self._write("policy.json", policy)
        self._write("policy.json.sig", signature)
        self._write("user.pem", certificate)
        collateral = read_whole(welcome / "collateral.json", LIMITS.evidence_bytes)
        if collateral is not None:
            CollateralStore(self.state_path).place(collateral)

    def policy(self) -> tuple[bytes, bytes | None]:
        """Return the policy's octets and its signature, if there is one."""
        policy = _required(
            self.path / "policy.json", LIMITS.policy_bytes, ErrorCode.E_POLICY_MISSING
        )
        return policy, read_whole(self.path / "policy.json.sig", 64)

    def site_key(self) -> bytes | None:
        """Return the pinned site key's SPKI, None if none is pinned."""
        return read_whole(self.path / "site.pub", 256)

    def dedup_key(self) -> bytes:
        """Return the key for object names."""
        key = _required(self.path / "dedup.key", KEY_BYTES, ErrorCode.E_USER_KEY)
        if len(key) != KEY_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_USER_KEY)
        return key

    def user(self) -> UserIdentity:
        """Return the user's key and certificate, which must be a pair (E_USER_KEY)."""
        key_pem = _required(self.key_path, _MAX_KEY_BYTES, ErrorCode.E_USER_KEY)
        pem = _required(self.certificate_path, LIMITS.certificate_bytes, ErrorCode.E_USER_KEY)
        return _identity(key_pem, pem)

    def has_user(self) -> bool:
        """Tell whether there is a user certificate at all."""
        return self.certificate_path.exists() and self.key_path.exists()


def _identity(key_pem: bytes, pem: bytes) -> UserIdentity:
    refusal = EncryptSecureRTError(ErrorCode.E_USER_KEY)
    try:
        key = serialization.load_pem_private_key(key_pem, None)
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, TypeError):
        raise refusal from None
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or len(names) != 1:
        raise refusal
    if certificate.public_key() != key.public_key():
        raise refusal
    return UserIdentity(
        key=key,
        certificate_der=certificate.public_bytes(serialization.Encoding.DER),
        user=str(names[0].value),
    )


def _required(path: Path, max_bytes: int, code: ErrorCode) -> bytes:
    octets = read_whole(path, max_bytes)
    if octets is None:
        raise EncryptSecureRTError(code)
    return octets
