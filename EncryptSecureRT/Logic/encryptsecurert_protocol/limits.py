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
    queued_jobs_per_user: int = 64
    kept_jobs_per_user: int = 5000
    job_starts: int = 10
    computing_jobs: int = 1
    connections: int = 64
    connections_per_user: int = 16
    connections_kept: int = 4
    idle_s: int = 30
    body_s: int = 300
    stalled_s: int = 60
    evidence_nonce_s: int = 60
    policy_bytes: int = MIB
    certificate_bytes: int = 64 * KIB
    quote_bytes: int = 64 * KIB
    evidence_bytes: int = 512 * KIB
    batch_bytes: int = 64 * MIB
    batch_instances: int = 2000
    open_uploads_per_user: int = 64
    objects_per_user: int = 10_000
    held_bytes_per_user: int = 64 * GIB
    patients_per_day: int = 200
    break_glass_per_day: int = 5
    break_glass_s: int = 4 * 3600
    upload_kept_s: int = 24 * 3600
    object_kept_s: int = 7 * 24 * 3600
    results_kept_s: int = 7 * 24 * 3600
    job_lifetime_s: int = 24 * 3600
    clock_skew_s: int = 300
    hpke_key_s: int = 24 * 3600
    audit_lines: int = 256


LIMITS = Limits()
