"""Jobs from a script, on the very session that the panel has: there is no second path.

>>> running = segment(session, ct, structures=["body"])     # doctest: +SKIP
>>> node = running.wait()                                   # doctest: +SKIP
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import slicer

from EncryptSecureRTLib.client.folder import default_home
from EncryptSecureRTLib.client.process import (
    EncryptSecureRTError,
    ErrorCode,
    JobGoesOn,
    error_from_name,
)
from EncryptSecureRTLib.panel.address import home_problem, url_problem
from EncryptSecureRTLib.panel.facts import form_of
from EncryptSecureRTLib.panel.phases import Kind, Phase
from EncryptSecureRTLib.panel.segmentation import SegmentOrder
from EncryptSecureRTLib.panel.series import SeriesFolders
from EncryptSecureRTLib.panel.session import Connection, Session
from EncryptSecureRTLib.panel.state import PanelState
from EncryptSecureRTLib.panel.tasks import SEGMENT
from EncryptSecureRTLib.panel.validate import problems_of
from EncryptSecureRTLib.panel.view import view_of

__all__ = ["Running", "Session", "check", "connect", "parameters", "segment"]

Progress = Callable[[str], object]
_IDLE_S = 0.01


def parameters(node: Any) -> Any:
    """Return a parameter node, typed."""
    from EncryptSecureRTLib.panel.parameters import Parameters

    typed: Any = Parameters
    return typed(node)


def connect(session: Session, url: str, home: str | Path | None, patience_s: int) -> None:
    """Choose the worker; E_USAGE with what is wrong, E_BUSY while something runs."""
    home = Path(home or default_home())
    problem = url_problem(url) or home_problem(home)
    if problem:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, problem.rstrip("."))
    if session.busy:
        raise EncryptSecureRTError(ErrorCode.E_BUSY, "a job runs")
    session.configure(Connection(url=url.rstrip("/"), home=home, patience_s=patience_s))


class Running:
    """A check or a job that was started."""

    def __init__(self, session: Session, progress: Progress | None) -> None:
        self._session = session
        self._progress = progress
        self._told = ""

    def cancel(self) -> None:
        """End it; `wait` then raises E_CANCELLED."""
        self._session.happen(Kind.CANCEL)

    def wait(self) -> Any:
        """Return the node that was made, once it is there; the event loop turns meanwhile.

        Raises
        ------
        EncryptSecureRTError
            What ended it; `JobGoesOn` if the job goes on at a worker that cannot be reached.
        """
        while self._session.busy:
            self._session.tick()
            self._tell()
            slicer.app.processEvents()
            time.sleep(_IDLE_S)
        return _result_of(self._session.state)

    def _tell(self) -> None:
        if self._progress is None:
            return
        words = view_of(self._session.state, "", (), self._session.now_s()).progress.what
        if words and words != self._told:
            self._told = words
            self._progress(words)


def _result_of(state: PanelState) -> Any:
    outcome, notice = state.outcome, state.notice
    if state.phase is Phase.DONE and outcome is not None:
        return slicer.mrmlScene.GetNodeByID(outcome.node_id)
    if state.phase is Phase.READY and notice is None:  # a check that passed
        return None
    if state.phase is Phase.LOST:
        raise JobGoesOn(ErrorCode.E_UNREACHABLE, state.run.job, "the job goes on")
    if state.phase is Phase.CLOSED or notice is None or not notice.code:
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
    raise error_from_name(notice.code)


def check(session: Session) -> Running:
    """Check the worker; `wait` returns None if it is what the policy asks for."""
    session.happen(Kind.TEST)
    return Running(session, None)


def segment(
    session: Session,
    ct: Any,
    structures: Sequence[str] | None = None,
    progress: Progress | None = None,
    output: Any = None,
) -> Running:
    """Start a segmentation; `output` is an empty segmentation node to fill instead of a new one.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS with everything that is wrong; E_BUSY while something runs.
    """
    if session.busy:
        raise EncryptSecureRTError(ErrorCode.E_BUSY, "a job runs")
    chosen = tuple(structures or (structure.key for structure in SEGMENT.structures))
    unknown = set(chosen) - {structure.key for structure in SEGMENT.structures}
    form = form_of(SEGMENT, ct, output, chosen, None)
    problems = problems_of(form) + (["There is no such structure."] if unknown else [])
    if session.state.phase is Phase.UNCONFIGURED:
        problems.append("Choose a worker with connect.")
    if problems or form.volume is None:
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, " ".join(problems))
    series = SeriesFolders().source_of(ct, form.volume)
    session.apply(SegmentOrder(ct, chosen, series, output=output))
    return Running(session, progress)
