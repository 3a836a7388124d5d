"""The Slicer module file over the stubs: it loads cheaply, and scripts can use it."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client import process

REPOSITORY = Path(__file__).resolve().parents[3]
MODULE_FILE = REPOSITORY / "EncryptSecureRT/EncryptSecureRT.py"
_IMPORT_ALONE = """
import json, sys, time, unittest
sys.path.insert(0, sys.argv[2])
import slicer.i18n, slicer.ScriptedLoadableModule
import importlib.util
before, start = set(sys.modules), time.process_time()
spec = importlib.util.spec_from_file_location("EncryptSecureRT", sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
spent = time.process_time() - start
print(json.dumps({"new": sorted(set(sys.modules) - before), "spent_s": spent}))
"""


class FakeParent:
    """Takes what a module sets on its parent."""


def test_has_the_four_classes_that_slicer_looks_for(module: Any) -> None:
    bases = importlib.import_module("slicer.ScriptedLoadableModule")
    name = "EncryptSecureRT"

    assert issubclass(getattr(module, name), bases.ScriptedLoadableModule)
    assert issubclass(getattr(module, f"{name}Widget"), bases.ScriptedLoadableModuleWidget)
    assert issubclass(getattr(module, f"{name}Logic"), bases.ScriptedLoadableModuleLogic)
    assert issubclass(getattr(module, f"{name}Test"), bases.ScriptedLoadableModuleTest)


def test_module_file_stays_thin() -> None:
    assert len(MODULE_FILE.read_text("utf-8").splitlines()) <= 150


def test_import_loads_nothing_heavy_within_50_ms_of_processor_time() -> None:
    stubs = REPOSITORY / "Testing/host/stubs"

    done = subprocess.run(
        [sys.executable, "-I", "-c", _IMPORT_ALONE, str(MODULE_FILE), str(stubs)],
        capture_output=True,
        check=True,
    )

    report = json.loads(done.stdout)
    roots = {name.split(".")[0] for name in report["new"]}
    assert roots <= sys.stdlib_module_names, "only the standard library may come with it"
    assert not roots & {"subprocess", "threading", "asyncio", "ssl", "http", "json"}
    assert report["spent_s"] < 0.050


def test_source_root_is_on_the_path_once_and_before_nothing(module: Any) -> None:
    root = str(REPOSITORY / "EncryptSecureRT/Logic")

    assert sys.path.count(root) == 1
    assert sys.path[0] != root


def test_parent_gets_title_and_category(module: Any) -> None:
    parent: Any = FakeParent()

    module.EncryptSecureRT(parent)

    assert parent.title == "EncryptSecureRT"
    assert parent.categories == ["Radiotherapy"]
    assert parent.dependencies == []
    assert "Not a medical device" in parent.helpText


def test_panel_tells_what_works_and_offers_nothing_to_press(module: Any) -> None:
    widget = module.EncryptSecureRTWidget(None)

    widget.setup()

    names = [item.objectName for item in widget.layout.widgets]
    assert names == ["aboutLabel", "exampleLabel", "exampleText", "warningLabel"]
    assert "not there yet" in widget.layout.widgets[0].text
    assert widget.layout.widgets[2].readOnly
    assert not any(type(item).__name__.endswith("Button") for item in widget.layout.widgets)


def test_reload_forgets_our_packages_and_no_others(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {name: sys for name in ("EncryptSecureRTLib.panel.x", "encryptsecurert_protocol")}
    others = {"EncryptSecureRTLibrary": sys, "json": sys}
    monkeypatch.setattr(sys, "modules", modules | others)
    widget = module.EncryptSecureRTWidget(None)

    widget.onReload()

    assert set(sys.modules) == set(others)
    assert widget.reloads == 1


def test_example_in_the_panel_runs_as_it_stands(
    module: Any,
    good_client: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from EncryptSecureRTLib.panel.first import EXAMPLE

    monkeypatch.setattr(process, "client_argv", lambda command: good_client)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}

    exec(EXAMPLE, names)  # noqa: S102 - our own text, run so that it cannot go stale

    assert names["result"]["request"] == {
        "command": "segment",
        "series": "protected/ct",
        "out": "results",
        "url": "https://worker.site:8443",
        "home": "home",
        "structures": ["body", "lung_left"],
        "outputs": ["rtstruct", "seg"],
    }
    assert "'kind': 'progress'" in capsys.readouterr().out


def test_window_is_kept_alive_while_a_job_runs(
    module: Any, child: Callable[[str], list[str]]
) -> None:
    argv = child(
        'import time; time.sleep(0.3); print(\'{"kind": "result"}\')',
    )
    logic = module.EncryptSecureRTLogic(argv)

    logic.segment(ctFolder="a", outputFolder="b", url="c", homeFolder="d", structures=["body"])

    assert module.slicer.app.events_processed >= 2


def test_refusal_of_the_client_reaches_the_script_with_its_code(
    module: Any, child: Callable[[str], list[str]]
) -> None:
    argv = child(
        'import sys; print(\'{"kind": "error", "code": "E_MEASUREMENT"}\'); sys.exit(5)',
    )
    logic = module.EncryptSecureRTLogic(argv)

    with pytest.raises(EncryptSecureRTError) as raised:
        logic.segment(ctFolder="a", outputFolder="b", url="c", homeFolder="d", structures=["body"])

    assert raised.value.code is ErrorCode.E_MEASUREMENT


def test_cancel_from_a_callback_ends_the_job(
    module: Any, child: Callable[[str], list[str]]
) -> None:
    argv = child(
        'import time; print(\'{"kind": "progress"}\', flush=True); time.sleep(60)',
    )
    logic = module.EncryptSecureRTLogic(argv)

    with pytest.raises(EncryptSecureRTError) as raised:
        logic.segment(
            ctFolder="a",
            outputFolder="b",
            url="c",
            homeFolder="d",
            structures=["body"],
            progress=lambda event: logic.cancel(),
        )

    assert raised.value.code is ErrorCode.E_CANCELLED


def test_self_test_passes_with_a_worker_that_was_given(
    module: Any, good_client: list[str], child: Callable[[str], list[str]], tmp_path: Path
) -> None:
    test = module.EncryptSecureRTTest()
    worker = {"ctFolder": "a", "outputFolder": tmp_path / "out", "url": "c", "homeFolder": "d"}
    test.worker = {**worker, "structures": ["body"], "clientArgv": good_client}

    test.setUp()
    test.test_segmentsInGivenWorker()

    assert module.slicer.mrmlScene.cleared == 1


def test_self_test_says_what_it_did_not_try(
    module: Any, child: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = child('import sys; print(\'{"kind": "error", "code": "E_NO_DICOM"}\'); sys.exit(9)')
    monkeypatch.setattr(process, "client_argv", lambda command: refuse)
    test = module.EncryptSecureRTTest()

    test.runTest()

    assert test.messages == ["No worker was given: segmentation was not tried."]


@pytest.mark.parametrize("program", ["", 'print(\'{"kind": "result"}\')'])
def test_self_test_fails_if_the_client_is_mute_or_accepts_a_missing_series(
    program: str, module: Any, child: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "client_argv", lambda command: child(program))

    with pytest.raises(AssertionError):
        module.EncryptSecureRTTest().runTest()
