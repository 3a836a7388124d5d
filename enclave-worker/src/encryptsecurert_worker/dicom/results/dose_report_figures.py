"""Which figures of a dose comparison a report shows, in groups, each with concept and unit."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from encryptsecurert_protocol.dose_parts import AgreementPart, GammaPart, Tg218Part
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.dvh_parts import DvhFigures, DvhPart
from encryptsecurert_worker.dicom.results.dose_vocabulary import (
    EVALUATED_DOSE,
    MAXIMUM_DOSE,
    MEAN_DOSE,
    MINIMUM_DOSE,
    REFERENCE_DOSE,
    STRUCTURE,
    UNITS,
    VOLUME,
    own_code,
)
from encryptsecurert_worker.dicom.results.vocabulary import CodedTerm

_GRID = own_code("dose_grid", "Dose grid of the reference")
_DOSE = own_code("dose", "Dose of a histogram")
# The unit of a figure is in its name; a figure without one has unit 1.
_UNIT = re.compile(r"_(percent|gy|mm|cc)(?=_|$)")
_UNITS = {"percent": "%", "gy": "Gy", "mm": "mm", "cc": "cc"}


class Shown(Enum):
    """Which of the two doses a group is about."""

    BOTH = "both"
    REFERENCE = "reference"
    EVALUATED = "evaluated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number; `unit` is a key of `UNITS`."""

    concept: CodedTerm
    value: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureGroup:
    """What is told of the whole grid (`number` None) or of a structure.

    Attributes
    ----------
    label : `whole grid` or `ROI <number>`.
    finding : what the group is of.
    evaluations : (name, value) as codes.
    """

    number: int | None
    finding: CodedTerm
    shown: Shown
    figures: tuple[Figure, ...]
    evaluations: tuple[tuple[CodedTerm, CodedTerm], ...] = ()

    @property
    def label(self) -> str:
        """What a reader is shown."""
        return "whole grid" if self.number is None else f"ROI {self.number}"


def groups_of(comparison: DoseComparison) -> list[FigureGroup]:
    """Return the groups of a report: the whole grid, structures, histograms."""
    parts = (
        ("gamma", comparison.gamma),
        ("difference", comparison.difference),
        ("agreement", comparison.agreement),
    )
    asked = [(name, part) for name, part in parts if part is not None]
    whole = [figure for name, part in asked for figure in _figures(name, part.whole)]
    criteria = [figure for _, part in asked for figure in _criteria(part)]
    groups = [
        FigureGroup(
            number=None,
            finding=_GRID,
            shown=Shown.BOTH,
            figures=(*whole, *criteria, *_left_out(comparison)),
            evaluations=(*_modes(comparison.gamma), *_verdict(comparison.tg218)),
        )
    ]
    of_structures: dict[int, list[Figure]] = {}
    for name, part in asked:
        for one in part.structures:
            of_structures.setdefault(one.number, []).extend(_figures(name, one.figures))
    for number, figures in of_structures.items():
        groups.append(
            FigureGroup(number=number, finding=STRUCTURE, shown=Shown.BOTH, figures=tuple(figures))
        )
    for histogram in comparison.dvh or ():
        groups.extend(_histograms(histogram))
    return groups


def _figures(name: str, record: Any) -> Iterator[Figure]:
    """Yield the numbers of a flat record (see `encryptsecurert_protocol.figures`)."""
    for attribute in fields(record):
        value = getattr(record, attribute.name)
        if value is not None:
            yield _own(f"{name}.{attribute.name}", float(value))


def _own(name: str, value: float) -> Figure:
    found = _UNIT.search(name)
    words = _UNIT.sub("", name).replace(".", " ").replace("_", " ")
    unit = "1" if found is None else _UNITS[found.group(1)]
    return Figure(concept=own_code(name, words), value=value, unit=unit)


def _criteria(part: Any) -> Iterator[Figure]:
    if isinstance(part, GammaPart):
        name = "gamma.criterion"
        yield _own(f"{name}.cap", part.options.cap)
    elif isinstance(part, AgreementPart):
        name = "agreement.criterion"
        yield _own(f"{name}.radius_mm", part.options.radius_mm)
    else:
        return
    yield _own(f"{name}.dose_percent", part.options.dose_percent)
    yield _own(f"{name}.distance_mm", part.options.distance_mm)
    yield _own(f"{name}.cutoff_percent", part.options.cutoff_percent)
    yield _own(f"{name}.norm_gy", part.norm_gy)


def _left_out(comparison: DoseComparison) -> Iterator[Figure]:
    """Yield how many structures have no group since they could not be used."""
    if comparison.unusable:
        yield _own("structures.left_out", float(len(comparison.unusable)))


def _modes(gamma: GammaPart | None) -> Iterator[tuple[CodedTerm, CodedTerm]]:
    if gamma is None:
        return
    kinds = (
        ("gamma.normalisation", gamma.options.normalisation.value),
        ("gamma.norm_source", gamma.norm_source),
        ("gamma.mode", gamma.options.mode.value),
        ("gamma.cutoff_of", "either_dose" if gamma.options.either_dose else "reference"),
    )
    for name, value in kinds:
        yield own_code(name, name.replace(".", " ")), own_code(value, value.replace("_", " "))


def _verdict(tg218: Tg218Part | None) -> Iterator[tuple[CodedTerm, CodedTerm]]:
    if tg218 is None:
        return
    verdict = own_code(tg218.verdict, tg218.verdict.replace("_", " "))
    yield own_code("tg218.verdict", "AAPM TG-218 verdict"), verdict
    universal = "yes" if tg218.universal else "no"
    meaning = "Criteria are the universal ones of TG-218"
    yield own_code("tg218.universal", meaning), own_code(universal, universal)


def _histograms(part: DvhPart) -> Iterator[FigureGroup]:
    for shown, dose, found in (
        (Shown.REFERENCE, REFERENCE_DOSE, part.reference),
        (Shown.EVALUATED, EVALUATED_DOSE, part.evaluated),
    ):
        yield FigureGroup(
            number=part.number,
            finding=STRUCTURE,
            shown=shown,
            figures=tuple(_histogram(found)),
            evaluations=((_DOSE, dose),),
        )


def _histogram(found: DvhFigures) -> Iterator[Figure]:
    summary = found.summary
    yield Figure(concept=VOLUME, value=summary.volume_cc, unit="cc")
    yield _own("dvh.covered_fraction", summary.covered_fraction)
    doses: Sequence[tuple[CodedTerm, float | None]] = (
        (MINIMUM_DOSE, summary.minimum_gy),
        (MAXIMUM_DOSE, summary.maximum_gy),
        (MEAN_DOSE, summary.mean_gy),
    )
    for concept, value in doses:
        if value is not None:
            yield Figure(concept=concept, value=value, unit="Gy")
    for metric in found.metrics:
        if metric.value is not None and metric.unit in UNITS:
            concept = own_code(metric.metric, f"{metric.metric} of the histogram"[:64])
            yield Figure(concept=concept, value=metric.value, unit=metric.unit)
