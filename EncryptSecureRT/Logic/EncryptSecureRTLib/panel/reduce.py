"""One pure step: what the panel knows, and what happened -> what it knows then, what is to be done.

The phase follows the table in `machine`; here is what else changes with it.
"""

from dataclasses import replace

from EncryptSecureRTLib.panel.events import Away, Ended, Event, Judged, Line, Results, Step, Taken
from EncryptSecureRTLib.panel.machine import follow
from EncryptSecureRTLib.panel.messages import cancelled_notice, not_told_notice
from EncryptSecureRTLib.panel.phases import Effect, Kind, Phase
from EncryptSecureRTLib.panel.state import Notice, PanelState, Run, Tone
from EncryptSecureRTLib.panel.words import _

# A client that ended so may not have reached the worker.
_UNHEARD = frozenset({"E_INTERNAL", "E_UNREACHABLE", "E_TIMEOUT", "E_BUSY"})
Reduced = tuple[PanelState, tuple[Effect, ...]]
_ENDINGS = {
    Kind.SCENE_CLOSED: _("the scene was closed"),
    Kind.INPUT_REMOVED: _("the input was removed"),
    Kind.CANCEL: "",
}


def reduce(state: PanelState, event: Event) -> Reduced:
    """Return the next state and the effects; an event that says nothing changes nothing."""
    transition = follow(state.phase, event.kind)
    if transition is None:
        return state, ()
    moved = replace(state, phase=transition.to)
    return _fold(state, moved, event), transition.effects


def _fold(before: PanelState, state: PanelState, event: Event) -> PanelState:
    match event:
        case Line():
            return replace(state, rows=(*state.rows, event.row))
        case Judged():
            return replace(
                state, trust=event.trust, notice=event.notice, go_on=_waits(event, state)
            )
        case Ended():
            return _ended(before, state, event)
        case Step():
            return replace(state, run=_stepped(state.run, event))
        case Taken():
            return replace(state, run=replace(state.run, job=event.job))
        case Away():
            return replace(state, run=_waiting(state.run, event))
        case Results():
            return _with_results(before, state, event)
        case _:
            return _plain(before, state, event)


def _waits(event: Judged, state: PanelState) -> bool:
    return state.go_on and event.kind is Kind.PASSED


def _ended(before: PanelState, state: PanelState, event: Ended) -> PanelState:
    run = replace(state.run, job=event.job or state.run.job)
    notice = event.notice
    if before.phase is Phase.CANCELLING and run.job and notice.code in _UNHEARD:
        notice = not_told_notice(run.job, notice.details)
    elif before.phase is Phase.CANCELLING and not event.job:
        notice = cancelled_notice(before.run.ended_by)
    return replace(state, run=run, notice=notice, go_on=False)


def _waiting(run: Run, event: Away) -> Run:
    return replace(
        run,
        attempt=event.attempt,
        retry_in_s=event.retry_in_s,
        worker_is_busy=event.is_busy,
    )


def _stepped(run: Run, event: Step) -> Run:
    new_stage = event.stage != run.stage
    return replace(
        run,
        running_since_s=event.at_s if event.kind is Kind.STARTED else run.running_since_s,
        stage=event.stage,
        stage_at_s=event.at_s if new_stage else run.stage_at_s,
        fraction=event.fraction,
        done_bytes=event.done_bytes,
        total_bytes=event.total_bytes,
        place=event.place,
        attempt=0,
        retry_in_s=0.0,
    )


def _with_results(before: PanelState, state: PanelState, event: Results) -> PanelState:
    if before.phase is Phase.CANCELLING:  # it came too late: nobody wants it any more
        return replace(state, notice=cancelled_notice(before.run.ended_by))
    return replace(state, outcome=event.outcome, notice=event.notice)


def _plain(before: PanelState, state: PanelState, event: Event) -> PanelState:
    match event.kind:
        case Kind.CONFIGURED | Kind.INCOMPLETE:
            return PanelState(phase=state.phase)
        case Kind.TEST:
            return replace(state, rows=(), trust=None, notice=None, go_on=False)
        case Kind.APPLY:
            cleared = replace(state, notice=None, outcome=None, run=Run(started_at_s=event.at_s))
            if state.phase is Phase.CHECKING:
                return replace(cleared, rows=(), trust=None, go_on=True)
            return replace(cleared, go_on=False)
        case Kind.RECONNECT:
            return replace(state, notice=None, run=replace(state.run, stage="", attempt=0))
        case Kind.CANCEL | Kind.SCENE_CLOSED | Kind.INPUT_REMOVED:
            return _stopped(before, state, event)
        case Kind.LATE:
            run = before.run
            late = not_told_notice(run.job) if run.job else cancelled_notice(run.ended_by)
            return replace(state, notice=late)
        case Kind.CLOSED:
            return PanelState(phase=Phase.CLOSED)
        case _:
            return state


def _stopped(before: PanelState, state: PanelState, event: Event) -> PanelState:
    run = replace(state.run, ended_by=_ENDINGS[event.kind])
    if state.phase is Phase.UNCHECKED:  # a check was cancelled
        return replace(state, rows=(), trust=None, notice=cancelled_notice(), go_on=False)
    if state.phase is Phase.CHECKING:  # the check goes on, for a job there is no home
        return replace(state, go_on=False)
    if before.phase is Phase.LOADING:
        notice = Notice(
            tone=Tone.BAD,
            what=_("The result was not loaded, because {reason}.").format(reason=run.ended_by),
            todo=_("Press Apply again: what the worker holds is not sent twice."),
        )
        return replace(state, run=run, notice=notice, outcome=None)
    if before.phase is Phase.DONE:
        return replace(state, outcome=None, notice=None)
    if before.phase is Phase.LOST and state.phase is Phase.READY:
        notice = Notice(
            tone=Tone.INFO,
            what=_("The job was left alone, because {reason}.").format(reason=run.ended_by),
            todo=_("Its results can be had with the command line: encryptsecurert fetch."),
            details=(f"job {run.job}",),
        )
        return replace(state, run=run, notice=notice)
    return replace(state, run=run)
