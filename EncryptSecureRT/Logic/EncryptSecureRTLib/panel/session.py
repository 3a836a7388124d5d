"""What the panel and scripts share: one worker, one job at a time, no widgets.

The session holds the state, does what the table says, and lets everybody know. It never waits:
`tick` is called many times a second, by a timer in the panel and by a loop in a script, and each
time reads what the child has said and does a small step of preparing or loading.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.panel import workfolder
from EncryptSecureRTLib.panel.children import ProcessChild, StartChild
from EncryptSecureRTLib.panel.events import Ended, Event, Results, Step
from EncryptSecureRTLib.panel.log import Log
from EncryptSecureRTLib.panel.machine import follow
from EncryptSecureRTLib.panel.messages import cancelled_notice, notice_of
from EncryptSecureRTLib.panel.orders import DISPLAY, RESULTS, Order
from EncryptSecureRTLib.panel.phases import AT_WORK, Effect, Kind, Phase
from EncryptSecureRTLib.panel.reduce import reduce
from EncryptSecureRTLib.panel.runs import ChildRun
from EncryptSecureRTLib.panel.state import Outcome, PanelState
from EncryptSecureRTLib.panel.steps import Steps

Changed = Callable[[PanelState], None]
BUSY = AT_WORK | {Phase.CHECKING, Phase.LOADING, Phase.CANCELLING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Which worker, and as whom.

    Attributes
    ----------
    url : `https://host:port`.
    home : the client folder, with key, certificate and policy.
    patience_s : how long the client waits for a worker that is away.
    """

    url: str
    home: Path
    patience_s: int = 120

    def request(self, command: str) -> dict[str, object]:
        """Return these as members of a request line."""
        members: dict[str, object] = {"url": self.url, "home": str(self.home)}
        return members if command == "check" else {**members, "patience_s": self.patience_s}


class Session:
    """The one who runs checks and jobs.

    Parameters
    ----------
    start : starts a client command.
    root : gives the folder for private files.
    now_s : a clock that only goes forward.
    """

    def __init__(
        self,
        start: StartChild = ProcessChild,
        root: Callable[[], Path] = workfolder.root_folder,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.log = Log()
        self.state = PanelState()
        self.connection: Connection | None = None
        self.now_s = now_s
        self._start, self._root = start, root
        self._listeners: list[Changed] = []
        self._run: ChildRun | None = None
        self._order: Order | None = None
        self._folder: Path | None = None
        self._preparing: Steps[tuple[int, int]] | None = None
        self._loading: Steps[Outcome] | None = None
        self._doing: dict[Effect, Callable[[], None]] = {
            Effect.START_CHECK: lambda: self._start_child("check", {"offer": True}),
            Effect.START_JOB: self._start_job,
            Effect.START_FETCH: self._start_fetch,
            Effect.START_CANCEL: self._start_cancel,
            Effect.GO_ON: self._go_on,
            Effect.ASK_CHILD: self._ask_child,
            Effect.END_CHILD: self._end_child,
            Effect.LOAD: self._load,
            Effect.TIDY: self._tidy,
            Effect.DROP: self._drop,
        }

    # ---- what others call

    def listen(self, changed: Changed) -> None:
        """Call `changed` with the state after each event."""
        self._listeners.append(changed)

    @property
    def busy(self) -> bool:
        """Whether a check or a job is on its way."""
        return self.state.phase in BUSY

    @property
    def results_folder(self) -> Path | None:
        """Where the files of the last job are, until the next one begins."""
        folder = None if self._folder is None else self._folder / RESULTS
        return folder if folder is not None and folder.is_dir() else None

    def configure(self, connection: Connection | None) -> None:
        """Choose a worker, or none as long as something is missing; not while something runs."""
        settled = self.state.phase is not Phase.UNCONFIGURED
        if self.busy or (connection == self.connection and settled):
            return
        self.connection = connection
        self.happen(Kind.INCOMPLETE if connection is None else Kind.CONFIGURED)

    def apply(self, order: Order) -> None:
        """Run a job; its worker is checked before if it was not. Not while something runs."""
        if follow(self.state.phase, Kind.APPLY) is not None:
            self._order = order
            self.happen(Kind.APPLY)

    def happen(self, kind: Kind) -> None:
        """Take an event that needs no more words: a button, the scene, the end of the module."""
        self.dispatch(Event(kind=kind, at_s=self.now_s()))

    def close(self) -> None:
        """End what runs, remove its files, and take nothing more."""
        self.happen(Kind.CLOSED)

    def dispatch(self, event: Event) -> None:
        """Take an event: change the state, do what is to be done, tell everybody."""
        self.state, effects = reduce(self.state, event)
        for effect in effects:
            self._doing[effect]()
        for listener in self._listeners:
            listener(self.state)

    def tick(self) -> None:
        """Read what the child said, do a small step of what is under way, and watch the time."""
        try:
            self._hear_child()
            self._step_preparing()
            self._step_loading()
        except EncryptSecureRTError as error:  # of preparing or loading
            self._fault(error)
        except Exception as error:
            # No memory for the voxels, or a defect: what was half done must not look finished.
            self._fault(EncryptSecureRTError(ErrorCode.E_INTERNAL, type(error).__name__))

    def _fault(self, error: EncryptSecureRTError, kind: Kind = Kind.FAULT) -> None:
        self.log.client(f"{error.code.name}: {error.what}")
        notice = notice_of(error.code.name, detail=error.detail)
        self.dispatch(Ended(kind=kind, at_s=self.now_s(), notice=notice))

    # ---- the child

    def _start_child(self, command: str, request: Mapping[str, object]) -> None:
        self._end_child()
        if self.connection is None:
            return
        members = {**self.connection.request(command), **request}
        try:
            self._run = ChildRun(self._start, command, members, self.now_s, self.log)
        except EncryptSecureRTError as error:
            self._fault(error)

    def _hear_child(self) -> None:
        run = self._run
        if run is None:
            return
        events, ended = run.news()
        if ended:
            self._end_child()
        if ended and run.command == "fetch" and self.state.phase is Phase.CANCELLING:
            self._start_cancel()  # whoever stops fetching leaves the job alone
            return
        for event in events:
            self.dispatch(event)
        if self._run is run and self.state.phase is Phase.CANCELLING and run.is_late():
            self.happen(Kind.LATE)

    def _end_child(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def _ask_child(self) -> None:
        if self._run is not None:
            self._run.ask_to_end()
            return
        self._close_preparing()  # nothing was started yet
        self.dispatch(Ended(kind=Kind.CANCELLED, at_s=self.now_s(), notice=cancelled_notice()))

    def _start_cancel(self) -> None:
        self._start_child("cancel", {"job": self.state.run.job, "patience_s": 0})
        if self._run is not None:
            self._run.be_brief()

    def _start_fetch(self) -> None:
        if self._folder is None:
            return
        workfolder.remove(self._folder / RESULTS)  # of a fetch that broke off
        try:
            out, display = self._folder / RESULTS, workfolder.renew(self._folder / DISPLAY)
        except EncryptSecureRTError as error:  # the job goes on; it can be tried again
            self._fault(error, Kind.LOST)
            return
        members = {"job": self.state.run.job, "out": str(out), "display": str(display)}
        self._start_child("fetch", members)

    def _go_on(self) -> None:
        if self.state.go_on:
            self.happen(Kind.APPLY)

    # ---- the job

    def _start_job(self) -> None:
        self._drop()
        if self._order is None:
            return
        try:
            self._folder = workfolder.make_run_folder(self._root())
        except EncryptSecureRTError as error:
            self._fault(error)
            return
        self._preparing = Steps(self._order.prepare(self._folder))

    def _step_preparing(self) -> None:
        preparing = self._preparing
        if preparing is None or self._order is None or self._folder is None:
            return
        if not preparing.walk(self.now_s):
            self._tell_preparing(*(preparing.value or (0, 0)))
            return
        self._preparing = None
        self._start_child(self._order.command, self._order.request(self._folder))

    def _tell_preparing(self, done_bytes: int, total_bytes: int) -> None:
        self.dispatch(
            Step(
                kind=Kind.PREPARED,
                at_s=self.now_s(),
                stage="prepare",
                fraction=done_bytes / total_bytes if total_bytes else None,
                done_bytes=done_bytes,
                total_bytes=total_bytes,
            )
        )

    def _load(self) -> None:
        if self._order is not None and self._folder is not None and self.state.outcome is not None:
            self._loading = Steps(self._order.load(self._folder, self.state.outcome))

    def _step_loading(self) -> None:
        loading = self._loading
        if loading is None or not loading.walk(self.now_s):
            return
        self._loading = None
        outcome = loading.value or self.state.outcome
        if outcome is not None and self._order is not None:
            notice = self._order.notice(outcome)
            at_s = self.now_s()
            self.dispatch(Results(kind=Kind.LOADED, at_s=at_s, outcome=outcome, notice=notice))

    def _tidy(self) -> None:
        """Keep the results for whoever wants to save them."""
        if self._folder is not None:
            workfolder.keep_only(self._folder, RESULTS)

    def _close_preparing(self) -> None:
        preparing, self._preparing = self._preparing, None
        if preparing is not None:
            preparing.close()

    def _drop(self) -> None:
        self._close_preparing()
        loading, self._loading = self._loading, None
        if loading is not None:
            loading.close()
        folder, self._folder = self._folder, None
        workfolder.remove(folder)
