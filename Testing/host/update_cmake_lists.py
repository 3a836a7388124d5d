"""Write the lists of scripts and resources in EncryptSecureRT/CMakeLists.txt from the disk.

    python Testing/host/update_cmake_lists.py [--check] [MODULE_FOLDER]

With `--check` nothing is written: it prints what to add (+) and remove (-) and ends with 1 if
there is anything. Every Python file below the module folder is a script, every other file a
resource, but for the CMake file and what tools leave behind.
"""

import re
import sys
from pathlib import Path

MODULE_FOLDER = Path(__file__).resolve().parents[2] / "EncryptSecureRT"
LISTS = {"MODULE_PYTHON_SCRIPTS": True, "MODULE_PYTHON_RESOURCES": False}  # name: of .py files?
_LEFT_BEHIND = re.compile(r"(^|/)(__pycache__|[^/]*\.egg-info|\.[^/]*)(/|$)|\.pyc$")


def files_on_disk(folder: Path, *, python: bool) -> list[str]:
    """Return the paths that belong into a list, relative to the module folder, sorted."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(
        name
        for name in names
        if name.endswith(".py") == python
        and name != "CMakeLists.txt"
        and not _LEFT_BEHIND.search(name)
    )


def _list_in(text: str, name: str) -> re.Match[str]:
    found = re.search(rf"set\({name}\n(.*?)  \)\n", text, re.DOTALL)
    if found is None:
        raise SystemExit(f"CMakeLists.txt has no list {name}")
    return found


def main(arguments: list[str]) -> int:
    """Check or rewrite; return the exit status."""
    check = "--check" in arguments
    folders = [Path(item) for item in arguments if item != "--check"]
    folder = folders[0] if folders else MODULE_FOLDER
    path = folder / "CMakeLists.txt"
    text = path.read_text("utf-8")
    differences = []
    for name, python in LISTS.items():
        present = files_on_disk(folder, python=python)
        found = _list_in(text, name)
        listed = found.group(1).split()
        differences += [f"+ {file}" for file in present if file not in listed]
        differences += [f"- {file}" for file in listed if file not in present]
        lines = "".join(f"  {file}\n" for file in present)
        text = text[: found.start(1)] + lines + text[found.end(1) :]
    sys.stdout.write("".join(f"{line}\n" for line in differences))
    if not check:
        path.write_text(text, "utf-8")
    return 1 if check and differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
