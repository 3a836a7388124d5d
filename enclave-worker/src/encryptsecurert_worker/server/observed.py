"""What the metrics read of the worker at the moment of a scrape."""

from encryptsecurert_worker.core import WorkerCore


class Observation:
    """The worker's gauges; no value tells of a user, a job or a patient."""

    def __init__(self, core: WorkerCore) -> None:
        self._core = core

    @property
    def jobs_queued(self) -> int:
        """Jobs that wait."""
        return self._core.book.queued

    @property
    def uploads_open(self) -> int:
        """Uploads on their way."""
        return self._core.objects.open_uploads

    @property
    def held_bytes(self) -> int:
        """Octets of objects and results."""
        return self._core.objects.total_bytes + self._core.book.total_result_bytes

    @property
    def journal_bytes(self) -> int:
        """Octets of the journal file."""
        return self._core.ledger.size_bytes

    @property
    def audit_lines(self) -> int:
        """Lines of the audit chain."""
        return self._core.audit.n

    @property
    def epoch(self) -> int:
        """Epoch of the present bundle, 0 without one."""
        return self._core.epoch

    @property
    def lease_seconds_left(self) -> float:
        """Seconds until the lease ends; infinite where none is asked for."""
        left = self._core.leases.seconds_left
        return float("inf") if left is None else left

    @property
    def ready(self) -> bool:
        """Whether jobs are taken."""
        return self._core.ready
