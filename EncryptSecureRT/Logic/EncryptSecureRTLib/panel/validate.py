"""All that keeps Apply from being pressed, a sentence each; the panel and scripts ask the same.

Nothing here looks at a node: `Form` holds the facts, so that every sentence can be tested.
"""

from dataclasses import dataclass

from EncryptSecureRTLib.panel.messages import megabytes
from EncryptSecureRTLib.panel.state import Allowed
from EncryptSecureRTLib.panel.tasks import TaskSpec
from EncryptSecureRTLib.scene.study import StudyState
from EncryptSecureRTLib.scene.volumes import Problem, VolumeFacts, problems

_SENTENCES: dict[Problem, str] = {
    Problem.NO_VOLUME: "Select a CT.",
    Problem.EMPTY: "The chosen volume is empty. Choose another one.",
    Problem.LABEL_MAP: "The chosen volume is a label map. Choose a CT.",
    Problem.COLOUR: "The chosen volume is a colour image. Choose a CT.",
    Problem.NOT_SCALAR: "The chosen volume has several values in a voxel. Choose a CT.",
    Problem.SEQUENCE: (
        "The chosen volume is one time point of a sequence (4D). Copy that time point to a volume"
        " of its own first."
    ),
    Problem.DOSE: "The chosen volume is a dose. Choose a CT.",
    Problem.NON_LINEAR_TRANSFORM: (
        "The chosen volume is under a transform that is not linear. Harden it, or remove it."
    ),
    Problem.SHEARED: (
        "The chosen volume is sheared, by its transform or a tilted gantry. Resample it first."
    ),
}
NO_STRUCTURE = "Choose a structure."
CLEAR_STUDY = "This study carries patient data in the scene. Seal it first."
OUTPUT_IS_INPUT = "The output is the input. Choose another output."
OUTPUT_IN_USE = "The output has contents already. Choose a new one: nothing is overwritten."


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What is chosen, as facts.

    Attributes
    ----------
    offer : None as long as no worker was asked.
    output_used : whether the chosen output node holds something already.
    """

    task: TaskSpec
    volume: VolumeFacts | None
    study: StudyState
    structures: tuple[str, ...]
    offer: Allowed | None
    limit_bytes: int
    output_is_input: bool = False
    output_used: bool = False


def problems_of(form: Form) -> list[str]:
    """Return every problem as a sentence that says what to do; none means that it can begin."""
    limit_bytes = form.limit_bytes if form.offer is None else form.offer.object_bytes
    found = [_sentence(p, form.volume, limit_bytes) for p in problems(form.volume, limit_bytes)]
    if form.study is StudyState.CLEAR:
        found.append(CLEAR_STUDY)
    if not form.structures:
        found.append(NO_STRUCTURE)
    if form.output_is_input:
        found.append(OUTPUT_IS_INPUT)
    if form.output_used:
        found.append(OUTPUT_IN_USE)
    return [*found, *_not_offered(form)]


def _sentence(problem: Problem, volume: VolumeFacts | None, limit_bytes: int) -> str:
    if problem is Problem.TOO_LARGE:
        size = megabytes(volume.sent_bytes if volume else 0)
        return (
            f"The volume has {size}, the limit of this worker is {megabytes(limit_bytes)}."
            " Crop it to the region of interest."
        )
    return _SENTENCES[problem]


def _not_offered(form: Form) -> list[str]:
    if form.offer is None:
        return []
    offered = form.offer.structures.get(form.task.key)
    if offered is None:
        return [f"Your role does not allow {form.task.allowed_for} on this worker."]
    missing = [s.label for s in form.task.structures if s.key in set(form.structures) - {*offered}]
    return [f"This worker has no {', '.join(missing)}. Choose other structures."] if missing else []
