"""Every code has its sentence and its family, and no error says what was given."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import encryptsecurert_protocol
from encryptsecurert_protocol import errors
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode, error_from_name

SOURCES = sorted(Path(encryptsecurert_protocol.__file__).parent.glob("*.py"))
# Written out here, so that no family moves unnoticed; scripts rely on these numbers.
FAMILIES = {
    2: ["E_USAGE"],
    3: ["E_UNREACHABLE", "E_TIMEOUT", "E_PACS_UNREACHABLE"],
    4: ["E_USER_CERTIFICATE", "E_USER_KEY"],
    6: ["E_POLICY_MISSING", "E_POLICY", "E_POLICY_SIGNATURE", "E_POLICY_EXPIRED"],
    7: ["E_NOT_PROVISIONED", "E_SITE", "E_BUNDLE", "E_VERSION"],
    8: ["E_FORBIDDEN", "E_CASE", "E_QUOTA", "E_PACS_REFUSED"],
    10: ["E_TOO_LARGE", "E_BUSY", "E_WORK"],
    11: ["E_JOB_FAILED", "E_PACS_INCOMPLETE"],
    12: ["E_CANCELLED"],
    13: ["E_RESULT", "E_RECEIPT", "E_AUDIT", "E_PACS_ANSWER"],
    14: ["E_LOCAL_FILE", "E_STATE"],
    70: ["E_INTERNAL"],
}


@pytest.mark.parametrize("code", list(ErrorCode), ids=lambda code: code.name)
def test_each_code_says_what_happened_and_what_to_do(code: ErrorCode) -> None:
    for sentence in (code.value.what, code.value.todo):
        assert re.fullmatch(r"[A-Z].{8,}\.", sentence) or sentence == "Cancelled."
    assert code.value.http_status in range(400, 600)
    assert re.fullmatch(r"E_[A-Z_]{1,40}", code.name)


def test_no_two_codes_share_a_value() -> None:
    # Equal values would make one the alias of the other, and its name would never be shown.
    assert len(list(ErrorCode)) == len(ErrorCode.__members__)
    assert len({code.value.what for code in ErrorCode}) == len(ErrorCode)


@pytest.mark.parametrize("exit_code", FAMILIES)
def test_families_with_few_codes_stay_as_they_are(exit_code: int) -> None:
    found = [code.name for code in ErrorCode if code.value.exit_code == exit_code]

    assert found == FAMILIES[exit_code]


def test_all_other_codes_are_attestation_or_bad_input() -> None:
    known = {name for names in FAMILIES.values() for name in names}
    others = {code.value.exit_code for code in ErrorCode if code.name not in known}

    assert others == {5, 9}


def test_an_error_shows_code_sentence_and_advice() -> None:
    error = EncryptSecureRTError(ErrorCode.E_SEAL, "chunk 3")

    assert str(error) == (
        "E_SEAL: A sealed object does not open or is not whole. (chunk 3) Send it again."
    )
    assert (error.exit_code, error.http_status) == (9, 400)


def test_names_come_back_as_errors_and_unknown_ones_as_internal() -> None:
    assert error_from_name("E_SITE").code is ErrorCode.E_SITE
    assert error_from_name("E_NEWER_THAN_THIS").code is ErrorCode.E_INTERNAL
    assert error_from_name("__class__").code is ErrorCode.E_INTERNAL


def test_the_docstring_draws_what_an_error_offers() -> None:
    lines = re.findall(r"^ +((?:\.\w+(?:, )?)+) +(\w+)", errors.__doc__ or "", re.MULTILINE)
    drawn = {name: kind for names, kind in lines for name in re.findall(r"\w+", names)}
    error = EncryptSecureRTError(ErrorCode.E_USAGE)
    properties = dict(inspect.getmembers(EncryptSecureRTError, lambda m: isinstance(m, property)))

    assert set(drawn) == set(properties) | {"code"}
    assert {name: type(getattr(error, name)).__name__ for name in drawn} == drawn
    assert f"    {EncryptSecureRTError.__name__} " in (errors.__doc__ or "")


def _error_calls() -> Iterator[ast.Call]:
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id == "EncryptSecureRTError":
                    yield node


def test_details_are_words_of_our_own() -> None:
    calls = [call for call in _error_calls() if len(call.args) + len(call.keywords) > 1]
    details = [call.args[1] for call in calls]
    # `error_from_name` passes on what another process of ours wrote; all others are constants.
    passed_on = [detail for detail in details if isinstance(detail, ast.Name)]

    assert all(isinstance(detail, ast.Constant | ast.Name) for detail in details)
    assert len(details) >= 2
    assert [detail.id for detail in passed_on if isinstance(detail, ast.Name)] == ["detail"]


def test_the_sources_raise_no_other_error() -> None:
    raised: set[str] = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                target = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                raised.add(f"{source.stem}: {ast.unparse(target)}")

    # These three are caught in the same function or its only callers, see the mutation tests.
    inside = {"sealing: ValueError", "signatures: ValueError", "signatures: InvalidSignature"}
    assert {entry for entry in raised if not entry.endswith("EncryptSecureRTError")} == inside
