"""What the rings of one plane enclose.

Rule: rings that do not cross combine by even-odd, so a ring in a ring is a hole, and one in the
hole an island. Within one ring even-odd holds too, so a keyhole (a bridge of no width, walked
twice) is a hole as well. Rings of CLOSED_PLANAR contours that cross, so that neither holds the
other, are united, with a warning: a data set cannot say whether that is meant. CLOSEDPLANAR_XOR
contours all combine by even-odd, as the standard says (DICOM PS3.3 C.8.8.6.3). A ring that is there
twice counts once, also if one has points more on the same line, or coordinates rounded otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dvh.distance import grid_distances, polygon_points
from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MAX_PAIR_WORK = 1 << 28  # of points of rings times edges of others that they may meet: seconds
MAX_CROSSING = 64  # rings of a plane that cross others: each is measured on its own
_TOUCH_MM = 1e-6
_SAME_MM = 1e-5
_COPY_MM = 0.02  # rings nowhere further apart are one: what rounding to 0.01 mm leaves of a copy
MAX_RINGS = 2048  # of a plane: each is held against each


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaneRegion:
    """A region of a plane: the even-odd combination of parts, each a union of edge sets.

    Attributes
    ----------
    parts : the members of each part: float64 (m, 4) edges x0 y0 x1 y1, even-odd within a member.
    area_mm2, boundary_mm : about its area, and the length of its boundary: to choose cells by.
    overlap, degenerate : whether rings crossed or were there twice; whether any had no area.
    """

    parts: tuple[tuple[FloatArray, ...], ...]
    area_mm2: float
    boundary_mm: float
    overlap: bool
    degenerate: bool

    def at_points(self, points_mm: FloatArray) -> FloatArray:
        """Return the level (n,) at (n, 2) points: the signed distance where nothing is united."""
        return _combine((polygon_points(m, points_mm) for m in part) for part in self.parts)

    def at_nodes(
        self, u_mm: FloatArray, v_mm: FloatArray, exact: BoolArray | None = None
    ) -> FloatArray:
        """Return the level (v, u) at the nodes of a grid.

        Parameters
        ----------
        u_mm, v_mm : rising coordinates of the nodes.
        exact : of each block of nodes, False where the level at its centre does for all of them.
        """
        return _combine((grid_distances(m, u_mm, v_mm, exact) for m in part) for part in self.parts)


def plane_region(rings_mm: Sequence[FloatArray], *, xor: bool) -> PlaneRegion | None:
    """Combine the rings (n, 2) of one plane; None if none encloses an area.

    Parameters
    ----------
    rings_mm : each without a repeated first point.
    xor : whether all combine by even-odd, crossing or not.

    Raises
    ------
    InvalidInput
        If there are more rings that may meet than can be told apart in seconds.
    """
    thick = [ring for ring in rings_mm if not _is_thin(ring)]
    rings = _without_copies(thick)
    if not rings:
        return None
    edges = [_edges(ring) for ring in rings]
    bounding = [_without_bridges(own) for own in edges]
    crossing: list[tuple[int, int]] = []
    depth = np.zeros(len(rings), np.int64)
    if not xor:
        crossing, depth, is_copy = _relations(rings, bounding)
        if is_copy.any():
            region = plane_region([rings[n] for n in np.flatnonzero(~is_copy)], xor=False)
            degenerate = len(thick) < len(rings_mm)
            return region and replace(region, overlap=True, degenerate=degenerate)
    groups = _groups(len(rings), crossing)
    alone = [edges[group[0]] for group in groups if len(group) == 1]
    united = [tuple(edges[ring] for ring in group) for group in groups if len(group) > 1]
    if sum(map(len, united)) > MAX_CROSSING:
        raise InvalidInput("too many contours of a plane overlap")
    odd = _without_bridges(np.concatenate(alone)) if alone else np.empty((0, 4))
    together = [(odd,)] if len(odd) else []
    if not together and not united:
        return None  # each ring goes to and fro on the same edges
    areas = np.array([abs(_area_mm2(ring)) for ring in rings])
    lengths = [np.hypot(*(edge[:, 2:] - edge[:, :2]).T).sum() for edge in edges]
    return PlaneRegion(
        parts=(*together, *united),
        area_mm2=float((areas * np.where(depth % 2 == 0, 1.0, -1.0)).sum()),
        boundary_mm=float(np.sum(lengths)),
        overlap=len(rings) < len(thick) or bool(united),
        degenerate=len(thick) < len(rings_mm),
    )


def _combine(parts: Iterable[Iterable[FloatArray]]) -> FloatArray:
    """Unite the members of each part (minimum), and combine the parts by even-odd.

    One after the other: the levels of a section's nodes are many, and not all of them are kept.
    """
    return reduce(_even_odd, (reduce(np.minimum, members) for members in parts))


def _even_odd(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(np.minimum(one, other), -np.maximum(one, other)))


def _edges(ring: FloatArray) -> FloatArray:
    return np.hstack((ring, np.roll(ring, -1, axis=0)))


def _area_mm2(ring: FloatArray) -> float:
    x, y = (ring - ring[0]).T
    return 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))


def _is_thin(ring: FloatArray) -> bool:
    """Whether all points lie on one line."""
    away = ring - ring[0]
    far = away[np.argmax((away**2).sum(axis=1))]
    length = float(np.hypot(*far))
    across = np.abs(away[:, 0] * far[1] - away[:, 1] * far[0])
    return bool(across.max() <= _TOUCH_MM * length)


def _without_copies(rings: list[FloatArray]) -> list[FloatArray]:
    """Keep one of rings with the same points: by even-odd two would be none."""
    seen: dict[bytes, FloatArray] = {}
    for ring in rings:
        steps = np.round(ring / _SAME_MM).astype(np.int64)
        order = np.lexsort(steps.T)
        seen.setdefault(steps[order].tobytes(), ring)
    return list(seen.values())


def _without_bridges(edges: FloatArray) -> FloatArray:
    """Leave out what bounds nothing: edges without length, or walked an even number of times."""
    edges = edges[(edges[:, :2] != edges[:, 2:]).any(axis=1)]
    if not len(edges):
        return edges
    steps = np.round(edges / _SAME_MM).astype(np.int64)
    swap = (steps[:, 0] > steps[:, 2]) | (
        (steps[:, 0] == steps[:, 2]) & (steps[:, 1] > steps[:, 3])
    )
    steps[swap] = steps[swap][:, [2, 3, 0, 1]]
    order = np.lexsort(steps.T)
    first = np.concatenate(([True], (np.diff(steps[order], axis=0) != 0).any(axis=1)))
    starts = np.flatnonzero(first)
    odd = np.diff(np.append(starts, len(edges))) % 2 == 1
    return np.ascontiguousarray(edges[np.sort(order[starts[odd]])])


def _relations(
    rings: list[FloatArray], edges: list[FloatArray]
) -> tuple[list[tuple[int, int]], npt.NDArray[np.int64], BoolArray]:
    """Return which rings cross, in how many others each lies, and which copies an earlier one.

    `edges` are those of each ring that bound something: a bridge to a hole may lead through others.
    """
    if len(rings) > MAX_RINGS:
        raise InvalidInput("too many contours of a plane may meet")
    low = np.array([ring.min(axis=0) for ring in rings])
    high = np.array([ring.max(axis=0) for ring in rings])
    meet: BoolArray = np.all((low[:, None] <= high[None]) & (low[None] <= high[:, None]), axis=2)
    meet[np.diag_indices(len(rings))] = False
    counts = np.array([len(ring) for ring in rings], dtype=np.float64)
    if counts @ meet @ counts > MAX_PAIR_WORK:
        raise InvalidInput("too many contours of a plane may meet")
    crossing: list[tuple[int, int]] = []
    depth = np.zeros(len(rings), np.int64)
    along = np.zeros_like(meet)
    left = MAX_PAIR_WORK
    for ring in range(len(rings)):
        others = np.flatnonzero(meet[ring])
        others = others[[len(edges[other]) > 0 for other in others]]
        if not others.size or not len(edges[ring]):
            continue
        least, most, work = _reach([edges[other] for other in others], edges[ring], left)
        left -= work
        crosses = (least < -_TOUCH_MM) & (most > _TOUCH_MM)
        crossing.extend((ring, int(other)) for other in others[crosses])
        depth[others] += ~crosses & (least < -_TOUCH_MM)
        along[ring, others] = (least >= -_COPY_MM) & (most <= _COPY_MM)
    return crossing, depth, np.asarray(np.triu(along & along.T, 1).any(axis=0))


def _reach(
    others: list[FloatArray], edges: FloatArray, most_work: int
) -> tuple[FloatArray, FloatArray, int]:
    """Return the least and the greatest level to a ring that points of each other ring have.

    Their points are vertices, and where an edge may meet the ring also the middles of the pieces
    into which it is divided there: they tell sides where rings share points or parts of edges. How
    many middles were held against how many edges is returned too, and is at most `most_work`.
    """
    starts = np.concatenate(([0], np.cumsum([len(other) for other in others])))
    every = np.concatenate(others)
    levels = polygon_points(edges, np.ascontiguousarray(every[:, :2]))
    ends = polygon_points(edges, np.ascontiguousarray(every[:, 2:]))
    nearest = np.minimum(np.abs(levels), np.abs(ends))
    lengths = np.hypot(every[:, 2] - every[:, 0], every[:, 3] - every[:, 1])
    least = np.minimum.reduceat(levels, starts[:-1])
    most = np.maximum.reduceat(levels, starts[:-1])
    work = 0
    for near in np.flatnonzero((nearest <= 0.5 * lengths) & (lengths > _TOUCH_MM)):
        whose = int(np.searchsorted(starts, near, side="right")) - 1
        if least[whose] < -_COPY_MM and most[whose] > _COPY_MM:
            continue
        middles = _middles_of_pieces(every[near], edges)
        work += len(middles) * len(edges)
        if work > most_work:  # as many pieces as edges, and that for each edge
            raise InvalidInput("too many contours of a plane may meet")
        between = polygon_points(edges, middles)
        least[whose] = min(least[whose], float(between.min()))
        most[whose] = max(most[whose], float(between.max()))
    return least, most, work


def _middles_of_pieces(edge: FloatArray, others: FloatArray) -> FloatArray:
    """Divide an edge where it meets others, and return the middles (n, 2) of its pieces."""
    start, along = edge[:2], edge[2:] - edge[:2]
    x, y = others[:, 0] - start[0], others[:, 1] - start[1]
    dx, dy = others[:, 2] - others[:, 0], others[:, 3] - others[:, 1]
    turn = along[0] * dy - along[1] * dx
    with np.errstate(divide="ignore", invalid="ignore"):  # parallel ones meet nowhere, or all along
        met = (x * dy - y * dx) / turn
        of_other = (x * along[1] - y * along[0]) / turn
    met = met[(of_other >= -_TOUCH_MM) & (of_other <= 1.0 + _TOUCH_MM)]
    beside = np.abs(along[0] * y - along[1] * x) <= _TOUCH_MM * np.hypot(along[0], along[1])
    at_points = ((along[0] * x + along[1] * y) / (along @ along))[beside]
    cuts = np.concatenate(([0.0, 1.0], met, at_points))
    cuts = np.unique(cuts[(cuts >= 0.0) & (cuts <= 1.0)])
    return np.asarray(start + 0.5 * (cuts[1:] + cuts[:-1])[:, None] * along)


def _groups(count: int, crossing: list[tuple[int, int]]) -> list[list[int]]:
    """Return the connected components of what crosses."""
    root = list(range(count))
    for a, b in crossing:
        old, new = sorted((root[a], root[b]), reverse=True)
        root = [new if r == old else r for r in root]
    return [[i for i in range(count) if root[i] == r] for r in sorted(set(root))]
