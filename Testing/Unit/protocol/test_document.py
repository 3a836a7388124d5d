"""The tables of the normative text say what the code says."""

import re
from itertools import dropwhile, takewhile
from pathlib import Path

import pytest

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.framing import Magic
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.rights import STARTING_RIGHTS, Operation
from encryptsecurert_protocol.sealing import PUBLIC_KEY_BYTES
from encryptsecurert_protocol.signatures import Label
from encryptsecurert_protocol.statement import PROTOCOL

DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"


def _rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, its own heading left out."""
    text = DOCUMENT.read_text(encoding="utf-8")
    _, found, section = text.partition(f"\n## {heading}\n")
    assert found, f"no section {heading}"
    lines = section.partition("\n## ")[0].split("\n")
    from_table = dropwhile(lambda line: not line.startswith("|"), lines)
    table = list(takewhile(lambda line: line.startswith("|"), from_table))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]


def test_the_error_table_is_the_enumeration() -> None:
    rows = [
        (row[0].strip("`"), int(row[1]), int(row[2]), row[3]) for row in _rows("20. Error codes")
    ]

    expected = [
        (name, code.value.exit_code, code.value.http_status, code.value.what)
        for name, code in ErrorCode.__members__.items()
    ]
    assert rows == expected


def test_the_exit_codes_are_the_families_of_the_enumeration() -> None:
    documented = {int(row[0]) for row in _rows("21. Exit codes")}

    assert documented == {0} | {code.value.exit_code for code in ErrorCode}


def test_the_limits_table_is_the_limits() -> None:
    rows = {row[0].strip("`"): int(row[1]) for row in _rows("22. Limits")}

    assert rows == {name: getattr(LIMITS, name) for name in LIMITS.__slots__}


def test_the_rights_table_is_the_starting_rights() -> None:
    rows = {row[0].strip("`"): re.findall(r"`([^`]+)`", row[1]) for row in _rows("16. Rights")}

    expected = {
        role.value: sorted(operation.value for operation in operations)
        for role, operations in STARTING_RIGHTS.items()
    }
    assert rows == expected


def test_the_label_table_names_every_label() -> None:
    names = {name for row in _rows("4. Signatures") for name in re.findall(r"`([^`]+)`", row[0])}

    assert names == {label.value for label in Label}


def test_the_magic_table_names_every_magic() -> None:
    assert {row[0].strip("`").encode() for row in _rows("6. Framing")} == {m.value for m in Magic}


def test_the_suite_table_has_the_sizes_of_the_keys() -> None:
    sizes = {int(row[0].split()[0]): int(row[3].split()[0]) for row in _rows("5. HPKE")}

    assert sizes == {int(suite): size for suite, size in PUBLIC_KEY_BYTES.items()}


@pytest.mark.parametrize("word", [PROTOCOL, *(f"`{o.value}`" for o in Operation)])
def test_the_text_names_the_protocol_and_every_operation(word: str) -> None:
    assert word in DOCUMENT.read_text(encoding="utf-8")
