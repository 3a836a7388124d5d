"""A plan beside a machine's log: the trajectory against the plan at the logged meterset.

Only samples in which meterset grew are compared: while the beam is held the machine may be anywhere
between two segments. Leaves have an RMS and a 95th percentile over these samples, as in TG-142;
each sample counts as much as any other.
"""

import numpy as np

from encryptsecurert_rt.plan.book import Book
from encryptsecurert_rt.plan.compare_plans import STAGE
from encryptsecurert_rt.plan.compare_points import (
    Paired,
    compare_pairs,
    compare_points,
    side_at,
    side_sampled,
)
from encryptsecurert_rt.plan.model import Beam, BeamLog, MachineLog, Plan
from encryptsecurert_rt.plan.points import FloatArray, IntArray
from encryptsecurert_rt.plan.rows import Place, PlanCheck
from encryptsecurert_rt.plan.sampling import can_sample
from encryptsecurert_rt.plan.tolerances import LOG_TOLERANCES, Tolerances
from encryptsecurert_rt.progress import Progress, no_progress


def compare_log(
    plan: Plan,
    log: MachineLog,
    tolerances: Tolerances = LOG_TOLERANCES,
    *,
    progress: Progress = no_progress,
) -> PlanCheck:
    """Compare what a machine logged of one fraction with the plan.

    The plan is sampled at the logged meterset as a fraction of the planned one; if a beam's planned
    meterset is not known, of the last logged one, and metersets are not compared.
    """
    book = Book(with_points=False)
    logged = {beam.number: beam for beam in log.beams}
    for beam in plan.beams:
        if beam.number not in logged and beam.is_treating and plan.meterset(beam.number):
            book.wrong("beam_missing", Place(beam=beam.number))
    for n, beam_log in enumerate(log.beams):
        progress(STAGE, n / len(log.beams))
        planned_beam = plan.beam(beam_log.number)
        if planned_beam is None:
            book.wrong("beam_extra", Place(beam=beam_log.number))
        else:
            _compare_beam(plan, planned_beam, beam_log, tolerances, book)
    return book.finished()


def _compare_beam(plan: Plan, beam: Beam, log: BeamLog, tolerances: Tolerances, book: Book) -> None:
    place, points = Place(beam=beam.number), log.points
    planned, known = plan.meterset(beam.number), np.isfinite(points.meterset)
    delivered = float(points.meterset[known][-1]) if known.any() else None
    tolerance = None if planned is None else tolerances.of_meterset(planned)
    # A log counts MU; a plan in another unit cannot be held against it.
    in_mu = beam.meterset_unit == "MU"
    found = delivered if in_mu else None
    book.number("meterset", beam.meterset_unit, planned, found, tolerance, place)
    total = planned if planned and in_mu else delivered
    on = beam_on(points.meterset)
    book.told("samples_with_beam", "1", on.size, place)
    if not total or not on.size or not can_sample(beam.points, beam.final_weight):
        book.unknown("geometry", "1", len(points), place)
        return
    compare_pairs(beam.points, points, book, place)
    paired = Paired(
        labels=on,
        expected=side_sampled(
            beam.points, beam.final_weight or np.nan, points.meterset[on] / total
        ),
        found=side_at(points, on),
        energy_unit=beam.energy_unit,
    )
    compare_points(paired, tolerances, book, place)


def beam_on(meterset: FloatArray) -> IntArray:
    """Return the samples, int64 (n), in which meterset grew since the one before."""
    return np.asarray(np.flatnonzero(np.diff(meterset) > 0.0) + 1)
