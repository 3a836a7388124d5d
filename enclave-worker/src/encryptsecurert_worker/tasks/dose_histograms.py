"""Dose-volume histograms of a comparison: metrics, curves compared, indices of targets, goals."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from encryptsecurert_protocol.dose_curves import CurveOf, PackedCurve
from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.dvh_options import CurveCriteria, DoseGoal, DvhOptions
from encryptsecurert_protocol.dvh_parts import (
    CurveComparison,
    DvhFigures,
    DvhPart,
    DvhSummary,
    GoalOutcome,
    IndexValues,
    MetricValue,
)
from encryptsecurert_rt.dose.grid import DoseGrid, RigidTransform
from encryptsecurert_rt.dvh import Dvh, MaskStructure, compute_dvh
from encryptsecurert_rt.dvh.comparison import DvhCriteria, VolumeUnit, compare_dvh
from encryptsecurert_rt.dvh.evaluate import Course, Reason, metric_value
from encryptsecurert_rt.dvh.goals import Goal, GoalResult, Relation, Verdict, check_goals
from encryptsecurert_rt.dvh.indices import conformity, homogeneity
from encryptsecurert_rt.dvh.notation import Metric
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.progress import Progress
from encryptsecurert_worker.tasks.dose_inputs import DoseInputs, NumberedStructure

# Told of every structure, before what was asked for.
_ALWAYS = ("D98%[Gy]", "D95%[Gy]", "D50%[Gy]", "D2%[Gy]", "D0.03cc[Gy]")
_OF_PRESCRIPTION = ("V95%[%]", "V100%[%]", "V107%[%]")
_STATES = {
    Verdict.MET: "met",
    Verdict.ACCEPTABLE_VARIATION: "acceptable_variation",
    Verdict.NOT_MET: "not_met",
    Verdict.NOT_EVALUABLE: "not_evaluable",
}
_REASONS = {
    Reason.NO_STRUCTURE: "no_structure",
    Reason.NOT_COVERED: "not_covered",
    Reason.TOO_SMALL: "too_small",
    Reason.NO_PRESCRIPTION: "no_prescription",
    Reason.NO_FRACTIONS: "no_fractions",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """A structure, or the whole grid, under both doses."""

    reference: Dvh
    evaluated: Dvh

    def of(self, dose: CurveOf) -> Dvh:
        """Return one of the two."""
        return self.reference if dose is CurveOf.REFERENCE else self.evaluated

    @property
    def points(self) -> int:
        """How many points both curves have."""
        return sum(int(dvh.curve_points()[0].size) for dvh in (self.reference, self.evaluated))


def course_of(options: DvhOptions) -> Course:
    """Return what is known of the treatment beside its dose."""
    return Course(prescription_gy=options.prescription_gy, fractions=options.fractions)


def metrics_of(options: DvhOptions) -> tuple[Metric, ...]:
    """Return the metrics that are told of each structure (InvalidInput if one is no metric)."""
    of_prescription = () if options.prescription_gy is None else _OF_PRESCRIPTION
    texts = dict.fromkeys((*_ALWAYS, *of_prescription, *options.metrics))
    return tuple(Metric.parse(text) for text in texts)


def goals_of(asked: Sequence[DoseGoal]) -> tuple[Goal, ...]:
    """Return the goals as the library takes them (InvalidInput if one is none)."""
    goals = []
    for goal in asked:
        metric = Metric.parse(goal.metric)
        if metric.unit.value != goal.unit:
            raise InvalidInput("a goal must be in the unit of its metric")
        goals.append(
            Goal(
                structure=goal.structure,
                metric=metric,
                relation=Relation(goal.relation),
                value=goal.value,
                variation=goal.variation,
                priority=goal.priority,
            )
        )
    return tuple(goals)


def histogram_pair(
    given: DoseInputs, structure: NumberedStructure, progress: Progress, *, threads: int
) -> Pair:
    """Integrate both doses over a structure."""

    def one(dose: DoseGrid, transform: RigidTransform | None, start: float) -> Dvh:
        return compute_dvh(
            structure.structure,
            dose,
            structure_to_dose=transform,
            threads=threads,
            progress=lambda stage, fraction: progress(stage, start + fraction / 2.0),
        )

    return Pair(
        reference=one(given.reference, None, 0.0),
        evaluated=one(given.evaluated, given.reference_to_evaluated, 0.5),
    )


def whole_grid_pair(given: DoseInputs, progress: Progress, *, threads: int) -> Pair:
    """Integrate both doses over the grid of the reference: where isodoses are looked for."""
    everywhere = np.ones(given.reference.grid.shape, np.bool_)
    structure = MaskStructure(mask=everywhere, grid=given.reference.grid)
    return histogram_pair(
        given, NumberedStructure(number=1, structure=structure), progress, threads=threads
    )


def dvh_part(number: int, pair: Pair, everything: Pair | None, options: DvhOptions) -> DvhPart:
    """Return all that is told of a structure; `everything` is the whole grid, for a target."""
    return DvhPart(
        number=number,
        reference=_figures(pair.reference, options),
        evaluated=_figures(pair.evaluated, options),
        comparison=None if options.comparison is None else _comparison(pair, options.comparison),
        indices=() if everything is None else tuple(_indices(pair, everything, options)),
    )


def _figures(dvh: Dvh, options: DvhOptions) -> DvhFigures:
    course = course_of(options)
    metrics = []
    for metric in metrics_of(options):
        value = metric_value(metric, dvh, course)
        number = None if isinstance(value, Reason) else value
        metrics.append(MetricValue(metric=metric.text, unit=metric.unit.value, value=number))
    return DvhFigures(
        summary=DvhSummary(
            volume_cc=dvh.volume_cc,
            covered_fraction=dvh.covered_fraction,
            minimum_gy=_known(dvh.minimum_gy),
            maximum_gy=_known(dvh.maximum_gy),
            mean_gy=_known(dvh.mean_gy),
        ),
        metrics=tuple(metrics),
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _comparison(pair: Pair, criteria: CurveCriteria) -> CurveComparison | None:
    """Compare the curves; None if a structure has no dose, or none above 0 Gy."""
    if pair.reference.cumulative is None or pair.evaluated.cumulative is None:
        return None
    if not pair.reference.maximum_gy > 0.0:
        return None
    found = compare_dvh(
        pair.reference.cumulative,
        pair.evaluated.cumulative,
        DvhCriteria(
            volume_percent=criteria.volume_percent,
            dose_percent=criteria.dose_percent,
            unit=VolumeUnit.PERCENT,
        ),
    )
    there, back = found.reference_to_evaluated, found.evaluated_to_reference
    return CurveComparison(
        criteria=criteria,
        norm_gy=found.maximum_gy,
        agreement_percent=there.agreement_percent,
        worst=there.maximum,
        reverse_agreement_percent=back.agreement_percent,
        reverse_worst=back.maximum,
    )


def _indices(pair: Pair, everything: Pair, options: DvhOptions) -> Iterator[IndexValues]:
    one, other = (
        _indices_under(pair.of(dose), everything.of(dose), options.prescription_gy)
        for dose in CurveOf
    )
    for name, value in one.items():
        yield IndexValues(name=name, reference=value, evaluated=other[name])


def _indices_under(
    target: Dvh, everything: Dvh, prescription_gy: float | None
) -> dict[str, float | None]:
    found = None
    if prescription_gy is not None and everything.cumulative is not None:
        found = conformity(target, everything, prescription_gy)
    return {
        "coverage_percent": None if found is None else found.coverage_percent,
        "conformity_rtog": None if found is None else found.rtog,
        "conformity_paddick": None if found is None else found.paddick,
        "gradient_index": None if found is None else found.gradient_index,
        "homogeneity": homogeneity(target),
    }


def goal_outcomes(
    asked: DoseCompareParameters, pairs: Mapping[int, Pair], unusable: Sequence[int]
) -> tuple[GoalOutcome, ...]:
    """Return how both doses stand to each goal, in the order of the parameters.

    Goals on structures of `unusable` say so: they are there, and yet nothing can be told.
    """
    if asked.dvh is None:
        return ()
    goals, course = goals_of(asked.goals), course_of(asked.dvh)
    one, other = (
        check_goals(goals, {number: pair.of(dose) for number, pair in pairs.items()}, course)
        for dose in CurveOf
    )
    return tuple(
        _outcome(goal, *results, usable=goal.structure not in unusable)
        for goal, *results in zip(asked.goals, one, other, strict=True)
    )


def _outcome(
    goal: DoseGoal, reference: GoalResult, evaluated: GoalResult, *, usable: bool
) -> GoalOutcome:
    reasons = [None if r.reason is None else _REASONS[r.reason] for r in (reference, evaluated)]
    if not usable:
        reasons = ["structure_unusable"] * 2
    return GoalOutcome(
        goal=goal,
        reference_value=reference.number,
        reference_state=_STATES[reference.verdict],
        reference_reason=reasons[0],
        evaluated_value=evaluated.number,
        evaluated_state=_STATES[evaluated.verdict],
        evaluated_reason=reasons[1],
    )


def packed_curves(pairs: Mapping[int, Pair]) -> Iterator[PackedCurve]:
    """Yield the curves of structures that have dose."""
    for number, pair in pairs.items():
        for dose in CurveOf:
            dose_gy, fraction = pair.of(dose).curve_points()
            if dose_gy.size:
                yield PackedCurve(
                    number=number,
                    dose=dose,
                    dose_gy=dose_gy.astype("<f8").tobytes(),
                    fraction=fraction.astype("<f8").tobytes(),
                )
