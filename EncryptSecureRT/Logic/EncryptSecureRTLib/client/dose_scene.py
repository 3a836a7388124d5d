"""What pictures of a dose comparison are drawn from: volumes along S, P and L.

The evaluated dose is drawn where it was compared: as the reference plus the difference, on the
grid of the reference. So nothing is interpolated here, and a picture shows what was computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from EncryptSecureRTLib.client.dose_outcome import DoseMap, DoseOutcome
from EncryptSecureRTLib.client.grid import VoxelGrid
from EncryptSecureRTLib.client.preview import to_lps
from EncryptSecureRTLib.client.structure_files import Points
from EncryptSecureRTLib.client.structures import Colour

T = TypeVar("T")
Floats = npt.NDArray[np.floating]
_SEEN_SHARE = 0.03  # of the largest dose: what is below is left out at the borders
_MARGIN_MM = 12.0
_NEAR_MM = 1.5  # how far a contour may be from a plane at least, to be drawn on it
# The first six are distinct for most kinds of colour vision (Okabe, Ito 2008).
PALETTE: tuple[Colour, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (106, 61, 154),
    (140, 86, 75),
    (90, 100, 110),
    (0, 130, 140),
    (178, 34, 60),
    (120, 140, 0),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """How structures are called and drawn, by number; never sent anywhere."""

    names: Mapping[int, str] = field(repr=False, default_factory=dict)
    colours: Mapping[int, Colour] = field(default_factory=dict)
    contours: Mapping[int, Sequence[Points]] = field(repr=False, default_factory=dict)

    def name(self, number: int) -> str:
        """Return what a structure is called: `ROI_7` if it has no other name."""
        return self.names.get(number, f"ROI_{number}")

    def colour(self, number: int, place: int) -> Colour:
        """Return the colour of a structure, that of its place in a row if it has none."""
        return self.colours.get(number, PALETTE[place % len(PALETTE)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseScene:
    """Volumes to draw, axes (S, P, L), cut to where there is dose.

    Attributes
    ----------
    volumes : of `reference`, `evaluated`, `difference` and `gamma` those that there are.
    spacing_mm : (S, P, L).
    at : the planes with most points that fail, one for each axis.
    offset : where the cut begins, in whole volumes; `whole` is their shape.
    """

    volumes: Mapping[str, Floats] = field(repr=False)
    spacing_mm: tuple[float, float, float]
    at: tuple[int, int, int]
    offset: tuple[int, int, int]
    whole: tuple[int, int, int]
    outlines: Mapping[int, Sequence[Points]] = field(repr=False)

    def on_plane(self, number: int) -> list[Points]:
        """Return the outlines of a structure on the axial plane: (n, 2), mm along L and P."""
        height_mm = self.at[0] * self.spacing_mm[0]
        near_mm = max(_NEAR_MM, self.spacing_mm[0] / 2)
        outlines = self.outlines.get(number, ())
        heights = sorted({float(np.round(o[:, 0].mean(), 3)) for o in outlines})
        nearest = min(heights, key=lambda h: abs(h - height_mm), default=None)
        if nearest is None or abs(nearest - height_mm) > near_mm:
            return []
        return [
            outline[:, [2, 1]] for outline in outlines if abs(outline[:, 0].mean() - nearest) < 0.01
        ]


def scene_of(outcome: DoseOutcome, reference_gy: Floats | None, labels: Labels) -> DoseScene | None:
    """Return what can be drawn of an outcome, None if there is no map.

    Parameters
    ----------
    reference_gy : float64 (k, j, i), None if only the results are at hand.
    """
    one = outcome.gamma or outcome.difference
    if one is None:
        return None
    grid, found = one.grid, _volumes(outcome, reference_gy)
    order, flips = to_lps(grid.direction)
    turned = {name: np.flip(v.transpose(order), flips) for name, v in found.items()}
    spacing_mm = tuple(grid.spacing_mm[axis] for axis in order)
    box = _box(turned, spacing_mm)
    cut = {name: volume[box] for name, volume in turned.items()}
    offset = tuple(part.start for part in box)
    return DoseScene(
        volumes=cut,
        spacing_mm=_three(spacing_mm),
        at=_worst(cut),
        offset=_three(offset),
        whole=_three(next(iter(turned.values())).shape),
        outlines={
            number: [_placed(c, grid, order, flips, offset) for c in contours]
            for number, contours in labels.contours.items()
        },
    )


def _volumes(outcome: DoseOutcome, reference_gy: Floats | None) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    if reference_gy is not None:
        found["reference"] = reference_gy
        if outcome.difference is not None:
            found["evaluated"] = reference_gy + outcome.difference.values
    for name, one in (("difference", outcome.difference), ("gamma", outcome.gamma)):
        if isinstance(one, DoseMap) and np.isfinite(one.values).any():
            found[name] = one.values
    return found


def _box(volumes: Mapping[str, Floats], spacing_mm: Sequence[float]) -> tuple[slice, slice, slice]:
    """Return the slices around all that is to be seen, with a margin."""
    shape = next(iter(volumes.values())).shape
    seen = np.zeros(shape, np.bool_)
    doses = [volumes[name] for name in ("reference", "evaluated") if name in volumes]
    for dose in doses:
        seen |= np.nan_to_num(dose) > _SEEN_SHARE * float(np.nanmax(dose))
    if not doses:
        for volume in volumes.values():
            seen |= np.nan_to_num(volume) != 0
    parts = []
    for axis, step_mm in enumerate(spacing_mm):
        others = tuple(n for n in range(3) if n != axis)
        used = np.flatnonzero(seen.any(axis=others))
        low, high = (used[0], used[-1]) if used.size else (0, shape[axis] - 1)
        margin = int(np.ceil(_MARGIN_MM / step_mm))
        parts.append(slice(max(0, int(low) - margin), min(shape[axis], int(high) + margin + 1)))
    return parts[0], parts[1], parts[2]


def _worst(volumes: Mapping[str, Floats]) -> tuple[int, int, int]:
    """Return the planes that tell most: most failing points, else most gamma, difference, dose."""
    gamma = volumes.get("gamma")
    failing = np.zeros(()) if gamma is None else np.nan_to_num(gamma) > 1
    if failing.any():
        weight = failing.astype(np.float64)
    elif gamma is not None:
        weight = np.nan_to_num(gamma).astype(np.float64)
    else:
        name = "difference" if "difference" in volumes else "reference"
        weight = np.abs(np.nan_to_num(volumes[name]))
    sums = (weight.sum(axis=tuple(n for n in range(3) if n != axis)) for axis in range(3))
    return _three(tuple(int(one.argmax()) for one in sums))


def _placed(
    points_mm: Points,
    grid: VoxelGrid,
    order: tuple[int, ...],
    flips: tuple[int, ...],
    offset: Sequence[int],
) -> Points:
    """Return points (n, 3) along S, P, L in mm from the centre of the cut's first voxel."""
    axes = np.reshape(grid.direction, (3, 3))
    along = ((points_mm - grid.origin_lps_mm) @ axes)[:, ::-1][:, list(order)]  # k, j, i; S, P, L
    spacing = np.array(grid.spacing_mm)[list(order)]
    size = (np.array(grid.shape)[list(order)] - 1) * spacing
    for axis in flips:
        along[:, axis] = size[axis] - along[:, axis]
    placed: Points = along - np.array(offset) * spacing
    return placed


def _three(values: Sequence[T]) -> tuple[T, T, T]:
    first, second, third = values
    return first, second, third
