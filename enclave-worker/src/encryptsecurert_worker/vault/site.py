"""The site whose keys this worker holds, and who may do what under its bundle."""

import contextlib
import hashlib
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from encryptsecurert_protocol.bundles import (
    BundleCore,
    BundleMessage,
    BundleSecrets,
    bundle_digest,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields, base64_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.offline import check_certificates
from encryptsecurert_protocol.rights import Operation, UserEntry
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite, derive_key, hpke_seal
from encryptsecurert_protocol.signatures import Label, key_id, spki_der, verify
from encryptsecurert_protocol.statement import BundleName
from encryptsecurert_worker.vault.ledger import Change, Ledger

_KIND, _BUNDLE = "site", "bundle"
_FACT = ("site_key", "core", "signature", "secrets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """A bundle that was verified and opened."""

    core: BundleCore
    secrets: BundleSecrets
    digest: str
    site_key: bytes
    signature: bytes
    core_octets: bytes

    @property
    def fact(self) -> Change:
        """What the ledger keeps of it, sealed as everything there."""
        return Change(
            _KIND,
            "",
            _BUNDLE,
            {
                "site_key": base64_text(self.site_key),
                "core": base64_text(self.core_octets),
                "signature": base64_text(self.signature),
                "secrets": base64_text(self.secrets.encode()),
            },
        )

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

    @property
    def dateshift_key(self) -> bytes:
        """Sub-key for the days by which dates are moved."""
        return derive_key(self.secrets.pseudonym_key, b"dateshift/v1")


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

    def restore(self, ledger: Ledger) -> None:
        """Go on under the bundle of an earlier start, if there is one (E_STATE)."""
        fact = ledger.get(_KIND, fact_id=_BUNDLE)
        if fact is None:
            return
        code = ErrorCode.E_STATE
        fields = Fields(fact, _FACT, code)
        site_key = fields.octets("site_key", 256)
        octets = fields.octets("core", LIMITS.header_bytes)
        signature = fields.octets("signature", 64, 64)
        verify(site_key, Label.BUNDLE, octets, signature, code)
        core = BundleCore.decode(octets)
        if core.site_key_id != key_id(site_key):
            raise EncryptSecureRTError(code)
        self._provisioned = Provisioned(
            core=core,
            secrets=BundleSecrets.decode(fields.octets("secrets", LIMITS.header_bytes)),
            digest=bundle_digest(octets),
            site_key=site_key,
            signature=signature,
            core_octets=octets,
        )

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

    def provision(self, message: BundleMessage, keys: Sequence[HpkeKeyPair], now: datetime) -> bool:
        """Take a bundle that was sealed to one of the keys; tell whether anything changed.

        Raises
        ------
        EncryptSecureRTError
            E_BUNDLE if it does not verify, open or hold now; E_SITE if another site's bundle is
            here already; E_REPLAY for a lower epoch, or the same epoch with other content.
        """
        core, secrets = _open(message, keys)
        if not core.valid_at(now):
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
        _require_usable(core)
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
            self._provisioned = Provisioned(
                core=core,
                secrets=secrets,
                digest=digest,
                site_key=message.site_key,
                signature=message.signature,
                core_octets=message.core,
            )
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

    def knows(self, certificate_der: bytes | None, now: datetime, *, in_time: bool = True) -> bool:
        """Tell whether a certificate has a holder, as `caller` judges it."""
        try:
            self.caller(certificate_der, now, in_time=in_time)
        except EncryptSecureRTError:
            return False
        return True

    def refusal(self, fingerprint: str, operation: Operation) -> ErrorCode | None:
        """Return why a certificate has no right under the current bundle, None if it has."""
        core = self.require().core
        entry = core.listed(fingerprint)
        if entry is None:
            return ErrorCode.E_USER_CERTIFICATE
        return None if core.roles.allows(entry, operation) else ErrorCode.E_FORBIDDEN

    def is_custodian(self, certificate_der: bytes | None, now: datetime) -> bool:
        """Tell whether a certificate's holder may provision, also after the bundle's end."""
        try:
            caller = self.caller(certificate_der, now, in_time=False)
        except EncryptSecureRTError:
            return False
        return self.require().core.roles.allows(caller.entry, Operation.PROVISION)

    def require_right(self, caller: Caller, operation: Operation) -> None:
        """Refuse with E_FORBIDDEN unless a role of the caller allows the operation."""
        if not self.require().core.roles.allows(caller.entry, operation):
            raise EncryptSecureRTError(ErrorCode.E_FORBIDDEN)


def _open(message: BundleMessage, keys: Sequence[HpkeKeyPair]) -> tuple[BundleCore, BundleSecrets]:
    for key in keys[:-1]:
        with contextlib.suppress(EncryptSecureRTError):
            return message.open(key)
    return message.open(keys[-1])


def _require_usable(core: BundleCore) -> None:
    """Refuse with E_BUNDLE a user CA or auditor key with which nobody could go on.

    Under such a bundle no custodian could bring the next one, and no audit line could be sealed.
    An offline recipient's certificate that cannot be used would fail every job of protection.
    """
    try:
        check_certificates(core.offline, core.recipient_certificate, core.escrow_certificate)
        x509.load_der_x509_certificate(core.user_ca).public_key()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for _ in range(2):  # TLS reads a CA's extensions only when it has another of that name
            context.load_verify_locations(cadata=core.user_ca)
        hpke_seal(HpkeSuite.MLKEM768_X25519, core.auditor_key, b"", b"")
    except (ValueError, TypeError, UnsupportedAlgorithm, ssl.SSLError, EncryptSecureRTError):
        raise EncryptSecureRTError(ErrorCode.E_BUNDLE) from None


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
    entry = core.listed(fingerprint)
    if entry is None:
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
