"""The site's private keys: made once, kept together, in no text form.

    SiteKeys      site signing, user CA, pseudonym, recipient, manifest and ledger key; keys.sealed
    OfflineKeys   escrow and auditor key; written once, to be carried away

The ledger key is the custodian's own: it authenticates site.json and seals the stored bundle, so
that nobody can add a user or bring back a bundle with an editor.
"""

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields, base64_text
from encryptsecurert_protocol.sealing import KEY_BYTES, HpkeKeyPair, derive_key, random_octets
from encryptsecurert_protocol.signatures import key_id, spki_der

KEYS_CONTENT = "site-keys"
_SCHEMA = "encryptsecurert.sitekeys/1"
_MEMBERS = ("schema", "site_signing", "user_ca", "pseudonym", "recipient", "manifest", "ledger")
_RSA_BITS = 3072
_RSA_EXPONENT = 65537
_MAX_KEY_BYTES = 8192
MAX_SITE_KEYS_BYTES = 64 * 1024


def private_der(key: PrivateKeyTypes) -> bytes:
    """Return a private key as PKCS #8 DER, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def private_pem(key: PrivateKeyTypes) -> bytes:
    """Return a private key as PKCS #8 PEM, not encrypted: for a file 0600 only."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _load(octets: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_der_private_key(octets, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "a stored key is damaged") from None


def _ed25519(octets: bytes) -> ed25519.Ed25519PrivateKey:
    key = _load(octets)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "a stored key is of another type")
    return key


def _p256(octets: bytes) -> ec.EllipticCurvePrivateKey:
    key = _load(octets)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "a stored key is of another type")
    return key


def _rsa(octets: bytes) -> rsa.RSAPrivateKey:
    key = _load(octets)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "a stored key is of another type")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKeys:
    """All private keys that the custodian works with (WIRE section 1)."""

    site_signing: ed25519.Ed25519PrivateKey
    user_ca: ec.EllipticCurvePrivateKey
    pseudonym: bytes
    recipient: rsa.RSAPrivateKey
    manifest: ed25519.Ed25519PrivateKey
    ledger: bytes

    def __repr__(self) -> str:
        return "SiteKeys()"

    @classmethod
    def generate(cls) -> "SiteKeys":
        """Make the keys of a new site."""
        return cls(
            site_signing=ed25519.Ed25519PrivateKey.generate(),
            user_ca=ec.generate_private_key(ec.SECP256R1()),
            pseudonym=random_octets(KEY_BYTES),
            recipient=rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS),
            manifest=ed25519.Ed25519PrivateKey.generate(),
            ledger=random_octets(KEY_BYTES),
        )

    @property
    def site_spki(self) -> bytes:
        """The public site key that clients pin, as SubjectPublicKeyInfo DER."""
        return spki_der(self.site_signing.public_key())

    @property
    def site_key_id(self) -> str:
        """SHA-256 of `site_spki`, in hex."""
        return key_id(self.site_spki)

    @property
    def ledger_mac_key(self) -> bytes:
        """What authenticates site.json."""
        return derive_key(self.ledger, b"custodian/ledger/v1")

    @property
    def bundle_storage_key(self) -> bytes:
        """What seals the stored bundle."""
        return derive_key(self.ledger, b"custodian/bundle/v1")

    def encode(self) -> bytes:
        """Return the keys' octets, to be stored sealed only."""
        return canonical.encode(
            {
                "schema": _SCHEMA,
                "site_signing": base64_text(private_der(self.site_signing)),
                "user_ca": base64_text(private_der(self.user_ca)),
                "pseudonym": base64_text(self.pseudonym),
                "recipient": base64_text(private_der(self.recipient)),
                "manifest": base64_text(private_der(self.manifest)),
                "ledger": base64_text(self.ledger),
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "SiteKeys":
        """Read stored keys; E_LOCAL_FILE or E_FORMAT if they are damaged."""
        value = canonical.decode(octets, MAX_SITE_KEYS_BYTES)
        fields = Fields(value, _MEMBERS, ErrorCode.E_LOCAL_FILE)
        fields.constant("schema", _SCHEMA)
        return cls(
            site_signing=_ed25519(fields.octets("site_signing", _MAX_KEY_BYTES)),
            user_ca=_p256(fields.octets("user_ca", _MAX_KEY_BYTES)),
            pseudonym=fields.octets("pseudonym", KEY_BYTES, KEY_BYTES),
            recipient=_rsa(fields.octets("recipient", _MAX_KEY_BYTES)),
            manifest=_ed25519(fields.octets("manifest", _MAX_KEY_BYTES)),
            ledger=fields.octets("ledger", KEY_BYTES, KEY_BYTES),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineKeys:
    """Keys that no worker and no daily command needs."""

    escrow: rsa.RSAPrivateKey
    auditor: HpkeKeyPair

    def __repr__(self) -> str:
        return "OfflineKeys()"

    @classmethod
    def generate(cls) -> "OfflineKeys":
        """Make the escrow and the auditor key of a new site."""
        escrow = rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)
        return cls(escrow=escrow, auditor=HpkeKeyPair.generate())
