"""What Slicer packs is what is there: CMake's lists against the disk, both ways."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE_FOLDER = REPOSITORY / "EncryptSecureRT"
TOOL = REPOSITORY / "Testing/host/update_cmake_lists.py"
_HINT = "run: python Testing/host/update_cmake_lists.py"


def _listed(name: str, folder: Path = MODULE_FOLDER) -> list[str]:
    text = (folder / "CMakeLists.txt").read_text("utf-8")
    found = re.search(rf"^set\({name}$(.*?)^  \)$", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1).split()


def _on_disk(pattern: str) -> set[str]:
    """Return the paths that match, without what tools leave behind."""
    paths = (path.relative_to(MODULE_FOLDER) for path in MODULE_FOLDER.rglob(pattern))
    return {
        path.as_posix()
        for path in paths
        if (MODULE_FOLDER / path).is_file()
        and path.suffix != ".pyc"
        and not any(part.endswith(".egg-info") or part.startswith(".") for part in path.parts)
    }


def test_every_script_is_listed_and_every_listed_script_is_there() -> None:
    listed, present = set(_listed("MODULE_PYTHON_SCRIPTS")), _on_disk("*.py")

    assert present - listed == set(), f"missing from the list; {_HINT}"
    assert listed - present == set(), f"listed, but not there; {_HINT}"


def test_every_resource_is_listed_and_every_listed_resource_is_there() -> None:
    listed = set(_listed("MODULE_PYTHON_RESOURCES"))
    present = _on_disk("*") - _on_disk("*.py") - {"CMakeLists.txt"}

    assert present - listed == set(), f"missing from the list; {_HINT}"
    assert listed - present == set(), f"listed, but not there; {_HINT}"


@pytest.mark.parametrize("name", ["MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"])
def test_lists_are_sorted_and_without_doubles(name: str) -> None:
    listed = _listed(name)

    assert listed == sorted(set(listed))


def test_no_test_and_nothing_of_the_worker_is_packed() -> None:
    listed = _listed("MODULE_PYTHON_SCRIPTS") + _listed("MODULE_PYTHON_RESOURCES")

    assert "Logic/encryptsecurert_protocol/sealing.py" in listed
    assert not [path for path in listed if re.search(r"test_|encryptsecurert_(rt|worker)/", path)]


def test_no_loose_script_lies_beside_the_module_file() -> None:
    """Slicer would import each as a module of its own."""
    assert [path.name for path in MODULE_FOLDER.glob("*.py")] == ["EncryptSecureRT.py"]


def test_source_root_is_not_a_package() -> None:
    assert not (MODULE_FOLDER / "Logic/__init__.py").exists()


def _run_tool(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(TOOL), *arguments, str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_tool_tells_what_to_add_and_remove_and_writes_just_that(tmp_path: Path) -> None:
    folder = tmp_path / "EncryptSecureRT"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(MODULE_FOLDER, folder, ignore=ignored)
    _run_tool(folder)
    before = (folder / "CMakeLists.txt").read_text("utf-8")
    (folder / "Logic/new.py").write_text("")
    (folder / "Resources/new.txt").write_text("")
    (folder / "EncryptSecureRT.py").unlink()

    told = _run_tool(folder, "--check")
    untouched = (folder / "CMakeLists.txt").read_text("utf-8")
    written = _run_tool(folder)

    lines = "+ Logic/new.py\n- EncryptSecureRT.py\n+ Resources/new.txt\n"
    assert told == (1, lines)
    assert untouched == before
    assert written == (0, lines)
    assert _run_tool(folder, "--check") == (0, "")
    assert "Logic/new.py" in _listed("MODULE_PYTHON_SCRIPTS", folder)
    assert "Resources/new.txt" in _listed("MODULE_PYTHON_RESOURCES", folder)
