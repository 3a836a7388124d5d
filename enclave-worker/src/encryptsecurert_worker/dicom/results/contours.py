"""Closed planar contours of a mask, exact to the voxel.

A contour runs half-way between the centres of inside and outside voxels: its vertices are the
midpoints of the voxel sides between the two (marching squares at one half, decided so that
voxels that touch at a corner only are apart).

      . . . . .        o inside, + vertex        A voxel centre lies inside the polygons if and
      . .+o+. .                                  only if the voxel is in the mask, for every
      .+o o o+.                                  slice, also with holes. The area of a closed
      . .+o+. .                                  curve is its voxel count less one half voxel.

A hole is joined to the curve around it by a channel of no width (a keyhole), so that one
polygon says the same under the even-odd rule, the non-zero rule and in programs that fill each
contour by itself; PS3.3 C.8.8.6.3 describes it for CLOSED_PLANAR. The channel is a straight line
to the left from the hole's leftmost vertex, along a row of inside voxels, so it crosses nothing.

Coordinates here are doubled index coordinates (2 i, 2 j): whole numbers, so nothing is rounded
until a polygon is placed in the patient.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.geometry import ImageGrid

MOST_SIDES = 1 << 17  # of a slice's outlines: 80 times those of a real skeleton, and 25 MB of work
_TOP, _RIGHT, _BOTTOM, _LEFT = range(4)  # side of an inside voxel; walked with inside on the right
_MIDPOINT_2X = ((0, -1), (1, 0), (0, 1), (-1, 0))  # (x, y) of a side's midpoint, doubled

IntArray = npt.NDArray[np.int64]


def slice_polygons(mask: npt.NDArray[np.bool_]) -> list[IntArray]:
    """Return the polygons that hold exactly the inside voxels of one slice.

    Parameters
    ----------
    mask : bool (j, i), True inside.

    Returns
    -------
    list of int64 (n, 2)
        Doubled index coordinates (2 i, 2 j) of each polygon's vertices, n >= 4, open (the first
        vertex is not repeated), without vertices on a straight run. Sorted by first voxel.

    Raises
    ------
    EncryptSecureRTError
        E_TOO_LARGE for more than `MOST_SIDES` voxel sides between inside and outside.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return []
    columns = np.flatnonzero(mask.any(axis=0))
    j0, i0 = int(rows[0]), int(columns[0])
    padded = np.pad(mask[j0 : rows[-1] + 1, i0 : columns[-1] + 1], 1)
    changes = np.count_nonzero(padded[1:] != padded[:-1])
    if changes + np.count_nonzero(padded[:, 1:] != padded[:, :-1]) > MOST_SIDES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, "outlines of noise")
    sides = _Sides.of(padded)
    loops = sides.loops()
    if any(not loop.is_outer for loop in loops):
        loops = sides.join_holes(padded, loops)
    offset = np.array([2 * (i0 - 1), 2 * (j0 - 1)])
    return [_without_straight_runs(loop.vertices) + offset for loop in loops]


def to_patient(polygon: IntArray, k: int, grid: ImageGrid) -> npt.NDArray[np.float64]:
    """Return the vertices of a polygon of slice `k` in LPS mm, float64 (n, 3)."""
    matrix = grid.ijk_to_lps
    in_plane: npt.NDArray[np.float64] = (polygon * 0.5) @ matrix[:3, :2].T
    return in_plane + (matrix[:3, 2] * k + matrix[:3, 3])


@dataclass(frozen=True, slots=True)
class _Loop:
    """A closed walk: the numbers of its sides and their midpoints, doubled (x, y)."""

    order: IntArray
    vertices: IntArray

    @property
    def is_outer(self) -> bool:
        """Whether the inside is within the walk; else it is the rim of a hole."""
        x, y = self.vertices[:, 0], self.vertices[:, 1]
        # Shoelace; y points down, so clockwise on the screen (inside on the right) is positive.
        twice_area = (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() + x[-1] * y[0] - x[0] * y[-1]
        return bool(twice_area > 0)


@dataclass(slots=True)
class _Sides:
    """All sides between inside and outside of one padded slice, each with the next one."""

    voxels: list[IntArray]  # by side: the flat voxels that have it, ascending
    starts: IntArray  # by side: the number of the first one
    vertices: IntArray  # (n, 2) midpoints, doubled (x, y)
    following: list[int]

    @classmethod
    def of(cls, padded: npt.NDArray[np.bool_]) -> "_Sides":
        """Find the sides and link each to the one at its end."""
        width = padded.shape[1]
        inside = padded.ravel()
        ahead = (1, width, -1, -width)
        outside = (-width, 1, width, -1)
        # The padding is outside, so what `roll` brings round the ends never meets an inside voxel.
        of_side = [np.flatnonzero(inside & ~np.roll(inside, -step)) for step in outside]
        starts = np.concatenate([[0], np.cumsum([v.size for v in of_side])])

        def number(side: int, at: IntArray) -> IntArray:
            return np.asarray(starts[side] + np.searchsorted(of_side[side], at))

        following, vertices = [], []
        for side, at in enumerate(of_side):
            right_ahead = at + ahead[side]
            left_ahead = right_ahead + outside[side]
            # Where a voxel has no such side its number means nothing, and is not taken.
            turn_right = number((side + 1) % 4, at)
            straight = number(side, right_ahead)
            turn_left = number((side + 3) % 4, left_ahead)
            go = np.where(inside[left_ahead], turn_left, straight)
            following.append(np.where(inside[right_ahead], go, turn_right))
            y, x = np.divmod(at, width)
            vertices.append(np.stack([2 * x, 2 * y], axis=1) + _MIDPOINT_2X[side])
        linked: list[int] = np.concatenate(following).tolist()
        return cls(of_side, starts, np.concatenate(vertices).astype(np.int64), linked)

    def loops(self) -> list[_Loop]:
        """Return every closed walk, in the order of their first side."""
        seen = bytearray(len(self.following))
        found = []
        for start in range(len(self.following)):
            if seen[start]:
                continue
            order, at = [], start
            while not seen[at]:
                seen[at] = 1
                order.append(at)
                at = self.following[at]
            found.append(self._loop(order))
        return found

    def _loop(self, order: list[int]) -> _Loop:
        numbers = np.array(order, np.int64)
        return _Loop(numbers, self.vertices[numbers])

    def join_holes(self, padded: npt.NDArray[np.bool_], loops: list[_Loop]) -> list[_Loop]:
        """Splice each hole into the walk that lies to its left; return the outer walks only."""
        anchors = []
        for loop in loops:
            if not loop.is_outer:
                first = np.lexsort((loop.vertices[:, 1], loop.vertices[:, 0]))[0]
                anchors.append(int(loop.order[first]))
        chain = _Chain(self.following)
        for anchor in anchors:
            x, y = self.vertices[anchor].tolist()
            row = padded[y // 2, : (x + 1) // 2]
            after_outside = int(np.flatnonzero(~row)[-1]) + 1
            voxel = y // 2 * padded.shape[1] + after_outside
            target = int(self.starts[_LEFT] + np.searchsorted(self.voxels[_LEFT], voxel))
            chain.splice(target, anchor)
        joined = []
        for loop in loops:
            if loop.is_outer:
                numbers = np.array(chain.walk(int(loop.order[0])), np.int64)
                joined.append(_Loop(numbers, self.vertices[numbers]))
        return joined


class _Chain:
    """Doubly linked walks over side numbers, in which a walk can be spliced into another."""

    def __init__(self, following: list[int]) -> None:
        self.side = list(range(len(following)))
        self.next = list(following)
        self.previous = [0] * len(following)
        for node, after in enumerate(following):
            self.previous[after] = node

    def _append(self, side: int) -> int:
        self.side.append(side)
        self.next.append(0)
        self.previous.append(0)
        return len(self.side) - 1

    def _link(self, before: int, after: int) -> None:
        self.next[before] = after
        self.previous[after] = before

    def splice(self, target: int, anchor: int) -> None:
        """Go from `target` to `anchor`, once round its walk, back to `target`, then on."""
        onward, last = self.next[target], self.previous[anchor]
        anchor_again, target_again = self._append(anchor), self._append(target)
        self._link(target, anchor)
        self._link(last, anchor_again)
        self._link(anchor_again, target_again)
        self._link(target_again, onward)

    def walk(self, start: int) -> list[int]:
        """Return the side numbers of the walk from `start` until it comes back."""
        sides, at = [self.side[start]], self.next[start]
        while at != start:
            sides.append(self.side[at])
            at = self.next[at]
        return sides


def _without_straight_runs(vertices: IntArray) -> IntArray:
    step = np.concatenate([vertices[1:], vertices[:1]]) - vertices
    before = np.concatenate([step[-1:], step[:-1]])
    turns = (before[:, 0] * step[:, 1] != before[:, 1] * step[:, 0]) | (
        (before * step).sum(axis=1) < 0  # back along the same line: the end of a channel
    )
    kept: IntArray = vertices[turns]
    return kept
