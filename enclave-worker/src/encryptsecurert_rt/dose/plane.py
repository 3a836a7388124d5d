"""Measured dose: planes of an array or a film, and single points, beside a calculated dose.

A measured plane is a `DoseGrid` with one slice (an RTDOSE of one frame is one too): comparisons of
grids take it as the reference. Points of a detector list have no grid; they are compared one by
one. A list that fills a regular lattice can be made a plane, which gamma of a plane needs.
"""

from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.dose.agreement import (
    AgreementSearch,
    StateArray,
    distance_to_agreement_at,
)
from encryptsecurert_rt.dose.grid import LEAST_NORM_GY, MAX_DOSE_GY, DoseGrid, FloatArray
from encryptsecurert_rt.dose.sampling import sample_dose
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import MAX_ORIGIN_MM, ImageGrid

MAX_POINTS = 1_000_000
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredPoints:
    """Doses measured at single points.

    Attributes
    ----------
    points_lps_mm : float64 (n, 3), within 1e6 mm, in the frame of reference of the calculated dose.
    dose_gy : float64 (n,), 0 to 1e9 Gy.
    """

    points_lps_mm: FloatArray
    dose_gy: FloatArray

    def __post_init__(self) -> None:
        if self.points_lps_mm.dtype != np.float64 or self.dose_gy.dtype != np.float64:
            raise InvalidInput("measured points must be float64")
        if self.dose_gy.ndim != 1 or self.points_lps_mm.shape != (self.dose_gy.size, 3):
            raise InvalidInput("measured points must be (n, 3), one for each dose")
        if not 1 <= self.dose_gy.size <= MAX_POINTS:
            raise InvalidInput("measured points must be 1 to a million")
        # NaN is not within either.
        if not (np.abs(self.points_lps_mm) <= MAX_ORIGIN_MM).all():
            raise InvalidInput("measured points must lie within 1e6 mm")
        if not np.isfinite(self.dose_gy).all():
            raise InvalidInput("a measured dose must be finite")
        if self.dose_gy.min() < 0.0:
            raise InvalidInput("a measured dose must not be negative")
        if self.dose_gy.max() > MAX_DOSE_GY:
            raise InvalidInput("a measured dose must be at most 1e9 Gy")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointComparison:
    """Calculated against measured dose at each point; the measured dose is the reference.

    Attributes
    ----------
    calculated_gy : float64 (n,), NaN outside the calculated dose.
    difference_gy : calculated minus measured, NaN outside.
    difference_percent : of the measured dose there; NaN outside and where that is below 1e-12 Gy.
    distance_mm, state : distance to agreement, as `AgreementMap`.
    """

    calculated_gy: FloatArray
    difference_gy: FloatArray
    difference_percent: FloatArray
    distance_mm: FloatArray
    state: StateArray

    @property
    def outside(self) -> int:
        """How many points lie outside the calculated dose."""
        return int(np.isnan(self.calculated_gy).sum())


def compare_points(
    measured: MeasuredPoints, calculated: DoseGrid, *, search: AgreementSearch | None = None
) -> PointComparison:
    """Return how a calculated dose differs from measured points, in dose and in distance."""
    dose_gy = sample_dose(calculated, measured.points_lps_mm)
    difference = dose_gy - measured.dose_gy
    percent = np.full(difference.shape, np.nan)
    there = measured.dose_gy >= LEAST_NORM_GY
    np.divide(100.0 * difference, measured.dose_gy, out=percent, where=there)
    distance, state = distance_to_agreement_at(
        measured.points_lps_mm, measured.dose_gy, calculated, search=search
    )
    return PointComparison(
        calculated_gy=dose_gy,
        difference_gy=difference,
        difference_percent=percent,
        distance_mm=distance,
        state=state,
    )


def plane_grid(
    rows: int,
    columns: int,
    *,
    origin_lps_mm: Vector,
    along_row: Vector,
    along_column: Vector,
    spacing_mm: tuple[float, float],
) -> ImageGrid:
    """Return the grid of a plane.

    Parameters
    ----------
    rows, columns : counts.
    origin_lps_mm : centre of the first value.
    along_row : unit vector from a value to the next one in its row.
    along_column : unit vector from a row to the next one, at right angles to the other.
    spacing_mm : (of rows, of values in a row).

    Raises
    ------
    InvalidInput
        If the vectors are not of unit length and at right angles.
    """
    across = np.cross(along_row, along_column)
    directions = np.stack([along_row, along_column, across], axis=1)
    row_mm, column_mm = spacing_mm
    return ImageGrid(
        shape=(1, rows, columns),
        # The third spacing has no meaning in a plane; any allowed one would do.
        spacing_mm=(min(row_mm, column_mm), row_mm, column_mm),
        origin_lps_mm=origin_lps_mm,
        direction=tuple(float(x) for x in directions.ravel()),
    )


_LATTICE_TOLERANCE_MM = 0.01


def plane_of_points(measured: MeasuredPoints) -> DoseGrid:
    """Return the plane that measured points fill, one at each node, in one of the main planes.

    Raises
    ------
    InvalidInput
        If they do not share one coordinate, or do not fill an evenly spaced rectangle, within
        0.01 mm.
    """
    points = measured.points_lps_mm
    extent = points.max(axis=0) - points.min(axis=0)
    flat = np.flatnonzero(extent <= _LATTICE_TOLERANCE_MM)
    if flat.size != 1:
        raise InvalidInput("the points are not in one main plane")
    row_axis, column_axis = (axis for axis in (2, 1, 0) if axis != flat[0])
    row, row_mm, rows = _lattice(points[:, row_axis])
    column, column_mm, columns = _lattice(points[:, column_axis])
    node = row * columns + column
    if node.size != rows * columns or np.unique(node).size != node.size:
        raise InvalidInput("the points do not fill a rectangle, one at each node")
    dose = np.empty(rows * columns)
    dose[node] = measured.dose_gy
    origin = points.min(axis=0)
    origin[flat[0]] = points[:, flat[0]].mean()
    unit = np.eye(3)
    grid = plane_grid(
        rows,
        columns,
        origin_lps_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        along_row=tuple(unit[column_axis]),
        along_column=tuple(unit[row_axis]),
        spacing_mm=(row_mm, column_mm),
    )
    return DoseGrid(dose_gy=dose.reshape(1, rows, columns), grid=grid)


def _lattice(
    position_mm: FloatArray,
) -> tuple["np.ndarray[tuple[int], np.dtype[np.int64]]", float, int]:
    """Return (number of each position on an even lattice, its step, how many steps plus one)."""
    low, high = float(position_mm.min()), float(position_mm.max())
    ordered = np.sort(position_mm)
    gaps = np.diff(ordered)
    gaps = gaps[gaps > _LATTICE_TOLERANCE_MM]
    if not gaps.size:
        raise InvalidInput("the points are not evenly spaced")
    count = int(np.rint((high - low) / gaps.min())) + 1
    step = (high - low) / (count - 1)
    number = np.rint((position_mm - low) / step).astype(np.int64)
    if np.abs(low + number * step - position_mm).max() > _LATTICE_TOLERANCE_MM:
        raise InvalidInput("the points are not evenly spaced")
    return number, step, count
