"""The parts of a dose comparison that are maps: criteria, the whole grid, each structure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_figures import (
    AgreementFigures,
    DifferenceFigures,
    GammaFigures,
    Histogram,
)
from encryptsecurert_protocol.dose_options import AgreementOptions, GammaOptions
from encryptsecurert_protocol.fields import MAX_INTEGER, Fields
from encryptsecurert_protocol.figures import as_message, read_record, record_json
from encryptsecurert_protocol.structures import MAX_NUMBER, MAX_STRUCTURES

_MAX_DOSE_GY = 1e9
_MAX_DEPARTURES = 16
NORM_SOURCES = ("reference_maximum", "stated")
VERDICTS = (*("within_tolerance", "between", "beyond_action", "undecided", "nothing_evaluated"),)


FiguresT = TypeVar("FiguresT")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfStructure(Generic[FiguresT]):
    """Figures of one structure, by its number."""

    number: int
    figures: FiguresT

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {"number": self.number, "figures": record_json(self.figures)}


def _of_structures(kind: type[FiguresT], fields: Fields) -> tuple[OfStructure[FiguresT], ...]:
    found = []
    for item in fields.items("structures", MAX_STRUCTURES):
        entry = Fields(item, ("number", "figures"))
        figures = read_record(kind, entry.object("figures"))
        found.append(OfStructure(number=entry.integer("number", 1, MAX_NUMBER), figures=figures))
    return tuple(found)


def _histogram(fields: Fields) -> Histogram | None:
    if fields.is_null("histogram"):
        return None
    return Histogram.from_json(fields.object("histogram"))


def _structures_json(structures: Sequence[OfStructure[Any]]) -> list[dict[str, Any]]:
    return [structure.as_json() for structure in structures]


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaPart:
    """Gamma of the comparison.

    Attributes
    ----------
    options : the criteria as asked for.
    norm_gy, norm_source : what a percentage of dose is of, and whence: one of `NORM_SOURCES`.
    words : the criteria in one line, for whoever reads a figure.
    eps : the proven gamma of a point lies in [gamma - eps, gamma]; 0 of voxel centres.
    refined_again : points whose interval held 1, and which were decided in a second search.
    unproven : points for which the work ran out: their gamma is an upper bound only.
    histogram : of gamma over the whole grid, or None of a map of pass and fail.
    """

    options: GammaOptions
    norm_gy: float
    norm_source: str
    words: str
    eps: float
    refined_again: int
    unproven: int
    whole: GammaFigures
    histogram: Histogram | None
    structures: tuple[OfStructure[GammaFigures], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "options": self.options.as_json(),
            "norm_gy": fraction_text(self.norm_gy),
            "norm_source": self.norm_source,
            "words": self.words,
            "eps": fraction_text(self.eps),
            "refined_again": self.refined_again,
            "unproven": self.unproven,
            "whole": record_json(self.whole),
            "histogram": None if self.histogram is None else self.histogram.as_json(),
            "structures": _structures_json(self.structures),
        }

    @classmethod
    def from_json(cls, value: object) -> "GammaPart":
        """Read the members strictly."""
        fields = Fields(
            value,
            (
                *("options", "norm_gy", "norm_source", "words", "eps", "refined_again"),
                *("unproven", "whole", "histogram", "structures"),
            ),
        )
        return cls(
            options=as_message(GammaOptions.from_json, fields.object("options")),
            norm_gy=fields.fraction("norm_gy", 0.0, _MAX_DOSE_GY),
            norm_source=fields.text("norm_source", "|".join(NORM_SOURCES)),
            words=fields.text("words", r"[ -~]{1,200}"),
            eps=fields.fraction("eps", 0.0, 1.0),
            refined_again=fields.integer("refined_again", 0, MAX_INTEGER),
            unproven=fields.integer("unproven", 0, MAX_INTEGER),
            whole=read_record(GammaFigures, fields.object("whole")),
            histogram=_histogram(fields),
            structures=_of_structures(GammaFigures, fields),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferencePart:
    """Evaluated - reference in Gy; the histogram is of the whole grid, None if nothing is there."""

    whole: DifferenceFigures
    histogram: Histogram | None
    structures: tuple[OfStructure[DifferenceFigures], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "whole": record_json(self.whole),
            "histogram": None if self.histogram is None else self.histogram.as_json(),
            "structures": _structures_json(self.structures),
        }

    @classmethod
    def from_json(cls, value: object) -> "DifferencePart":
        """Read the members strictly."""
        fields = Fields(value, ("whole", "histogram", "structures"))
        return cls(
            whole=read_record(DifferenceFigures, fields.object("whole")),
            histogram=_histogram(fields),
            structures=_of_structures(DifferenceFigures, fields),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementPart:
    """Distance to agreement; `norm_gy` and `norm_source` as of gamma."""

    options: AgreementOptions
    norm_gy: float
    norm_source: str
    words: str
    whole: AgreementFigures
    structures: tuple[OfStructure[AgreementFigures], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "options": self.options.as_json(),
            "norm_gy": fraction_text(self.norm_gy),
            "norm_source": self.norm_source,
            "words": self.words,
            "whole": record_json(self.whole),
            "structures": _structures_json(self.structures),
        }

    @classmethod
    def from_json(cls, value: object) -> "AgreementPart":
        """Read the members strictly."""
        fields = Fields(
            value, ("options", "norm_gy", "norm_source", "words", "whole", "structures")
        )
        return cls(
            options=as_message(AgreementOptions.from_json, fields.object("options")),
            norm_gy=fields.fraction("norm_gy", 0.0, _MAX_DOSE_GY),
            norm_source=fields.text("norm_source", "|".join(NORM_SOURCES)),
            words=fields.text("words", r"[ -~]{1,200}"),
            whole=read_record(AgreementFigures, fields.object("whole")),
            structures=_of_structures(AgreementFigures, fields),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tg218Part:
    """The verdict of AAPM TG-218 on the pass rate of the whole grid.

    Attributes
    ----------
    verdict : one of `VERDICTS`.
    departures : in what the comparison differs from the one that the limits are made for, in
        fixed words; empty for the universal criteria.
    tolerance_percent, action_percent : the limits used.
    eps : of the gamma that the verdict rests on; smaller than asked for if it was undecided first.
    """

    verdict: str
    departures: tuple[str, ...]
    tolerance_percent: float
    action_percent: float
    eps: float

    @property
    def universal(self) -> bool:
        """Whether the criteria are the universal ones of TG-218."""
        return not self.departures

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "verdict": self.verdict,
            "departures": list(self.departures),
            "tolerance_percent": fraction_text(self.tolerance_percent),
            "action_percent": fraction_text(self.action_percent),
            "eps": fraction_text(self.eps),
        }

    @classmethod
    def from_json(cls, value: object) -> "Tg218Part":
        """Read the members strictly."""
        fields = Fields(
            value, ("verdict", "departures", "tolerance_percent", "action_percent", "eps")
        )
        return cls(
            verdict=fields.text("verdict", "|".join(VERDICTS)),
            departures=tuple(
                Fields({"d": item}, ("d",)).text("d", r"[ -~]{1,100}")
                for item in fields.items("departures", _MAX_DEPARTURES)
            ),
            tolerance_percent=fields.fraction("tolerance_percent", 0.0, 100.0),
            action_percent=fields.fraction("action_percent", 0.0, 100.0),
            eps=fields.fraction("eps", 0.0, 1.0),
        )
