"""What `dose-compare` found, turned into what the panel shows and what goes into the scene.

The panel's rows have the names that the scene's segments have, also those that a person gave. What
goes into the scene and into files has harmless labels only: TG-263 names, or `ROI_n`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from EncryptSecureRTLib.client.dose_facts import (
    NOTHING,
    difference_facts,
    fixed,
    gamma_facts,
    minus,
    pass_words,
    percent,
    places_of,
    signed,
    verdict_words,
    warning_words,
)
from EncryptSecureRTLib.client.dose_outcome import DoseFound
from EncryptSecureRTLib.client.dose_scene import Labels
from EncryptSecureRTLib.client.dose_tables import metrics_table, structure_numbers
from EncryptSecureRTLib.panel.compared import Compared, ComparedRow
from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.dose_maps import DifferenceMap, GammaMap
from EncryptSecureRTLib.scene.dose_plots import DoseCurve, StructureCurves
from EncryptSecureRTLib.scene.dose_results import DoseResults
from EncryptSecureRTLib.scene.dose_tables import WHOLE_GRID as WHOLE_GRID_LABEL
from EncryptSecureRTLib.scene.dose_tables import ResultColumn, ResultTable
from EncryptSecureRTLib.scene.geometry import GridGeometry
from EncryptSecureRTLib.scene.structure_masks import SegmentFacts

WHOLE_GRID = _("Whole grid")
_FIGURES = ("D95%[Gy]", "D2cc[Gy]")
_HEADS = {
    "pass": _("Pass\n%"),
    "mean": _("Mean\nGy"),
    "D95%[Gy]": _("D95%\nGy"),
    "D2cc[Gy]": _("D2cc\nGy"),
}
Segments = Mapping[int, SegmentFacts]
Pair = tuple[float | None, float | None]


def compared_of(found: DoseFound, segments: Segments) -> Compared:
    """Return words and rows; `segments` are what the numbers stand for, empty if that is lost."""
    comparison = found.comparison
    labels = Labels(
        names={number: one.name for number, one in segments.items()},
        colours={number: one.rgb for number, one in segments.items()},
    )
    verdict, tone = verdict_words(comparison)
    gamma = comparison.gamma
    numbers = structure_numbers(comparison)
    heads = ["pass"] if gamma is not None else []
    if comparison.dvh is not None:
        heads += ["mean", *_FIGURES]
    return Compared(
        rate="" if gamma is None else pass_words(gamma.whole),
        pass_percent=(
            _of(None if gamma is None else gamma.whole, "pass_percent_certain"),
            _of(None if gamma is None else gamma.whole, "pass_percent_possible"),
        ),
        criteria="" if gamma is None else gamma.words,
        verdict=f"TG-218: {verdict}" if verdict else "",
        tone=tone,
        facts=tuple([*gamma_facts(found)[1:], *difference_facts(found)]),
        heads=tuple(_HEADS[head] for head in heads),
        rows=(
            _row(found, None, heads, labels, segments),
            *(_row(found, number, heads, labels, segments) for number in numbers),
        ),
        warnings=tuple(_sentence(warning_words(w, labels)) for w in comparison.warnings),
    )


def _row(
    found: DoseFound, number: int | None, heads: list[str], labels: Labels, segments: Segments
) -> ComparedRow:
    comparison = found.comparison
    places = places_of(comparison)
    gamma = _gamma_of(found, number)
    dvh = _of_number(comparison.dvh or (), number)
    cells = []
    for head in heads:
        match head:
            case "pass":
                cells.append(NOTHING if gamma is None else _rate(gamma))
            case _:
                cells.append(_pair_words(_pair(dvh, head), places))
    known = None if number is None else segments.get(number)
    return ComparedRow(
        label=WHOLE_GRID if number is None else labels.name(number),
        colour=None if known is None else known.rgb,
        segment="" if known is None else known.segment_id,
        below="" if dvh is None else f"{fixed(dvh.reference.summary.volume_cc, 1)} cm³",
        cells=tuple(cells),
        details=() if dvh is None else _details(dvh, labels, places),
    )


def _details(dvh: Any, labels: Labels, places: int) -> tuple[tuple[str, str, str, str], ...]:
    rows = metrics_table(dvh, labels, places).rows
    return tuple((row[0], row[1], row[2], row[3]) for row in rows)


def _gamma_of(found: DoseFound, number: int | None) -> Any:
    part = found.comparison.gamma
    if part is None or number is None:
        return None if part is None else part.whole
    return next((one.figures for one in part.structures if one.number == number), None)


def _of_number(parts: Iterable[Any], number: int | None) -> Any:
    return next((part for part in parts if part.number == number), None)


def _pair(dvh: Any, head: str) -> Pair:
    """Return a figure under the reference and under the evaluated dose."""
    if dvh is None:
        return None, None
    if head == "mean":
        return dvh.reference.summary.mean_gy, dvh.evaluated.summary.mean_gy
    one, other = (_metric(figures, head) for figures in (dvh.reference, dvh.evaluated))
    return one, other


def _metric(figures: Any, name: str) -> float | None:
    return next((metric.value for metric in figures.metrics if metric.metric == name), None)


def _pair_words(pair: Pair, places: int) -> str:
    """Return both values and, below them, evaluated - reference."""
    reference, evaluated = pair
    if reference is None and evaluated is None:
        return NOTHING
    both = f"{fixed(reference, places)} → {fixed(evaluated, places)}"
    return f"{both}\n{signed(minus(evaluated, reference), places)}"


def _rate(gamma: Any) -> str:
    """Return the rate, from proven to possible where they differ, and what it is of."""
    certain, possible = gamma.pass_percent_certain, gamma.pass_percent_possible
    rate = percent(certain)
    if gamma.passed_certain != gamma.passed_possible:
        rate += f" to {percent(possible)}"
    return _("{rate}\nof {count}").format(rate=rate, count=f"{gamma.evaluated:,}")


def _sentence(words: str) -> str:
    return words if words.endswith(".") else f"{words}."


# ---- the scene


def scene_results(found: DoseFound, segments: Segments, labels: Mapping[int, str]) -> DoseResults:
    """Return maps, curves and table for the scene; `labels` are harmless, by number."""
    named = {n: labels.get(n, f"ROI_{n}") for n in structure_numbers(found.comparison)}
    curves = tuple(_curves(found, n, label, segments) for n, label in named.items())
    return DoseResults(
        gamma=_gamma_map(found),
        difference=_difference_map(found),
        structures=curves if found.curves else (),
        table=_table(found, named),
    )


def _gamma_map(found: DoseFound) -> GammaMap | None:
    gamma, part = found.gamma, found.comparison.gamma
    if gamma is None or part is None:
        return None
    return GammaMap(grid=_grid(gamma.grid), values=gamma.values, cap=part.options.cap)


def _difference_map(found: DoseFound) -> DifferenceMap | None:
    difference = found.difference
    if difference is None:
        return None
    return DifferenceMap(
        grid=_grid(difference.grid), values_gy=difference.values.astype(np.float64, copy=False)
    )


def _grid(grid: Any) -> GridGeometry:
    return GridGeometry(
        shape=grid.shape,
        spacing_mm=grid.spacing_mm,
        origin_lps_mm=grid.origin_lps_mm,
        direction=grid.direction,
    )


def _curves(found: DoseFound, number: int, label: str, segments: Segments) -> StructureCurves:
    curves = {
        dose.value: DoseCurve(dose_gy=curve.dose_gy, fraction=curve.fraction)
        for (n, dose), curve in found.curves.items()
        if n == number
    }
    known = segments.get(number)
    return StructureCurves(
        label=label,
        rgb=(90, 100, 110) if known is None else known.rgb,
        reference=curves.get("reference"),
        evaluated=curves.get("evaluated"),
    )


def _table(found: DoseFound, named: Mapping[int, str]) -> ResultTable:
    comparison = found.comparison
    numbers: list[int | None] = [None, *named]
    columns: list[ResultColumn] = []
    if comparison.gamma is not None:
        gammas = [_gamma_of(found, n) for n in numbers]
        columns += [
            _column("gamma pass, proven", "%", [_of(g, "pass_percent_certain") for g in gammas]),
            _column("gamma pass, possible", "%", [_of(g, "pass_percent_possible") for g in gammas]),
            _column("points", "1", [_of(g, "evaluated") for g in gammas]),
        ]
    if comparison.dvh is not None:
        dvhs = [_of_number(comparison.dvh, n) for n in numbers]
        volumes = [None if d is None else d.reference.summary.volume_cc for d in dvhs]
        columns.append(_column("volume", "cc", volumes))
        for head in ("mean", *_FIGURES):
            pairs = [_pair(dvh, head) for dvh in dvhs]
            name = "Dmean" if head == "mean" else head.partition("[")[0]
            columns += [
                _column(f"{name} reference", "Gy", [pair[0] for pair in pairs]),
                _column(f"{name} evaluated", "Gy", [pair[1] for pair in pairs]),
                _column(f"{name} difference", "Gy", [minus(pair[1], pair[0]) for pair in pairs]),
            ]
    criteria = "" if comparison.gamma is None else comparison.gamma.words
    rows = (WHOLE_GRID_LABEL, *named.values())
    return ResultTable(criteria=criteria, rows=rows, columns=tuple(columns))


def _of(figures: Any, name: str) -> float | None:
    value = None if figures is None else getattr(figures, name)
    return None if value is None else float(value)


def _column(name: str, unit: str, values: list[float | None]) -> ResultColumn:
    return ResultColumn(name=name, unit=unit, values=tuple(values))
