"""The seam between the job queue and the tasks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.offline import OfflineRecipient
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.dicom.manifest.studies import ManifestSite


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteKeys:
    """What a task may use of the site's secrets."""

    uid_key: bytes
    pid_key: bytes
    dateshift_key: bytes
    recipient_certificate: bytes
    escrow_certificate: bytes
    recipient_key: bytes
    manifest_site: ManifestSite
    offline: tuple[OfflineRecipient, ...] = ()

    def __repr__(self) -> str:
        return "SiteKeys()"


class RevealRights(Protocol):
    """What the job's user may see now, and the auditor who hears of it.

    Each `require_` refuses with E_CASE.
    """

    def require_case(self, pseudonym: str) -> None:
        """Refuse unless the case is open to the user."""

    def require_classes(self, classes: frozenset[RevealClass]) -> None:
        """Refuse unless the user's roles see all of these."""

    def require_export(self) -> None:
        """Refuse unless one of the user's roles may have files."""

    def tell(self, case: str, note: str, *, refused: bool) -> None:
        """Tell the auditor of a case that was revealed, or was not (E_BUSY)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext:
    """What a task gets from its surroundings.

    Attributes
    ----------
    progress : called at check points with (stage, fraction); raises E_CANCELLED to stop.
    log : called with a fixed word and a number.
    input_sha256 : digests of the inputs' plaintexts, then of the parameters'.
    admit_patient : called with each patient's pseudonym; raises E_QUOTA for one too many a day.
    break_glass : called with (pseudonym, reason); opens the case to the job's user, tells the
        auditor, and returns until when; raises E_QUOTA.
    rights : what may be revealed to the job's user.
    tell_vouched : called with a number of files; tells the auditor that the job's user vouches that
        no pixel of these shows text; raises E_BUSY.
    now : the worker's time.
    """

    progress: Callable[[str, float], None]
    log: Callable[[str, float], None]
    keys: SiteKeys
    kind: Kind
    measurement: str
    input_sha256: tuple[str, ...]
    admit_patient: Callable[[str], None]
    break_glass: Callable[[str, str], datetime]
    rights: RevealRights
    tell_vouched: Callable[[int], None]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutput:
    """What a task made.

    Attributes
    ----------
    results : (name, octets), names as the task documents them.
    numbers : (name with its unit, value), the figures that matter, for the receipt.
    warnings : fixed words.
    """

    results: tuple[tuple[str, bytes], ...]
    numbers: tuple[tuple[str, float], ...] = ()
    warnings: tuple[str, ...] = ()


class Task(Protocol):
    """One kind of job.

    Attributes
    ----------
    input_kinds : of the inputs that it must have, in their order.
    optional_kinds : of those that may follow, all or none.
    """

    name: str
    algorithm: str
    operation: Operation
    input_kinds: tuple[ObjectKind, ...]
    optional_kinds: tuple[ObjectKind, ...]

    def describe(self) -> Mapping[str, Any]:
        """Return the parameters' schema as JSON for `GET /v1/tasks`."""

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that are not right with E_PARAMETERS."""

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Bound what `run` allocates at its peak beyond an idle worker, inputs included.

        Parameters
        ----------
        input_sizes : octets of each input's plaintext, in order.
        parameters : as `check` has taken them.
        """

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Do the job. Errors are EncryptSecureRTError; inputs may be overwritten."""


class TaskRegistry:
    """The tasks of this worker by name.

    Attributes
    ----------
    operations : the operation that each task needs.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = {task.name: task for task in tasks}
        self.operations = {task.name: task.operation for task in tasks}

    def get(self, name: str) -> Task:
        """Return a task, or refuse with E_TASK."""
        task = self._tasks.get(name)
        if task is None:
            raise EncryptSecureRTError(ErrorCode.E_TASK)
        return task

    def all(self) -> tuple[Task, ...]:
        """Return every task."""
        return tuple(self._tasks.values())

    def models(self) -> tuple[Mapping[str, str], ...]:
        """Return {model, version, task} of every model that a task computes with: none yet."""
        return ()
