"""A plan beside what was recorded of its delivery (PS3.3 A.29, A.50; C.8.8.21, C.8.8.26).

For each delivery: meterset, words, and geometry at the recorded control points. For each fraction:
which beams of the plan were delivered, how much of them in all sessions of that fraction.
"""

from collections import defaultdict

import numpy as np

from encryptsecurert_rt.plan.book import Book, Table
from encryptsecurert_rt.plan.compare_plans import STAGE, compare_facts
from encryptsecurert_rt.plan.compare_points import (
    Paired,
    compare_pairs,
    compare_points,
    side_at,
    side_sampled,
)
from encryptsecurert_rt.plan.compare_spots import Scanned, compare_spots
from encryptsecurert_rt.plan.model import Beam, Delivery, Plan, TreatmentRecord, Word
from encryptsecurert_rt.plan.points import IntArray
from encryptsecurert_rt.plan.rows import Place, PlanCheck
from encryptsecurert_rt.plan.sampling import can_sample
from encryptsecurert_rt.plan.tolerances import RECORD_TOLERANCES, Tolerances
from encryptsecurert_rt.progress import Progress, no_progress

# A beam that goes on after an interruption says CONTINUATION where the plan says TREATMENT.
_WORDS = tuple(word for word in Word if word is not Word.DELIVERY)


def compare_record(
    plan: Plan,
    record: TreatmentRecord,
    tolerances: Tolerances = RECORD_TOLERANCES,
    *,
    progress: Progress = no_progress,
) -> PlanCheck:
    """Compare what was delivered with what was planned.

    Recorded control points are those of the plan that they name; if they name none, those of the
    same index if both have as many, and else they are compared with the plan at the meterset that
    had been delivered.

    Returns
    -------
    PlanCheck
        A course that is not finished is no difference: how many fractions were delivered is told,
        and is beyond only if there are more than planned.
    """
    book = Book(with_points=True)
    book.whether("plan_of_record", record.names_plan)
    treating = [d for d in record.deliveries if d.beam.is_treating]
    _compare_fractions(plan, treating, book)
    _compare_metersets(plan, treating, tolerances, book)
    for n, delivery in enumerate(record.deliveries):
        progress(STAGE, n / len(record.deliveries))
        _compare_delivery(plan, delivery, tolerances, book)
    return book.finished()


def _compare_fractions(plan: Plan, treating: list[Delivery], book: Book) -> None:
    told = {d.fraction for d in treating if d.fraction is not None}
    planned = plan.fractions
    delivered = max(len(told), *told) if told else None
    over = planned is not None and delivered is not None and delivered > planned
    # Fewer than planned is a course that goes on.
    book.number("fractions", "1", planned, delivered, 0.0 if over else None, Place())


def _compare_metersets(
    plan: Plan, treating: list[Delivery], tolerances: Tolerances, book: Book
) -> None:
    """Add up what each beam got in each fraction: an interrupted beam is delivered in parts."""
    parts: dict[int | None, dict[int, list[Delivery]]] = defaultdict(lambda: defaultdict(list))
    for one in treating:
        if one.number is not None and plan.beam(one.number) is not None:
            parts[one.fraction][one.number].append(one)
    for fraction in sorted(parts, key=lambda f: -1 if f is None else f):
        for beam in plan.beams:
            given = parts[fraction].get(beam.number)
            place, planned = Place(beam=beam.number, fraction=fraction), plan.meterset(beam.number)
            if given is not None:
                tolerance = None if planned is None else tolerances.of_meterset(planned)
                unit, found = beam.meterset_unit, _sum(beam, given)
                book.number("meterset", unit, planned, found, tolerance, place)
            elif beam.is_treating and planned:
                book.wrong("beam_missing", place)


def _sum(beam: Beam, given: list[Delivery]) -> float | None:
    """Return what was delivered in all parts, None if one does not say, or in another unit."""
    told = [
        part.delivered
        for part in given
        if part.delivered is not None and part.beam.meterset_unit == beam.meterset_unit
    ]
    return sum(told) if len(told) == len(given) else None


def _compare_delivery(plan: Plan, delivery: Delivery, tolerances: Tolerances, book: Book) -> None:
    beam = plan.beam(delivery.number)
    place = Place(beam=delivery.number, fraction=delivery.fraction)
    if beam is None:
        book.wrong("beam_extra", place)
        return
    if not delivery.beam.is_treating:
        book.told("delivery_without_treatment", "1", 1.0, place)
        return
    # The word UNKNOWN is what a record says if it does not know.
    ended = None if delivery.termination == "UNKNOWN" else delivery.termination
    book.word("termination", "NORMAL", ended, place)
    compare_facts(beam, delivery.beam, tolerances, book, place, words=_WORDS)
    planned, points = plan.meterset(beam.number), delivery.beam.points
    at = _plan_points(beam, delivery)
    compare_pairs(beam.points, points, book, place)
    if at is not None:
        _compare_cumulative(beam, planned, delivery, at, tolerances, book)
        paired = Paired(
            labels=at,
            expected=side_at(beam.points, at),
            found=side_at(points, np.arange(len(at))),
            energy_unit=beam.energy_unit,
        )
        compare_points(paired, tolerances, book, place)
        if len(at) == len(beam.points):
            ours = Scanned(points=beam.points, total=beam.final_weight)
            theirs = Scanned(points=points, total=planned)
            compare_spots(ours, theirs, tolerances, book, place)
    elif planned and can_sample(points, planned) and can_sample(beam.points, beam.final_weight):
        compare_points(_sampled(beam, planned, delivery), tolerances, book, place)
    else:
        book.unknown("geometry", "1", len(points), place)


def _plan_points(beam: Beam, delivery: Delivery) -> IntArray | None:
    """Return which control point of the plan each recorded one is, int64 (n); None if unknown."""
    named, count = delivery.beam.points.plan_point, len(beam.points)
    if np.isfinite(named).all():
        inside = (named >= 0) & (named < count) & (named == np.floor(named))
        return named.astype(np.int64) if inside.all() else None
    return np.arange(count) if len(named) == count else None


def _compare_cumulative(
    beam: Beam,
    planned: float | None,
    delivery: Delivery,
    at: IntArray,
    tolerances: Tolerances,
    book: Book,
) -> None:
    total = beam.final_weight
    scale = planned / total if planned is not None and total else np.nan
    expected = (beam.points.meterset[at] * scale)[:, np.newaxis]
    found = delivery.beam.points.meterset[:, np.newaxis]
    table = Table(expected=expected, found=found, difference=found - expected, labels=at)
    tolerance = None if planned is None else tolerances.of_meterset(planned)
    place = Place(beam=delivery.number, fraction=delivery.fraction)
    book.table("cumulative_meterset", beam.meterset_unit, table, tolerance, place)


def _sampled(beam: Beam, planned: float, delivery: Delivery) -> Paired:
    """Pair each recorded control point with the plan at the meterset that was delivered by then."""
    points = delivery.beam.points
    index = np.arange(len(points))
    at = points.meterset / planned
    return Paired(
        labels=index,
        expected=side_sampled(beam.points, beam.final_weight or np.nan, at),
        found=side_at(points, index),
        energy_unit=beam.energy_unit,
    )
