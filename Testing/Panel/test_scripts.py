"""Scripts: the documented block as it stands, the module's self test, errors with their codes."""

import re
from typing import TYPE_CHECKING, Any

import pytest
from Testing.Panel.bench import REPOSITORY

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic

TUTORIAL = REPOSITORY / "docs/tutorial/README.md"


@pytest.fixture
def logic(bench: "PanelBench") -> Any:
    made = bench.loaded.file.EncryptSecureRTLogic()
    yield made
    made.session.close()


def test_the_block_of_the_tutorial_runs_as_it_stands(
    bench: "PanelBench", clinic: "Clinic", capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {
        "ct": bench.add_phantom(),
        "url": clinic.url,
        "home": str(clinic.physicist),
    }

    exec(block, names)  # noqa: S102 - our own text, run so that it cannot go stale

    told = capsys.readouterr().out
    assert "CT phantom segmentation" in told
    assert "Lungs" in told
    segments = names["segmentation"].GetSegmentation()
    assert list(segments.GetSegmentIDs()) == ["lung_left", "lung_right"]
    names["logic"].session.close()


def test_the_tutorial_shows_the_volumes_that_the_phantom_has(ready: "PanelBench") -> None:
    rows = re.findall(r"^\| (\w+) \| ([0-9.]+) \|$", TUTORIAL.read_text("utf-8"), re.MULTILINE)
    ready.press("applyButton")
    ready.wait_idle()

    outcome = ready.panel.session.state.outcome
    made = [(s.label, f"{s.volume_cc:.1f}") for s in outcome.structures]
    assert made == rows


def test_the_tutorial_shows_pictures_that_are_there() -> None:
    shown = re.findall(r"\]\(([^)]+\.png)\)", TUTORIAL.read_text("utf-8"))

    assert len(shown) >= 12
    assert [name for name in shown if not (TUTORIAL.parent / name).is_file()] == []


def test_the_self_test_passes_without_a_worker_and_says_so(bench: "PanelBench") -> None:
    test = bench.loaded.file.EncryptSecureRTTest()
    told: list[str] = []
    test.delayDisplay = lambda message, *_: told.append(message)

    test.runTest()

    assert told == ["No worker was given: segmentation was not tried."]


def test_the_self_test_passes_with_a_worker(bench: "PanelBench", clinic: "Clinic") -> None:
    bench.loaded.file.EncryptSecureRTTest().runTest(url=clinic.url, home=str(clinic.physicist))


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://worker", "https"), ("https://a@b", "certificate is your login"), ("", "https")],
)
def test_a_wrong_address_is_refused_at_once(logic: Any, url: str, words: str) -> None:
    with pytest.raises(EncryptSecureRTError) as raised:
        logic.connect(url, home="nowhere")

    assert raised.value.code is ErrorCode.E_USAGE
    assert words in raised.value.detail


def test_everything_that_is_wrong_is_said_at_once(logic: Any) -> None:
    with pytest.raises(EncryptSecureRTError) as raised:
        logic.segment(None, structures=["unknown"])

    assert raised.value.code is ErrorCode.E_PARAMETERS
    for words in ("Select a CT.", "no such structure", "Choose a worker"):
        assert words in raised.value.detail


def test_a_refusal_of_the_worker_reaches_the_script_with_its_code(
    bench: "PanelBench", logic: Any, clinic: "Clinic"
) -> None:
    logic.connect(clinic.url, home=clinic.auditor)

    with pytest.raises(EncryptSecureRTError) as raised:
        logic.segment(bench.add_phantom(), structures=["body"]).wait()

    assert raised.value.code is ErrorCode.E_FORBIDDEN


def test_a_cancel_from_the_progress_ends_the_job(
    bench: "PanelBench", logic: Any, clinic: "Clinic"
) -> None:
    logic.connect(clinic.url, home=clinic.physicist)
    running: Any = logic.segment(bench.add_phantom(), progress=lambda _: running.cancel())

    with pytest.raises(EncryptSecureRTError) as raised:
        running.wait()

    assert raised.value.code is ErrorCode.E_CANCELLED
    assert bench.segmentations() == []


def test_a_second_job_waits_for_nobody_and_is_refused(
    bench: "PanelBench", logic: Any, clinic: "Clinic"
) -> None:
    logic.connect(clinic.url, home=clinic.physicist)
    ct = bench.add_phantom()
    first = logic.segment(ct, structures=["body"])

    with pytest.raises(EncryptSecureRTError) as raised:
        logic.segment(ct, structures=["body"])

    assert raised.value.code is ErrorCode.E_BUSY
    assert first.wait() is not None


def test_sample_data_is_registered_and_needs_no_network(bench: "PanelBench") -> None:
    source, _ = bench.host.slicer.modules.sampleDataSources["EncryptSecureRT"]

    assert source["sampleName"] == "EncryptSecureRTPhantom"
    assert source["uris"].startswith("file:")
    assert source["nodeNames"] == "CT phantom"
