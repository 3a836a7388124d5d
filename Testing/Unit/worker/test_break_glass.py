"""Task `break_glass`: what it takes, what it asks for, and what it says of it."""

from datetime import datetime, timedelta

import pytest
from Testing.Unit.worker.contexts import task_context
from Testing.Unit.worker.made import NOW, refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.tasks.break_glass import BreakGlassTask

CASE = "PABCDEFGHIJ234567"
GOOD: dict[str, object] = {
    "schema": "encryptsecurert.break-glass/1",
    "pseudonym": CASE,
    "reason": "Bleeding after the biopsy",
}


def test_a_case_and_a_reason_are_taken() -> None:
    BreakGlassTask().check(GOOD)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "encryptsecurert.break-glass/2"},
        {"pseudonym": CASE[:-1]},
        {"pseudonym": CASE.lower()},
        {"pseudonym": CASE + "\n"},
        {"pseudonym": None},
        {"reason": ""},
        {"reason": " \t\n"},
        {"reason": "a" * 501},
        {"reason": "bell \x07"},
        {"reason": 7},
        {"reason": ["emergency"]},
        {"more": 1},
    ],
)
def test_anything_else_is_refused(changes: dict[str, object]) -> None:
    assert refusal_of(BreakGlassTask().check, {**GOOD, **changes}) is ErrorCode.E_PARAMETERS


@pytest.mark.parametrize("name", sorted(GOOD))
def test_nothing_may_be_missing(name: str) -> None:
    parameters = {key: value for key, value in GOOD.items() if key != name}

    assert refusal_of(BreakGlassTask().check, parameters) is ErrorCode.E_PARAMETERS


def test_the_case_is_opened_with_the_reason_in_the_form_of_the_audit() -> None:
    asked: list[tuple[str, str]] = []

    def grant(pseudonym: str, reason: str) -> datetime:
        asked.append((pseudonym, reason))
        return NOW + timedelta(hours=4)

    parameters = {**GOOD, "reason": "  Bleeding \n after the  biopsy "}
    output = BreakGlassTask().run([], parameters, task_context(break_glass=grant))

    assert asked == [(CASE, "Bleeding after the biopsy")]
    assert output.results == ()
    assert output.numbers == (("granted_s", 4 * 3600.0),)


def test_a_refusal_of_the_grant_is_the_refusal_of_the_job() -> None:
    def refuse(pseudonym: str, reason: str) -> datetime:
        raise EncryptSecureRTError(ErrorCode.E_QUOTA)

    context = task_context(break_glass=refuse)

    assert refusal_of(BreakGlassTask().run, [], GOOD, context) is ErrorCode.E_QUOTA


def test_a_job_that_is_cancelled_before_opens_nothing() -> None:
    opened: list[str] = []

    def grant(pseudonym: str, reason: str) -> datetime:
        opened.append(pseudonym)
        return NOW

    def cancelled(stage: str, fraction: float) -> None:
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED)

    context = task_context(break_glass=grant, progress=cancelled)

    assert refusal_of(BreakGlassTask().run, [], GOOD, context) is ErrorCode.E_CANCELLED
    assert opened == []
