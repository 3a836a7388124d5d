"""The worker's own keys and ids, made at each start and kept in enclave memory only."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from encryptsecurert_protocol.fields import ID_BYTES
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite, random_octets
from encryptsecurert_protocol.signatures import spki_der
from encryptsecurert_worker.vault.files import read_file, write_file

_INSTANCE_FILE = "instance-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIdentity:
    """Who this worker is.

    `instance_id` lives as long as the state folder, everything else as long as the process.
    """

    instance_id: str
    start_id: str
    started_at: datetime
    hpke: HpkeKeyPair
    receipt_key: Ed25519PrivateKey

    @property
    def name(self) -> str:
        """SHA-256 of the HPKE key: the worker's name in object and job headers."""
        return hashlib.sha256(self.hpke.public).hexdigest()

    @property
    def receipt_spki(self) -> bytes:
        """The receipt key's SubjectPublicKeyInfo, as the statement names it."""
        return spki_der(self.receipt_key.public_key())


def new_identity(state: Path, started_at: datetime) -> WorkerIdentity:
    """Make the keys of this start; the instance id is made with the state folder."""
    path = state / _INSTANCE_FILE
    stored = read_file(path)
    if stored is None:
        stored = random_octets(ID_BYTES)
        write_file(path, stored)
    return WorkerIdentity(
        instance_id=stored.hex(),
        start_id=random_octets(ID_BYTES).hex(),
        started_at=started_at,
        hpke=HpkeKeyPair.generate(HpkeSuite.MLKEM768_X25519),
        receipt_key=Ed25519PrivateKey.generate(),
    )
