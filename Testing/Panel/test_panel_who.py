"""Who is this? Shown in the panel to whoever may see the case, for a while, and not written."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from leakscan import scan
from phantom_files import PLANTED
from Testing.Panel.imported import Imported, import_series, pseudonym_of, save_bundle

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic

_NAME = PLANTED["PatientName"]
_WORDS = f"{_NAME}, {PLANTED['PatientID']}, born {PLANTED['PatientBirthDate']}"


@pytest.fixture
def sealed(bench: "PanelBench", clinic: "Clinic", tmp_path: Path) -> Imported:
    bench.connect(clinic.url, clinic.physicist)
    series = import_series(bench, tmp_path / "clear")
    bench.choose(series.node)
    bench.press("sealStudyButton")
    assert bench.wait_idle() == "done"
    return series


@pytest.fixture
def open_case(bench: "PanelBench", clinic: "Clinic", sealed: Imported) -> Imported:
    clinic.open_case(pseudonym_of(bench, sealed.node))
    return sealed


def _ask(bench: "PanelBench") -> None:
    bench.press("whoButton")
    bench.host.process_events(lambda: not bench.panel.who.busy, 60)


def test_a_case_that_is_not_shared_stays_closed(bench: "PanelBench", sealed: Imported) -> None:
    _ask(bench)

    assert bench.ui.caseLabel.text == "Study: sealed"
    assert "This case is not shared with you" in bench.message


def test_whoever_may_see_the_case_sees_the_name_and_hides_it_again(
    bench: "PanelBench", open_case: Imported
) -> None:
    _ask(bench)
    assert bench.ui.caseLabel.text == _WORDS
    assert bench.message == "Shown for 10 minutes, and written nowhere."
    assert bench.ui.whoButton.text == "&Hide"

    bench.press("whoButton")

    assert bench.ui.caseLabel.text == "Study: sealed"
    assert bench.ui.whoButton.text == "&Who is this?"


def test_the_name_is_in_no_saved_scene_log_or_private_file(
    bench: "PanelBench", open_case: Imported, tmp_path: Path
) -> None:
    _ask(bench)
    bundle = save_bundle(bench, tmp_path / "seen.mrb")
    log = tmp_path / "log.txt"
    log.write_text(bench.panel.session.log.as_text(), "utf-8")

    assert scan(bundle, open_case.needles) == []
    assert scan(log, open_case.needles) == []
    assert _NAME not in repr(bench.panel.who.session.state)


def test_the_name_goes_after_its_time_and_with_the_scene(
    bench: "PanelBench", open_case: Imported, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ask(bench)
    monkeypatch.setattr(bench.panel.who.names, "_clock", lambda: float("inf"))
    bench.host.process_events(lambda: bench.ui.caseLabel.text == "Study: sealed", 5)

    monkeypatch.undo()
    _ask(bench)
    bench.host.close_scene()

    assert len(bench.panel.who.names) == 0
    assert _NAME not in bench.ui.caseLabel.text


def test_results_of_a_job_stay_while_it_is_asked(bench: "PanelBench", open_case: Imported) -> None:
    bench.press("applyButton")
    assert bench.wait_idle() == "done"
    _ask(bench)

    assert bench.ui.caseLabel.text == _WORDS
    assert bench.shown("resultsSection")
