"""A thorax with known answers: body, two lungs, skeleton, and what is easily mistaken for them.

    truth     body      elliptic column, cut by the ends of the image
              lungs     two ellipsoids of different shape
              skeleton  spine (cortical shell, spongy inside), sternum rod, six rods of ribs
    decoys    trachea and main bronchi, gas of the stomach, kidneys in contrast phase,
              flat couch (shell and foam) that touches the back

The shapes of one structure are disjoint, so their volumes add; the body's volume holds its
cavities. The anatomy is fixed in LPS mm around the origin; the grid may have any spacing, any
orientation with axial slices, and any length: volumes are those between the ends of the image.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms.shapes import (
    AxialCells,
    Column,
    Ellipsoid,
    Shape,
    Slab,
    axial_cells,
    filled_parts,
)
from encryptsecurert_rt.segmentation.types import Structure

AIR_HU, SOFT_HU, LUNG_HU, CORTICAL_HU, SPONGY_HU = -1000, 40, -840, 700, 220
_KIDNEY_HU, _COUCH_SHELL_HU, _COUCH_FOAM_HU = 230, 60, -900
_NOISE_HU = 12.0  # standard deviation, in the body
_AXIAL_TOLERANCE = 1e-4
_SLICES_AT_ONCE = 8

_BODY = Column(centre_xy_mm=(0.0, 0.0), half_axes_mm=(180.0, 120.0))
_LUNG_LEFT = Ellipsoid(centre_lps_mm=(82.0, 0.0, 30.0), half_axes_mm=(58.0, 78.0, 105.0))
_LUNG_RIGHT = Ellipsoid(centre_lps_mm=(-84.0, -4.0, 22.0), half_axes_mm=(66.0, 84.0, 96.0))
_SPINE = Column(centre_xy_mm=(0.0, 72.0), half_axes_mm=(24.0, 20.0))
_SPONGY = Column(centre_xy_mm=(0.0, 72.0), half_axes_mm=(19.0, 15.0))
_STERNUM = Column(
    centre_xy_mm=(0.0, -104.0), half_axes_mm=(14.0, 5.0), z_from_mm=-60.0, z_to_mm=110.0
)
_RIBS = tuple(
    Ellipsoid(centre_lps_mm=(side * 161.0, y, z), half_axes_mm=(5.0, 36.0, 6.0))
    for side in (1.0, -1.0)
    for y, z in ((0.0, -40.0), (8.0, 20.0), (0.0, 80.0))
)
_TRACHEA = Column(centre_xy_mm=(0.0, 10.0), half_axes_mm=(9.0, 8.5), z_from_mm=40.0)
_BRONCHI = tuple(
    Ellipsoid(centre_lps_mm=(side * 14.0, 10.0, 42.0), half_axes_mm=(16.0, 6.0, 6.0))
    for side in (1.0, -1.0)
)
_STOMACH = Ellipsoid(centre_lps_mm=(70.0, -60.0, -105.0), half_axes_mm=(42.0, 28.0, 20.0))
_KIDNEYS = tuple(
    Ellipsoid(centre_lps_mm=(side * 70.0, 62.0, -130.0), half_axes_mm=(24.0, 22.0, 40.0))
    for side in (1.0, -1.0)
)
_PAINT: tuple[tuple[Shape, int], ...] = (  # later shapes cover earlier ones
    (Slab(x_range_mm=(-215.0, 215.0), y_range_mm=(120.0, 165.0)), _COUCH_SHELL_HU),
    (Slab(x_range_mm=(-212.0, 212.0), y_range_mm=(123.0, 162.0)), _COUCH_FOAM_HU),
    (_BODY, SOFT_HU),
    (_TRACHEA, AIR_HU),
    *((bronchus, AIR_HU) for bronchus in _BRONCHI),
    (_LUNG_LEFT, LUNG_HU),
    (_LUNG_RIGHT, LUNG_HU),
    (_STOMACH, AIR_HU),
    *((kidney, _KIDNEY_HU) for kidney in _KIDNEYS),
    (_SPINE, CORTICAL_HU),
    (_SPONGY, SPONGY_HU),
    (_STERNUM, CORTICAL_HU),
    *((rib, CORTICAL_HU) for rib in _RIBS),
)
_TRUTH: tuple[tuple[Structure, tuple[Column | Ellipsoid, ...]], ...] = (
    (Structure.BODY, (_BODY,)),
    (Structure.LUNG_LEFT, (_LUNG_LEFT,)),
    (Structure.LUNG_RIGHT, (_LUNG_RIGHT,)),
    (Structure.SKELETON, (_SPINE, _STERNUM, *_RIBS)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CtPhantom:
    """A CT and its truth.

    Attributes
    ----------
    hu : int16 (k, j, i).
    grid : where its voxels are.
    truth : bool (k, j, i) of each structure, True where at least half of a voxel is inside.
    volume_cc : closed-form volume between the ends of the image; does not depend on the voxels.
    """

    hu: npt.NDArray[np.int16]
    grid: ImageGrid
    truth: Mapping[Structure, npt.NDArray[np.bool_]]
    volume_cc: Mapping[Structure, float]


def default_phantom_grid(
    *,
    shape: tuple[int, int, int] = (120, 512, 512),
    extent_mm: tuple[float, float, float] = (300.0, 460.8, 460.8),
) -> ImageGrid:
    """Centre a head-first supine grid on the phantom: 2.5 x 0.9 x 0.9 mm unless told otherwise.

    Parameters
    ----------
    shape : (k, j, i) counts.
    extent_mm : (k, j, i) lengths of the image, edge to edge.
    """
    k, j, i = (length / count for length, count in zip(extent_mm, shape, strict=True))
    return ImageGrid(
        shape=shape,
        spacing_mm=(k, j, i),
        origin_lps_mm=(
            -(extent_mm[2] - i) / 2,
            -(extent_mm[1] - j) / 2,
            -(extent_mm[0] - k) / 2,
        ),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )


def ct_phantom(grid: ImageGrid, *, seed: int = 0) -> CtPhantom:
    """Build the phantom on a grid.

    Parameters
    ----------
    grid : ImageGrid
        Slices must be axial (k along z, either way); rows may turn and flip in the plane. The
        body (360 x 240 mm around x = y = 0) should fit; what does not is cut.
    seed : int
        Of the noise in the body.

    Returns
    -------
    CtPhantom

    Raises
    ------
    InvalidInput
        If slices are not axial.
    """
    axes = np.asarray(grid.direction).reshape(3, 3)
    if abs(abs(axes[2, 2]) - 1.0) > _AXIAL_TOLERANCE:
        raise InvalidInput("the phantom needs axial slices")
    noise = np.random.default_rng(seed)
    hu = np.empty(grid.shape, np.int16)
    truth = {structure: np.empty(grid.shape, np.bool_) for structure, _ in _TRUTH}
    for start in range(0, grid.shape[0], _SLICES_AT_ONCE):
        part = slice(start, min(start + _SLICES_AT_ONCE, grid.shape[0]))
        cells = axial_cells(grid, part)
        hu[part] = _paint(cells, noise)
        for structure, shapes in _TRUTH:
            truth[structure][part] = _united(shapes, cells) >= 0.5
    volume_cc = {structure: _closed_form_cc(shapes, grid) for structure, shapes in _TRUTH}
    return CtPhantom(hu=hu, grid=grid, truth=truth, volume_cc=volume_cc)


def _paint(cells: AxialCells, noise: np.random.Generator) -> npt.NDArray[np.int16]:
    hu = np.full(cells.shape, AIR_HU, np.float32)
    body = np.zeros(cells.shape, np.float32)
    for shape, value in _PAINT:
        for where, fraction in filled_parts(shape, cells):
            hu[where] += fraction * (value - hu[where])
            if shape is _BODY:
                body[where] = fraction
    hu += _NOISE_HU * body * noise.standard_normal(cells.shape, np.float32)
    return np.rint(np.maximum(hu, -1024)).astype(np.int16)


def _united(shapes: tuple[Shape, ...], cells: AxialCells) -> npt.NDArray[np.float32]:
    total = np.zeros(cells.shape, np.float32)
    for shape in shapes:
        for where, fraction in filled_parts(shape, cells):
            total[where] += fraction
    return total


def _closed_form_cc(shapes: tuple[Column | Ellipsoid, ...], grid: ImageGrid) -> float:
    first = grid.origin_lps_mm[2]
    last = first + grid.direction[8] * grid.spacing_mm[0] * (grid.shape[0] - 1)
    low, high = min(first, last), max(first, last)
    half = grid.spacing_mm[0] / 2
    return sum(shape.volume_cc(low - half, high + half) for shape in shapes)
