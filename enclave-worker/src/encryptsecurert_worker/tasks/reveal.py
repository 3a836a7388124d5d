"""Task `reveal`: protected headers and their manifests in, what the user may see out.

Inputs: a batch of protected files without their bulk, and a batch of the Raw Data files that
carry manifests. Result `revealed`: a batch of answers in the order of the files. Every refusal
is the same answer, whatever its reason; the auditor is told, once for each case of a job.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.headers import decode_request
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.reveals import ROLE_CLASSES, RevealClass, Revealed, RevealRequest
from encryptsecurert_protocol.rights import Operation
from encryptsecurert_worker.dicom.reveal.opening import Opener
from encryptsecurert_worker.dicom.reveal.revealer import Opened, Revealer
from encryptsecurert_worker.tasks.batches import MANIFEST_PER_OCTET, Answer, answer_each
from encryptsecurert_worker.tasks.task import TaskContext, TaskOutput

SCHEMA = "encryptsecurert.reveal/1"
RESULT = "revealed"
_WORK_BYTES = 192 * MIB


class RevealForm(Enum):
    """In which form originals go out."""

    DISPLAY = "display"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealParameters:
    """What is asked for; a file is asked for with all classes."""

    form: RevealForm
    classes: frozenset[RevealClass]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "RevealParameters":
        """Read the parameters strictly; anything wrong is E_PARAMETERS."""
        code = ErrorCode.E_PARAMETERS
        fields = Fields(value, ("schema", "form", "classes"), code)
        fields.constant("schema", SCHEMA)
        form = RevealForm(fields.text("form", "|".join(one.value for one in RevealForm)))
        items = fields.items("classes", len(RevealClass), 1)
        known = {one.value for one in RevealClass}
        if any(item not in known for item in items) or len(set(items)) != len(items):
            raise EncryptSecureRTError(code)
        classes = frozenset(map(RevealClass, items))
        if form is RevealForm.FILE and len(classes) != len(RevealClass):
            raise EncryptSecureRTError(code)
        return cls(form=form, classes=classes)

    @property
    def words(self) -> str:
        """The form and the classes, as an audit line tells them."""
        return " ".join([self.form.value, *sorted(one.value for one in self.classes)])


class RevealTask:
    """Opens what was protected, for those who may see it."""

    name = "reveal"
    algorithm = "reveal-1"
    operation = Operation.REVEAL
    input_kinds: tuple[ObjectKind, ...] = (ObjectKind.HEADERS, ObjectKind.MANIFESTS)
    optional_kinds: tuple[ObjectKind, ...] = ()

    def describe(self) -> Mapping[str, Any]:
        """Return the forms, and the classes that each role sees."""
        return {
            "schema": SCHEMA,
            "forms": [form.value for form in RevealForm],
            "classes": [
                {"role": role.value, "sees": sorted(one.value for one in classes)}
                for role, classes in ROLE_CLASSES.items()
                if classes
            ],
        }

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Refuse parameters that are not right."""
        RevealParameters.from_json(parameters)

    def memory_bytes(self, input_sizes: Sequence[int], parameters: Mapping[str, Any]) -> int:
        """Bound the inputs, manifests as read, answers with the packed copy, one file's work."""
        headers_bytes, manifests_bytes = input_sizes
        return 3 * headers_bytes + MANIFEST_PER_OCTET * manifests_bytes + _WORK_BYTES

    def run(
        self, inputs: Sequence[memoryview], parameters: Mapping[str, Any], context: TaskContext
    ) -> TaskOutput:
        """Reveal each file of the batch, or refuse it."""
        asked = RevealParameters.from_json(parameters)
        job = _Job(asked, context)
        for item in unpack_batch(inputs[1]):
            job.take(item)
        items = unpack_batch(inputs[0])

        def answer(item: memoryview) -> Answer:
            revealed = job.answer(item)
            return Answer(revealed.encode(), revealed.refused)

        answers, refused = answer_each(items, answer, context, "revealing")
        job.tell()  # before any result is sealed: nothing is revealed that no line tells of
        return TaskOutput(
            results=((RESULT, pack_batch(answers)),),
            numbers=(
                ("instances_revealed", float(len(items) - refused)),
                ("instances_refused", float(refused)),
            ),
        )


class _Job:
    """One reveal: what is asked for, and what became of each case."""

    def __init__(self, asked: RevealParameters, context: TaskContext) -> None:
        keys = context.keys
        self._asked = asked
        self._rights = context.rights
        self._revealer = Revealer(
            keys.manifest_site,
            Opener(keys.recipient_key, keys.recipient_certificate),
            uid_key=keys.uid_key,
            pid_key=keys.pid_key,
        )
        self._revealed: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def take(self, item: memoryview) -> None:
        """Take a manifest; of one that is not signed nothing is known, so its files are refused."""
        try:
            self._revealer.take(bytes(item))
        except EncryptSecureRTError:
            return

    def answer(self, item: memoryview) -> Revealed:
        """Reveal one file, or give the one answer of all refusals."""
        case = ""
        try:
            listed = self._revealer.examine(decode_request(item, RevealRequest))
            case = listed.patient
            answer = self._seen(self._revealer.open(listed))
        except EncryptSecureRTError:
            self._refused[case] += 1
            return Revealed()
        self._revealed[case] += 1
        return answer

    def _seen(self, opened: Opened) -> Revealed:
        """Return what the user may see: by the case first, then by the roles."""
        self._rights.require_case(opened.pseudonym)
        self._rights.require_classes(self._asked.classes)
        if self._asked.form is RevealForm.DISPLAY:
            return opened.show(self._asked.classes)
        self._rights.require_export()
        return opened.whole()

    def tell(self) -> None:
        """Tell the auditor of each case (E_BUSY)."""
        for case, count in self._revealed.items():
            self._rights.tell(case, f"{self._asked.words}: {count}", refused=False)
        for case, count in self._refused.items():
            self._rights.tell(case, f"{self._asked.words}: {count}", refused=True)
