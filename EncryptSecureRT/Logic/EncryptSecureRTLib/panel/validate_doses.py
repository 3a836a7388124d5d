"""All that keeps two doses from being compared, a sentence each, for the panel and for scripts.

Nothing here looks at a node: `DoseForm` holds the facts, so that every sentence can be tested.
"""

from dataclasses import dataclass

from EncryptSecureRTLib.panel.criteria import Criteria
from EncryptSecureRTLib.panel.messages import megabytes
from EncryptSecureRTLib.panel.state import Allowed
from EncryptSecureRTLib.panel.tasks import COMPARE
from EncryptSecureRTLib.panel.validate import CLEAR_STUDY, OUTPUT_IN_USE, OUTPUT_IS_INPUT
from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.doses import DoseFacts, DoseProblem, dose_problems
from EncryptSecureRTLib.scene.geometry import ParentTransform
from EncryptSecureRTLib.scene.study import StudyState

REFERENCE, EVALUATED = _("reference dose"), _("evaluated dose")
SAME_NODE = _("Reference and evaluated dose are the same volume. Choose two volumes.")
SAME_OUTPUT = _("Gamma and difference cannot go to the same volume. Choose two, or none.")
NO_SEGMENT = _("The chosen segmentation is empty. Choose another one, or none.")
TOO_MANY = _("The segmentation has {count} structures, at most {most} can be compared.")
STRUCTURES_BENT = _(
    "The segmentation is under a transform that is not linear. Harden it, or remove it."
)
MOST_STRUCTURES = 256  # of one job, see the protocol's `structures` objects
_SENTENCES: dict[DoseProblem, str] = {
    DoseProblem.NO_VOLUME: _("Select the {dose}."),
    DoseProblem.EMPTY: _("The {dose} is empty. Choose another volume."),
    DoseProblem.NOT_SCALAR: _("The {dose} has no single value in a voxel. Choose another volume."),
    DoseProblem.SEQUENCE: _(
        "The {dose} is one time point of a sequence (4D). Copy that time point to a volume of its"
        " own first."
    ),
    DoseProblem.NOT_A_DOSE: _(
        "The {dose} is not marked as a dose. Convert it to a dose volume in the Data module, with"
        " SlicerRT."
    ),
    DoseProblem.RESULT: _("The {dose} is the result of a comparison. Choose a dose."),
    DoseProblem.UNIT_UNKNOWN: _(
        "The unit of the {dose} is unknown, and Gy is never assumed. Load it from DICOM, or convert"
        " it to a dose volume in the Data module, with SlicerRT."
    ),
    DoseProblem.NOT_GY: _("The {dose} is relative. Choose a dose in Gy."),
    DoseProblem.NON_LINEAR_TRANSFORM: _(
        "The {dose} is under a transform that is not linear. Harden it, or remove it."
    ),
    DoseProblem.SHEARED: _("The {dose} is sheared by its transform. Resample it first."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseForm:
    """What is chosen, as facts.

    Attributes
    ----------
    same_node : whether both doses are one volume.
    studies : of both doses.
    segments : how many the chosen segmentation has; None if none is chosen.
    structures_transform : what the parents of the segmentation do to it.
    offer : None as long as no worker was asked.
    output_used, output_is_input, same_output : of the chosen output volumes.
    """

    reference: DoseFacts | None
    evaluated: DoseFacts | None
    same_node: bool
    studies: tuple[StudyState, ...]
    criteria: Criteria
    offer: Allowed | None
    limit_bytes: int
    segments: int | None = None
    structures_transform: ParentTransform = ParentTransform.NONE
    output_is_input: bool = False
    output_used: bool = False
    same_output: bool = False

    @property
    def sent_bytes(self) -> int:
        """Octets of both doses."""
        return sum(facts.sent_bytes for facts in (self.reference, self.evaluated) if facts)


def dose_problems_of(form: DoseForm) -> list[str]:
    """Return every problem as a sentence that says what to do; none means that it can begin."""
    limit_bytes = form.limit_bytes if form.offer is None else form.offer.object_bytes
    found = [
        *_of_dose(form.reference, REFERENCE, limit_bytes),
        *([] if form.same_node else _of_dose(form.evaluated, EVALUATED, limit_bytes)),
    ]
    segments = form.segments or 0
    others = {
        SAME_NODE: form.same_node,
        CLEAR_STUDY: StudyState.CLEAR in form.studies,
        NO_SEGMENT: form.segments == 0,
        TOO_MANY.format(count=segments, most=MOST_STRUCTURES): segments > MOST_STRUCTURES,
        STRUCTURES_BENT: form.structures_transform is ParentTransform.NON_LINEAR,
        OUTPUT_IS_INPUT: form.output_is_input,
        SAME_OUTPUT: form.same_output,
        OUTPUT_IN_USE: form.output_used,
    }
    found += [sentence for sentence, is_so in others.items() if is_so]
    return [*found, *form.criteria.problems(), *_not_offered(form.offer)]


def _of_dose(facts: DoseFacts | None, name: str, limit_bytes: int) -> list[str]:
    return [_sentence(p, facts, name, limit_bytes) for p in dose_problems(facts, limit_bytes)]


def _sentence(problem: DoseProblem, facts: DoseFacts | None, name: str, limit_bytes: int) -> str:
    if problem is DoseProblem.TOO_LARGE:
        words = _(
            "The {dose} has {size}, the limit of this worker is {limit}."
            " Crop it to the region of interest."
        )
        size = megabytes(facts.sent_bytes if facts else 0)
        return words.format(dose=name, size=size, limit=megabytes(limit_bytes))
    return _SENTENCES[problem].format(dose=name)


def _not_offered(offer: Allowed | None) -> list[str]:
    if offer is None or COMPARE.key in offer.structures:
        return []
    words = _("Your role does not allow {task} on this worker.")
    return [words.format(task=COMPARE.allowed_for)]
