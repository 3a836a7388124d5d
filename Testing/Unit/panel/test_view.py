"""What each phase shows: words, what can be pressed, and why not."""

from dataclasses import replace
from typing import Any

import pytest
from Testing.Unit.panel.conftest import VERDICT

from EncryptSecureRTLib.panel.messages import megabytes, minutes
from EncryptSecureRTLib.panel.phases import AT_WORK, Phase
from EncryptSecureRTLib.panel.state import CheckRow, Notice, PanelState, Run, Tone, Trust
from EncryptSecureRTLib.panel.view import CHECK_TITLES, Badge, View, view_of

NOW_S = 100.0
_PROBLEMS = ["Select a CT.", "Choose a structure."]


def _trust(*, accepted: bool = True, simulated: bool = False, **verdict: object) -> Trust:
    facts = {**VERDICT, "simulated": simulated, **verdict}
    return Trust(accepted=accepted, simulated=simulated, verdict=facts)


def _view(phase: Phase, problems: list[str] | None = None, **members: Any) -> View:
    state = replace(PanelState(phase=phase), **members)
    return view_of(state, "Segment in TEE", problems or [], NOW_S)


@pytest.mark.parametrize(
    ("trust", "badge", "words"),
    [
        (None, Badge.UNKNOWN, "Not checked"),
        (_trust(), Badge.VERIFIED, "Verified enclave: worker 1.4.0"),
        (
            _trust(simulated=True),
            Badge.SIMULATED,
            "SIMULATED TEE: not for patient data (worker 1.4.0)",
        ),
    ],
)
def test_badge_says_what_the_worker_is(trust: Trust | None, badge: Badge, words: str) -> None:
    view = _view(Phase.READY, trust=trust)

    assert (view.badge, view.badge_words) == (badge, words)


def test_badge_of_a_refused_worker_names_the_check_that_failed() -> None:
    row = {"number": 11, "name": "measurement", "outcome": "fail", "code": "E_MEASUREMENT"}
    view = _view(Phase.REFUSED, trust=_trust(accepted=False, rows=[row]))

    assert view.badge is Badge.REFUSED
    assert view.badge_words == "REFUSED: measurement (E_MEASUREMENT)"


def test_badge_of_a_worker_that_was_refused_without_a_verdict_names_the_code() -> None:
    notice = Notice(tone=Tone.BAD, what="", code="E_POLICY_EXPIRED")

    assert _view(Phase.REFUSED, notice=notice).badge_words == "REFUSED: E_POLICY_EXPIRED"


def test_a_verdict_that_does_not_say_that_it_is_real_is_simulated() -> None:
    from EncryptSecureRTLib.panel.lines import _trust as trust_of

    assert trust_of({}, accepted=True).simulated
    assert not trust_of({"simulated": False}, accepted=True).simulated


@pytest.mark.parametrize("phase", sorted(Phase, key=str))
def test_what_cannot_be_pressed_says_why(phase: Phase) -> None:
    view = _view(phase, _PROBLEMS)

    for switch in (view.apply, view.test, view.inputs, view.details):
        assert switch.enabled is not bool(switch.reason)


def test_apply_lists_all_that_is_missing() -> None:
    assert _view(Phase.READY, _PROBLEMS).apply.reason == "Select a CT.\nChoose a structure."
    assert _view(Phase.READY).apply.enabled


def test_one_button_applies_cancels_and_reconnects() -> None:
    words = {phase: _view(phase).apply_words for phase in Phase}

    assert {words[phase] for phase in AT_WORK} == {"Cancel"}
    assert words[Phase.CHECKING] == "Cancel"
    assert words[Phase.CANCELLING] == "Cancelling..."
    assert words[Phase.LOST] == "Reconnect"
    assert {words[p] for p in (Phase.READY, Phase.DONE, Phase.FAILED)} == {"Segment in TEE"}


def test_problems_of_the_form_do_not_keep_a_job_from_being_cancelled() -> None:
    assert all(_view(phase, _PROBLEMS).apply.enabled for phase in AT_WORK)
    assert not _view(Phase.CANCELLING).apply.enabled


def test_checks_are_six_in_their_order_and_the_rest_is_not_checked_after_a_failure() -> None:
    rows = (
        CheckRow(name="reach", ok=True, words="the address answers"),
        CheckRow(name="tls", ok=False, words="The certificate ended.", code="E_USER_KEY"),
    )
    view = _view(Phase.FAILED, rows=rows)

    assert [line.title for line in view.checks] == list(CHECK_TITLES.values())
    assert [line.tone for line in view.checks][:2] == [Tone.GOOD, Tone.BAD]
    assert view.checks[1].words == "The certificate ended. [E_USER_KEY]"
    assert {line.words for line in view.checks[2:]} == {"not checked"}
    assert {line.words for line in _view(Phase.CHECKING, rows=rows).checks[2:]} == {"..."}


@pytest.mark.parametrize(
    ("phase", "run", "words", "permille"),
    [
        (
            Phase.UPLOADING,
            Run(
                started_at_s=79.0,
                stage="upload",
                stage_at_s=90.0,
                fraction=0.46,
                done_bytes=143_000_000,
                total_bytes=310_000_000,
            ),
            "Uploading 143 MB of 310 MB, 14.3 MB/s, 0:21 elapsed",
            460,
        ),
        (
            Phase.QUEUED,
            Run(started_at_s=95.0, place=1),
            "Waiting, 1 job before this one, 0:05 elapsed",
            None,
        ),
        (Phase.QUEUED, Run(started_at_s=95.0), "Waiting, next in turn, 0:05 elapsed", None),
        (
            Phase.RUNNING,
            Run(started_at_s=40.0, running_since_s=80.0, stage="lungs", fraction=0.5),
            "Lungs, 50 %, about 0:20 left, 1:00 elapsed",
            500,
        ),
        (
            Phase.RUNNING,
            Run(started_at_s=40.0, running_since_s=99.5, stage="lungs", fraction=0.05),
            "Lungs, 5 %, 1:00 elapsed",
            50,
        ),
        (
            Phase.RUNNING,
            Run(started_at_s=40.0, stage="lungs", fraction=0.5, attempt=3, retry_in_s=8.2),
            "Connection lost, trying again in 8 s (attempt 3), 1:00 elapsed",
            None,
        ),
    ],
)
def test_progress_says_what_happens_how_far_it_is_and_since_when(
    phase: Phase, run: Run, words: str, permille: int | None
) -> None:
    progress = _view(phase, run=run).progress

    assert (progress.words, progress.permille) == (words, permille)


def test_nothing_moves_where_nothing_runs() -> None:
    for phase in set(Phase) - AT_WORK - {Phase.CHECKING, Phase.LOADING, Phase.CANCELLING}:
        assert not _view(phase).progress.visible


def test_what_happens_is_also_there_for_a_screen_reader() -> None:
    run = Run(started_at_s=95.0, place=1)

    assert _view(Phase.QUEUED, run=run).spoken.startswith("Waiting, 1 job")
    assert _view(Phase.READY, trust=_trust()).spoken.startswith("Verified enclave")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (112, "1:52"), (3725, "1:02:05"), (-1, "0:00")],
)
def test_times_are_read_as_minutes_and_seconds(seconds: float, words: str) -> None:
    assert minutes(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0.0 MB"), (400_000, "0.4 MB"), (143_400_000, "143 MB"), (1_200_000_000, "1.2 GB")],
)
def test_sizes_are_read_in_powers_of_ten(size: int, words: str) -> None:
    assert megabytes(size) == words
