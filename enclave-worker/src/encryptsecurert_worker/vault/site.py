"""The site whose keys this worker holds, and who may do what under its bundle."""

import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from encryptsecurert_protocol.bundles import (
    BundleCore,
    BundleMessage,
    BundleSecrets,
    bundle_digest,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Operation, UserEntry
from encryptsecurert_protocol.sealing import HpkeKeyPair, derive_key
from encryptsecurert_protocol.signatures import spki_der
from encryptsecurert_protocol.statement import BundleName


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """A bundle that was verified and opened."""

    core: BundleCore
    secrets: BundleSecrets
    digest: str

    @property
    def name(self) -> BundleName:
        """The bundle as the statement names it."""
        return BundleName(
            site_key_id=self.core.site_key_id, epoch=self.core.epoch, digest=self.digest
        )

    @property
    def uid_key(self) -> bytes:
        """Sub-key for UIDs."""
        return derive_key(self.secrets.pseudonym_key, b"uid/v1")

    @property
    def pid_key(self) -> bytes:
        """Sub-key for patient pseudonyms."""
        return derive_key(self.secrets.pseudonym_key, b"pid/v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who made a request, as the current bundle knows them."""

    entry: UserEntry
    fingerprint: str
    spki: bytes

    @property
    def user(self) -> str:
        """The random user id."""
        return self.entry.user


class Site:
    """The current bundle; empty until the first provisioning."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._provisioned: Provisioned | None = None
        self._known = _Known(None, {})

    @property
    def current(self) -> Provisioned | None:
        """The bundle that holds now, if any."""
        return self._provisioned

    def require(self) -> Provisioned:
        """Return the current bundle, or refuse with E_NOT_PROVISIONED."""
        provisioned = self._provisioned
        if provisioned is None:
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROVISIONED)
        return provisioned

    def provision(self, message: BundleMessage, key: HpkeKeyPair, now: datetime) -> bool:
        """Take a bundle; tell whether anything changed.

        Raises
        ------
        EncryptSecureRTError
            E_BUNDLE if it does not verify, open or hold now; E_SITE if another site's bundle is
            here already; E_REPLAY for a lower epoch, or the same epoch with other content.
        """
        core, secrets = message.open(key)
        if not core.valid_at(now):
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
        digest = bundle_digest(message.core)
        with self._lock:
            held = self._provisioned
            if held is not None:
                if held.core.site_key_id != core.site_key_id:
                    raise EncryptSecureRTError(ErrorCode.E_SITE)
                if held.core.epoch == core.epoch and held.digest == digest:
                    return False
                if core.epoch <= held.core.epoch:
                    raise EncryptSecureRTError(ErrorCode.E_REPLAY)
            self._provisioned = Provisioned(core=core, secrets=secrets, digest=digest)
            return True

    def caller(
        self, certificate_der: bytes | None, now: datetime, *, in_time: bool = True
    ) -> Caller:
        """Return who holds a certificate under the current bundle, or refuse.

        Chain to the user CA, extended key usage, validity, fingerprint listed and not revoked:
        any failure is the one E_USER_CERTIFICATE. `in_time` False looks past the bundle's own
        dates: a custodian must be able to bring the bundle that follows one that has ended.
        """
        core = self.require().core
        if certificate_der is None or (in_time and not core.valid_at(now)):
            raise EncryptSecureRTError(ErrorCode.E_USER_CERTIFICATE)
        known = self._known
        judged = known.callers.get(certificate_der) if known.core is core else None
        if judged is None:
            judged = _judge(core, certificate_der)
            # Kept for this bundle only: the next one judges everybody anew. Entered before it is
            # shown, so that a judgement never gets into the book of a bundle that came meanwhile.
            known = known if known.core is core else _Known(core, {})
            known.callers[certificate_der] = judged
            self._known = known
        if not judged.not_before <= now < judged.not_after:
            raise EncryptSecureRTError(ErrorCode.E_USER_CERTIFICATE)
        return judged.caller

    def still_allows(self, fingerprint: str, operation: Operation) -> bool:
        """Tell whether a certificate has its user and the right under the current bundle."""
        core = self.require().core
        entry = core.roles.user_of(fingerprint)
        if entry is None or fingerprint in core.revoked:
            return False
        return core.roles.allows(entry, operation)

    def require_right(self, caller: Caller, operation: Operation) -> None:
        """Refuse with E_FORBIDDEN unless a role of the caller allows the operation."""
        if not self.require().core.roles.allows(caller.entry, operation):
            raise EncryptSecureRTError(ErrorCode.E_FORBIDDEN)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A certificate that belongs to a user of a bundle, within its time."""

    caller: Caller
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class _Known:
    """The certificates that one bundle was found to list; at most as many as it lists."""

    core: BundleCore | None
    callers: dict[bytes, _Judged]


def _judge(core: BundleCore, certificate_der: bytes) -> _Judged:
    refusal = EncryptSecureRTError(ErrorCode.E_USER_CERTIFICATE)
    fingerprint = hashlib.sha256(certificate_der).hexdigest()
    entry = core.roles.user_of(fingerprint)
    if entry is None or fingerprint in core.revoked:
        raise refusal
    try:
        certificate = x509.load_der_x509_certificate(certificate_der)
        certificate.verify_directly_issued_by(x509.load_der_x509_certificate(core.user_ca))
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        spki = spki_der(certificate.public_key())  # type: ignore[arg-type]  # P-256, by the CA
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        raise refusal from None
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise refusal
    if [name.value for name in names] != [entry.user]:
        raise refusal
    return _Judged(
        Caller(entry=entry, fingerprint=fingerprint, spki=spki),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )
