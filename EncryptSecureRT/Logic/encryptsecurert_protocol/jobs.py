"""Job headers: what a user signs. They hold no parameter and no digest of content."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.results import ResultKey
from encryptsecurert_protocol.sealing import PUBLIC_KEY_BYTES, HpkeSuite

_SCHEMA = "encryptsecurert.job/1"
TASK_NAME = r"[a-z][a-z0-9_]{0,31}"
_MEMBERS = (
    "schema job user certificate task inputs parameters result_key created expires site_key_id "
    "min_epoch policy worker"
).split()


class JobState(Enum):
    """Where a job is; the last three are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHeader:
    """One job as its owner ordered it."""

    job: str
    user: str
    certificate: str
    task: str
    inputs: tuple[str, ...]
    parameters: str
    result_key: ResultKey
    created: datetime
    expires: datetime
    site_key_id: str
    min_epoch: int
    policy: str
    worker: str

    def encode(self) -> bytes:
        """Return the canonical octets; their SHA-256 is the job digest."""
        return canonical.encode(
            {
                "schema": _SCHEMA,
                "job": self.job,
                "user": self.user,
                "certificate": self.certificate,
                "task": self.task,
                "inputs": list(self.inputs),
                "parameters": self.parameters,
                "result_key": {
                    "suite": int(self.result_key.suite),
                    "public_key": base64_text(self.result_key.public),
                },
                "created": time_text(self.created),
                "expires": time_text(self.expires),
                "site_key_id": self.site_key_id,
                "min_epoch": self.min_epoch,
                "policy": self.policy,
                "worker": self.worker,
            }
        )

    @classmethod
    def decode(cls, octets: bytes) -> "JobHeader":
        """Read a header strictly; no signature is checked here."""
        fields = Fields(canonical.decode(octets), _MEMBERS)
        fields.constant("schema", _SCHEMA)
        key = fields.child("result_key", ("suite", "public_key"))
        suite = HpkeSuite(key.integer("suite", min(HpkeSuite), max(HpkeSuite)))
        size = PUBLIC_KEY_BYTES[suite]
        inputs = fields.items("inputs", LIMITS.objects_per_job)
        return cls(
            job=fields.hex("job", ID_BYTES),
            user=fields.hex("user", ID_BYTES),
            certificate=fields.hex("certificate", DIGEST_BYTES),
            task=fields.text("task", TASK_NAME),
            inputs=tuple(Fields({"o": name}, ("o",)).hex("o", DIGEST_BYTES) for name in inputs),
            parameters=fields.hex("parameters", DIGEST_BYTES),
            result_key=ResultKey(suite=suite, public=key.octets("public_key", size, size)),
            created=fields.time("created"),
            expires=fields.time("expires"),
            site_key_id=fields.hex("site_key_id", DIGEST_BYTES),
            min_epoch=fields.integer("min_epoch", 1, MAX_INTEGER),
            policy=fields.hex("policy", DIGEST_BYTES),
            worker=fields.hex("worker", DIGEST_BYTES),
        )

    def check_time(self, now: datetime) -> None:
        """Refuse a job from the future, past its end, or of too long a life (WIRE of times).

        A job is first accepted if created <= now + 300 s, now < expires and
        0 < expires - created <= 24 h.
        """
        life = self.expires - self.created
        if not timedelta(0) < life <= timedelta(seconds=LIMITS.job_lifetime_s):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT, "the job's life is not within 24 h")
        if self.created > now + timedelta(seconds=LIMITS.clock_skew_s) or now >= self.expires:
            raise EncryptSecureRTError(ErrorCode.E_REPLAY, "the job is not valid at this time")


def job_digest(header_octets: bytes) -> bytes:
    """Return the job digest: SHA-256 of the header octets as they were signed."""
    return hashlib.sha256(header_octets).digest()
