"""House rules that no linter knows: sizes, docstrings, forbidden words, the form of documents."""

import ast
import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = (REPOSITORY / "EncryptSecureRT/Logic", REPOSITORY / "enclave-worker/src")
MOST_LINES, NEVER_MORE_LINES = 400, 600
# Files over 400 lines that were looked at and stay, each with the reason. None over 600.
LOOKED_AT: dict[str, str] = {
    "Testing/Unit/attest/test_parsers.py": "one mutation per parser, all in one place",
    "Testing/Unit/custodian/test_policy.py": "one rule of a release and a policy after another",
}
_SKIPPED = re.compile(r"^(build|demo-out|__pycache__|node_modules|.*\.egg-info|\..+)$")
_KEPT_HIDDEN = {".ci", ".gitignore"}
_MACHINE_PATH = re.compile(r"(?<![\w.~])/(work|farm|root|home|tmp)/[\w.]|\b[A-Z]:\\Users\\")
_REGISTRY = re.compile(
    r"\b(pypi|pythonhosted|npmjs|crates|anaconda|rubygems)\.(org|com|io)\b"
    r"|\bproxy\.golang\.org\b|\b(deb|security)\.debian\.org\b|\b(ghcr|quay|gcr)\.io\b"
)
_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
_BARE_EXEMPTION = re.compile(r"#\s*type:\s*ignore(?!\[)|#\s*(ruff:\s*)?noqa(?!:\s*[A-Z]+\d)")


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if _SKIPPED.match(path.name) and path.name not in _KEPT_HIDDEN:
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


FILES = {path.relative_to(REPOSITORY).as_posix(): _text_of(path) for path in _walk(REPOSITORY)}
TEXTS = {name: text for name, text in FILES.items() if text is not None}
OURS = "Testing/Unit/test_house.py"  # it spells out what it forbids


def _found(pattern: re.Pattern[str], *, suffixes: tuple[str, ...] = ("",)) -> list[str]:
    return [
        f"{name}:{number}"
        for name, text in TEXTS.items()
        if name != OURS and name.endswith(suffixes)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_files_to_look_at_are_there() -> None:
    assert {"LICENSE.txt", "CMakeLists.txt", OURS} <= set(TEXTS)
    assert not [name for name in TEXTS if name.startswith(".venv")]


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert _found(_MACHINE_PATH) == []


def test_no_file_names_a_package_registry() -> None:
    assert [place for place in _found(_REGISTRY) if ".lock:" not in place] == []


def test_nothing_is_left_for_later_in_the_source() -> None:
    assert _found(_UNFINISHED, suffixes=(".py", ".txt", ".template", "Dockerfile")) == []


def test_every_exemption_names_its_rule() -> None:
    assert _found(_BARE_EXEMPTION, suffixes=(".py",)) == []


@pytest.mark.parametrize(
    ("pattern", "bad", "good"),
    [
        (_MACHINE_PATH, "see /" + "work/main/x", "../shared/data/x"),
        (_MACHINE_PATH, "open('/tmp/x')", 'HOME = "/tmp"'),
        (_MACHINE_PATH, "/home/me/x", "~/home/me"),
        (_MACHINE_PATH, r"C:\Users\me", r"C:\Windows"),
        (_REGISTRY, "https://pypi." + "org/simple", "PyPI"),
        (_REGISTRY, "FROM ghcr.io/a/b", "FROM ${BASE_IMAGE}"),
        (_UNFINISHED, "# TODO: later", "# methodology"),
        (_BARE_EXEMPTION, "x  # noqa", "x  # noqa: S603 - fixed command"),
        (_BARE_EXEMPTION, "x  # type: ignore", "x  # type: ignore[arg-type] - why"),
    ],
)
def test_pattern_finds_the_bad_line_and_leaves_the_good_one(
    pattern: re.Pattern[str], bad: str, good: str
) -> None:
    assert pattern.search(bad)
    assert not pattern.search(good)


def test_no_file_has_more_than_600_lines_and_those_over_400_were_looked_at() -> None:
    lines = {name: text.count("\n") for name, text in TEXTS.items() if name.endswith(".py")}

    long = {name for name, count in lines.items() if count > MOST_LINES}
    too_long = {name for name, count in lines.items() if count > NEVER_MORE_LINES}

    assert too_long == set()
    assert long == set(LOOKED_AT)


def _python_files() -> list[Path]:
    return [path for root in SOURCE_ROOTS for path in _walk(root) if path.suffix == ".py"]


def test_every_folder_of_code_is_a_package_that_says_what_belongs_there() -> None:
    roots = set(SOURCE_ROOTS)
    folders = {path.parent for path in _python_files()} - roots

    without = []
    for folder in sorted(folders):
        path = folder / "__init__.py"
        text = path.read_text("utf-8") if path.exists() else ""
        if not ast.get_docstring(ast.parse(text)):
            without.append(folder.relative_to(REPOSITORY).as_posix())

    assert without == []


def test_every_module_begins_with_its_idea() -> None:
    without = [
        path.relative_to(REPOSITORY).as_posix()
        for path in _python_files()
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert without == []


def test_nothing_prints_outside_the_command_lines() -> None:
    told = []
    for path in _python_files():
        name = path.relative_to(REPOSITORY).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="print")) if "cli" not in path.stem:
                    told.append(f"{name}:{node.lineno}")

    assert told == []


def test_testing_is_not_a_package() -> None:
    """An importable `Testing` of one Slicer extension hides that of another."""
    inits = [name for name in TEXTS if re.match(r"Testing/.*__init__\.py", name)]

    assert [name for name in inits if not name.startswith("Testing/host/stubs/")] == []


def test_changelog_has_the_form_of_keep_a_changelog() -> None:
    text = TEXTS["CHANGELOG.md"]
    releases = re.findall(r"^## (.*)$", text, re.MULTILINE)
    kinds = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    marks = set(re.findall(r"^- \*\*\[(\w+)\]\*\*", text, re.MULTILINE))

    assert releases[0] == "[Unreleased]"
    assert all(
        re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", title) for title in releases[1:]
    )
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert marks <= {"bytes", "numbers"}


def test_changelog_tells_of_the_version_that_the_packages_have() -> None:
    versions = {
        re.findall(r'^version = "(.*)"$', TEXTS[name], re.MULTILINE)[0]
        for name in ("pyproject.toml", "enclave-worker/pyproject.toml")
    }

    newest = re.findall(r"^## \[(\d.*?)\]", TEXTS["CHANGELOG.md"], re.MULTILINE)[0]
    assert versions == {newest}


def test_decisions_are_numbered_without_gaps_have_all_parts_and_are_in_the_index() -> None:
    decisions = sorted((REPOSITORY / "docs/adr").glob("[0-9]*.md"))
    index = TEXTS["docs/adr/README.md"]
    parts = ["Status", "Context", "Decision", "Consequences", "Refused alternatives"]

    assert [int(path.stem[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in [*decisions, REPOSITORY / "docs/adr/template.md"]:
        text = path.read_text("utf-8")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == parts, path.name
    for path in decisions:
        title = path.read_text("utf-8").splitlines()[0].removeprefix(f"# {path.stem[:4]}. ")
        assert f"| [{path.stem[:4]}]({path.name}) | {title} |" in index


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for name, text in TEXTS.items():
        targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text) if name.endswith(".md") else []
        folder = (REPOSITORY / name).parent
        broken += [f"{name}: {target}" for target in targets if not (folder / target).exists()]

    assert broken == []


def test_catalogue_entry_and_cmake_name_the_same_extensions() -> None:
    entry = json.loads(TEXTS["EncryptSecureRT.json"])
    depends = re.findall(r'set\(EXTENSION_DEPENDS "(.*?)"\)', TEXTS["CMakeLists.txt"])
    allowed = (
        "$schema build_dependencies build_subdirectory category dicom_support_rule enabled"
        " scm_revision scm_type scm_url tier"
    ).split()

    assert entry["build_dependencies"] == depends[0].split()
    assert set(entry) <= set(allowed)
    assert {"$schema", "category", "scm_url"} <= set(entry)


def test_licence_is_the_one_that_the_packages_name() -> None:
    assert "Apache License" in TEXTS["LICENSE.txt"][:100]
    for name in ("pyproject.toml", "enclave-worker/pyproject.toml"):
        assert 'license = "Apache-2.0"' in TEXTS[name]


def _pixels(png: bytes) -> tuple[bytes, bytes]:
    """Return the header and the inflated rows: compressors differ, pictures do not."""
    at, header, rows = 8, b"", b""
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + size]
        header, rows = (body, rows) if kind == b"IHDR" else (header, rows + body)
        at += 12 + size
    return header, zlib.decompress(rows)


def test_icon_is_what_its_script_draws(tmp_path: Path) -> None:
    icon = REPOSITORY / "EncryptSecureRT/Resources/Icons/EncryptSecureRT.png"
    drawn = tmp_path / "icon.png"

    script = REPOSITORY / "Testing/host/draw_icon.py"
    subprocess.run([sys.executable, str(script), str(drawn)], check=True)

    assert _pixels(icon.read_bytes()) == _pixels(drawn.read_bytes())
    assert struct.unpack_from(">II", icon.read_bytes(), 16) == (128, 128)


def test_every_place_that_names_the_version_names_the_same() -> None:
    places = {
        "pyproject.toml": r'^version = "(.+)"$',
        "enclave-worker/pyproject.toml": r'^version = "(.+)"$',
        "EncryptSecureRT/Logic/EncryptSecureRTLib/client/arguments.py": r'^VERSION = "(.+)"$',
        "enclave-worker/src/encryptsecurert_worker/__init__.py": r'^__version__ = "(.+)"$',
    }
    found = {
        match
        for name, pattern in places.items()
        for match in re.findall(pattern, (REPOSITORY / name).read_text(), re.MULTILINE)
    }

    assert len(found) == 1
