"""The panel's one state machine: (phase, what happened) -> (next phase, what to do).

    unchecked -> checking -> ready -> preparing -> uploading -> queued -> running -> downloading
                    |                    |  .. any of them, by Cancel ..  |              |
                 refused                 +---> cancelling ---> ready <----+           loading
                                                                                        |
    lost: the client gave up, the job goes on; Reconnect finds it again               done

Every pair is in `TRANSITIONS` or in `IGNORED`; a test holds that none is missing. Stages of a job
may be skipped, since a worker that holds the input already needs no upload, and may come again,
since one that has restarted begins the job anew.
"""

from collections.abc import Iterable
from typing import NamedTuple

from EncryptSecureRTLib.panel.phases import AT_WORK, IDLE, Effect, Kind, Phase


class Transition(NamedTuple):
    """Where it leads, and what is to be done on the way."""

    to: Phase
    effects: tuple[Effect, ...] = ()


Pair = tuple[Phase, Kind]
_P, _K, _E = Phase, Kind, Effect
_STAGES = {
    _K.UPLOAD: _P.UPLOADING,
    _K.SENT: _P.UPLOADING,
    _K.QUEUED: _P.QUEUED,
    _K.STARTED: _P.RUNNING,
    _K.PROGRESS: _P.RUNNING,
    _K.FETCH: _P.DOWNLOADING,
}
_NEWS = frozenset({_K.JOB, _K.WAITING})
_PRESSED = frozenset({_K.TEST, _K.APPLY, _K.CANCEL, _K.RECONNECT})
_OF_CHECKS = frozenset({_K.LINE, _K.PASSED})
_OF_JOBS = frozenset(
    {_K.PREPARED, *_STAGES, *_NEWS, _K.RESULT, _K.LOADED, _K.CANCELLED, _K.FAULT, _K.LOST, _K.LATE}
)


def _rows() -> Iterable[tuple[Iterable[Phase], Kind, Transition]]:
    known = IDLE - {_P.UNCONFIGURED}
    yield IDLE | {_P.LOST}, _K.CONFIGURED, Transition(_P.UNCHECKED, (_E.DROP,))
    yield IDLE | {_P.LOST}, _K.INCOMPLETE, Transition(_P.UNCONFIGURED, (_E.DROP,))

    yield known, _K.TEST, Transition(_P.CHECKING, (_E.START_CHECK,))
    yield [_P.CHECKING], _K.LINE, Transition(_P.CHECKING)
    yield [_P.CHECKING], _K.PASSED, Transition(_P.READY, (_E.GO_ON,))
    yield [_P.CHECKING], _K.REFUSED, Transition(_P.REFUSED)
    yield [_P.CHECKING], _K.FAULT, Transition(_P.FAILED)
    yield [_P.CHECKING], _K.CANCEL, Transition(_P.UNCHECKED, (_E.END_CHILD,))
    for kind in (_K.SCENE_CLOSED, _K.INPUT_REMOVED):
        yield [_P.CHECKING], kind, Transition(_P.CHECKING)

    yield [_P.UNCHECKED], _K.APPLY, Transition(_P.CHECKING, (_E.START_CHECK,))
    yield [_P.READY, _P.DONE, _P.FAILED], _K.APPLY, Transition(_P.PREPARING, (_E.START_JOB,))

    for kind, phase in _STAGES.items():
        yield AT_WORK, kind, Transition(phase)
    for phase in AT_WORK:
        for kind in _NEWS:
            yield [phase], kind, Transition(phase)
    yield [_P.PREPARING], _K.PREPARED, Transition(_P.PREPARING)
    yield AT_WORK, _K.RESULT, Transition(_P.LOADING, (_E.LOAD,))
    yield AT_WORK, _K.FAULT, Transition(_P.FAILED, (_E.DROP,))
    yield AT_WORK, _K.CANCELLED, Transition(_P.READY, (_E.DROP,))
    yield AT_WORK, _K.REFUSED, Transition(_P.REFUSED, (_E.DROP,))
    yield AT_WORK, _K.LOST, Transition(_P.LOST)
    for kind in (_K.CANCEL, _K.SCENE_CLOSED, _K.INPUT_REMOVED):
        yield AT_WORK, kind, Transition(_P.CANCELLING, (_E.ASK_CHILD,))

    yield [_P.LOADING], _K.LOADED, Transition(_P.DONE, (_E.TIDY,))
    for kind in (_K.FAULT, _K.SCENE_CLOSED, _K.INPUT_REMOVED):
        yield [_P.LOADING], kind, Transition(_P.FAILED, (_E.DROP,))

    for kind in (_K.CANCELLED, _K.FAULT, _K.RESULT, _K.LOST):
        yield [_P.CANCELLING], kind, Transition(_P.READY, (_E.DROP,))
    yield [_P.CANCELLING], _K.LATE, Transition(_P.READY, (_E.END_CHILD, _E.DROP))
    yield [_P.CANCELLING], _K.REFUSED, Transition(_P.REFUSED, (_E.DROP,))

    yield [_P.LOST], _K.RECONNECT, Transition(_P.PREPARING, (_E.START_FETCH,))
    yield [_P.LOST], _K.CANCEL, Transition(_P.CANCELLING, (_E.START_CANCEL,))
    for kind in (_K.SCENE_CLOSED, _K.INPUT_REMOVED):
        yield [_P.LOST], kind, Transition(_P.READY, (_E.DROP,))
    yield [_P.DONE], _K.SCENE_CLOSED, Transition(_P.READY)

    closing = (_E.END_CHILD, _E.DROP)
    yield [p for p in Phase if p is not _P.CLOSED], _K.CLOSED, Transition(_P.CLOSED, closing)


def _ignored() -> Iterable[tuple[Iterable[Phase], Iterable[Kind]]]:
    # A child that has ended may have left lines behind it, and a button may be clicked once more
    # before it is drawn anew.
    changes = (_K.CONFIGURED, _K.INCOMPLETE)
    scene = (_K.SCENE_CLOSED, _K.INPUT_REMOVED)
    yield [_P.UNCONFIGURED], _PRESSED
    yield [_P.UNCHECKED], (_K.CANCEL, _K.RECONNECT)
    yield [_P.REFUSED], (_K.APPLY, _K.CANCEL, _K.RECONNECT)
    yield [_P.READY, _P.DONE, _P.FAILED], (_K.CANCEL, _K.RECONNECT)
    yield IDLE, (*_OF_CHECKS, *_OF_JOBS, _K.REFUSED, _K.INPUT_REMOVED)
    yield IDLE - {_P.DONE}, (_K.SCENE_CLOSED,)
    yield [_P.CHECKING], (_K.TEST, _K.APPLY, _K.RECONNECT, *changes)
    yield [_P.CHECKING], _OF_JOBS - {_K.FAULT}
    yield AT_WORK, (_K.TEST, _K.APPLY, _K.RECONNECT, *changes, *_OF_CHECKS, _K.LOADED, _K.LATE)
    yield AT_WORK - {_P.PREPARING}, (_K.PREPARED,)
    yield [_P.LOADING], (*_PRESSED, *changes, *_OF_CHECKS, _K.REFUSED)
    yield [_P.LOADING], _OF_JOBS - {_K.LOADED, _K.FAULT}
    yield [_P.CANCELLING], (*_PRESSED, *changes, *_OF_CHECKS, *scene, *_STAGES)
    yield [_P.CANCELLING], (_K.PREPARED, _K.JOB, _K.WAITING, _K.LOADED)
    yield [_P.LOST], (_K.TEST, _K.APPLY, *_OF_CHECKS, *_OF_JOBS, _K.REFUSED)
    yield [_P.CLOSED], Kind


TRANSITIONS: dict[Pair, Transition] = {
    (phase, kind): transition for phases, kind, transition in _rows() for phase in phases
}
IGNORED: frozenset[Pair] = frozenset(
    (phase, kind) for phases, kinds in _ignored() for phase in phases for kind in kinds
)


def follow(phase: Phase, kind: Kind) -> Transition | None:
    """Return where an event leads; None if it says nothing in this phase.

    A pair that is in neither table cannot happen: a test holds that there is none.
    """
    return TRANSITIONS.get((phase, kind))
