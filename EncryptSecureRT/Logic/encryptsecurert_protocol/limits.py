"""All limits in one place, unit in the name. The worker prints them at `GET /v1/tasks`."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds, counts without a unit; each is the last value allowed."""

    header_bytes: int = MIB
    json_line_bytes: int = 64 * KIB
    json_depth: int = 16
    object_bytes: int = 4 * GIB
    chunk_bytes: int = MIB
    padding_bytes: int = 4 * KIB
    objects_per_job: int = 64
    queued_jobs: int = 256
    computing_jobs: int = 1
    connections: int = 64
    idle_s: int = 30
    evidence_nonce_s: int = 60
    policy_bytes: int = MIB
    certificate_bytes: int = 64 * KIB
    quote_bytes: int = 64 * KIB
    evidence_bytes: int = 512 * KIB
    batch_bytes: int = 64 * MIB
    batch_instances: int = 2000
    results_kept_s: int = 7 * 24 * 3600
    job_lifetime_s: int = 24 * 3600
    clock_skew_s: int = 300


LIMITS = Limits()
