"""The figures of a dose comparison: what is told of a map within a region of it.

Doses in Gy, lengths in mm, percentages as `_percent`, other ratios without a suffix. None (null)
stands where nothing was evaluated: never 0, never 100.
"""

from dataclasses import dataclass
from typing import Any

from encryptsecurert_protocol.canonical import fraction_from_text, fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import MAX_INTEGER, Fields

MAX_BINS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaFigures:
    """Gamma within a region of the reference grid.

    Attributes
    ----------
    evaluated : points that have a gamma.
    passed_certain : of these, those proven to be at most 1.
    passed_possible : the same and those whose proven interval holds 1.
    pass_percent_certain, pass_percent_possible : of the evaluated.
    below_cutoff, outside, undefined : points without a gamma: reference dose below the cutoff, no
        evaluated dose there, no local dose to take a percentage of.
    capped : evaluated points above the cap, told as the cap.
    mean, maximum, p99 : of gamma; None of a map that tells pass and fail only.
    above_1_5_percent : of the evaluated, with gamma above 1.5.
    """

    evaluated: int
    passed_certain: int
    passed_possible: int
    pass_percent_certain: float | None
    pass_percent_possible: float | None
    below_cutoff: int
    outside: int
    undefined: int
    capped: int
    mean: float | None
    maximum: float | None
    p99: float | None
    above_1_5_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceFigures:
    """Evaluated - reference in Gy within a region: `points` have one, `outside` have not."""

    points: int
    outside: int
    mean_gy: float | None
    sd_gy: float | None
    rms_gy: float | None
    minimum_gy: float | None
    maximum_gy: float | None
    p2_gy: float | None
    p98_gy: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementFigures:
    """Distance to agreement within a region.

    Attributes
    ----------
    evaluated : points at or above the cutoff, inside the evaluated grid.
    found : of these, those with an equal dose within the radius; mean, p95 and maximum are theirs.
    unfinished : of the evaluated, those whose search ended before a proof.
    passed_certain, passed_possible : by the composite test; possible counts the points whose
        distance is proven to an interval only that holds the criterion.
    pass_percent_certain, pass_percent_possible : of the evaluated.
    """

    evaluated: int
    found: int
    unfinished: int
    mean_mm: float | None
    p95_mm: float | None
    maximum_mm: float | None
    passed_certain: int
    passed_possible: int
    pass_percent_certain: float | None
    pass_percent_possible: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often values fall between two edges: edges ascend and are one more than counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        if len(self.edges) != len(self.counts) + 1 or not rising:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {"edges": [fraction_text(e) for e in self.edges], "counts": list(self.counts)}

    @classmethod
    def from_json(cls, value: object) -> "Histogram":
        """Read the members strictly."""
        fields = Fields(value, ("edges", "counts"))
        return cls(
            edges=tuple(fraction_from_text(e) for e in fields.items("edges", MAX_BINS + 1, 2)),
            counts=tuple(
                Fields({"n": n}, ("n",)).integer("n", 0, MAX_INTEGER)
                for n in fields.items("counts", MAX_BINS, 1)
            ),
        )
