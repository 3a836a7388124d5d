"""Nodes for tests, with a truth that is told in one line, and bundles written as Slicer does."""

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.mrml import slicer, vtk
from EncryptSecureRTLib.scene.segmentations import DisplaySegment, load_segments
from EncryptSecureRTLib.scene.voxels import SeriesUids, WrittenVolume, writing_volume

Array = npt.NDArray[Any]
AXIAL = np.diag([-0.9, -0.8, 2.5, 1.0])  # IJK to RAS of a CT as scanners make them
AXIAL[:3, 3] = (120.0, 110.0, -300.0)
CT_SHAPE = (6, 5, 4)
T = TypeVar("T")


def refusal_of(code: ErrorCode) -> Any:
    """Expect an error of ours with that code."""
    return pytest.raises(EncryptSecureRTError, check=lambda error: error.code is code)


def numbered(shape: tuple[int, int, int] = CT_SHAPE, dtype: str = "int16") -> Array:
    """Return voxels (k, j, i) of value 100 k + 10 j + i - 200."""
    k, j, i = np.mgrid[: shape[0], : shape[1], : shape[2]]
    values: Array = (100 * k + 10 * j + i - 200).astype(dtype)
    return values


def add_ct(
    scene: Any, array: Array | None = None, matrix: Array = AXIAL, name: str = "CT a3f9c1"
) -> Any:
    """Add a scalar volume node with display and storage; the scene must be `slicer.mrmlScene`."""
    voxels = numbered() if array is None else array
    node = slicer.util.addVolumeFromArray(voxels, ijkToRAS=matrix, name=name)
    assert node.GetScene() is scene
    return node


def rotation(angles_deg: tuple[float, float, float]) -> Array:
    """Return a 3 x 3 rotation about x, then y, then z."""
    turned = np.eye(3)
    for axis, angle in enumerate(np.radians(angles_deg)):
        c, s = np.cos(angle), np.sin(angle)
        a, b = [n for n in range(3) if n != axis]
        one = np.eye(3)
        one[a, a], one[b, b], one[a, b], one[b, a] = c, c, -s, s
        turned = one @ turned
    return turned


def matrix_of(axes: Array, spacing_ijk_mm: tuple[float, float, float], origin: Array) -> Array:
    """Return a 4 x 4 matrix with the columns axes x spacing, and an origin."""
    matrix = np.eye(4)
    matrix[:3, :3] = axes * spacing_ijk_mm
    matrix[:3, 3] = origin
    return matrix


def add_linear_transform(scene: Any, matrix: Array, name: str = "transform b7e2d0") -> Any:
    """Add a linear transform node with a 4 x 4 matrix to its parent, in RAS mm."""
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    return node


def add_bending_transform(scene: Any) -> Any:
    """Add a transform that is not linear: a thin plate spline over five points."""
    spline, source, target = vtk.vtkThinPlateSplineTransform(), vtk.vtkPoints(), vtk.vtkPoints()
    spline.SetBasisToR()
    for n, point in enumerate([(0, 0, 0), (100, 0, 0), (0, 100, 0), (0, 0, 100), (50, 50, 50)]):
        source.InsertNextPoint(*point)
        target.InsertNextPoint(point[0] + 7 * n, point[1] - 3 * n * n, point[2])
    spline.SetSourceLandmarks(source)
    spline.SetTargetLandmarks(target)
    node = scene.AddNewNodeByClass("vtkMRMLTransformNode", "transform c4d1e9")
    node.SetAndObserveTransformToParent(spline)
    return node


def put_under(node: Any, transform: Any) -> None:
    """Make a transform the parent of a node."""
    node.SetAndObserveTransformNodeID(transform.GetID())


def to_the_end(steps: Generator[object, None, T]) -> T:
    """Go through all steps without a pause and return what they come to."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result


def write_volume(node: Any, path: Path, uids: SeriesUids | None = None) -> WrittenVolume:
    """Write a CT volume node; see `writing_volume`."""
    return to_the_end(writing_volume(node, path, uids))


def add_segments(ct: Any, segments: Iterable[DisplaySegment], **options: Any) -> Any:
    """Load the segments onto a CT and return the node; see `load_segments`."""
    return to_the_end(load_segments(ct, segments, **options))


def write_bundle(scene: Any, folder: Path, name: str = "case.mrb") -> Path:
    """Save the scene as an `.mrb` and return it."""
    path = folder / name
    messages = slicer.vtkMRMLMessageCollection()
    assert scene.WriteToMRB(str(path), None, messages), messages.GetAllMessagesAsString()
    return path


def read_bundle(scene: Any, path: Path) -> None:
    """Replace the scene's content by that of a bundle."""
    scene.Clear(False)
    messages = slicer.vtkMRMLMessageCollection()
    assert scene.ReadFromMRB(str(path), True, messages), messages.GetAllMessagesAsString()
