"""Receipts: what ran, on what, by which measured code, for whom, when; signed by the enclave.

The body names digests of protected forms only. The worker takes a quote of its own over the job
digest, with a statement that names the receipt key, so that the file can be judged years later
like any fresh quote. "Simulated" is read from the quote's root, never from a field.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
from encryptsecurert_protocol.jobs import TASK_NAME
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.results import RESULT_NAME
from encryptsecurert_protocol.signatures import Label, verify

_SCHEMA = "encryptsecurert.receipt/1"
_BODY = (
    "schema job_sha256 task algorithm parameters inputs outputs models numbers warnings user "
    "certificate site_key_id epoch instance_id start_id audit_head time_claimed"
).split()
_FILE = "body signature statement quote nonce spki collateral policy_sha256".split()
_MAX_RESULTS = 64
_MAX_NUMBERS = 1024
_MAX_INPUTS = LIMITS.objects_per_job + 1  # the parameters' object is named, too
_WORD = r"[A-Za-z0-9_.+-]{1,64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptBody:
    """What the enclave says of one finished job.

    Attributes
    ----------
    algorithm : name and version of the task's algorithm.
    inputs, outputs : (name, SHA-256 of the plaintext).
    numbers : (name with unit, text form of the number), the figures that matter.
    """

    job_sha256: str
    task: str
    algorithm: str
    parameters: dict[str, Any]
    inputs: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[str, str], ...]
    models: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    user: str
    certificate: str
    site_key_id: str
    epoch: int
    instance_id: str
    start_id: str
    audit_head: str
    time_claimed: datetime

    def encode(self) -> bytes:
        """Return the canonical octets that the receipt key signs."""
        return canonical.encode(
            {
                "schema": _SCHEMA,
                "job_sha256": self.job_sha256,
                "task": self.task,
                "algorithm": self.algorithm,
                "parameters": self.parameters,
                "inputs": [list(pair) for pair in self.inputs],
                "outputs": [list(pair) for pair in self.outputs],
                "models": [list(pair) for pair in self.models],
                "numbers": [list(pair) for pair in self.numbers],
                "warnings": list(self.warnings),
                "user": self.user,
                "certificate": self.certificate,
                "site_key_id": self.site_key_id,
                "epoch": self.epoch,
                "instance_id": self.instance_id,
                "start_id": self.start_id,
                "audit_head": self.audit_head,
                "time_claimed": time_text(self.time_claimed),
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "ReceiptBody":
        """Read a body strictly; anything wrong is E_RECEIPT."""
        code = ErrorCode.E_RECEIPT
        try:
            fields = Fields(canonical.decode(octets), _BODY, code)
        except EncryptSecureRTError:
            raise EncryptSecureRTError(code) from None
        fields.constant("schema", _SCHEMA)
        return cls(
            job_sha256=fields.hex("job_sha256", DIGEST_BYTES),
            task=fields.text("task", TASK_NAME),
            algorithm=fields.text("algorithm", _WORD),
            parameters=fields.object("parameters"),
            inputs=_digests(fields.items("inputs", _MAX_INPUTS), r"[0-9a-f]{64}"),
            outputs=_digests(fields.items("outputs", _MAX_RESULTS), RESULT_NAME),
            models=_digests(fields.items("models", _MAX_RESULTS), _WORD),
            numbers=tuple(_number(item) for item in fields.items("numbers", _MAX_NUMBERS)),
            warnings=tuple(
                Fields({"w": w}, ("w",), code).text("w", _WORD)
                for w in fields.items("warnings", _MAX_NUMBERS)
            ),
            user=fields.hex("user", ID_BYTES),
            certificate=fields.hex("certificate", DIGEST_BYTES),
            site_key_id=fields.hex("site_key_id", DIGEST_BYTES),
            epoch=fields.integer("epoch", 1, MAX_INTEGER),
            instance_id=fields.hex("instance_id", ID_BYTES),
            start_id=fields.hex("start_id", ID_BYTES),
            audit_head=fields.hex("audit_head", DIGEST_BYTES),
            time_claimed=fields.time("time_claimed"),
        )


def _pair(item: object) -> tuple[object, object]:
    if not isinstance(item, list) or len(item) != 2:
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
    return item[0], item[1]


def _digests(items: list[Any], pattern: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for item in items:
        name, digest = _pair(item)
        fields = Fields({"n": name, "d": digest}, ("n", "d"), ErrorCode.E_RECEIPT)
        pairs.append((fields.text("n", pattern), fields.hex("d", DIGEST_BYTES)))
    # An object may be given twice (an image against itself), but not with two digests.
    if len({name for name, _ in pairs}) != len(set(pairs)):
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
    return tuple(pairs)


def _number(item: object) -> tuple[str, str]:
    name, value = _pair(item)
    fields = Fields({"n": name, "v": value}, ("n", "v"), ErrorCode.E_RECEIPT)
    text = fields.text("v", r"-?[0-9][0-9.e+-]{0,31}")
    try:
        canonical.fraction_from_text(text)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT) from None
    return fields.text("n", _WORD), text


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The receipt file: body, signature, and the evidence that the signer was the enclave."""

    body: bytes
    signature: bytes
    statement: bytes
    quote: bytes
    nonce: bytes
    spki: bytes
    collateral: bytes
    policy_sha256: str

    def encode(self) -> bytes:
        """Return the file's canonical octets."""
        octets = {name: base64_text(getattr(self, name)) for name in _FILE[:-1]}
        return canonical.encode({**octets, "policy_sha256": self.policy_sha256})

    @classmethod
    def decode(cls, octets: bytes) -> "Receipt":
        """Read a receipt file strictly; anything wrong is E_RECEIPT."""
        code = ErrorCode.E_RECEIPT
        try:
            fields = Fields(canonical.decode(octets), _FILE, code)
        except EncryptSecureRTError:
            raise EncryptSecureRTError(code) from None
        return cls(
            body=fields.octets("body", LIMITS.header_bytes),
            signature=fields.octets("signature", 64, 64),
            statement=fields.octets("statement", 16 * 1024),
            quote=fields.octets("quote", LIMITS.quote_bytes),
            nonce=fields.octets("nonce", 32, 32),
            spki=fields.octets("spki", 256),
            collateral=fields.octets("collateral", LIMITS.evidence_bytes),
            policy_sha256=fields.hex("policy_sha256", DIGEST_BYTES),
        )

    def verified_body(self, receipt_key: bytes) -> ReceiptBody:
        """Return the body if the key that the attested statement names has signed it."""
        verify(receipt_key, Label.RECEIPT, self.body, self.signature, ErrorCode.E_RECEIPT)
        return ReceiptBody.decode(self.body)
