"""A comparison as a worker tells it, small and with numbers that are seen again in what is made."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from encryptsecurert_protocol.dose_curves import CurveOf
from encryptsecurert_protocol.dose_figures import DifferenceFigures, GammaFigures, Histogram
from encryptsecurert_protocol.dose_jobs import DoseFacts
from encryptsecurert_protocol.dose_options import GammaOptions, Normalisation
from encryptsecurert_protocol.dose_parts import (
    DifferencePart,
    GammaPart,
    OfStructure,
    Tg218Part,
)
from encryptsecurert_protocol.dose_results import ComparedDose, DoseComparison
from encryptsecurert_protocol.dvh_options import DoseGoal
from encryptsecurert_protocol.dvh_parts import (
    DvhFigures,
    DvhPart,
    DvhSummary,
    GoalOutcome,
    IndexValues,
    MetricValue,
)
from EncryptSecureRTLib.client.dose_outcome import Curve, DoseMap, DoseOutcome, MadeBy
from EncryptSecureRTLib.client.grid import VoxelGrid

WORDS = "gamma 3 %/2 mm, global (61.5 Gy, reference maximum), cutoff 10 % of it on the reference"
RECEIPT = "a3f9c1d2" * 8
MEASUREMENT = "7f3a" * 16
GRID = VoxelGrid(
    shape=(6, 8, 10),
    spacing_mm=(3.0, 2.0, 2.5),
    origin_lps_mm=(-10.0, 5.0, 100.0),
    direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
)
REFERENCE_GY = np.linspace(0.0, 61.5, 480).reshape(GRID.shape)
DIFFERENCE_GY = np.where(REFERENCE_GY > 30, 0.25, -0.125)
GAMMA = np.where(REFERENCE_GY >= 6.15, 0.5, np.nan).astype(np.float32)
GAMMA[4, 2, 3:6] = 1.5  # the only points that fail


def _dose(instance: str, maximum_gy: float) -> ComparedDose:
    facts = DoseFacts(
        study_instance_uid="2.25.1",
        series_instance_uid="2.25.2",
        patient_id="PABCDEFGHIJKLMNOP",
        dose_sop_instance_uid=instance,
        plan_sop_class_uid=None,
        plan_sop_instance_uid=None,
        dose_summation_type="PLAN",
        dose_type="PHYSICAL",
    )
    return ComparedDose(
        facts=facts, shape=GRID.shape, spacing_mm=GRID.spacing_mm, maximum_gy=maximum_gy
    )


def gamma_figures(**changes: Any) -> GammaFigures:
    """Return figures of gamma: 432 points, 3 fail, 1 is not certain."""
    members: dict[str, Any] = {
        "evaluated": 432,
        "passed_certain": 428,
        "passed_possible": 429,
        "pass_percent_certain": 100 * 428 / 432,
        "pass_percent_possible": 100 * 429 / 432,
        "below_cutoff": 41,
        "outside": 7,
        "undefined": 0,
        "capped": 2,
        "mean": 0.50694,
        "maximum": 1.5,
        "p99": 0.98765,
        "above_1_5_percent": 0.0,
    }
    return GammaFigures(**{**members, **changes})


def difference_figures() -> DifferenceFigures:
    """Return figures of a dose difference."""
    return DifferenceFigures(
        points=473,
        outside=7,
        mean_gy=0.06371,
        sd_gy=0.1875,
        rms_gy=0.19803,
        minimum_gy=-0.125,
        maximum_gy=0.25,
        p2_gy=-0.125,
        p98_gy=0.25,
    )


def _dvh(mean_gy: float, d95_gy: float | None) -> DvhFigures:
    summary = DvhSummary(
        volume_cc=12.3456789,
        covered_fraction=0.9971,
        minimum_gy=1.0,
        maximum_gy=61.0,
        mean_gy=mean_gy,
    )
    metrics = (
        MetricValue(metric="D95%[Gy]", unit="Gy", value=d95_gy),
        MetricValue(metric="V20Gy[%]", unit="%", value=87.6543),
    )
    return DvhFigures(summary=summary, metrics=metrics)


def goal(state: str, value: float | None) -> GoalOutcome:
    """Return a goal of structure 7 that stands so under the evaluated dose."""
    asked = DoseGoal(
        structure=7,
        metric="D95%[Gy]",
        relation=">=",
        value=30.0,
        variation=28.0,
        unit="Gy",
        priority=1,
    )
    return GoalOutcome(
        goal=asked,
        reference_value=31.25,
        reference_state="met",
        reference_reason=None,
        evaluated_value=value,
        evaluated_state=state,
        evaluated_reason="no_value" if value is None else None,
    )


def comparison(**changes: Any) -> DoseComparison:
    """Return a comparison of two doses with one structure, number 7."""
    options = GammaOptions(
        dose_percent=3.0,
        distance_mm=2.0,
        cutoff_percent=10.0,
        normalisation=Normalisation.GLOBAL,
    )
    part = GammaPart(
        options=options,
        norm_gy=61.5,
        norm_source="reference_maximum",
        words=WORDS,
        eps=0.001,
        refined_again=0,
        unproven=0,
        whole=gamma_figures(),
        histogram=Histogram(edges=(0.0, 0.5, 1.0, 1.5, 2.0), counts=(200, 229, 1, 2)),
        structures=(OfStructure(number=7, figures=gamma_figures(evaluated=0, **NOTHING)),),
    )
    members: dict[str, Any] = {
        "algorithms": ("dose-compare-1", "gamma-certified-1"),
        "kernels_sha256": "ab" * 32,
        "reference": _dose("2.25.3", 61.5),
        "evaluated": _dose("2.25.4", 61.75),
        "registration": None,
        "structure_set": "2.25.5",
        "gamma": part,
        "difference": DifferencePart(
            whole=difference_figures(),
            histogram=None,
            structures=(OfStructure(number=7, figures=difference_figures()),),
        ),
        "agreement": None,
        "dvh": (
            DvhPart(
                number=7,
                reference=_dvh(33.123456789012345, 31.25),
                evaluated=_dvh(33.5, None),
                comparison=None,
                indices=(IndexValues(name="homogeneity", reference=0.1, evaluated=0.2),),
            ),
        ),
        "goals": (goal("not_met", 27.5),),
        "tg218": Tg218Part(
            verdict="within_tolerance",
            departures=(),
            tolerance_percent=95.0,
            action_percent=90.0,
            eps=0.001,
        ),
        "warnings": ("other_dose_type", "partly_outside_dose.7"),
    }
    return DoseComparison(**{**members, **changes})


NOTHING: dict[str, Any] = {
    "passed_certain": 0,
    "passed_possible": 0,
    "pass_percent_certain": None,
    "pass_percent_possible": None,
    "capped": 0,
    "mean": None,
    "maximum": None,
    "p99": None,
    "above_1_5_percent": None,
}


def outcome(*, simulated: bool = True, **changes: Any) -> DoseOutcome:
    """Return all results of that comparison."""
    dose_gy = np.array([0.0, 20.0, 40.0, 61.0])
    curve = Curve(dose_gy=dose_gy, fraction=np.array([1.0, 0.9, 1 / 3, 0.0]))
    made = DoseOutcome(
        comparison=comparison(**changes),
        curves={(7, dose): curve for dose in CurveOf},
        gamma=DoseMap(grid=GRID, values=GAMMA),
        difference=DoseMap(grid=GRID, values=DIFFERENCE_GY),
        made_by=MadeBy(
            simulated=simulated,
            words="SGX, platform UpToDate, code as the policy names it",
            measurement=MEASUREMENT,
            policy_sha256="12" * 32,
            receipt_sha256=RECEIPT,
            algorithm="dose-compare-1",
            time_claimed=datetime(2026, 11, 26, 12, 3, 41, tzinfo=UTC),
        ),
    )
    return made if changes.get("gamma", True) else replace(made, gamma=None)
