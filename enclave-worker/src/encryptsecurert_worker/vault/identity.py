"""The worker's own keys and ids: the instance lives with the state folder, keys with the process.

Keys are made at each start and kept in enclave memory only. The HPKE key is followed by a new one
each day, and opens what was sealed to it for a day more.
"""

import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import ID_BYTES, Fields
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite, random_octets
from encryptsecurert_protocol.signatures import spki_der
from encryptsecurert_worker.vault.ledger import Change, Ledger

_KIND = "instance"


def key_name(key: HpkeKeyPair) -> str:
    """Return SHA-256 of an HPKE key: the worker's name in object and job headers."""
    return hashlib.sha256(key.public).hexdigest()


class KeyRing:
    """The HPKE key of today and the one before it."""

    def __init__(self, made_s: float) -> None:
        self._lock = threading.Lock()
        self._made_s = made_s
        self._keys: tuple[HpkeKeyPair, ...] = (HpkeKeyPair.generate(HpkeSuite.MLKEM768_X25519),)

    @property
    def keys(self) -> tuple[HpkeKeyPair, ...]:
        """What opens now, the newest first."""
        return self._keys

    def key_of(self, name: str) -> HpkeKeyPair:
        """Return the key of a name, or refuse with E_SEAL."""
        for key in self._keys:
            if key_name(key) == name:
                return key
        raise EncryptSecureRTError(ErrorCode.E_SEAL)

    def knows(self, name: str) -> bool:
        """Tell whether a header for this name is for us."""
        return any(key_name(key) == name for key in self._keys)

    def rotate_if_due(self, now_s: float) -> bool:
        """Make the next key if the present one is a day old; the one before it is forgotten."""
        with self._lock:
            if now_s - self._made_s < LIMITS.hpke_key_s:
                return False
            self._made_s = now_s
            self._keys = (HpkeKeyPair.generate(HpkeSuite.MLKEM768_X25519), self._keys[0])
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIdentity:
    """Who this worker is.

    `instance_id` lives as long as the state folder, everything else as long as the process.
    """

    instance_id: str
    start_id: str
    started_at: datetime
    ring: KeyRing
    receipt_key: Ed25519PrivateKey

    @property
    def hpke(self) -> HpkeKeyPair:
        """The key that clients seal to now."""
        return self.ring.keys[0]

    @property
    def name(self) -> str:
        """The present HPKE key's name in object and job headers."""
        return key_name(self.hpke)

    @property
    def receipt_spki(self) -> bytes:
        """The receipt key's SubjectPublicKeyInfo, as the statement names it."""
        return spki_der(self.receipt_key.public_key())


def new_identity(ledger: Ledger, started_at: datetime, monotonic_s: float) -> WorkerIdentity:
    """Make the keys of this start; the instance id is made with the state folder."""
    fact = ledger.get(_KIND)
    if fact is None:
        fact = {"id": random_octets(ID_BYTES).hex()}
        ledger.write([Change(_KIND, "", "", fact)])
    return WorkerIdentity(
        instance_id=Fields(fact, ("id",), ErrorCode.E_STATE).hex("id", ID_BYTES),
        start_id=random_octets(ID_BYTES).hex(),
        started_at=started_at,
        ring=KeyRing(monotonic_s),
        receipt_key=Ed25519PrivateKey.generate(),
    )
