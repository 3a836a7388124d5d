"""Contours in planes as a solid: sections, how they are joined, and where they end.

Between neighbouring planes the level is the linear blend of the two signed distances (shape-based
interpolation: Raya and Udupa, IEEE Trans Med Imaging 9 (1990) 32). Planes more than 1.5 spacings
apart are not joined: there the structure ends, on both sides, as beyond its first and last plane.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dvh.contours import ContourKind, ContourStructure, EndCaps
from encryptsecurert_rt.dvh.distance import Blocks
from encryptsecurert_rt.dvh.lattice import Extent, Lattice, axes_along
from encryptsecurert_rt.dvh.rings import PlaneRegion, plane_region
from encryptsecurert_rt.dvh.solids import MIN_CELL_MM, Layer
from encryptsecurert_rt.dvh.structure import StructureWarning
from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

GAP_SPACINGS = 1.5
_ROUND_STEPS = 6  # layers, at least, of a rounded end
_CELLS_A_RADIUS = 24
_CELLS_A_THICKNESS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A range of w in which the structure is joined from two sections, or goes on with one.

    Attributes
    ----------
    low_mm, high_mm : the range.
    lower, upper : numbers of the sections that are blended from `low_mm` to `high_mm`; the same one
        twice where the structure ends.
    rounded : 0, or the sign of the direction in which a rounded end closes.
    """

    low_mm: float
    high_mm: float
    lower: int
    upper: int
    rounded: int = 0

    def level(self, lower: FloatArray, upper: FloatArray, w_mm: float | FloatArray) -> FloatArray:
        """Return the level at a height, or at one a point, from those of the two sections."""
        t = self.blend(w_mm)
        return np.asarray((1.0 - t) * lower + t * upper + self.inset_mm(w_mm))

    def blend(self, w_mm: float | FloatArray) -> FloatArray:
        """Return the share of the upper section in the level at a height."""
        if self.lower == self.upper:
            return np.zeros_like(w_mm)
        return np.clip((w_mm - self.low_mm) / (self.high_mm - self.low_mm), 0.0, 1.0)

    def inset_mm(self, w_mm: float | FloatArray) -> FloatArray:
        """Return by how much a rounded end has drawn in: a quarter circle of its own length."""
        if not self.rounded:
            return np.zeros_like(w_mm)
        radius = self.high_mm - self.low_mm
        away = w_mm - self.low_mm if self.rounded > 0 else self.high_mm - w_mm
        return np.asarray(radius - np.sqrt(radius**2 - np.clip(away, 0.0, radius) ** 2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContourSolid:
    """Sections of a structure and the spans between them, in the frame of `extent.axes`."""

    sections: tuple[PlaneRegion, ...]
    spans: tuple[Span, ...]
    extent: Extent
    warnings: frozenset[StructureWarning]

    @classmethod
    def of(
        cls, structure: ContourStructure, directions: FloatArray, dose_spacing_mm: FloatArray
    ) -> "ContourSolid":
        """Prepare contours for a grid.

        Parameters
        ----------
        structure : ContourStructure
        directions : float64 (3, 3), the columns are the axes i, j, k of the grid.
        dose_spacing_mm : float64 (3,) along them.

        Raises
        ------
        InvalidInput
            If no contour encloses an area, or a lone plane is to end where it is.
        """
        axes = axes_along(structure.normal_lps, directions)
        sections, heights, warnings = _sections(structure, axes)
        spacing = structure.spacing_mm
        if spacing is None:
            spacing = float(dose_spacing_mm[np.argmax(np.abs(structure.normal_lps @ directions))])
            warnings.add(StructureWarning.THICKNESS_ASSUMED)
        spans, gap = _spans(heights, spacing, structure.end_caps)
        if gap:
            warnings.add(StructureWarning.GAP)
        extent = _extent(axes, sections, spans, spacing, float(dose_spacing_mm.min()))
        return cls(
            sections=tuple(sections), spans=spans, extent=extent, warnings=frozenset(warnings)
        )

    def corners_mm(self) -> FloatArray:
        """Return the vertices of sections (n, 3), which are of the structure however small."""
        return np.concatenate([points for span in self.spans for points in self._ends(span)])

    def _ends(self, span: Span) -> Iterator[FloatArray]:
        ends = [(span.lower, span.low_mm), (span.upper, span.high_mm)]
        if span.rounded:
            ends = ends[:1] if span.rounded > 0 else ends[1:]
        for number, height in ends:
            for member in (m for part in self.sections[number].parts for m in part):
                yield np.column_stack((member[:, :2], np.full(len(member), height)))

    def layers(self, lattice: Lattice, first: int, stop: int) -> Iterator[Layer | None]:
        """Give the layers `first` to `stop`; None where nothing is inside."""
        measured = Measured(self, lattice.u_mm, lattice.v_mm)
        for layer in range(first, stop):
            low, high = float(lattice.w_mm[layer]), float(lattice.w_mm[layer + 1])
            span = self.span_at(0.5 * (low + high))
            if span is None:
                yield None
                continue
            yield Layer(
                lower=measured.section(span.lower),
                upper=measured.section(span.upper),
                blend=(float(span.blend(low)), float(span.blend(high))),
                inset_mm=(float(span.inset_mm(low)), float(span.inset_mm(high))),
            )

    def span_at(self, w_mm: float, tolerance_mm: float = 0.0) -> Span | None:
        """Return the span that holds a height, or None."""
        after = bisect_right(self.spans, w_mm, key=lambda span: span.low_mm)
        for span in self.spans[max(after - 1, 0) : after + 1]:
            if span.low_mm - tolerance_mm <= w_mm <= span.high_mm + tolerance_mm:
                return span
        return None


class Measured:
    """Levels of sections at nodes of their planes, exact only where a span needs it.

    A block of nodes needs it unless, in each span that a section takes part in, both its sections
    are on the same side there, further from their boundaries than the block and a cell more reach.
    """

    def __init__(self, solid: ContourSolid, u_mm: FloatArray, v_mm: FloatArray) -> None:
        self._solid, self._u_mm, self._v_mm = solid, u_mm, v_mm
        self._blocks = Blocks.of(u_mm, v_mm)
        steps = [float(np.diff(nodes).max()) if len(nodes) > 1 else 0.0 for nodes in (u_mm, v_mm)]
        self._reach_mm = self._blocks.reach_mm + float(np.hypot(steps[0], steps[1])) + 1e-9
        self._spans: dict[int, list[Span]] = {}
        for span in solid.spans:
            for number in {span.lower, span.upper}:
                self._spans.setdefault(number, []).append(span)
        self._coarse: dict[int, FloatArray] = {}
        self._exact: dict[int, FloatArray] = {}

    def section(self, number: int) -> FloatArray:
        """Return the level (v, u) of a section; numbers are asked for in rising order."""
        if number not in self._exact:
            for old in [n for n in self._exact if n < number - 1]:
                del self._exact[old]
            self._exact[number] = self._solid.sections[number].at_nodes(
                self._u_mm, self._v_mm, self._needed(number)
            )
        return self._exact[number]

    def _needed(self, number: int) -> BoolArray:
        needed = np.zeros(self._blocks.count, np.bool_)
        for span in self._spans[number]:
            inset = span.high_mm - span.low_mm if span.rounded else 0.0
            lower, upper = self._at_centres(span.lower), self._at_centres(span.upper)
            inside = np.maximum(lower, upper) < -self._reach_mm - inset
            outside = np.minimum(lower, upper) > self._reach_mm
            needed |= ~(inside | outside)
        return needed

    def _at_centres(self, number: int) -> FloatArray:
        if number not in self._coarse:
            self._coarse[number] = (
                self._solid.sections[number].at_nodes(self._blocks.u_mm, self._blocks.v_mm).ravel()
            )
        return self._coarse[number]


def _sections(
    structure: ContourStructure, axes: FloatArray
) -> tuple[list[PlaneRegion], list[float], set[StructureWarning]]:
    """Return the regions of all planes with an area, their heights, and what is odd."""
    sections: list[PlaneRegion] = []
    heights: list[float] = []
    warnings: set[StructureWarning] = set()
    for plane in structure.planes:
        contours = [structure.contours[number] for number in plane.contours]
        rings = [np.ascontiguousarray(contour.ring_lps_mm @ axes[:2].T) for contour in contours]
        xor = any(contour.kind is ContourKind.CLOSED_PLANAR_XOR for contour in contours)
        region = plane_region(rings, xor=xor)
        if region is None or region.degenerate:
            warnings.add(StructureWarning.DEGENERATE_CONTOUR)
        if region is None:
            continue
        if region.overlap:
            warnings.add(StructureWarning.AMBIGUOUS_OVERLAP)
        sections.append(region)
        heights.append(plane.offset_mm)
    if not sections:
        raise InvalidInput("the contours of a structure enclose no area")
    return sections, heights, warnings


def _spans(heights: list[float], spacing_mm: float, caps: EndCaps) -> tuple[tuple[Span, ...], bool]:
    """Join sections, end them at both ends of a run of planes; True if there is a gap."""
    half = 0.5 * spacing_mm
    rounded = 1 if caps is EndCaps.ROUNDED else 0
    spans: list[Span] = []
    gap = False
    for number, height in enumerate(heights):
        joined = number > 0 and height - heights[number - 1] <= GAP_SPACINGS * spacing_mm
        if joined:
            below = heights[number - 1]
            spans.append(Span(low_mm=below, high_mm=height, lower=number - 1, upper=number))
            continue
        gap = gap or number > 0
        if caps is EndCaps.NONE:
            continue
        if number > 0:
            spans.append(_end(heights[number - 1], half, number - 1, rounded))
        spans.append(
            Span(low_mm=height - half, high_mm=height, lower=number, upper=number, rounded=-rounded)
        )
    if caps is not EndCaps.NONE:
        spans.append(_end(heights[-1], half, len(heights) - 1, rounded))
    if not spans:
        raise InvalidInput("a structure without thickness has no volume")
    return tuple(spans), gap


def _end(height_mm: float, half_mm: float, number: int, rounded: int) -> Span:
    return Span(
        low_mm=height_mm, high_mm=height_mm + half_mm, lower=number, upper=number, rounded=rounded
    )


def _extent(
    axes: FloatArray,
    sections: list[PlaneRegion],
    spans: tuple[Span, ...],
    spacing_mm: float,
    dose_step_mm: float,
) -> Extent:
    edges = np.concatenate([m for section in sections for part in section.parts for m in part])
    ends = np.concatenate((edges[:, :2], edges[:, 2:]))
    if not np.ptp(ends, axis=0).all():  # edges that cover each other, all on one line
        raise InvalidInput("the contours of a structure enclose no area")
    heights = [[span.low_mm, span.high_mm] for span in spans]
    rounded = [np.linspace(s.low_mm, s.high_mm, _ROUND_STEPS + 1) for s in spans if s.rounded]
    breaks = np.unique(np.concatenate((np.ravel(heights), *rounded)))
    area_mm2 = sum(max(section.area_mm2, 0.0) for section in sections)
    boundary_mm = sum(section.boundary_mm for section in sections)
    radius_mm = float(np.cbrt(0.75 / np.pi * area_mm2 * spacing_mm))
    thickness_mm = 2.0 * area_mm2 / boundary_mm
    finest = min(dose_step_mm, radius_mm / _CELLS_A_RADIUS, thickness_mm / _CELLS_A_THICKNESS)
    return Extent(
        axes=axes,
        low_mm=np.append(ends.min(axis=0), breaks[0]),
        high_mm=np.append(ends.max(axis=0), breaks[-1]),
        breaks_mm=(np.empty(0), np.empty(0), breaks),
        cell_mm=max(finest, MIN_CELL_MM),
        edges=len(edges),
    )
