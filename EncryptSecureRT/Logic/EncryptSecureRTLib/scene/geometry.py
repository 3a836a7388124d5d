"""Where RAS meets LPS: grids and points of the scene as the wire has them, and back.

    the scene   RAS, IJK-to-RAS matrix of a volume node, parent transforms
    elsewhere   LPS, spacing (k, j, i), origin, direction with the axes i, j, k as columns

The two differ by diag(-1, -1, 1), which is its own inverse; nothing else in the project applies
it. A parent transform moves a node without touching its matrix. A linear one is applied if the
caller says so; a non-linear one bends the grid, and nothing but resampling can express that.

>>> grid = GridGeometry(
...     shape=(40, 512, 512), spacing_mm=(3.0, 0.9, 0.9), origin_lps_mm=(-230.4, -230.4, 12.0),
...     direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
... )
>>> ijk_to_ras(grid)[:3, 3].tolist()
[230.4, 230.4, 12.0]
>>> grid_from_ras(ijk_to_ras(grid), grid.shape) == grid
True
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.mrml import Node, slicer, vtk

Matrix = npt.NDArray[np.float64]
_RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_ORTHONORMAL_TOLERANCE = 1e-4  # as the worker's: what cosines of 6 decimals leave
_LINEAR_HINT = "a transform moves the volume: apply it or remove it"
_NON_LINEAR_HINT = "a non-linear transform bends the volume: harden it, or remove it"


class ParentTransform(Enum):
    """What stands between a node and the world."""

    NONE = "none"
    LINEAR = "linear"
    NON_LINEAR = "non-linear"


def _refuse(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_GEOMETRY, detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridGeometry:
    """A regular grid of voxels in LPS.

    Attributes
    ----------
    shape : (k, j, i) counts, each at least 1.
    spacing_mm : (k, j, i) distances of voxel centres.
    origin_lps_mm : (x, y, z) of the centre of voxel (0, 0, 0).
    direction : 9 numbers, row-major 3 x 3; the columns are the unit vectors of the axes i, j, k
        in LPS, right-handed or left-handed. The order is that of a volume's header on the wire.

    Raises
    ------
    EncryptSecureRTError
        E_GEOMETRY if the numbers are no such grid.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]
    direction: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = (*self.spacing_mm, *self.origin_lps_mm, *self.direction)
        if len(self.shape) != 3 or len(numbers) != 15 or not np.isfinite(numbers).all():
            raise _refuse("a grid needs 3 counts and 15 finite numbers")
        if min(self.shape) < 1 or min(self.spacing_mm) <= 0:
            raise _refuse("a grid needs voxels at a distance from each other")
        if np.abs(self.axes.T @ self.axes - np.eye(3)).max() > _ORTHONORMAL_TOLERANCE:
            raise _refuse("the axes are sheared or not unit vectors")

    @property
    def axes(self) -> Matrix:
        """The direction as a 3 x 3 matrix."""
        return np.asarray(self.direction, np.float64).reshape(3, 3)

    @property
    def is_right_handed(self) -> bool:
        """Whether i x j points along k."""
        return bool(np.linalg.det(self.axes) > 0)

    @property
    def ijk_to_lps(self) -> Matrix:
        """4 x 4 matrix that takes (i, j, k, 1) to (x, y, z, 1) in LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes * self.spacing_mm[::-1]
        matrix[:3, 3] = self.origin_lps_mm
        return matrix

    def with_slices_reversed(self) -> "GridGeometry":
        """Return the same voxels numbered from the other end along k: the other handedness."""
        matrix = self.ijk_to_lps
        matrix[:3, 3] += matrix[:3, 2] * (self.shape[0] - 1)
        matrix[:3, 2] *= -1
        return _grid(matrix, self.shape)


def _grid(ijk_to_lps: Matrix, shape: tuple[int, int, int]) -> GridGeometry:
    columns = ijk_to_lps[:3, :3]
    lengths_mm = np.linalg.norm(columns, axis=0)
    if not np.isfinite(ijk_to_lps).all() or not lengths_mm.all():
        raise _refuse("an axis has no length")
    spacing_i_mm, spacing_j_mm, spacing_k_mm = lengths_mm.tolist()
    x, y, z = (ijk_to_lps[:3, 3] + 0.0).tolist()  # plus zero: -0.0 and 0.0 are one place
    return GridGeometry(
        shape=shape,
        spacing_mm=(spacing_k_mm, spacing_j_mm, spacing_i_mm),
        origin_lps_mm=(x, y, z),
        direction=tuple((columns / lengths_mm + 0.0).ravel().tolist()),
    )


def grid_from_ras(ijk_to_ras: Matrix, shape: tuple[int, int, int]) -> GridGeometry:
    """Return the grid of a 4 x 4 IJK-to-RAS matrix in mm.

    Raises
    ------
    EncryptSecureRTError
        E_GEOMETRY if the matrix is not a rotation (or reflection) with a spacing for each axis.
    """
    return _grid(_RAS_LPS @ np.asarray(ijk_to_ras, np.float64), shape)


def ijk_to_ras(grid: GridGeometry) -> Matrix:
    """Return the 4 x 4 matrix in mm that the scene has for a grid."""
    matrix: Matrix = _RAS_LPS @ grid.ijk_to_lps + 0.0
    return matrix


def lps_from_ras(points: npt.ArrayLike) -> Matrix:
    """Return points (n, 3) of the scene in LPS; RAS from LPS is the same operation."""
    turned: Matrix = np.asarray(points, np.float64).reshape(-1, 3) * (-1.0, -1.0, 1.0) + 0.0
    return turned


ras_from_lps = lps_from_ras


def parent_transform(node: Node) -> ParentTransform:
    """Return what moves a transformable node, all its parents taken together."""
    parent = node.GetParentTransformNode()
    if parent is None:
        return ParentTransform.NONE
    linear = parent.IsTransformToWorldLinear()
    return ParentTransform.LINEAR if linear else ParentTransform.NON_LINEAR


def volume_grid(node: Node, *, apply_transform: bool) -> GridGeometry:
    """Return where the voxels of a volume node are, in the array order of `arrayFromVolume`.

    Parameters
    ----------
    node : vtkMRMLVolumeNode
    apply_transform : bool
        What to do with a linear parent transform: apply it, or refuse the volume. Whoever
        applies it tells the user, by `parent_transform`.

    Raises
    ------
    EncryptSecureRTError
        E_GEOMETRY: no voxels, a transform that is not to be applied or is not linear, or a
        result that is sheared. The detail says what to do.
    """
    image = node.GetImageData()
    shape = image_shape(image)
    if shape is None:
        raise _refuse("the volume has no voxels")
    transform = parent_transform(node)
    if transform is ParentTransform.NON_LINEAR:
        raise _refuse(_NON_LINEAR_HINT)
    if transform is ParentTransform.LINEAR and not apply_transform:
        raise _refuse(_LINEAR_HINT)
    to_world = _matrix_to_world(node) @ _node_matrix(node)
    # Index (0, 0, 0) is not the first voxel where an image's extent starts elsewhere.
    to_world[:3, 3] = (to_world @ (*image.GetExtent()[::2], 1.0))[:3]
    return grid_from_ras(to_world, shape)


def image_shape(image: Node) -> tuple[int, int, int] | None:
    """Return (k, j, i) of a vtkImageData, None if it is None or empty."""
    if image is None or image.GetNumberOfPoints() == 0:
        return None
    i, j, k = image.GetDimensions()
    return k, j, i


def grid_of_image(node: Node, image: Node) -> GridGeometry:
    """Return where the voxels of a vtkOrientedImageData of a segmentation node are in the world.

    The node's parent transform is applied; it must be linear. Voxel (0, 0, 0) is the first of the
    image's extent, which may begin anywhere.

    Raises
    ------
    EncryptSecureRTError
        E_GEOMETRY if there is no voxel, or the result is sheared.
    """
    shape = image_shape(image)
    if shape is None:
        raise _refuse("the image has no voxels")
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    first = np.eye(4)
    first[:3, 3] = image.GetExtent()[::2]
    return grid_from_ras(_matrix_to_world(node) @ _array(matrix) @ first, shape)


def points_to_world_lps(node: Node, points_ras: Matrix) -> Matrix:
    """Return points (n, 3) of a node's own space in LPS, its linear parent transform applied."""
    to_world = _matrix_to_world(node)
    return lps_from_ras(points_ras @ to_world[:3, :3].T + to_world[:3, 3])


def set_volume_grid(node: Node, grid: GridGeometry) -> None:
    """Put a volume node's voxels where the grid says; its array must have the grid's shape."""
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras(grid)))


def _node_matrix(node: Node) -> Matrix:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return _array(matrix)


def _matrix_to_world(node: Node) -> Matrix:
    matrix = vtk.vtkMatrix4x4()
    parent = node.GetParentTransformNode()
    if parent is not None:
        parent.GetMatrixTransformToWorld(matrix)
    return _array(matrix)


def _array(matrix: Node) -> Matrix:
    values: Matrix = np.asarray(slicer.util.arrayFromVTKMatrix(matrix), np.float64)
    return values
