"""Verdicts by TG-218: at the limits, between them, and when the interval holds a limit."""

import dataclasses

import numpy as np
import pytest
from dose_fields import dose_of, field_of, grid_of, ramp

from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMode,
    Normalisation,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dose.process_limits import process_limits
from encryptsecurert_rt.dose.tg218 import (
    PRESETS,
    UNIVERSAL_CRITERIA,
    UNIVERSAL_LIMITS,
    Circumstances,
    PassLimits,
    Tg218Evaluation,
    Tg218Verdict,
    departures_from_universal,
    evaluate_structures,
    evaluate_tg218,
)
from encryptsecurert_rt.errors import InvalidInput

MEASURED = Circumstances(absolute_dose=True, reference_is_measured=True, mode=GammaMode.CERTIFIED)
FLAT = dose_of(np.full((1, 10, 10), 2.0))
STATISTICS = gamma_statistics(gamma_index(FLAT, FLAT, UNIVERSAL_CRITERIA))


def _verdict(certain: float | None, possible: float | None) -> Tg218Verdict:
    statistics = dataclasses.replace(
        STATISTICS, pass_percent_certain=certain, pass_percent_possible=possible
    )
    return evaluate_tg218(statistics, UNIVERSAL_CRITERIA, MEASURED).verdict


@pytest.mark.parametrize(
    ("certain", "possible", "verdict"),
    [
        (100.0, 100.0, Tg218Verdict.WITHIN_TOLERANCE),
        (95.0, 95.0, Tg218Verdict.WITHIN_TOLERANCE),
        (94.999, 94.999, Tg218Verdict.BETWEEN),
        (90.0, 94.9, Tg218Verdict.BETWEEN),
        (89.999, 89.999, Tg218Verdict.BEYOND_ACTION),
        (0.0, 0.0, Tg218Verdict.BEYOND_ACTION),
        (94.9, 95.0, Tg218Verdict.UNDECIDED),
        (89.9, 90.0, Tg218Verdict.UNDECIDED),
        (80.0, 99.0, Tg218Verdict.UNDECIDED),
        (None, None, Tg218Verdict.NOT_EVALUABLE),
    ],
)
def test_a_rate_has_its_verdict(
    certain: float | None, possible: float | None, verdict: Tg218Verdict
) -> None:
    assert _verdict(certain, possible) is verdict


def test_the_universal_criteria_are_those_of_the_report() -> None:
    assert PRESETS["TG-218"] is UNIVERSAL_CRITERIA
    assert (UNIVERSAL_LIMITS.tolerance_percent, UNIVERSAL_LIMITS.action_percent) == (95.0, 90.0)
    assert departures_from_universal(UNIVERSAL_CRITERIA, MEASURED) == ()
    assert [name for name, x in PRESETS.items() if not departures_from_universal(x, MEASURED)] == [
        "TG-218"
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dose_percent": 2.0}, "dose criterion not 3 %"),
        ({"distance_mm": 3.0}, "distance criterion not 2 mm"),
        ({"cutoff_percent": 5.0}, "cutoff not 10 %"),
        ({"normalisation": Normalisation.LOCAL}, "normalisation not global"),
        ({"either_dose_above_cutoff": True}, "cutoff not on the reference alone"),
        ({"absolute_dose": False}, "dose not absolute"),
        ({"reference_is_measured": False}, "reference not measured"),
        ({"mode": GammaMode.VOXEL_CENTRES}, "gamma at voxel centres only"),
    ],
)
def test_each_departure_is_named(change: dict[str, object], words: str) -> None:
    fields = {field.name for field in dataclasses.fields(GammaCriteria)}
    of_criteria = {name: value for name, value in change.items() if name in fields}
    of_others = {name: value for name, value in change.items() if name not in fields}
    criteria = dataclasses.replace(UNIVERSAL_CRITERIA, **of_criteria)  # type: ignore[arg-type]  # by name
    circumstances = dataclasses.replace(MEASURED, **of_others)  # type: ignore[arg-type]  # by name

    evaluation = evaluate_tg218(STATISTICS, criteria, circumstances)

    assert evaluation.departures == (words,)
    assert not evaluation.universal
    assert evaluation.verdict is Tg218Verdict.WITHIN_TOLERANCE


def test_a_norm_of_its_own_is_no_departure() -> None:
    prescribed = dataclasses.replace(UNIVERSAL_CRITERIA, norm_gy=2.0)

    assert departures_from_universal(prescribed, MEASURED) == ()


def test_structures_are_judged_one_by_one() -> None:
    # Flat in the left half: 2 % off passes, 4 % off fails; in the right half nothing differs.
    values = np.full((1, 10, 20), 2.0)
    values[:, :, :10] = 2.08
    reference = dose_of(np.full((1, 10, 20), 2.0))
    gamma = gamma_index(reference, dose_of(values), UNIVERSAL_CRITERIA)
    left, right = np.zeros((2, 1, 10, 20), np.bool_)
    left[:, :, :8] = True
    right[:, :, 12:] = True

    found = evaluate_structures(gamma, {3: left, 7: right}, MEASURED)

    assert found[3].verdict is Tg218Verdict.BEYOND_ACTION
    assert found[7].verdict is Tg218Verdict.WITHIN_TOLERANCE
    assert found[3].pass_percent_certain == 0.0
    assert found[3].gamma_maximum == pytest.approx(0.04 / 0.03, abs=0.002)
    assert found[7].gamma_maximum == pytest.approx(0.0, abs=1e-6)


def test_gamma_numbers_come_with_the_verdict() -> None:
    grid = grid_of((1, 12, 12))
    reference = field_of(ramp((0.0, 0.0, 0.0), 2.0), grid)
    evaluated = field_of(ramp((0.0, 0.0, 0.0), 2.1), grid)

    found: Tg218Evaluation = evaluate_tg218(
        gamma_statistics(gamma_index(reference, evaluated, UNIVERSAL_CRITERIA)),
        UNIVERSAL_CRITERIA,
        MEASURED,
    )

    assert found.gamma_mean == pytest.approx(5.0 / 3.0, abs=0.002)
    assert found.gamma_maximum == pytest.approx(5.0 / 3.0, abs=0.002)
    assert found.gamma_fraction_above_1_5 == 1.0
    assert found.universal


def test_local_limits_judge_where_they_are_made() -> None:
    limits = PassLimits.of_process(process_limits(np.tile([98.0, 99.0], 10)))
    statistics = dataclasses.replace(
        STATISTICS, pass_percent_certain=95.5, pass_percent_possible=95.5
    )

    found = evaluate_tg218(statistics, UNIVERSAL_CRITERIA, MEASURED, limits=limits)

    assert limits.local
    assert found.verdict is Tg218Verdict.BETWEEN  # 95.84 and 95.24
    assert found.limits is limits


def test_limits_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(InvalidInput):
        PassLimits(tolerance_percent=90.0, action_percent=95.0, local=True)
    # 98 and 99 in turn with a target of 98.5: action at 96.96, tolerance at 95.84.
    process = process_limits(np.tile([98.0, 99.0], 10), target_percent=98.5)
    with pytest.raises(InvalidInput):
        PassLimits.of_process(process)
