"""A plan beside another: what was exported and what arrived, or a plan and its next version."""

from collections.abc import Iterable

import numpy as np

from encryptsecurert_rt.plan.book import Book, Table
from encryptsecurert_rt.plan.compare_points import (
    Paired,
    compare_points,
    compare_shape,
    side_at,
    side_sampled,
)
from encryptsecurert_rt.plan.compare_spots import Scanned, compare_spots
from encryptsecurert_rt.plan.matching import BeamMatching, Matched, match_beams
from encryptsecurert_rt.plan.model import Beam, Count, FractionGroup, Plan, Word
from encryptsecurert_rt.plan.points import FloatArray
from encryptsecurert_rt.plan.rows import Place, PlanCheck
from encryptsecurert_rt.plan.sampling import can_sample, midpoints, turn
from encryptsecurert_rt.plan.tolerances import PLAN_TOLERANCES, Tolerances
from encryptsecurert_rt.progress import Progress, no_progress

STAGE = "compare"


def compare_plans(
    reference: Plan,
    other: Plan,
    tolerances: Tolerances = PLAN_TOLERANCES,
    *,
    matching: BeamMatching = BeamMatching.NUMBER,
    same_frame: bool | None = None,
    progress: Progress = no_progress,
) -> PlanCheck:
    """Compare two plans: fractions, metersets, beams, and each beam at its control points.

    Beams with as many control points are compared point by point. If their numbers differ, both
    are compared in the middle of each segment of the reference that delivers meterset.

    Parameters
    ----------
    same_frame : bool, optional
        Whether both are of one frame of reference, in which isocentres can be compared; None if
        one of them does not tell.

    Returns
    -------
    PlanCheck
        Numbers are those of the reference. A plan beside itself differs nowhere.
    """
    book = Book(with_points=True)
    book.whether("frame_of_reference", same_frame)
    matched = match_beams(reference, other, matching)
    _compare_groups(reference, other, matched, tolerances, book)
    book.number("beams", "1", len(reference.beams), len(other.beams), 0.0, Place())
    for beam in matched.missing:
        book.wrong("beam_missing", Place(beam=beam.number))
    for beam in matched.extra:
        book.wrong("beam_extra", Place(beam=beam.number))
    for n, (one, two) in enumerate(matched.pairs):
        progress(STAGE, n / len(matched.pairs))
        if one.number != two.number:
            book.told("beam_number", "1", two.number, Place(beam=one.number))
        compare_facts(one, two, tolerances, book, Place(beam=one.number))
        _compare_points(one, two, tolerances, book)
    return book.finished()


def _compare_groups(
    reference: Plan, other: Plan, matched: Matched, tolerances: Tolerances, book: Book
) -> None:
    alone = len(reference.groups) == len(other.groups) == 1
    theirs = {group.number: group for group in other.groups}
    for group in reference.groups:
        twin = theirs.pop(other.groups[0].number if alone else group.number, None)
        place = Place(group=group.number)
        if twin is None:
            book.wrong("group_missing", place)
            continue
        book.number("fractions", "1", group.fractions, twin.fractions, 0.0, place)
        _compare_metersets(group, twin, matched, tolerances, book)
    for number in theirs:
        book.wrong("group_extra", Place(group=number))


def _compare_metersets(
    group: FractionGroup, twin: FractionGroup, matched: Matched, tolerances: Tolerances, book: Book
) -> None:
    """Compare what each beam gets in a fraction, and all of them together if units agree."""
    for one, two in matched.pairs:
        if one.number not in group.metersets and two.number not in twin.metersets:
            continue
        expected = group.metersets.get(one.number)
        found = twin.metersets.get(two.number)
        if one.meterset_unit != two.meterset_unit:  # a row of its own tells of the units
            found = None
        tolerance = None if expected is None else tolerances.of_meterset(expected)
        where = Place(beam=one.number, group=group.number)
        book.number("meterset", one.meterset_unit, expected, found, tolerance, where)
    units = {beam.meterset_unit for pair in matched.pairs for beam in pair}
    if len(units) == 1:
        expected, found = _total(group), _total(twin)
        tolerance = None if expected is None else tolerances.of_meterset(expected)
        place = Place(group=group.number)
        book.number("meterset_of_all", units.pop(), expected, found, tolerance, place)


def _total(group: FractionGroup) -> float | None:
    """Return the meterset of a fraction, None if that of a beam is unknown."""
    told = [value for value in group.metersets.values() if value is not None]
    return sum(told) if told and len(told) == len(group.metersets) else None


def compare_facts(
    one: Beam,
    two: Beam,
    tolerances: Tolerances,
    book: Book,
    place: Place,
    *,
    words: Iterable[Word] = tuple(Word),
) -> None:
    """Compare what a beam says in words, what it has so many of, and its wedges."""
    for word in words:
        book.word(word.label, one.words.get(word), two.words.get(word), place)
    for count in Count:
        expected, found = one.counts.get(count), two.counts.get(count)
        if expected is not None or found is not None:
            book.number(count.value, "1", expected, found, 0.0, place)
    theirs = {wedge.number: wedge for wedge in two.wedges}
    for wedge in one.wedges:
        twin = theirs.pop(wedge.number, None)
        if twin is None:
            book.wrong("wedge_missing", place)
            continue
        tolerance = tolerances.wedge_deg
        book.number("wedge_angle", "deg", wedge.angle_deg, twin.angle_deg, tolerance, place)
        turned = _nearest(wedge.orientation_deg, twin.orientation_deg)
        book.number("wedge_orientation", "deg", wedge.orientation_deg, turned, tolerance, place)
    for _ in theirs:
        book.wrong("wedge_extra", place)


def _nearest(expected_deg: float | None, found_deg: float | None) -> float | None:
    """Return the found angle as the one of its turns that is nearest to the expected one."""
    if expected_deg is None or found_deg is None:
        return found_deg
    return expected_deg + float(turn(np.array(expected_deg), np.array(found_deg)))


def _compare_points(one: Beam, two: Beam, tolerances: Tolerances, book: Book) -> None:
    place = Place(beam=one.number)
    count, found = len(one.points), len(two.points)
    book.number("control_points", "1", count, found, 0.0, place)
    compare_shape(one.points, two.points, tolerances, book, place)
    if count == found:
        _compare_weights(one, two, tolerances, book, place)
        compare_points(_by_index(one, two), tolerances, book, place)
        ours = Scanned(points=one.points, total=one.final_weight)
        theirs = Scanned(points=two.points, total=two.final_weight)
        compare_spots(ours, theirs, tolerances, book, place)
        return
    totals = one.final_weight, two.final_weight
    known = can_sample(one.points, totals[0]) and can_sample(two.points, totals[1])
    if known and totals[0] and totals[1]:
        paired = _in_segments(one, totals[0], two, totals[1])
        compare_points(paired, tolerances, book, place)
    else:
        book.unknown("geometry", "1", count, place)


def _compare_weights(
    one: Beam, two: Beam, tolerances: Tolerances, book: Book, place: Place
) -> None:
    expected, found = _percent(one), _percent(two)
    table = Table(
        expected=expected,
        found=found,
        difference=found - expected,
        labels=np.arange(len(expected)),
    )
    book.table("cumulative_meterset", "%", table, tolerances.weight_percent, place)


def _percent(beam: Beam) -> FloatArray:
    """Return cumulative meterset in per cent of the beam's, float64 (n, 1); NaN if not known."""
    return Scanned(points=beam.points, total=beam.final_weight).percent(
        beam.points.meterset[:, np.newaxis]
    )


def _by_index(one: Beam, two: Beam) -> Paired:
    index = np.arange(len(one.points))
    return Paired(
        labels=index,
        expected=side_at(one.points, index),
        found=side_at(two.points, index),
        energy_unit=one.energy_unit,
    )


def _in_segments(one: Beam, total: float, two: Beam, found_total: float) -> Paired:
    """Pair two beams in the middle of each segment of the first that delivers meterset."""
    at = midpoints(one.points, total)
    return Paired(
        labels=np.searchsorted(one.points.meterset / total, at) - 1,
        expected=side_sampled(one.points, total, at),
        found=side_sampled(two.points, found_total, at),
        energy_unit=one.energy_unit,
    )
