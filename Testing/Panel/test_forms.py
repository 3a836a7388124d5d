"""What keeps Apply from being pressed, as sentences; and what the worker offers is asked of it."""

import pytest

from EncryptSecureRTLib.panel.state import Allowed
from EncryptSecureRTLib.panel.tasks import SEGMENT
from EncryptSecureRTLib.panel.validate import Form, problems_of
from EncryptSecureRTLib.scene.geometry import GridGeometry, ParentTransform
from EncryptSecureRTLib.scene.study import StudyState
from EncryptSecureRTLib.scene.volumes import Problem, VolumeFacts, VolumeKind

_SHAPE = (10, 512, 512)
_SENT_BYTES = 10 * 512 * 512 * 2
_ALL = tuple(structure.key for structure in SEGMENT.structures)


def _facts(**members: object) -> VolumeFacts:
    facts: dict[str, object] = {
        "kind": VolumeKind.SCALAR,
        "shape": _SHAPE,
        "spacing_mm": (3.0, 1.0, 1.0),
        "scalar_type": "short",
        "size_bytes": _SENT_BYTES,
        "transform": ParentTransform.NONE,
        "grid": GridGeometry(
            shape=_SHAPE,
            spacing_mm=(3.0, 1.0, 1.0),
            origin_lps_mm=(0.0, 0.0, 0.0),
            direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        ),
        "is_dose": False,
        "is_sequence": False,
        "instance_uids": 0,
    }
    return VolumeFacts(**{**facts, **members})  # type: ignore[arg-type]  # by name


def _form(**members: object) -> Form:
    form: dict[str, object] = {
        "task": SEGMENT,
        "volume": _facts(),
        "study": StudyState.NONE,
        "structures": _ALL,
        "offer": None,
        "limit_bytes": 2**32,
    }
    return Form(**{**form, **members})  # type: ignore[arg-type]  # by name


def _allowed(*keys: str, object_bytes: int = 2**32) -> Allowed:
    return Allowed(structures={"segment": keys}, object_bytes=object_bytes)


def test_a_ct_and_a_structure_are_enough() -> None:
    assert problems_of(_form()) == []
    assert problems_of(_form(offer=_allowed(*_ALL), study=StudyState.PROTECTED)) == []


def test_everything_that_is_missing_is_said_at_once() -> None:
    assert problems_of(_form(volume=None, structures=(), study=StudyState.CLEAR)) == [
        "Select a CT.",
        "This study carries patient data in the scene. Seal it first.",
        "Choose a structure.",
    ]


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"shape": None, "grid": None}, "empty"),
        ({"kind": VolumeKind.LABEL_MAP}, "label map"),
        ({"kind": VolumeKind.COLOUR}, "colour"),
        ({"kind": VolumeKind.VECTOR}, "several values"),
        ({"is_sequence": True}, "4D"),
        ({"is_dose": True}, "dose"),
        ({"transform": ParentTransform.NON_LINEAR, "grid": None}, "not linear"),
        ({"grid": None}, "sheared"),
    ],
)
def test_each_wrong_volume_is_named_and_has_a_way_out(
    members: dict[str, object], word: str
) -> None:
    (sentence,) = problems_of(_form(volume=_facts(**members)))

    assert word in sentence
    assert sentence.count(".") >= 2


def test_every_problem_of_a_volume_has_a_sentence() -> None:
    from EncryptSecureRTLib.panel import validate

    assert set(validate._SENTENCES) | {Problem.TOO_LARGE} == set(Problem)


def test_a_volume_at_the_workers_limit_is_sent_and_one_above_is_not() -> None:
    at, over = (_allowed(*_ALL, object_bytes=_SENT_BYTES - n) for n in (0, 1))

    assert problems_of(_form(offer=at)) == []
    assert problems_of(_form(offer=over)) == [
        "The volume has 5.2 MB, the limit of this worker is 5.2 MB."
        " Crop it to the region of interest."
    ]


def test_a_task_that_the_worker_does_not_offer_to_this_role_is_said_before_anything_is_sent() -> (
    None
):
    nothing = Allowed(structures={}, object_bytes=2**32)

    assert problems_of(_form(offer=nothing)) == [
        "Your role does not allow segmentation on this worker."
    ]


def test_structures_that_the_worker_does_not_have_are_named() -> None:
    assert problems_of(_form(offer=_allowed("body"))) == [
        "This worker has no Lung_L, Lung_R, Bone. Choose other structures."
    ]


def test_an_output_is_never_the_input_and_never_overwritten() -> None:
    told = problems_of(_form(output_is_input=True, output_used=True))

    assert told == [
        "The output is the input. Choose another output.",
        "The output has contents already. Choose a new one: nothing is overwritten.",
    ]
