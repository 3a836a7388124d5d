"""Fixed keys of the test vectors, and the store of what cannot be made twice.

Every key is SHAKE-256(`EncryptSecureRT test vector ` || name): known to everybody, good for
nothing else. HPKE of suite 2 draws randomness that no caller can fix, so such sealings are made
once and kept in `kept.json`; a rebuild opens each and refuses to go on if it does not fit.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from Testing.Unit.protocol.second_hpke import (
    MLKEM768_X25519,
    hpke_open,
    hpke_seal,
    public_octets,
)
from Testing.Unit.protocol.second_implementation import signed_octets

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KEPT_FILE = Path(__file__).with_name("kept.json")


def seed(name: str, size: int = 32) -> bytes:
    """Return the fixed octets of that name."""
    return hashlib.shake_256(b"EncryptSecureRT test vector " + name.encode()).digest(size)


def digest(name: str) -> str:
    """Return a fixed digest in hex."""
    return seed(name).hex()


def identifier(name: str) -> str:
    """Return a fixed id in hex."""
    return seed(name, 16).hex()


DEDUP_KEY = seed("dedup key")
WORKER_1 = seed("worker, suite 1")
WORKER_2 = seed("worker, suite 2", 96)
RESULT_1 = seed("result, suite 1")
RESULT_2 = seed("result, suite 2", 96)
SITE_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(seed("site"))
OTHER_SITE_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(seed("other site"))
RECEIPT_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(seed("receipt"))
USER_KEY = ec.derive_private_key(int.from_bytes(seed("user", 31), "big"), ec.SECP256R1())

SigningKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def spki(key: SigningKey) -> bytes:
    """Return the SubjectPublicKeyInfo of a key."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_id(key: SigningKey) -> str:
    """Return the key id of a key."""
    return hashlib.sha256(spki(key)).hexdigest()


def manifest_key(name: str) -> ed25519.Ed25519PrivateKey:
    """Return the fixed manifest key of that name."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed(f"manifest key, {name}"))


def sign(key: SigningKey, label: str, octets: bytes, *, high_s: bool = False) -> bytes:
    """Return a signature; P-256 by RFC 6979, so that it is the same each time."""
    message = signed_octets(label, octets)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    r, s = decode_dss_signature(
        key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    )
    low = min(s, P256_ORDER - s)
    s = P256_ORDER - low if high_s else low
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class KeptSealings:
    """HPKE sealings by name: computed for suite 1, kept for suite 2.

    With `renew` a missing or unfitting one is made anew; without, it is an error.
    """

    def __init__(self, *, renew: bool = False) -> None:
        self._renew = renew
        text = KEPT_FILE.read_text() if KEPT_FILE.exists() else "{}"
        self._kept: dict[str, str] = json.loads(text)
        self._used: set[str] = set()

    def seal(self, name: str, suite: int, secret: bytes, info: bytes, plaintext: bytes) -> bytes:
        """Return the sealing of that name."""
        public = public_octets(suite, secret)
        if suite != MLKEM768_X25519:
            return hpke_seal(suite, public, info, plaintext, seed(f"ephemeral {name}"))
        self._used.add(name)
        if self._renew and name not in self._kept:
            self._kept[name] = base64.b64encode(hpke_seal(suite, public, info, plaintext)).decode()
        sealed = base64.b64decode(self._kept[name])
        if hpke_open(suite, secret, info, sealed) != plaintext:
            raise ValueError(f"the kept sealing does not fit: {name}")
        return sealed

    def write(self) -> None:
        """Write the sealings that were used."""
        used = {name: self._kept[name] for name in sorted(self._used)}
        KEPT_FILE.write_text(json.dumps(used, indent=1) + "\n")
