"""All that keeps Apply from being pressed, a sentence each; the panel and scripts ask the same.

Nothing here looks at a node: `Form` holds the facts, so that every sentence can be tested.
"""

from dataclasses import dataclass

from EncryptSecureRTLib.panel.messages import megabytes
from EncryptSecureRTLib.panel.state import Allowed
from EncryptSecureRTLib.panel.tasks import TaskSpec
from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.study import StudyState
from EncryptSecureRTLib.scene.volumes import Problem, VolumeFacts, problems

_SENTENCES: dict[Problem, str] = {
    Problem.NO_VOLUME: _("Select a CT."),
    Problem.EMPTY: _("The chosen volume is empty. Choose another one."),
    Problem.LABEL_MAP: _("The chosen volume is a label map. Choose a CT."),
    Problem.COLOUR: _("The chosen volume is a colour image. Choose a CT."),
    Problem.NOT_SCALAR: _("The chosen volume has several values in a voxel. Choose a CT."),
    Problem.SEQUENCE: _(
        "The chosen volume is one time point of a sequence (4D). Copy that time point to a volume"
        " of its own first."
    ),
    Problem.DOSE: _("The chosen volume is a dose. Choose a CT."),
    Problem.NON_LINEAR_TRANSFORM: _(
        "The chosen volume is under a transform that is not linear. Harden it, or remove it."
    ),
    Problem.SHEARED: _(
        "The chosen volume is sheared, by its transform or a tilted gantry. Resample it first."
    ),
}
NO_STRUCTURE = _("Choose a structure.")
CLEAR_STUDY = _("This study carries patient data in the scene. Seal it first.")
OUTPUT_IS_INPUT = _("The output is the input. Choose another output.")
OUTPUT_IN_USE = _("The output has contents already. Choose a new one: nothing is overwritten.")


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
        words = _(
            "The volume has {size}, the limit of this worker is {limit}."
            " Crop it to the region of interest."
        )
        size = megabytes(volume.sent_bytes if volume else 0)
        return words.format(size=size, limit=megabytes(limit_bytes))
    return _SENTENCES[problem]


def _not_offered(form: Form) -> list[str]:
    if form.offer is None:
        return []
    offered = form.offer.structures.get(form.task.key)
    if offered is None:
        return [
            _("Your role does not allow {task} on this worker.").format(task=form.task.allowed_for)
        ]
    missing = [s.label for s in form.task.structures if s.key in set(form.structures) - {*offered}]
    words = _("This worker has no {structures}. Choose other structures.")
    return [words.format(structures=", ".join(missing))] if missing else []
