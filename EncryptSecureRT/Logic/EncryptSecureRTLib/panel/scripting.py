"""Jobs from a script, on the very session that the panel has: there is no second path.

>>> running = segment(session, ct, structures=["body"])     # doctest: +SKIP
>>> node = running.wait()                                   # doctest: +SKIP
>>> comparison = compare_doses(session, planned, measured, dtaMm=3).wait()     # doctest: +SKIP
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
from EncryptSecureRTLib.panel.comparing import CompareOrder, DoseNodes
from EncryptSecureRTLib.panel.criteria import Criteria
from EncryptSecureRTLib.panel.dosefacts import dose_form_of
from EncryptSecureRTLib.panel.facts import form_of
from EncryptSecureRTLib.panel.phases import Kind, Phase
from EncryptSecureRTLib.panel.scripted import Comparison, SignedReceipt
from EncryptSecureRTLib.panel.segmentation import SegmentOrder
from EncryptSecureRTLib.panel.series import SeriesFolders
from EncryptSecureRTLib.panel.session import Connection, Session
from EncryptSecureRTLib.panel.state import Outcome
from EncryptSecureRTLib.panel.tasks import SEGMENT
from EncryptSecureRTLib.panel.validate import problems_of
from EncryptSecureRTLib.panel.validate_doses import dose_problems_of
from EncryptSecureRTLib.panel.view import view_of
from EncryptSecureRTLib.scene.volumes import volume_facts

__all__ = ["Running", "Session", "check", "compare_doses", "connect", "parameters", "segment"]

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
        """Return the node that was made, or the comparison; the event loop turns meanwhile.

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
        return _result_of(self._session)

    def _tell(self) -> None:
        if self._progress is None:
            return
        words = view_of(self._session.state, "", (), self._session.now_s()).progress.what
        if words and words != self._told:
            self._told = words
            self._progress(words)


def _result_of(session: Session) -> Any:
    state = session.state
    outcome, notice = state.outcome, state.notice
    if state.phase is Phase.DONE and outcome is not None:
        if outcome.compared is not None:
            return _comparison(session, outcome)
        return slicer.mrmlScene.GetNodeByID(outcome.node_id)
    if state.phase is Phase.READY and notice is None:  # a check that passed
        return None
    if state.phase is Phase.LOST:
        raise JobGoesOn(ErrorCode.E_UNREACHABLE, state.run.job, "the job goes on")
    if state.phase is Phase.CLOSED or notice is None or not notice.code:
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
    raise error_from_name(notice.code)


def _comparison(session: Session, outcome: Outcome) -> Comparison:
    compared, connection = outcome.compared, session.connection
    if compared is None or connection is None:
        raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "nothing was compared")

    def node(node_id: str) -> Any:
        return slicer.mrmlScene.GetNodeByID(node_id) if node_id else None

    return Comparison(
        gamma=node(compared.gamma_id),
        difference=node(compared.difference_id),
        table=node(compared.table_id),
        chart=node(compared.chart_id),
        passPercent=compared.pass_percent,
        criteria=compared.criteria,
        rate=compared.rate,
        receipt=SignedReceipt(
            sha256=outcome.receipt_sha256,
            simulated=outcome.simulated,
            home=connection.home,
            folder=session.results_folder,
        ),
    )


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
    _refuse(session, problems_of(form) + (["There is no such structure."] if unknown else []))
    series = SeriesFolders().source_of(ct, volume_facts(ct))
    session.apply(SegmentOrder(ct, chosen, series, output=output))
    return Running(session, progress)


def compare_doses(  # noqa: PLR0913 - a script names each criterion, as Slicer's scripts do
    session: Session,
    reference: Any,
    evaluated: Any,
    *,
    dosePercent: float = 3.0,  # noqa: N803
    dtaMm: float = 2.0,  # noqa: N803
    thresholdPercent: float = 10.0,  # noqa: N803
    local: bool = False,
    normGy: float | None = None,  # noqa: N803
    mode: str = "certified",
    structures: Any = None,
    dvh: bool = True,
    prescriptionGy: float | None = None,  # noqa: N803
    progress: Progress | None = None,
) -> Running:
    """Start a comparison of two doses; `wait` returns a `Comparison`.

    Parameters
    ----------
    normGy : what percentages of dose are of; the maximum of the reference by default.
    mode : `certified` or `pass-fail`.
    structures : vtkMRMLSegmentationNode, or None.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS with everything that is wrong; E_BUSY while something runs.
    """
    if session.busy:
        raise EncryptSecureRTError(ErrorCode.E_BUSY, "a job runs")
    nodes = DoseNodes(reference=reference, evaluated=evaluated, structures=structures)
    criteria = Criteria(
        dose_percent=dosePercent,
        dta_mm=dtaMm,
        threshold_percent=thresholdPercent,
        local=local,
        norm_gy=normGy,
        mode=mode,
        dvh=dvh,
        prescription_gy=prescriptionGy,
    )
    _refuse(session, dose_problems_of(dose_form_of(nodes, criteria, None)))
    sources = SeriesFolders().doses_of(reference, evaluated)
    session.apply(CompareOrder(nodes, criteria, sources))
    return Running(session, progress)


def _refuse(session: Session, problems: list[str]) -> None:
    """Refuse with everything that is wrong, a missing worker too."""
    if session.state.phase is Phase.UNCONFIGURED:
        problems = [*problems, "Choose a worker with connect."]
    if problems:
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, " ".join(problems))
