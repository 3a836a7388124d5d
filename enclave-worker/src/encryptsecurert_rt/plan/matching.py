"""Which beam of one plan is which of the other.

By number, and what is left by what the beams do: an export may give new numbers. Two beams may be
the same if radiation and energy are, and they begin and end within a degree and a centimetre of
each other; of all such ways to pair them the one with the least differences is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.optimize import linear_sum_assignment

from encryptsecurert_rt.plan.model import Beam, Plan, Word
from encryptsecurert_rt.plan.points import AXES, FloatArray
from encryptsecurert_rt.plan.sampling import turn

_NEVER = 1e6
_NEAR_DEG, _NEAR_MM, _NEAR_ENERGY = 1.0, 10.0, 0.5
_NAMES = [axis.name for axis in AXES]
_ANGLES = [_NAMES.index(name) for name in ("gantry", "collimator", "couch")]
_ENERGY = _NAMES.index("energy")
_ISOCENTER = [_NAMES.index(f"isocenter_{axis}") for axis in "xyz"]


class BeamMatching(Enum):
    """How beams find each other."""

    NUMBER = "number"
    GEOMETRY = "geometry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Pairs of beams, and what found no other."""

    pairs: tuple[tuple[Beam, Beam], ...]
    missing: tuple[Beam, ...]
    extra: tuple[Beam, ...]


def match_beams(reference: Plan, other: Plan, by: BeamMatching) -> Matched:
    """Pair the beams of two plans, in the order of the reference."""
    found: dict[int, Beam] = {}
    if by is BeamMatching.NUMBER:
        found = {b.number: o for b in reference.beams for o in other.beams if b.number == o.number}
    left = [beam for beam in reference.beams if beam.number not in found]
    taken = {beam.number for beam in found.values()}
    free = [beam for beam in other.beams if beam.number not in taken]
    found |= _by_geometry(left, free)
    taken = {beam.number for beam in found.values()}
    return Matched(
        pairs=tuple((b, found[b.number]) for b in reference.beams if b.number in found),
        missing=tuple(beam for beam in reference.beams if beam.number not in found),
        extra=tuple(beam for beam in other.beams if beam.number not in taken),
    )


def _by_geometry(left: Sequence[Beam], free: Sequence[Beam]) -> dict[int, Beam]:
    if not left or not free:
        return {}
    costs = np.array([[_apart(one, two) for two in free] for one in left])
    rows, columns = linear_sum_assignment(costs)
    return {
        left[i].number: free[j] for i, j in zip(rows, columns, strict=True) if costs[i, j] < _NEVER
    }


def _apart(one: Beam, two: Beam) -> float:
    """Return how much two beams differ where they begin and end, `_NEVER` if they cannot be one.

    Number of control points and leaves do not keep them apart, but decide between equals.
    """
    if one.words.get(Word.RADIATION) != two.words.get(Word.RADIATION):
        return _NEVER
    total = 0.0
    for end in (0, -1):
        first, second = one.points.axes[end], two.points.axes[end]
        angles = np.abs(turn(first[_ANGLES], second[_ANGLES]))
        energy = np.abs(second[_ENERGY] - first[_ENERGY])
        distances = np.abs(second[_ISOCENTER] - first[_ISOCENTER])
        near = angles[0] <= _NEAR_DEG and _all_within(angles, _NEAR_DEG)
        near = near and _all_within(energy, _NEAR_ENERGY) and _all_within(distances, _NEAR_MM)
        if not near:  # also if no gantry angle is known: nothing would speak for it
            return _NEVER
        total += float(np.nansum(angles) + np.nansum(distances))
        total += _leaves_apart(one, two, end)
    return total + 0.01 * abs(len(one.points) - len(two.points))


def _leaves_apart(one: Beam, two: Beam, end: int) -> float:
    total = 0.0
    for device in one.points.devices:
        other = two.points.device(device.kind)
        if other is not None and other.pairs == device.pairs:
            away = np.abs(other.positions_mm[end] - device.positions_mm[end])
            total += float(np.nanmean(away)) if np.isfinite(away).any() else 0.0
    return total


def _all_within(values: FloatArray, most: float) -> bool:
    """Tell whether what is known is near enough."""
    return not bool((np.atleast_1d(values) > most).any())
