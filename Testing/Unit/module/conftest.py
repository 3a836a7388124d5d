"""The module file loaded over the stubs, and a tiny client that speaks the JSON lines."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
STUBS = REPOSITORY / "Testing/host/stubs"
MODULE_FILE = REPOSITORY / "EncryptSecureRT/EncryptSecureRT.py"
# Reads its request, says what it does, and answers with what it was asked.
_GOOD_CLIENT = """
import json, sys
request = json.loads(sys.stdin.readline())
say = lambda **line: print(json.dumps(line), flush=True)
say(kind="progress", stage="segment", fraction="0.5")
from pathlib import Path
Path(request["out"]).mkdir(exist_ok=True)
Path(request["out"], "structures.dcm").write_bytes(b"")
say(kind="result", request=request)
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import the module file as Slicer does it, over the stubs."""
    stubs = ("slicer", "qt")
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_of(name, stubs)}
    monkeypatch.setattr(sys, "path", [str(STUBS), *sys.path])
    loaded = _load(MODULE_FILE)
    monkeypatch.setitem(sys.modules, "EncryptSecureRT", loaded)
    yield loaded
    for name in list(sys.modules):
        if _is_of(name, (*stubs, "EncryptSecureRTLib.panel")):
            del sys.modules[name]
    sys.modules.update(kept)


def _is_of(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def child(tmp_path: Path) -> Callable[[str], list[str]]:
    """Write a client's program and return the command line that starts it."""

    def write(program: str) -> list[str]:
        path = tmp_path / "client.py"
        path.write_text(program, "utf-8")
        return [sys.executable, "-I", str(path)]

    return write


@pytest.fixture
def good_client(child: Callable[[str], list[str]]) -> list[str]:
    """Write a client that says one progress line and echoes its request as the result."""
    return child(_GOOD_CLIENT)
