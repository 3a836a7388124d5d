"""Doses compared from a script: the documented block as it stands, and what is wrong at once."""

import math
import re
from typing import TYPE_CHECKING, Any

import pytest
from Testing.Panel import doses
from Testing.Panel.bench import REPOSITORY

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic

TUTORIAL = REPOSITORY / "docs/tutorial/doses.md"
_ROW = re.compile(
    r"^\| ([\w ]+) \| ([0-9.]+) \| ([0-9]+) \| ([0-9.]*) ?\| ?([0-9.]*) ?\|$", re.MULTILINE
)
_COLUMNS = (
    *("gamma pass, proven (%)", "points (1)"),
    *("Dmean reference (Gy)", "Dmean evaluated (Gy)"),
)


def _figures(table: Any, row: int) -> list[str]:
    texts = [table.GetTable().GetColumnByName(name).GetVariantValue(row) for name in _COLUMNS]
    values = [text.ToDouble() for text in texts]
    rate, points, *means = values
    shown = ["" if math.isnan(mean) else f"{mean:.2f}" for mean in means]
    return [f"{rate:.2f}", f"{points:.0f}", *shown]


def test_the_block_of_the_tutorial_runs_and_its_numbers_are_those_of_the_sample(
    bench: "PanelBench",
    clinic: "Clinic",
    without_report: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = TUTORIAL.read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    reference, evaluated, structures = bench.add_doses()
    names: dict[str, Any] = {
        **{"reference": reference, "evaluated": evaluated, "structures": structures},
        **{"url": clinic.url, "home": str(clinic.physicist)},
    }

    exec(block, names)  # noqa: S102 - our own text, run so that it cannot go stale

    told = capsys.readouterr().out
    assert "93.91 % of 29,326 points: gamma 3 %/2 mm, global" in told
    assert told.endswith("True\n")
    table = names["comparison"].table
    rows = _ROW.findall(text)
    assert [row[0] for row in rows] == ["whole grid", "PTV_5000", "Heart", "SpinalCord"]
    assert [list(row[1:]) for row in rows] == [_figures(table, n) for n in range(4)]
    names["logic"].session.close()
    with pytest.raises(EncryptSecureRTError, match="E_LOCAL_FILE"):
        names["comparison"].receipt.verify()


def test_the_tutorial_shows_pictures_that_are_there() -> None:
    shown = re.findall(r"\]\(([^)]+\.png)\)", TUTORIAL.read_text("utf-8"))

    assert len(shown) == 3
    assert [name for name in shown if not (TUTORIAL.parent / name).is_file()] == []


def test_everything_that_is_wrong_is_said_at_once(bench: "PanelBench") -> None:
    logic = bench.loaded.file.EncryptSecureRTLogic()
    dose = doses.add_dose(bench, doses.blob(), "a dose", unit="")

    with pytest.raises(EncryptSecureRTError) as raised:
        logic.compareDoses(dose, None, dosePercent=0, mode="quick")

    assert raised.value.code is ErrorCode.E_PARAMETERS
    for words in (
        "The unit of the reference dose is unknown",
        "Select the evaluated dose.",
        "The dose difference is 0.1 to 100 %.",
        "The mode is certified or pass-fail.",
        "Choose a worker with connect.",
    ):
        assert words in raised.value.detail
    logic.session.close()


def test_sample_doses_are_registered_marked_as_doses_in_gy_and_need_no_network(
    bench: "PanelBench",
) -> None:
    from EncryptSecureRTLib.panel.sampledata import DOSES_NAME
    from EncryptSecureRTLib.scene.doses import DoseUnit, dose_facts, dose_problems

    sources = bench.host.slicer.modules.sampleDataSources["EncryptSecureRT"]
    (source,) = [each for each in sources if each["sampleName"] == DOSES_NAME]

    planned, moved, structures = source["customDownloader"](None)

    assert all(uri.startswith("file:") for uri in source["uris"])
    for node in (planned, moved):
        assert dose_problems(dose_facts(node), 2**30) == ()
        assert dose_facts(node).unit is DoseUnit.GY
    assert structures.GetSegmentation().GetNumberOfSegments() == 3
