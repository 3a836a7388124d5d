"""The evidence statement: what a worker says of itself, and how a quote is bound to it.

The worker makes a statement anew for each answer and sends its exact octets; the verifier hashes
these octets against the quote before it decodes them.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import (
    DIGEST_BYTES,
    ID_BYTES,
    MAX_INTEGER,
    Fields,
    base64_text,
    time_text,
)
from encryptsecurert_protocol.sealing import PUBLIC_KEY_BYTES, HpkeSuite

PROTOCOL = "encryptsecurert/2"
NONCE_BYTES = 32
_MAX_SPKI_BYTES = 128
_MAX_STATEMENT_BYTES = 16 * 1024
_MEMBERS = (
    "protocol worker_version kind measurement profile hpke receipt_key bundle instance_id start_id "
    "audit_head started_at"
).split()


class Kind(Enum):
    """Where the evidence comes from."""

    SIMULATED = "simulated"
    GRAMINE = "gramine"


class Profile(Enum):
    """What the worker's keys let it do."""

    METADATA = "metadata"  # protect and reveal
    COMPUTE = "compute"  # compute tasks on protected data
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleName:
    """Which provisioning bundle a worker holds."""

    site_key_id: str
    epoch: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a worker says of itself; believed only when a verified quote is bound to it."""

    worker_version: str
    kind: Kind
    measurement: str
    profile: Profile
    hpke_suite: HpkeSuite
    hpke_public_key: bytes
    receipt_key: bytes
    bundle: BundleName | None
    instance_id: str
    start_id: str
    audit_head: str
    started_at: datetime

    @property
    def hpke_key_sha256(self) -> str:
        """SHA-256 of the HPKE public key: the worker's name in object and job headers."""
        return hashlib.sha256(self.hpke_public_key).hexdigest()

    def encode(self) -> bytes:
        """Return the statement's canonical octets."""
        bundle = self.bundle and {
            "site_key_id": self.bundle.site_key_id,
            "epoch": self.bundle.epoch,
            "digest": self.bundle.digest,
        }
        return canonical.encode(
            {
                "protocol": PROTOCOL,
                "worker_version": self.worker_version,
                "kind": self.kind.value,
                "measurement": self.measurement,
                "profile": self.profile.value,
                "hpke": {
                    "suite": int(self.hpke_suite),
                    "public_key": base64_text(self.hpke_public_key),
                },
                "receipt_key": base64_text(self.receipt_key),
                "bundle": bundle,
                "instance_id": self.instance_id,
                "start_id": self.start_id,
                "audit_head": self.audit_head,
                "started_at": time_text(self.started_at),
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "Statement":
        """Read a statement strictly; E_STATEMENT, or E_VERSION for another protocol."""
        code = ErrorCode.E_STATEMENT
        try:
            value = canonical.decode(octets, _MAX_STATEMENT_BYTES)
        except EncryptSecureRTError:
            raise EncryptSecureRTError(code) from None
        if isinstance(value.get("protocol"), str) and value["protocol"] != PROTOCOL:
            raise EncryptSecureRTError(ErrorCode.E_VERSION)
        fields = Fields(value, _MEMBERS, code)
        fields.constant("protocol", PROTOCOL)
        hpke = fields.child("hpke", ("suite", "public_key"))
        suite = HpkeSuite(hpke.integer("suite", min(HpkeSuite), max(HpkeSuite)))
        size = PUBLIC_KEY_BYTES[suite]
        return cls(
            worker_version=fields.text("worker_version", r"[0-9A-Za-z.+-]{1,32}"),
            kind=Kind(fields.text("kind", "simulated|gramine")),
            measurement=fields.hex("measurement", DIGEST_BYTES),
            profile=Profile(fields.text("profile", "metadata|compute|both")),
            hpke_suite=suite,
            hpke_public_key=hpke.octets("public_key", size, size),
            receipt_key=fields.octets("receipt_key", _MAX_SPKI_BYTES),
            bundle=_bundle(fields),
            instance_id=fields.hex("instance_id", ID_BYTES),
            start_id=fields.hex("start_id", ID_BYTES),
            audit_head=fields.hex("audit_head", DIGEST_BYTES),
            started_at=fields.time("started_at"),
        )


def _bundle(fields: Fields) -> BundleName | None:
    if fields.is_null("bundle"):
        return None
    bundle = fields.child("bundle", ("site_key_id", "epoch", "digest"))
    return BundleName(
        site_key_id=bundle.hex("site_key_id", DIGEST_BYTES),
        epoch=bundle.integer("epoch", 1, MAX_INTEGER),
        digest=bundle.hex("digest", DIGEST_BYTES),
    )


def fresh_report_data(spki: bytes, nonce: bytes, statement_octets: bytes) -> bytes:
    """Return the 64 octets that a fresh quote must carry.

    SHA-512(`EncryptSecureRT/attest/v1` || 00 || SHA-256(SPKI) || nonce || SHA-256(statement) ||
    32 zero octets): this connection's key, the client's question and the worker's words in one.
    The reserved field is for a TLS exporter and is zero in this version.
    """
    if len(nonce) != NONCE_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_NONCE)
    return hashlib.sha512(
        b"EncryptSecureRT/attest/v1\x00"
        + hashlib.sha256(spki).digest()
        + nonce
        + hashlib.sha256(statement_octets).digest()
        + bytes(32)
    ).digest()


def receipt_nonce(job_sha256: bytes) -> bytes:
    """Return the nonce of the quote that a receipt carries."""
    return hashlib.sha256(b"EncryptSecureRT/receipt-nonce/v1\x00" + job_sha256).digest()
