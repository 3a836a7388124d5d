"""The Slicer module file over the stubs: it loads cheaply, and scripts can use it."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
    assert len(MODULE_FILE.read_text("utf-8").splitlines()) <= 160


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
