"""Gamma and dose difference as volume nodes beside the reference dose.

    NaN      nothing was evaluated there: stays NaN in the voxels, transparent in the views
    place    the world, where the doses were compared; no transform moves a map afterwards
    values   drawn voxel by voxel: between a point that passes and one that fails lies nothing

Of the two, the difference is in Gy and is marked as a dose for SlicerRT if its study is in Gy;
gamma is no dose. Both say in an attribute what they are, so that neither is compared again.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.dose_colours import (
    Scale,
    add_colours,
    difference_scale,
    gamma_scale,
)
from EncryptSecureRTLib.scene.doses import (
    DIFFERENCE_QUANTITY,
    GAMMA_QUANTITY,
    QUANTITY_ATTRIBUTE,
    study_is_in_gy,
)
from EncryptSecureRTLib.scene.geometry import GridGeometry, image_shape, set_volume_grid
from EncryptSecureRTLib.scene.hierarchy import place_beside
from EncryptSecureRTLib.scene.mrml import Node, Scene, slicer, vtk
from EncryptSecureRTLib.scene.neutral import (
    REF_ATTRIBUTE,
    Kind,
    make_neutral,
    new_ref,
    result_name,
)
from EncryptSecureRTLib.scene.titles import DIFFERENCE_TITLE, GAMMA_TITLE
from EncryptSecureRTLib.scene.volumes import DOSE_ATTRIBUTE

_LEAST_LIMIT_GY = 0.01
_SHARE_IN_RANGE = 0.995  # of the differences; a few voxels at an edge would grey out all others
_CLASS = "vtkMRMLScalarVolumeNode"
Point = tuple[float, float, float]
Code = tuple[str, str, str]  # value, scheme, meaning
_GAMMA_CODES: tuple[Code, Code] = (("gamma", "99ESRT", "gamma index"), ("1", "UCUM", "no units"))
_DIFFERENCE_CODES: tuple[Code, Code] = (
    ("128303", "DCM", "Absorbed Dose"),
    ("Gy", "UCUM", "Gray"),
)


def _refuse(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_RESULT, detail)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GammaMap:
    """Gamma on the grid of the reference dose.

    Attributes
    ----------
    values : float32 (k, j, i), at least 0 or NaN where nothing was evaluated.
    cap : the largest gamma that was looked for, above 1.
    """

    grid: GridGeometry
    values: npt.NDArray[np.float32] = field(repr=False)
    cap: float

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape or self.values.dtype != np.float32:
            raise _refuse("the gamma map has another shape or type")
        if not 1 < self.cap < np.inf or np.isinf(self.values).any() or (self.values < 0).any():
            raise _refuse("the gamma map has values that are no gamma")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DifferenceMap:
    """Evaluated - reference in Gy on the grid of the reference dose.

    Attributes
    ----------
    values_gy : float64 (k, j, i), NaN where nothing was evaluated.
    limit_gy : the difference at the ends of the colours; chosen from the values if None.
    """

    grid: GridGeometry
    values_gy: npt.NDArray[np.float64] = field(repr=False)
    limit_gy: float | None = None

    def __post_init__(self) -> None:
        if self.values_gy.shape != self.grid.shape or self.values_gy.dtype != np.float64:
            raise _refuse("the dose difference has another shape or type")
        if np.isinf(self.values_gy).any() or not (self.limit_gy is None or self.limit_gy > 0):
            raise _refuse("the dose difference has values that are none")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedMap:
    """A map ready to enter a scene: voxels copied, colours and words chosen.

    `range` is the least and the largest value; NaN is neither.
    """

    grid: GridGeometry
    image: Node
    range: tuple[float, float]
    scale: Scale
    quantity: str
    codes: tuple[Code, Code]
    title: str
    label_format: str
    is_dose: bool


def worst_point(gamma: GammaMap, mask: npt.NDArray[np.bool_] | None = None) -> Point | None:
    """Return where gamma is largest, (x, y, z) in LPS mm; the first of several equal ones.

    Parameters
    ----------
    mask : bool (k, j, i), optional
        On the grid of the map: look there only. None is returned if nothing is evaluated there.
    """
    evaluated = ~np.isnan(gamma.values)
    if mask is not None:
        evaluated &= mask
    if not evaluated.any():
        return None
    at = int(np.where(evaluated, gamma.values, -1.0).argmax())
    k, j, i = map(int, np.unravel_index(at, gamma.values.shape))
    x, y, z = (gamma.grid.ijk_to_lps @ (i, j, k, 1.0))[:3].tolist()
    return x, y, z


def prepared_gamma(gamma: GammaMap) -> PreparedMap:
    """Copy a gamma map's voxels for the scene."""
    return PreparedMap(
        grid=gamma.grid,
        image=_image(gamma.values, vtk.VTK_FLOAT),
        range=_range(gamma.values),
        scale=gamma_scale(gamma.cap),
        quantity=GAMMA_QUANTITY,
        codes=_GAMMA_CODES,
        title=GAMMA_TITLE,
        label_format="%.2f",
        is_dose=False,
    )


def prepared_difference(difference: DifferenceMap) -> PreparedMap:
    """Copy a difference's voxels for the scene."""
    limit_gy = difference.limit_gy or _limit_gy(difference.values_gy)
    return PreparedMap(
        grid=difference.grid,
        image=_image(difference.values_gy, vtk.VTK_DOUBLE),
        range=_range(difference.values_gy),
        scale=difference_scale(limit_gy),
        quantity=DIFFERENCE_QUANTITY,
        codes=_DIFFERENCE_CODES,
        title=DIFFERENCE_TITLE,
        label_format="%.3g",
        is_dose=True,
    )


def enter_map(reference: Node, prepared: PreparedMap, into: Node | None = None) -> Node:
    """Put a map into the scene of the reference dose, with display, colours and their legend.

    Parameters
    ----------
    into : vtkMRMLScalarVolumeNode, optional
        One that was chosen and is empty, see `takes_a_map`; else a new one is made.
    """
    scene = reference.GetScene()
    node = into
    if node is None:
        name = result_name(reference, Kind.DOSE, prepared.quantity)
        node = scene.AddNewNodeByClass(_CLASS, scene.GenerateUniqueName(name))
    node.SetAndObserveTransformNodeID(None)
    node.SetAndObserveImageData(prepared.image)
    set_volume_grid(node, prepared.grid)
    node.SetAttribute(REF_ATTRIBUTE, new_ref())
    node.SetAttribute(QUANTITY_ATTRIBUTE, prepared.quantity)
    quantity, unit = (_coded_entry(code) for code in prepared.codes)
    node.SetVoxelValueQuantity(quantity)
    node.SetVoxelValueUnits(unit)
    _add_display(scene, node, prepared)
    place_beside(node, reference)
    if prepared.is_dose and study_is_in_gy(node):
        node.SetAttribute(DOSE_ATTRIBUTE, "1")
    return node


def takes_a_map(node: Node) -> bool:
    """Whether a volume node is a plain one without voxels."""
    return bool(node.GetClassName() == _CLASS and image_shape(node.GetImageData()) is None)


def _limit_gy(values_gy: npt.NDArray[np.float64]) -> float:
    """Return the first of 1, 2, 5, 10, ... times a power of ten that has most differences in it."""
    there = np.abs(values_gy[~np.isnan(values_gy)])
    there = there[there > 0]
    if there.size == 0:
        return _LEAST_LIMIT_GY
    least = max(float(np.quantile(there, _SHARE_IN_RANGE)), _LEAST_LIMIT_GY)
    decade = 10.0 ** np.floor(np.log10(least))
    return float(next(step * decade for step in (1, 2, 5, 10) if step * decade >= least))


def _range(values: npt.NDArray[np.floating]) -> tuple[float, float]:
    there = values[~np.isnan(values)]
    return (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)


def _image(values: npt.NDArray[np.floating], scalar_type: int) -> Node:
    image = vtk.vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.AllocateScalars(scalar_type, 1)
    voxels = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    voxels.reshape(values.shape)[:] = values
    return image


def _coded_entry(code: Code) -> Node:
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(*code)
    return entry


def _add_display(scene: Scene, node: Node, prepared: PreparedMap) -> None:
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    make_neutral(display, Kind.DISPLAY)
    colours = add_colours(scene, prepared.scale)
    display.SetAndObserveColorNodeID(colours.GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(prepared.scale.low, prepared.scale.high)
    display.SetInterpolate(False)
    # Every number is inside: what the threshold leaves out is NaN, which is in no interval.
    display.SetAutoThreshold(False)
    display.SetThreshold(*prepared.range)
    display.SetApplyThreshold(True)
    legend = slicer.vtkMRMLColorLegendDisplayNode()
    make_neutral(legend, Kind.DISPLAY)
    scene.AddNode(legend)
    legend.SetAndObservePrimaryDisplayNode(display)
    legend.SetAndObserveColorNodeID(colours.GetID())
    legend.SetTitleText(prepared.title)
    legend.SetLabelFormat(prepared.label_format)
    node.AddAndObserveDisplayNodeID(legend.GetID())
