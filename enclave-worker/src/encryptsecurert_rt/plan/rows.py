"""What a check says: one row for each thing that was compared, and how the whole came out.

A row tells the worst of what it covers, and how many values were compared, were not since a side
does not know them, and are beyond tolerance. Control points that differ have rows of their own.
"""

from dataclasses import dataclass
from enum import Enum

# Of decimal strings as binary numbers, and of sums of them: far below anything that a plan says.
ROUNDING = 1e-9
MAX_POINTS = 20_000  # rows of single control points; the others are counted


class Verdict(Enum):
    """What a row comes to."""

    WITHIN = "within"
    BEYOND = "beyond"
    TOLD = "told"  # there is no tolerance for it
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    Attributes
    ----------
    what : a fixed word, for leaves and jaws with their device behind a point.
    beam, group, fraction : numbers of the reference, as far as they matter.
    point : control point of the reference, or sample of a log, from 0: where the worst is.
    bank, leaf : 1 or 2, and from 1: which leaf or jaw that is.
    expected, found : numbers, or defined terms where `unit` is `word`; None is unknown.
    difference : found - expected, of angles the short way round; or the statistic itself.
    tolerance : the last difference that is within, None if there is none.
    """

    what: str
    unit: str
    verdict: Verdict
    beam: int | None = None
    group: int | None = None
    fraction: int | None = None
    point: int | None = None
    bank: int | None = None
    leaf: int | None = None
    expected: float | str | None = None
    found: float | str | None = None
    difference: float | None = None
    tolerance: float | None = None
    compared: int = 0
    not_compared: int = 0
    beyond: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCheck:
    """The outcome of one comparison.

    Attributes
    ----------
    rows : everything that was compared or could not be.
    points : control points that differ, in their order; `points_left_out` more do.
    """

    rows: tuple[Row, ...]
    points: tuple[Row, ...]
    points_left_out: int

    def count(self, verdict: Verdict) -> int:
        """Return how many rows have a verdict."""
        return sum(row.verdict is verdict for row in self.rows)

    @property
    def verdict(self) -> Verdict:
        """Beyond if any row is; within if something was compared and nothing is beyond."""
        for verdict in (Verdict.BEYOND, Verdict.WITHIN, Verdict.TOLD):
            if self.count(verdict):
                return verdict
        return Verdict.NOT_COMPARED


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which beam of what a row is about."""

    beam: int | None = None
    group: int | None = None
    fraction: int | None = None


def judged(difference: float, tolerance: float | None) -> Verdict:
    """Return whether a difference is within a tolerance."""
    if tolerance is None:
        return Verdict.TOLD
    return Verdict.WITHIN if abs(difference) <= tolerance + ROUNDING else Verdict.BEYOND
