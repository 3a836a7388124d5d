"""The report of a comparison: each figure with unit and criterion, nothing that names anybody."""

import csv
import io
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from Testing.Unit.client_dose.outcomes_made import (
    MEASUREMENT,
    RECEIPT,
    REFERENCE_GY,
    WORDS,
    comparison,
    gamma_figures,
    goal,
    outcome,
)

from encryptsecurert_protocol.dose_results import DoseComparison
from EncryptSecureRTLib.client import dose_report as dose_report_module
from EncryptSecureRTLib.client.dose_csv import comparison_csv, dvh_csv, goals_csv
from EncryptSecureRTLib.client.dose_facts import pass_words, percent, signed, verdict_words
from EncryptSecureRTLib.client.dose_html import dose_page
from EncryptSecureRTLib.client.dose_outcome import DoseOutcome
from EncryptSecureRTLib.client.dose_pdf import dose_paper
from EncryptSecureRTLib.client.dose_plots import dvh_figure
from EncryptSecureRTLib.client.dose_report import DoseReport, dose_report
from EncryptSecureRTLib.client.dose_scene import Labels, scene_of
from EncryptSecureRTLib.client.html_page import SIMULATED_BAND

PLAIN = Labels(names={7: "ROI_7"})


def report(made: DoseOutcome | None = None, labels: Labels = PLAIN) -> DoseReport:
    """Return a report with the reference dose at hand."""
    notes = ("2 contours were passed over.",)
    return dose_report(made or outcome(), labels, reference_gy=REFERENCE_GY, notes=notes)


def bare(labels: Labels = PLAIN, *, simulated: bool = True, **changes: Any) -> DoseReport:
    """Return a report without anything to draw: pictures take a second."""
    made = outcome(simulated=simulated, **changes)
    part = made.comparison.gamma
    told = replace(made.comparison, gamma=part and replace(part, histogram=None))
    plain = replace(made, comparison=told, curves={}, gamma=None, difference=None)
    return dose_report(plain, labels)


class Page(HTMLParser):
    """The words of a page, its tags and the addresses in it."""

    def __init__(self, octets: bytes) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(octets.decode())
        self.text = " ".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and what it refers to."""
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        """Note words."""
        self.words.append(" ".join(data.split()))


def rows_of(octets: bytes) -> tuple[list[str], list[dict[str, str]]]:
    """Return (remarks, rows) of a table."""
    lines = octets.decode().splitlines()
    remarks = [line for line in lines if line.startswith("#")]
    return remarks, list(csv.DictReader(io.StringIO("\n".join(lines[len(remarks) :]))))


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(dose_page(report()))


def test_the_page_says_who_is_compared_with_whom_by_what(page: Page) -> None:
    assert "TG-218: within tolerance (tolerance 95 %, action 90 %)" in page.text
    assert page.text.count(WORDS) >= 2  # beside the verdict, and of the structures' rates
    assert "99.07 % (proven) to 99.31 % (possible) of 432 points" in page.text
    assert "PLAN dose, PHYSICAL, maximum 61.5 Gy, 10 x 8 x 6 voxels of 2.5 x 2 x 3 mm" in page.text
    assert "maximum 61.75 Gy" in page.text


def test_the_page_tells_points_that_were_not_evaluated_by_reason(page: Page) -> None:
    assert "41 reference dose below the cutoff; 7 outside the evaluated grid" in page.text
    assert "no reference dose to take a percentage of" not in page.text


def test_the_page_warns_in_sentences(page: Page) -> None:
    assert "One dose is physical, the other effective (RBE-weighted)." in page.text
    assert "ROI_7: partly outside a dose grid" in page.text
    assert "2 contours were passed over." in page.text


def test_what_has_no_value_is_a_dash_and_never_0_or_100(page: Page) -> None:
    row = page.text.split("eval. mean difference Gy")[1].split("Goals")[0]

    assert " - " in row  # D95 of the evaluated dose, and the pass rate of no point
    assert pass_words(gamma_figures(evaluated=0)) == "no point was evaluated"


def test_the_page_names_worker_receipt_and_that_it_is_no_device(page: Page) -> None:
    assert RECEIPT in page.text
    assert MEASUREMENT in page.text
    assert "Not a medical device" in page.text
    assert SIMULATED_BAND in page.text
    assert SIMULATED_BAND not in Page(dose_page(bare(simulated=False))).text


def test_the_page_needs_nothing_from_outside_and_runs_nothing(page: Page) -> None:
    octets = dose_page(report())

    assert not {"script", "link", "iframe", "object"} & page.tags
    assert page.addresses
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert b"default-src 'none'" in octets


def test_names_are_escaped_where_they_may_stand_and_absent_where_not() -> None:
    named = Labels(names={7: '<b>Heart&"'})

    with_names, without = dose_page(bare(named)), dose_page(bare())

    assert b"&lt;b&gt;Heart&amp;" in with_names
    assert b"<b>Heart" not in with_names
    assert b"Heart" not in without


def test_a_name_is_no_formula() -> None:
    made = report().outcome
    figure = dvh_figure(made, Labels(names={7: r"PTV $\frac$ and x$$"}), [7])
    assert figure is not None

    figure.savefig(io.BytesIO(), format="png", dpi=20)

    (legend,) = figure.legends
    assert legend.get_texts()[-1].get_text() == r"PTV \$\frac\$ and x\$\$"


def test_a_goal_is_told_by_a_word(page: Page) -> None:
    assert "D95%[Gy] >= 30, acceptable to 28" in page.text
    assert "31.25 Gy met 27.50 Gy NOT met" in re.sub(" +", " ", page.text)
    unknown = Page(dose_page(bare(goals=(goal("not_evaluable", None),))))
    assert "not evaluable: no value" in unknown.text


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("between", "investigate"),
        ("beyond_action", "beyond the action limit"),
        ("undecided", "undecided"),
        ("nothing_evaluated", "nothing was evaluated"),
    ],
)
def test_every_verdict_has_words(verdict: str, words: str) -> None:
    tg218 = comparison().tg218
    assert tg218 is not None
    made: DoseComparison = comparison(
        tg218=replace(tg218, verdict=verdict, departures=("cutoff not 10 %",))
    )

    told, colour = verdict_words(made)

    assert words in told
    assert "NOT the universal criteria: cutoff not 10 %" in told
    assert colour == ""


def test_a_comparison_without_gamma_has_no_verdict_and_no_pass_rate() -> None:
    made = bare(gamma=None, tg218=None)

    text = Page(dose_page(made)).text

    assert "TG-218" not in text
    assert "gamma pass" not in text
    assert "Dose difference" in text
    assert dose_paper(made).startswith(b"%PDF")


def test_without_the_doses_there_is_a_report_all_the_same() -> None:
    page = Page(dose_page(replace(bare(), scene=scene_of(outcome(), None, Labels()))))

    assert "Isodoses" not in page.text
    assert "ROI_7" in page.text


def test_where_nothing_can_draw_the_page_has_all_but_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dose_report_module, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # an import of it fails

    page = Page(dose_page(report()))

    assert page.addresses == []
    assert "Pictures are left out" in page.text
    assert "99.07 % (proven)" in page.text
    assert "ROI_7" in page.text


def test_paper_is_the_same_each_time_and_its_properties_tell_nothing() -> None:
    first, again = dose_paper(report()), dose_paper(report())

    assert first == again
    assert b"/Creator (EncryptSecureRT)" in first
    for word in (b"/CreationDate", b"/ModDate", b"/Author", b"/Title", b"/Producer"):
        assert word not in first


def test_tables_have_all_digits_and_the_unit_in_the_name_of_a_column() -> None:
    remarks, (whole, structure) = rows_of(comparison_csv(outcome(), PLAIN))

    assert float(structure["dvh_reference_mean_Gy"]) == 33.123456789012345
    assert structure["volume_cc"] == "12.3456789"
    assert float(whole["gamma_pass_percent_certain"]) == 100 * 428 / 432
    assert whole["difference_mean_Gy"] == "0.06371"
    assert structure["dvh_evaluated_D95%_Gy"] == ""  # there is none, so it is not 0
    assert structure["gamma_pass_percent_certain"] == ""
    assert structure["dvh_reference_V20Gy_percent"] == "87.6543"
    assert f"# {WORDS}" in remarks
    assert f"# receipt SHA-256 {RECEIPT}" in remarks
    assert any("SIMULATED" in line for line in remarks)


def test_no_column_is_written_twice() -> None:
    head = comparison_csv(outcome(), PLAIN).decode().splitlines()
    columns = next(line for line in head if not line.startswith("#")).split(",")

    assert len(set(columns)) == len(columns)


def test_curves_and_goals_have_tables_of_their_own() -> None:
    _, curves = rows_of(dvh_csv(outcome(), PLAIN))
    _, goals = rows_of(goals_csv(outcome(), PLAIN))

    assert [row["dose"] for row in curves] == ["reference"] * 4 + ["evaluated"] * 4
    assert float(curves[2]["volume_fraction"]) == 1 / 3
    assert goals[0]["evaluated_state"] == "not_met"
    assert (goals[0]["value"], goals[0]["variation"], goals[0]["unit"]) == ("30.0", "28.0", "Gy")


def test_nearly_all_is_not_told_as_all() -> None:
    assert percent(99.99873) == "99.9987"
    assert percent(100.0) == "100.00"
    assert percent(None) == "-"


@pytest.mark.parametrize(
    ("value", "text"), [(-0.001, "0.00"), (0.0, "0.00"), (0.126, "+0.13"), (-2.0, "-2.00")]
)
def test_a_difference_has_a_sign_unless_it_is_nothing(value: float, text: str) -> None:
    assert signed(value, 2) == text


def test_a_map_of_another_grid_than_the_comparison_is_no_result() -> None:
    made = outcome()
    assert made.gamma is not None

    other = replace(made.gamma, grid=replace(made.gamma.grid, shape=(1, 2, 3)))

    with pytest.raises(Exception, match="E_RESULT"):
        replace(made, gamma=other)
