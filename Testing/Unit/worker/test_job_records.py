"""Facts of jobs are read strictly: whatever is odd stops the worker, nothing is guessed."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Unit.worker.books import Shelf
from Testing.Unit.worker.made import HandMadeSite, refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER, new_job

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.jobs.record import JobRecord

A, B = "0a" * 16, "0b" * 16


def _fact(shelf: Shelf, job: str) -> dict[str, Any]:
    value = shelf.kept.ledger.get("job", OWNER, job)
    assert value is not None
    return value


def _read_again(job: str, fact: dict[str, Any]) -> object:
    try:
        return JobRecord.read(OWNER, job, fact).fact().value
    except EncryptSecureRTError as error:
        return error.code


Json: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.just([])
)
Members = st.sampled_from(sorted(new_job().record.fact().value or {}))


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory, made: HandMadeSite) -> list[dict[str, Any]]:
    shelf = Shelf(tmp_path_factory.mktemp("state"), made)
    shelf.done(A)
    shelf.accept(B)
    return [_fact(shelf, A), _fact(shelf, B)]


@given(ended=st.booleans(), member=Members, value=Json)
def test_a_fact_with_an_odd_member_is_refused_as_a_state_or_read(
    facts: list[dict[str, Any]], ended: bool, member: str, value: object
) -> None:
    fact = copy.deepcopy(facts[0 if ended else 1])
    fact[member] = value

    assert _read_again(A if ended else B, fact) in (fact, ErrorCode.E_STATE)


def test_a_fact_under_another_name_is_refused(facts: list[dict[str, Any]]) -> None:
    assert refusal_of(JobRecord.read, OWNER, A, facts[1]) is ErrorCode.E_STATE
    assert refusal_of(JobRecord.read, OTHER, B, facts[1]) is ErrorCode.E_STATE


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ['{"n":1}'],
        ['{"kind":"state","n":1,"place":0,"state":"queued"}'],
        ["no event"],
        [7],
    ],
)
def test_lines_that_no_job_ends_with_are_refused(
    facts: list[dict[str, Any]], lines: list[object]
) -> None:
    assert refusal_of(JobRecord.read, OWNER, A, {**facts[0], "events": lines}) is ErrorCode.E_STATE
