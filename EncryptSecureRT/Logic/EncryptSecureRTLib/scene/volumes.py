"""What a volume node is, read in an instant, and everything that keeps it from being sent.

    volume_facts(node)             what is there; no voxel is looked at
    problems(facts, limit_bytes)   codes of all that is wrong, for the panel to put into words

`voxels.writing_volume` refuses what `problems` names, by the same table: they cannot differ.
"""

import math
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.geometry import (
    GridGeometry,
    ParentTransform,
    image_shape,
    parent_transform,
    volume_grid,
)
from EncryptSecureRTLib.scene.mrml import Node, Scene, nodes_of_class, slicer

INSTANCE_UIDS_ATTRIBUTE = "DICOM.instanceUIDs"
DOSE_ATTRIBUTE = "DicomRtImport.DoseVolume"  # SlicerRT's; a dose is what has it
_SENT_VOXEL_BYTES = 2  # int16, whatever the node holds
_RGB, _RGBA = 3, 4


class VolumeKind(Enum):
    """What the voxels stand for."""

    SCALAR = "scalar"
    LABEL_MAP = "label-map"
    COLOUR = "colour"
    VECTOR = "vector"


class Problem(Enum):
    """Why a volume cannot be sent as a CT; the values are stable."""

    NO_VOLUME = "no-volume"
    EMPTY = "empty"
    LABEL_MAP = "label-map"
    COLOUR = "colour"
    NOT_SCALAR = "not-scalar"
    SEQUENCE = "sequence"
    DOSE = "dose"
    NON_LINEAR_TRANSFORM = "non-linear-transform"
    SHEARED = "sheared"
    TOO_LARGE = "too-large"


PROBLEM_CODES: dict[Problem, ErrorCode] = {
    Problem.NO_VOLUME: ErrorCode.E_PARAMETERS,
    Problem.EMPTY: ErrorCode.E_GEOMETRY,
    Problem.LABEL_MAP: ErrorCode.E_MODALITY,
    Problem.COLOUR: ErrorCode.E_MODALITY,
    Problem.NOT_SCALAR: ErrorCode.E_MODALITY,
    Problem.SEQUENCE: ErrorCode.E_MODALITY,
    Problem.DOSE: ErrorCode.E_MODALITY,
    Problem.NON_LINEAR_TRANSFORM: ErrorCode.E_GEOMETRY,
    Problem.SHEARED: ErrorCode.E_GEOMETRY,
    Problem.TOO_LARGE: ErrorCode.E_TOO_LARGE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFacts:
    """What is known of a volume node without reading voxels.

    Attributes
    ----------
    kind : what the voxels stand for.
    shape : (k, j, i); None if there are no voxels.
    spacing_mm : (k, j, i) of the node itself, before any transform.
    scalar_type : VTK's word for the voxels, e.g. ``short``; empty if there are none.
    size_bytes : octets that the node holds.
    transform : what the node's parents do to it, all taken together.
    grid : where the voxels are in LPS, with a linear transform applied; None if that is no grid.
    is_dose : marked by SlicerRT as a dose.
    is_sequence : the present item of a sequence (4D): its voxels change with the time point.
    instance_uids : how many instances the node says that it was read from.
    """

    kind: VolumeKind
    shape: tuple[int, int, int] | None
    spacing_mm: tuple[float, float, float]
    scalar_type: str
    size_bytes: int
    transform: ParentTransform
    grid: GridGeometry | None
    is_dose: bool
    is_sequence: bool
    instance_uids: int

    @property
    def sent_bytes(self) -> int:
        """Octets of voxels that go to the worker."""
        return math.prod(self.shape) * _SENT_VOXEL_BYTES if self.shape else 0

    @property
    def differs_from_series(self) -> bool:
        """Whether slices were cut off or resampled since the series was read.

        One instance may hold all slices, and a crop within the slices does not change their
        number: False is no proof.
        """
        return self.shape is not None and self.instance_uids not in (0, 1, self.shape[0])


def volume_facts(node: Node) -> VolumeFacts:
    """Return the facts of a vtkMRMLVolumeNode in a scene."""
    image = node.GetImageData()
    shape = image_shape(image)
    spacing_i_mm, spacing_j_mm, spacing_k_mm = node.GetSpacing()
    voxels = None if shape is None else image.GetPointData().GetScalars()
    return VolumeFacts(
        kind=_kind_of(node),
        shape=shape,
        spacing_mm=(spacing_k_mm, spacing_j_mm, spacing_i_mm),
        scalar_type="" if voxels is None else voxels.GetDataTypeAsString(),
        size_bytes=0 if voxels is None else voxels.GetDataSize() * voxels.GetDataTypeSize(),
        transform=parent_transform(node),
        grid=_grid_of(node),
        is_dose=is_dose(node),
        is_sequence=_is_proxy(node, node.GetScene()),
        instance_uids=len(instance_uids_of(node)),
    )


def problems(facts: VolumeFacts | None, limit_bytes: int) -> tuple[Problem, ...]:
    """Return all that keeps a volume from being sent as a CT; nothing means that it can be.

    Parameters
    ----------
    facts : VolumeFacts or None
        None where no volume is chosen.
    limit_bytes : int
        Octets of voxels that the worker takes.
    """
    if facts is None:
        return (Problem.NO_VOLUME,)
    bent = facts.transform is ParentTransform.NON_LINEAR
    found = {
        Problem.EMPTY: facts.shape is None,
        Problem.LABEL_MAP: facts.kind is VolumeKind.LABEL_MAP,
        Problem.COLOUR: facts.kind is VolumeKind.COLOUR,
        Problem.NOT_SCALAR: facts.kind is VolumeKind.VECTOR,
        Problem.SEQUENCE: facts.is_sequence,
        Problem.DOSE: facts.is_dose,
        Problem.NON_LINEAR_TRANSFORM: bent,
        Problem.SHEARED: facts.shape is not None and facts.grid is None and not bent,
        Problem.TOO_LARGE: facts.sent_bytes > limit_bytes,
    }
    return tuple(problem for problem, is_there in found.items() if is_there)


def is_dose(node: Node) -> bool:
    """Whether SlicerRT has marked a node as a dose."""
    return node.GetAttribute(DOSE_ATTRIBUTE) is not None


def instance_uids_of(node: Node) -> tuple[str, ...]:
    """Return the instance UIDs that a volume node was read from, in its order."""
    return tuple((node.GetAttribute(INSTANCE_UIDS_ATTRIBUTE) or "").split())


def _kind_of(node: Node) -> VolumeKind:
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        return VolumeKind.LABEL_MAP
    image = node.GetImageData()
    components = 1 if image is None else image.GetNumberOfScalarComponents()
    if components in (_RGB, _RGBA) and image.GetScalarTypeAsString() == "unsigned char":
        return VolumeKind.COLOUR
    # By the class itself: diffusion and other volumes are subclasses of the scalar one.
    scalar = node.GetClassName() == "vtkMRMLScalarVolumeNode" and components == 1
    return VolumeKind.SCALAR if scalar else VolumeKind.VECTOR


def _grid_of(node: Node) -> GridGeometry | None:
    try:
        return volume_grid(node, apply_transform=True)
    except EncryptSecureRTError:
        return None


def _is_proxy(node: Node, scene: Scene) -> bool:
    browsers = nodes_of_class(scene, "vtkMRMLSequenceBrowserNode")
    return any(browser.IsProxyNodeID(node.GetID()) for browser in browsers)


def voxels_of(node: Node) -> Node:
    """Return the voxels of a scalar volume node (k, j, i) as a view, without a copy."""
    return slicer.util.arrayFromVolume(node)
