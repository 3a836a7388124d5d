"""Structures drawn as closed contours in parallel planes, as an RT Structure Set holds them.

Contours need not lie on planes of the dose, nor be axial: the planes are found from the points.
Which way round a ring runs, and whether its first point is repeated at its end, is no matter.

DICOM PS3.3 C.8.8.6 (ROI Contour Module: Contour Geometric Type, inner and outer contours).
"""

from dataclasses import dataclass, field
from enum import StrEnum, unique

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import MAX_ORIGIN_MM

FloatArray = npt.NDArray[np.float64]

MAX_CONTOURS = 65536
MAX_POINTS = 1 << 22
MAX_EXTENT_MM = 5000.0  # no patient and no couch is longer
MIN_SPACING_MM, MAX_SPACING_MM = 0.05, 100.0
PLANE_TOLERANCE_MM = 0.1  # what rounded coordinates and a tilted patient's decimals leave
SNAP_MM = 0.02  # a normal this near to an axis of the patient is that axis: the rest is jitter
SAME_PLANE_MM = 0.01
_FLAT = 1e-12  # of the variance across a plane against that along it


@unique
class ContourKind(StrEnum):
    """Contour Geometric Type (3006,0042) of contours that enclose an area."""

    CLOSED_PLANAR = "CLOSED_PLANAR"
    CLOSED_PLANAR_XOR = "CLOSEDPLANAR_XOR"

    @classmethod
    def of(cls, geometric_type: str) -> "ContourKind":
        """Return the kind that a data set names.

        Raises
        ------
        InvalidInput
            If such contours enclose nothing: points and open ones.
        """
        try:
            return cls(geometric_type)
        except ValueError:
            raise InvalidInput("a contour is not closed and planar") from None


@unique
class EndCaps(StrEnum):
    """How a structure ends beyond its first and last plane, and on both sides of a gap."""

    HALF_SLICE = "half slice"  # the section of the end plane goes on for half a slice
    NONE = "none"  # it ends at the plane
    ROUNDED = "rounded"  # half a slice too, with an edge rounded by that radius


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlanarContour:
    """One closed ring.

    Attributes
    ----------
    points_lps_mm : float64 (n, 3), n >= 3 without a repeated first point; the last joins the first.
    kind : ContourKind

    Raises
    ------
    InvalidInput
        If it has fewer points, or coordinates that are not finite and within 1e6 mm.
    """

    points_lps_mm: FloatArray
    kind: ContourKind = ContourKind.CLOSED_PLANAR

    def __post_init__(self) -> None:
        points = self.points_lps_mm
        if points.dtype != np.float64 or points.ndim != 2 or points.shape[1] != 3:
            raise InvalidInput("contour points must be float64 triples")
        if not points.size or not np.abs(points).max() <= MAX_ORIGIN_MM:  # NaN fails too
            raise InvalidInput("contour points must be finite and within 1e6 mm")
        if len(self.ring_lps_mm) < 3:
            raise InvalidInput("a contour must have at least three points")

    @property
    def ring_lps_mm(self) -> FloatArray:
        """The points without a repetition of the first one at the end."""
        points = self.points_lps_mm
        closed = len(points) > 1 and np.array_equal(points[0], points[-1])
        return points[:-1] if closed else points


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaneOfContours:
    """One plane: its distance from the origin along the normal, and the numbers of its contours."""

    offset_mm: float
    contours: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContourStructure:
    """A structure given by contours in parallel planes.

    Attributes
    ----------
    contours : of all planes, in any order; at least one.
    end_caps : EndCaps
    slice_spacing_mm : distance of planes, 0.05 to 100. Without it, that of neighbours (the lower
        median); a structure of one plane is then as thick as a slice of the dose, with a warning.
    normal_lps, planes : what the contours say, filled in when made: the unit normal, and the planes
        in rising order along it.

    Raises
    ------
    InvalidInput
        If there is no contour, or they are not planar and parallel, enclose no area, or are too
        many or too large for any patient.
    """

    contours: tuple[PlanarContour, ...]
    end_caps: EndCaps = EndCaps.HALF_SLICE
    slice_spacing_mm: float | None = None
    normal_lps: FloatArray = field(init=False, repr=False)
    planes: tuple[PlaneOfContours, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.contours:
            raise InvalidInput("a structure has no contours")
        if len(self.contours) > MAX_CONTOURS:
            raise InvalidInput("a structure has too many contours")
        if sum(len(contour.points_lps_mm) for contour in self.contours) > MAX_POINTS:
            raise InvalidInput("a structure has too many points")
        spacing = self.slice_spacing_mm
        if spacing is not None and not MIN_SPACING_MM <= spacing <= MAX_SPACING_MM:
            raise InvalidInput("slice spacing must be 0.05 to 100 mm")
        normal, offsets_mm = _fit_planes([contour.ring_lps_mm for contour in self.contours])
        object.__setattr__(self, "normal_lps", normal)
        object.__setattr__(self, "planes", _gather(offsets_mm))

    @property
    def spacing_mm(self) -> float | None:
        """Distance of planes: as given, or the lower median of neighbours; None of a lone plane."""
        if self.slice_spacing_mm is not None or len(self.planes) < 2:
            return self.slice_spacing_mm
        gaps = np.sort(np.diff([plane.offset_mm for plane in self.planes]))
        return float(gaps[(len(gaps) - 1) // 2])


def _fit_planes(rings: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the common unit normal, and each ring's offset along it.

    The normal is the direction in which the points of each ring, about their mean, vary least.
    """
    points = np.concatenate(rings)
    counts = np.array([len(ring) for ring in rings])
    if (np.ptp(points, axis=0) > MAX_EXTENT_MM).any():
        raise InvalidInput("a structure is larger than any patient")
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    means = np.add.reduceat(points, starts) / counts[:, None]
    away = points - np.repeat(means, counts, axis=0)
    variances, directions = np.linalg.eigh(away.T @ away)
    if variances[1] <= _FLAT * variances[2]:
        raise InvalidInput("the contours of a structure enclose no area")
    normal = directions[:, 0]
    axis = int(np.argmax(np.abs(normal)))
    if np.abs(away[:, axis]).max() <= SNAP_MM:
        normal = np.eye(3)[axis]
    if np.abs(away @ normal).max() > PLANE_TOLERANCE_MM:
        raise InvalidInput("the contours of a structure are not in parallel planes")
    normal = normal if normal[axis] > 0.0 else -normal
    return np.asarray(normal), np.asarray(means @ normal)


def _gather(offsets_mm: FloatArray) -> tuple[PlaneOfContours, ...]:
    """Put contours of one plane together, in rising order."""
    planes: list[list[int]] = []
    first = -np.inf
    for contour in np.argsort(offsets_mm, kind="stable"):
        if offsets_mm[contour] > first + SAME_PLANE_MM:
            first = offsets_mm[contour]
            planes.append([])
        planes[-1].append(int(contour))
    return tuple(
        PlaneOfContours(offset_mm=float(offsets_mm[plane].mean()), contours=tuple(sorted(plane)))
        for plane in planes
    )
