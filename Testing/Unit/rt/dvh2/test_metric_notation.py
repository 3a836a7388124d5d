"""The notation of metrics: what is read, what is refused, and the numbers they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_rt.dvh.evaluate import Course, Reason, metric_value
from encryptsecurert_rt.dvh.histogram import PointHistogram
from encryptsecurert_rt.dvh.notation import Metric, Quantity, Unit
from encryptsecurert_rt.errors import InvalidInput

# 50 cm3, doses spread evenly over 20 to 60 Gy
EVEN = PointHistogram(
    dose_gy=np.array([20.0, 60.0]), volume_fraction=np.array([1.0, 0.0]), volume_cc=50.0
)
COURSE = Course(prescription_gy=50.0, fractions=25)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("D95%[Gy]", 22.0),
        ("D50%[%]", 80.0),
        ("D5cc[Gy]", 56.0),
        ("D0.03cc[Gy]", 60.0 - 40.0 * 0.03 / 50.0),
        ("DC5%[Gy]", 22.0),
        ("DC5cc[Gy]", 24.0),
        ("V30Gy[%]", 75.0),
        ("V30Gy[cc]", 37.5),
        ("V95%[%]", 31.25),  # 47.5 Gy
        ("V95%[cc]", 15.625),
        ("CV30Gy[%]", 25.0),
        ("CV30Gy[cc]", 12.5),
        ("Mean[Gy]", 40.0),
        ("Mean[%]", 80.0),
        ("Max[Gy]", 60.0),
        ("Min[%]", 40.0),
        ("gEUD(1)[Gy]", 40.0),
        ("gEUD(2)[Gy]", np.sqrt((60.0**3 - 20.0**3) / 120.0)),
        ("gEUD(-1)[Gy]", 40.0 / np.log(3.0)),
        # 60 Gy in 25 fractions, a/b 3: 60 (2.4 + 3) / 5
        ("Max[EQD2Gy(a/b=3)]", 64.8),
        ("D0cc[EQD2Gy(a/b=3)]", 64.8),
        # 50 Gy in 25 fractions is 50 Gy of EQD2 for any a/b
        ("V50EQD2Gy(a/b=3)[%]", 25.0),
        ("V50EQD2Gy(a/b=10)[cc]", 12.5),
        # mean of D (D / 25 + 3) / 5: <D> = 40, <D^2> = 1733.33
        ("Mean[EQD2Gy(a/b=3)]", 24.0 + 5200.0 / 3.0 / 125.0),
    ],
)
def test_metric_has_its_number(text: str, number: float) -> None:
    value = metric_value(Metric.parse(text), EVEN, COURSE)

    # EQD2 of a mean goes through 16 points a line, so it is good to 1e-4 of the dose
    assert value == pytest.approx(number, rel=1e-3 if text.startswith("Mean[EQD2") else 1e-9)


def test_parts_of_a_metric_are_told_apart() -> None:
    metric = Metric.parse("CV12.5Gy[cc]")

    assert metric.quantity is Quantity.VOLUME_BELOW
    assert (metric.at, metric.at_unit, metric.unit) == (12.5, Unit.GY, Unit.CC)
    assert metric.alpha_beta_gy is None
    assert str(metric) == "CV12.5Gy[cc]"
    assert Metric.parse("V40EQD2Gy(a/b=2.5)[%]").alpha_beta_gy == 2.5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "D95[Gy]",
        "D95%",
        "D95%[cGy]",
        "d95%[Gy]",
        "D 95%[Gy]",
        "D95%[Gy] ",
        "D95%[Gy]\n",
        "D-5%[Gy]",
        "D101%[Gy]",
        "D095%[Gy]",
        "D95.%[Gy]",
        "D1e1%[Gy]",
        "D95%[cc]",
        "V20Gy[Gy]",
        "V20cc[%]",
        "Mean[cc]",
        "Median[Gy]",
        "gEUD(0)[Gy]",
        "gEUD[Gy]",
        "Max[EQD2Gy]",
        "Max[EQD2Gy(a/b=0)]",
        "V95%[EQD2Gy(a/b=3)]",
        "V20Gy[EQD2Gy(a/b=3)]",
        "D٩٥%[Gy]",  # noqa: RUF001 # digits, but not these
        "D" + "9" * 70 + "%[Gy]",
    ],
)
def test_refuses_what_is_not_in_the_notation(text: str) -> None:
    with pytest.raises(InvalidInput):
        Metric.parse(text)


@given(st.text(max_size=80))
def test_any_text_is_a_metric_or_refused(text: str) -> None:
    try:
        metric = Metric.parse(text)
    except InvalidInput:
        return
    assert metric.text == text


@given(
    st.from_regex(
        r"(D|DC|V|CV)[0-9]{1,3}(\.[0-9])?(%|cc|Gy|EQD2Gy\(a/b=[0-9]\))\[(%|cc|Gy)\]", fullmatch=True
    )
)
def test_what_looks_like_a_metric_has_a_number_or_a_reason(text: str) -> None:
    try:
        metric = Metric.parse(text)
    except InvalidInput:
        return

    value = metric_value(metric, EVEN, COURSE)

    assert isinstance(value, Reason) or np.isfinite(value)


@pytest.mark.parametrize(
    ("text", "course", "reason"),
    [
        ("D51cc[Gy]", COURSE, Reason.TOO_SMALL),
        ("DC51cc[Gy]", COURSE, Reason.TOO_SMALL),
        ("V95%[%]", Course(fractions=25), Reason.NO_PRESCRIPTION),
        ("D95%[%]", Course(fractions=25), Reason.NO_PRESCRIPTION),
        ("Max[EQD2Gy(a/b=3)]", Course(prescription_gy=50.0), Reason.NO_FRACTIONS),
        ("V20EQD2Gy(a/b=3)[%]", Course(prescription_gy=50.0), Reason.NO_FRACTIONS),
    ],
)
def test_what_cannot_be_known_has_a_reason(text: str, course: Course, reason: Reason) -> None:
    assert metric_value(Metric.parse(text), EVEN, course) is reason


def test_structure_that_the_grid_does_not_cover_has_no_number() -> None:
    cut = PointHistogram(
        dose_gy=EVEN.dose_gy,
        volume_fraction=EVEN.volume_fraction,
        volume_cc=50.0,
        covered_fraction=0.99,
    )

    assert metric_value(Metric.parse("Mean[Gy]"), cut, COURSE) is Reason.NOT_COVERED
    nearly = PointHistogram(
        dose_gy=EVEN.dose_gy,
        volume_fraction=EVEN.volume_fraction,
        volume_cc=50.0,
        covered_fraction=0.996,
    )
    assert metric_value(Metric.parse("Mean[Gy]"), nearly, COURSE) == pytest.approx(40.0)


def test_refuses_a_course_that_is_none() -> None:
    with pytest.raises(InvalidInput):
        Course(prescription_gy=0.0)
    with pytest.raises(InvalidInput):
        Course(fractions=0)
