"""What a dose volume is, in which unit, and everything that keeps it from being compared.

    dose_facts(node)                    what is there; no voxel is looked at
    dose_problems(facts, limit_bytes)   all that is wrong, for the panel to put into words

SlicerRT marks a dose by an attribute of the node and keeps the unit on the study's item; older
versions kept it on the node. Voxels are scaled already: the value beside the unit is the file's
Dose Grid Scaling and is not applied again. Without a word about the unit it is unknown, never Gy.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.geometry import ParentTransform
from EncryptSecureRTLib.scene.hierarchy import ancestors_of, hierarchy_of, item_of, study_item_of
from EncryptSecureRTLib.scene.mrml import Node
from EncryptSecureRTLib.scene.volumes import VolumeFacts, VolumeKind, volume_facts

DOSE_UNIT_NAME = "DicomRtImport.DoseUnitName"  # SlicerRT's
QUANTITY_ATTRIBUTE = "EncryptSecureRT.quantity"  # of volumes that a comparison has made
GAMMA_QUANTITY, DIFFERENCE_QUANTITY = "gamma", "dose difference"
_SENT_VOXEL_BYTES = 8  # float64


class DoseUnit(Enum):
    """What a voxel of 1 means."""

    GY = "Gy"
    CGY = "cGy"
    RELATIVE = "relative"


_SILENT = ""
_UNITS = {unit.value.lower(): unit for unit in DoseUnit}


class DoseProblem(Enum):
    """Why a volume cannot be compared as a dose; the values are stable."""

    NO_VOLUME = "no-volume"
    EMPTY = "empty"
    NOT_SCALAR = "not-scalar"
    SEQUENCE = "sequence"
    NOT_A_DOSE = "not-a-dose"
    RESULT = "result"
    UNIT_UNKNOWN = "unit-unknown"
    NOT_GY = "not-gy"
    NON_LINEAR_TRANSFORM = "non-linear-transform"
    SHEARED = "sheared"
    TOO_LARGE = "too-large"


DOSE_PROBLEM_CODES: dict[DoseProblem, ErrorCode] = {
    DoseProblem.NO_VOLUME: ErrorCode.E_PARAMETERS,
    DoseProblem.EMPTY: ErrorCode.E_GEOMETRY,
    DoseProblem.NOT_SCALAR: ErrorCode.E_DOSE,
    DoseProblem.SEQUENCE: ErrorCode.E_DOSE,
    DoseProblem.NOT_A_DOSE: ErrorCode.E_DOSE,
    DoseProblem.RESULT: ErrorCode.E_DOSE,
    DoseProblem.UNIT_UNKNOWN: ErrorCode.E_DOSE,
    DoseProblem.NOT_GY: ErrorCode.E_DOSE,
    DoseProblem.NON_LINEAR_TRANSFORM: ErrorCode.E_GEOMETRY,
    DoseProblem.SHEARED: ErrorCode.E_GEOMETRY,
    DoseProblem.TOO_LARGE: ErrorCode.E_TOO_LARGE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseFacts:
    """What is known of a dose volume without reading voxels.

    Attributes
    ----------
    volume : as of any volume.
    unit : of the voxels; None if nothing tells it, or two places tell different ones.
    is_result : a map that a comparison has made, such as a dose difference.
    """

    volume: VolumeFacts
    unit: DoseUnit | None
    is_result: bool

    @property
    def sent_bytes(self) -> int:
        """Octets of voxels that go to the worker."""
        return math.prod(self.volume.shape) * _SENT_VOXEL_BYTES if self.volume.shape else 0


def dose_facts(node: Node) -> DoseFacts:
    """Return the facts of a vtkMRMLVolumeNode in a scene."""
    return DoseFacts(
        volume=volume_facts(node), unit=dose_unit_of(node), is_result=is_comparison_result(node)
    )


def dose_problems(facts: DoseFacts | None, limit_bytes: int) -> tuple[DoseProblem, ...]:
    """Return all that keeps a volume from being compared; nothing means that it can be.

    Parameters
    ----------
    facts : DoseFacts or None
        None where no volume is chosen.
    limit_bytes : int
        Octets of voxels that the worker takes.
    """
    if facts is None:
        return (DoseProblem.NO_VOLUME,)
    volume = facts.volume
    bent = volume.transform is ParentTransform.NON_LINEAR
    a_dose = volume.is_dose and not facts.is_result
    found = {
        DoseProblem.EMPTY: volume.shape is None,
        DoseProblem.NOT_SCALAR: volume.kind is not VolumeKind.SCALAR,
        DoseProblem.SEQUENCE: volume.is_sequence,
        DoseProblem.NOT_A_DOSE: not volume.is_dose and not facts.is_result,
        DoseProblem.RESULT: facts.is_result,
        DoseProblem.UNIT_UNKNOWN: a_dose and facts.unit is None,
        DoseProblem.NOT_GY: a_dose and facts.unit is DoseUnit.RELATIVE,
        DoseProblem.NON_LINEAR_TRANSFORM: bent,
        DoseProblem.SHEARED: volume.shape is not None and volume.grid is None and not bent,
        DoseProblem.TOO_LARGE: facts.sent_bytes > limit_bytes,
    }
    return tuple(problem for problem, is_there in found.items() if is_there)


def dose_unit_of(node: Node) -> DoseUnit | None:
    """Return the unit of a dose volume's voxels.

    Asked are the node's own attribute, the nearest item above it that tells a unit, and the units
    of its voxels. None if all are silent, or if they do not agree.
    """
    told = {_plain(word) for word in _unit_words(node)} - {_SILENT}
    return _UNITS.get(told.pop()) if len(told) == 1 else None


def study_is_in_gy(node: Node) -> bool:
    """Whether the study that a node is in says that its doses are in Gy."""
    study = study_item_of(node)
    if study is None:
        return False
    word = hierarchy_of(node.GetScene()).GetItemAttribute(study, DOSE_UNIT_NAME)
    return _UNITS.get(_plain(word)) is DoseUnit.GY


def is_comparison_result(node: Node) -> bool:
    """Whether a volume is a map that a comparison has made."""
    return node.GetAttribute(QUANTITY_ATTRIBUTE) is not None


def _plain(word: str | None) -> str:
    return (word or _SILENT).strip().lower()


def _unit_words(node: Node) -> Iterator[str | None]:
    yield node.GetAttribute(DOSE_UNIT_NAME)
    tree, own = hierarchy_of(node.GetScene()), item_of(node)
    items = [] if own is None else [own, *ancestors_of(node)]
    yield next(filter(None, (tree.GetItemAttribute(i, DOSE_UNIT_NAME) for i in items)), None)
    units = node.GetVoxelValueUnits() if node.IsA("vtkMRMLScalarVolumeNode") else None
    yield None if units is None else units.GetCodeValue()
