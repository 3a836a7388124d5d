"""Distinct patients and break-glass a day: counted before anything is answered, and kept."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.worker.durable import StateFolder
from Testing.Unit.worker.made import NOW, refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.vault.ledger import Change
from encryptsecurert_worker.vault.quotas import Quotas
from EncryptSecureRTLib.custodian.certificates import new_id

CASE = "P" + "Z" * 16
DAY_S = 24 * 3600


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


def pseudonym(number: int) -> str:
    """Return one of many pseudonyms."""
    digits = "".join("ABCDEFGHIJ"[int(digit)] for digit in f"{number:016d}")
    return "P" + digits


def admit(quotas: Quotas, count: int, user: str = OWNER) -> None:
    """Admit so many patients."""
    for number in range(count):
        quotas.admit_patient(user, pseudonym(number))


# ---- patients


def test_as_many_patients_as_the_limit_are_admitted_each_as_often_as_asked(
    state: StateFolder,
) -> None:
    quotas = state.start().quotas
    admit(quotas, LIMITS.patients_per_day)

    code = refusal_of(quotas.admit_patient, OWNER, pseudonym(LIMITS.patients_per_day))
    assert code is ErrorCode.E_QUOTA
    admit(quotas, LIMITS.patients_per_day)  # the same ones again
    quotas.admit_patient(OTHER, CASE)  # the quota is a user's own
    assert quotas.patients_today(OWNER) == LIMITS.patients_per_day
    assert quotas.patients_today(OTHER) == 1


def test_patients_are_counted_across_a_crash(state: StateFolder) -> None:
    admit(state.start().quotas, 3)

    again = state.start().quotas

    assert again.patients_today(OWNER) == 3
    admit(again, 3)
    assert again.patients_today(OWNER) == 3


def test_the_next_day_begins_anew_and_a_clock_set_back_finds_its_day_again(
    state: StateFolder,
) -> None:
    quotas = state.start().quotas
    admit(quotas, 5)
    state.now += timedelta(days=1)
    assert quotas.patients_today(OWNER) == 0
    admit(quotas, 1)
    state.now -= timedelta(days=1)

    assert quotas.patients_today(OWNER) == 5


def test_a_count_that_cannot_be_written_is_a_refusal(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise EncryptSecureRTError(ErrorCode.E_BUSY)

    start = state.start()
    with monkeypatch.context() as full:
        full.setattr(start.ledger, "write", refuse)
        assert refusal_of(start.quotas.admit_patient, OWNER, CASE) is ErrorCode.E_BUSY

    assert start.quotas.patients_today(OWNER) == 0


def test_the_journal_holds_no_pseudonym_of_a_patient(state: StateFolder) -> None:
    start = state.start()
    start.quotas.admit_patient(OWNER, CASE)
    start.quotas.admit_patient(OTHER, CASE)

    rows = [value for _, _, value in start.ledger.of("quota")]
    marks = [mark for value in rows for mark in value["patients"]]
    assert [len(mark) for mark in marks] == [16, 16]
    assert marks[0] != marks[1]
    assert CASE not in str(rows)


def test_days_are_forgotten_after_eight_days_of_service_by_no_other_clock(
    state: StateFolder,
) -> None:
    start = state.start()
    start.quotas.admit_patient(OWNER, CASE)
    state.now += timedelta(days=400)
    start.quotas.expire(start.time.service_s())
    assert len(list(start.ledger.of("quota"))) == 1
    state.running_s += 8 * DAY_S - 1
    start.quotas.expire(start.time.service_s())
    assert len(list(start.ledger.of("quota"))) == 1

    state.running_s += 1
    start.quotas.expire(start.time.service_s())

    assert list(start.ledger.of("quota")) == []


def test_the_present_day_is_never_forgotten(state: StateFolder) -> None:
    start = state.start()
    admit(start.quotas, 2)
    state.running_s += 100 * DAY_S  # a clock of the host that stands still

    start.quotas.expire(start.time.service_s())

    assert start.quotas.patients_today(OWNER) == 2


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"patients": ["zz" * 8], "break_glass": 0, "noted_s": 0},
        {"patients": [], "break_glass": -1, "noted_s": 0},
        {"patients": [], "break_glass": 0, "noted_s": 0, "more": 0},
    ],
)
def test_a_day_that_is_not_ours_is_a_damaged_state(
    state: StateFolder, value: dict[str, object]
) -> None:
    start = state.start()
    start.ledger.write([Change("quota", OWNER, start.time.today(), value)])

    assert refusal_of(start.quotas.admit_patient, OWNER, CASE) is ErrorCode.E_STATE


@settings(max_examples=20, deadline=None)
@given(asked=st.lists(st.integers(0, 6), max_size=20), restarts=st.sets(st.integers(0, 19)))
def test_the_count_is_that_of_distinct_patients(
    tmp_path_factory: pytest.TempPathFactory, asked: list[int], restarts: set[int]
) -> None:
    state = StateFolder(tmp_path_factory.mktemp("state"))
    quotas = state.start().quotas
    for step, number in enumerate(asked):
        if step in restarts:
            quotas = state.start().quotas
        quotas.admit_patient(OWNER, pseudonym(number))

    assert quotas.patients_today(OWNER) == len(set(asked))


# ---- break-glass


def test_break_glass_opens_one_case_to_one_user_for_a_while(state: StateFolder) -> None:
    quotas = state.start().quotas

    until = quotas.break_glass(OWNER, CASE, new_id())

    assert until == NOW + timedelta(seconds=LIMITS.break_glass_s)
    assert quotas.granted(OWNER, CASE, NOW)
    assert not quotas.granted(OTHER, CASE, NOW)
    assert not quotas.granted(OWNER, pseudonym(1), NOW)
    assert [(g.pseudonym, g.until) for g in quotas.grants(OWNER, NOW)] == [(CASE, until)]
    assert list(quotas.grants(OTHER, NOW)) == []


def test_a_grant_outlives_a_crash(state: StateFolder) -> None:
    until = state.start().quotas.break_glass(OWNER, CASE, new_id())

    again = state.start().quotas

    assert again.granted(OWNER, CASE, until - timedelta(seconds=1))


def test_a_grant_ends_by_the_workers_time(state: StateFolder) -> None:
    quotas = state.start().quotas
    until = quotas.break_glass(OWNER, CASE, new_id())

    assert quotas.granted(OWNER, CASE, until - timedelta(seconds=1))
    assert not quotas.granted(OWNER, CASE, until)
    assert list(quotas.grants(OWNER, until)) == []


def test_a_grant_ends_by_service_seconds_though_the_hosts_clock_stands_still(
    state: StateFolder,
) -> None:
    start = state.start()
    start.quotas.break_glass(OWNER, CASE, new_id())
    state.running_s += LIMITS.break_glass_s - 1
    assert start.quotas.granted(OWNER, CASE, NOW)
    start.quotas.expire(start.time.service_s())
    assert start.quotas.granted(OWNER, CASE, NOW)

    state.running_s += 1

    assert not start.quotas.granted(OWNER, CASE, NOW)
    assert list(start.quotas.grants(OWNER, NOW)) == []
    start.quotas.expire(start.time.service_s())
    assert list(start.ledger.of("grant")) == []


def test_break_glass_is_counted_a_day_also_across_a_crash(state: StateFolder) -> None:
    quotas = state.start().quotas
    for number in range(LIMITS.break_glass_per_day):
        quotas.break_glass(OWNER, pseudonym(number % 2), new_id())  # the same case counts again

    again = state.start().quotas
    assert refusal_of(again.break_glass, OWNER, CASE, new_id()) is ErrorCode.E_QUOTA
    assert not again.granted(OWNER, CASE, NOW)
    again.break_glass(OTHER, CASE, new_id())
    state.pass_time(DAY_S)
    again.break_glass(OWNER, CASE, new_id())


def test_patients_and_break_glass_are_counted_side_by_side(state: StateFolder) -> None:
    start = state.start()
    admit(start.quotas, 2)
    start.quotas.break_glass(OWNER, CASE, new_id())
    start.quotas.admit_patient(OWNER, CASE)

    value = start.ledger.get("quota", OWNER, start.time.today())

    assert value is not None
    assert (len(value["patients"]), value["break_glass"]) == (3, 1)


def test_facts_can_be_written_with_the_line_that_tells_of_them_or_not_at_all(
    state: StateFolder,
) -> None:
    def refuse(changes: Sequence[Change]) -> None:
        raise EncryptSecureRTError(ErrorCode.E_BUSY)

    start = state.start()
    assert refusal_of(start.quotas.break_glass, OWNER, CASE, new_id(), refuse) is ErrorCode.E_BUSY
    assert not start.quotas.granted(OWNER, CASE, NOW)
    written: list[Change] = []

    start.quotas.break_glass(OWNER, CASE, new_id(), written.extend)

    assert [change.kind for change in written] == ["quota", "grant"]
    assert not start.quotas.granted(OWNER, CASE, NOW)  # nothing but what was written counts


@pytest.mark.parametrize("value", [{}, {"until": "now", "from_s": 0}, {"until": "", "from_s": 0}])
def test_a_grant_that_is_not_ours_is_a_damaged_state(
    state: StateFolder, value: dict[str, object]
) -> None:
    start = state.start()
    start.ledger.write([Change("grant", OWNER, CASE, value)])

    assert refusal_of(start.quotas.granted, OWNER, CASE, NOW) is ErrorCode.E_STATE


def test_an_order_that_runs_again_opens_and_counts_once(state: StateFolder) -> None:
    quotas, job = state.start().quotas, new_id()
    first = quotas.break_glass(OWNER, CASE, job)
    state.pass_time(1000)

    again = state.start().quotas
    second = [again.break_glass(OWNER, CASE, job) for _ in range(9)]

    assert set(second) == {first}
