"""Local limits of a QA process: by hand, and what is no list of results."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_rt.dose.process_limits import parse_earlier_results, process_limits
from encryptsecurert_rt.errors import InvalidInput


def test_limits_are_those_computed_by_hand() -> None:
    # 98 and 99 in turn: mean 98.5, every moving range 1, squares 20 x 0.25 over 19.
    limits = process_limits(np.tile([98.0, 99.0], 10))

    assert limits.results == 20
    assert limits.centre_line == 98.5
    assert limits.mean_moving_range == 1.0
    assert limits.standard_deviation == pytest.approx(np.sqrt(5.0 / 19.0))
    assert limits.tolerance_low == pytest.approx(95.84)
    assert limits.tolerance_high == pytest.approx(101.16)
    # 100 - 3 x sqrt(5/19 + 1.5^2)
    assert limits.action_low == pytest.approx(100.0 - 3.0 * 1.58529, abs=1e-4)
    assert limits.beyond_tolerance == ()


def test_the_action_limits_are_those_of_a_capability_of_one() -> None:
    results = np.clip(np.random.default_rng(1).normal(97.0, 1.0, 50), 0.0, 100.0)

    limits = process_limits(results)

    # Cpm = (upper - lower) / (6 sqrt(variance + (mean - target)^2)), limits symmetric to the target
    spread = np.sqrt(results.var(ddof=1) + (results.mean() - 100.0) ** 2)
    assert 2.0 * (100.0 - limits.action_low) / (6.0 * spread) == pytest.approx(1.0)


def test_the_factor_is_three_deviations_by_the_moving_range() -> None:
    # d2 of two normal values is 2/sqrt(pi): the mean range is that times the deviation.
    results = np.clip(np.random.default_rng(2).normal(60.0, 1.0, 100_000), 0.0, 100.0)

    limits = process_limits(results)

    assert limits.centre_line - limits.tolerance_low == pytest.approx(3.0, abs=0.03)
    # 0.27 % of a normal process are beyond three deviations.
    assert len(limits.beyond_tolerance) / 100_000 == pytest.approx(0.0027, abs=0.0006)


def test_the_order_matters_and_outliers_are_told() -> None:
    results = np.tile([98.0, 98.5], 15)
    results[7] = 85.0

    limits = process_limits(results)

    assert limits.beyond_tolerance == (7,)
    assert process_limits(np.sort(results)).tolerance_low > limits.tolerance_low


def test_a_perfect_process_has_limits_at_its_results() -> None:
    limits = process_limits(np.full(20, 100.0))

    assert limits.tolerance_low == limits.action_low == limits.centre_line == 100.0


@given(st.lists(st.floats(0.0, 100.0), min_size=20, max_size=60))
def test_limits_are_about_the_results_for_any_process(results: list[float]) -> None:
    limits = process_limits(np.array(results))

    assert limits.tolerance_low <= limits.centre_line <= limits.tolerance_high
    # sqrt(sd^2 + (mean - 100)^2) is not less than how far the mean is from 100.
    assert limits.action_low <= 100.0 - 3.0 * (100.0 - limits.centre_line) + 1e-9


@pytest.mark.parametrize(
    "results",
    [
        np.full(19, 99.0),
        np.full(20, 100.1),
        np.full(20, -0.1),
        np.full(20, np.nan),
        np.ones((4, 5)),
    ],
)
def test_too_few_results_or_no_percentages_are_refused(results: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        process_limits(results)


@pytest.mark.parametrize("options", [{"target_percent": 101.0}, {"beta": 0.0}, {"beta": np.nan}])
def test_a_target_or_factor_without_meaning_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        process_limits(np.full(20, 99.0), **options)


def test_a_list_of_results_is_read_in_order() -> None:
    text = "date,pass_percent\r\n2026-01-31,98.7\r\n2026-01-31, 99\r\n2026-02-01,100.0\r\n"

    assert parse_earlier_results(text).tolist() == [98.7, 99.0, 100.0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pass_percent\n98.7\n",
        "date,pass_percent\n98.7\n",
        "date,pass_percent\n2026-01-31,98.7,x\n",
        "date,pass_percent\n2026-02-30,98.7\n",
        "date,pass_percent\n31.01.2026,98.7\n",
        "date,pass_percent\n2026-02-01,98.7\n2026-01-31,98.7\n",
        "date,pass_percent\n2026-02-01,98.7 %\n",
        "date,pass_percent\n2026-02-01,100.5\n",
        "date,pass_percent\n2026-02-01,nan\n",
        "date,pass_percent\n\n2026-02-01,98.7\n",
        "date,pass_percent\n\u0662026-02-01,98.7\n",
        "date,pass_percent\n0000-02-01,98.7\n",
    ],
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_earlier_results(text)


@given(st.text(st.sampled_from("date,ps_rcn\n0129-. %"), max_size=40))
def test_any_other_text_gives_our_error_or_results(text: str) -> None:
    for whole in (text, "date,pass_percent\n" + text):
        try:
            results = parse_earlier_results(whole)
        except InvalidInput:
            continue
        assert ((results >= 0.0) & (results <= 100.0)).all()
