"""The state table: every pair of phase and event is thought of, and whatever begins ends."""

from collections.abc import Iterable

import pytest

from EncryptSecureRTLib.panel import machine
from EncryptSecureRTLib.panel.machine import IGNORED, TRANSITIONS, follow
from EncryptSecureRTLib.panel.phases import AT_WORK, IDLE, Effect, Kind, Phase

_PAIRS = {(phase, kind) for phase in Phase for kind in Kind}
_BUSY = AT_WORK | {Phase.CHECKING, Phase.LOADING, Phase.CANCELLING}


def _reached(start: Phase, without: Iterable[Kind] = ()) -> set[Phase]:
    found, todo = {start}, [start]
    while todo:
        phase = todo.pop()
        for kind in set(Kind) - set(without):
            transition = TRANSITIONS.get((phase, kind))
            if transition is not None and transition.to not in found:
                found.add(transition.to)
                todo.append(transition.to)
    return found


def test_every_pair_is_a_transition_or_ignored_and_never_both() -> None:
    assert set(TRANSITIONS) | IGNORED == _PAIRS
    assert not set(TRANSITIONS) & IGNORED


def test_no_row_of_the_table_contradicts_another() -> None:
    rows = [(phase, kind, to) for phases, kind, to in machine._rows() for phase in phases]

    assert len({(phase, kind) for phase, kind, _ in rows}) == len(rows)


def test_every_phase_can_be_reached_from_the_start() -> None:
    assert _reached(Phase.UNCONFIGURED) == set(Phase)


@pytest.mark.parametrize("phase", sorted(_BUSY, key=str))
def test_whatever_runs_ends_without_a_user(phase: Phase) -> None:
    by_a_user = {Kind.CANCEL, Kind.TEST, Kind.APPLY, Kind.RECONNECT, Kind.CLOSED}

    assert _reached(phase, without=by_a_user) & {Phase.DONE, Phase.FAILED, Phase.READY}


def test_cancelling_always_ends() -> None:
    ends = {kind: TRANSITIONS[Phase.CANCELLING, kind].to for kind in _ends_of_a_child()}

    assert set(ends.values()) <= {Phase.READY, Phase.REFUSED}
    assert TRANSITIONS[Phase.CANCELLING, Kind.LATE].effects[0] is Effect.END_CHILD


def _ends_of_a_child() -> set[Kind]:
    return {Kind.RESULT, Kind.CANCELLED, Kind.FAULT, Kind.LOST, Kind.REFUSED, Kind.LATE}


@pytest.mark.parametrize("kind", sorted(_ends_of_a_child() - {Kind.LATE}, key=str))
def test_no_end_of_a_child_is_ignored_while_a_job_runs(kind: Kind) -> None:
    for phase in AT_WORK | {Phase.CANCELLING}:
        transition = follow(phase, kind)
        assert transition is not None
        assert transition.to not in AT_WORK | {Phase.CANCELLING}


def test_a_refused_worker_ends_every_phase_in_which_something_is_sent() -> None:
    for phase in AT_WORK | {Phase.CHECKING, Phase.CANCELLING}:
        assert TRANSITIONS[phase, Kind.REFUSED].to is Phase.REFUSED


def test_from_refused_no_job_begins_before_another_check() -> None:
    assert (Phase.REFUSED, Kind.APPLY) in IGNORED
    assert TRANSITIONS[Phase.REFUSED, Kind.TEST].to is Phase.CHECKING


def test_only_one_child_is_started_at_a_time() -> None:
    starts = {Effect.START_CHECK, Effect.START_FETCH, Effect.START_JOB, Effect.START_CANCEL}
    beginning = {phase for (phase, _), t in TRANSITIONS.items() if starts & set(t.effects)}

    assert beginning <= IDLE | {Phase.LOST}


def test_files_of_a_run_are_dropped_whenever_it_ends_without_results() -> None:
    for (phase, kind), transition in TRANSITIONS.items():
        ends = phase in AT_WORK | {Phase.LOADING, Phase.CANCELLING} and transition.to in IDLE
        if ends and transition.to is not Phase.DONE:
            assert Effect.DROP in transition.effects, (phase, kind)


def test_nothing_happens_after_the_module_is_gone() -> None:
    assert {kind for phase, kind in IGNORED if phase is Phase.CLOSED} == set(Kind)
    for phase in set(Phase) - {Phase.CLOSED}:
        transition = TRANSITIONS[phase, Kind.CLOSED]
        assert transition.to is Phase.CLOSED
        assert Effect.END_CHILD in transition.effects
