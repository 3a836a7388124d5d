"""The panel: widgets from the `.ui` file, wired to the session; it decides nothing itself.

    buttons, selectors ---> session (state machine) ---> view ---> widgets
    timer, 50 ms       ---> session.tick

A widget is never read to know what is going on, and never written but by `render` and its kin.
"""

from pathlib import Path
from typing import Any

import qt
import slicer

from EncryptSecureRTLib.client.process import EncryptSecureRTError
from EncryptSecureRTLib.panel.comparepage import ComparePage
from EncryptSecureRTLib.panel.connection import ConnectionForm
from EncryptSecureRTLib.panel.dialogs import Asks, Dialogs
from EncryptSecureRTLib.panel.facts import study_words
from EncryptSecureRTLib.panel.icons import is_dark
from EncryptSecureRTLib.panel.messages import megabytes, notice_of
from EncryptSecureRTLib.panel.notices import NoticeFrame
from EncryptSecureRTLib.panel.pages import Page, SegmentPage, node_by_id
from EncryptSecureRTLib.panel.phases import AT_WORK, Kind, Phase
from EncryptSecureRTLib.panel.render import Renderer
from EncryptSecureRTLib.panel.results import ResultActions, ResultsView
from EncryptSecureRTLib.panel.screen import SliceViews, Views
from EncryptSecureRTLib.panel.sealing import SealOrder, clear_folder, seal_scene_only
from EncryptSecureRTLib.panel.series import SeriesFolders
from EncryptSecureRTLib.panel.session import Connection, Session
from EncryptSecureRTLib.panel.settings import Settings
from EncryptSecureRTLib.panel.sheets import Row
from EncryptSecureRTLib.panel.state import Notice, Offer, PanelState, Tone
from EncryptSecureRTLib.panel.taborder import order_tabs
from EncryptSecureRTLib.panel.tasks import SEGMENT
from EncryptSecureRTLib.panel.tasktabs import TaskTabs
from EncryptSecureRTLib.panel.view import view_of
from EncryptSecureRTLib.panel.whois import WhoIs
from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.study import StudyState, study_state

TICK_MS = 50
HUGE_BYTES = 500_000_000  # from here on the user is asked first
DOUBLE_CLICK_S = 0.5  # a second click so soon after the first is no wish to cancel
_ASK_BEFORE_CANCEL_S = 30.0
_NO_FILES = _("Who it is cannot be asked: the protected files of this volume are not found.")
_NO_FILES_TODO = _("Import the protected series into the DICOM database, and load it from there.")
_NO_WORKER = _("A worker is needed to seal the files of this study.")


class Panel:
    """The module's panel.

    Parameters
    ----------
    ui : the widgets by their names.
    session : who runs checks and jobs; shared with scripts.
    asks, views, folders : seams to windows, slice views and files.
    """

    def __init__(
        self,
        ui: Any,
        session: Session,
        asks: Asks | None = None,
        views: Views | None = None,
        folders: SeriesFolders | None = None,
    ) -> None:
        self.ui, self.session = ui, session
        self.asks: Asks = asks or Dialogs()
        self.views: Views = views or SliceViews()
        self.folders = folders or SeriesFolders()
        self.settings = Settings(slicer.app.userSettings())
        self._parameters: Any = None
        self._notice: Notice | None = None
        self._node_shown = ""
        self._inputs: tuple[Any, ...] = ()
        self._job_page: Page | None = None
        self._begun_s = float("-inf")
        self._dark = False
        self._named = False
        self._renderer = Renderer(ui)
        self._notices = NoticeFrame(
            ui,
            {
                Offer.SHOW_RESULT: self.show_result,
                Offer.SHOW_MAPS: self.show_result,
                Offer.CANCEL_JOB: lambda: session.happen(Kind.CANCEL),
                Offer.SEAL_STUDY: self.seal,
            },
        )
        self._connection = ConnectionForm(ui, self.settings, self._connection_changed)
        pages: tuple[Page, ...] = (
            SegmentPage(ui, self.folders, self.refresh),
            ComparePage(ui, self.folders, self.refresh),
        )
        self.tasks = TaskTabs(ui, pages, self._task_chosen)
        self._results = ResultsView(
            ui,
            lambda: self.asks,
            self.settings,
            lambda: session.results_folder,
            ResultActions(
                show=self.show_result,
                plot=self.show_plot,
                chosen=self._show_row,
                failed=self._failed,
            ),
        )
        self.who = WhoIs(session.log, self._who_changed)
        self._emphasise(ui.applyButton)
        self._escape = qt.QShortcut(qt.QKeySequence("Esc"), ui.applyButton)
        self._escape.context = qt.Qt.WidgetShortcut
        self._escape.connect("activated()", self._cancel)
        order_tabs(ui.trustFrame.parentWidget())
        ui.testConnectionButton.connect("clicked(bool)", lambda _checked: self.test())
        ui.applyButton.connect("clicked(bool)", lambda _checked: self.apply())
        ui.sealStudyButton.connect("clicked(bool)", lambda _checked: self.seal())
        ui.whoButton.connect("clicked(bool)", lambda _checked: self.ask_who())
        ui.trustDetailsButton.connect("toggled(bool)", lambda _checked: self.refresh())
        ui.copyLogButton.connect("clicked(bool)", lambda _checked: self._copy_log())
        ui.logView.plainText = session.log.as_text()
        session.log.listen(lambda line: ui.logView.appendPlainText(str(line)))
        session.listen(self._state_changed)
        session.configure(self._connection.connection)
        self.timer = qt.QTimer()
        self.timer.interval = TICK_MS
        self.timer.connect("timeout()", self._tick)
        self.timer.start()
        self.refresh()

    @property
    def page(self) -> Page:
        """The page of the task that is shown."""
        return self.tasks.page

    def _task_chosen(self) -> None:
        if self._parameters is not None:
            self._parameters.task = self.page.task.key
        self.refresh()

    def _emphasise(self, button: Any) -> None:
        font = qt.QFont(button.font)
        font.setBold(True)
        button.font = font
        button.minimumHeight = round(1.4 * button.sizeHint.height())

    # ---- the scene

    def use_parameters(self, parameters: Any) -> None:
        """Show a scene's parameter node and keep choices in it; None lets go of it."""
        self._parameters = parameters
        for page in self.tasks.pages:
            page.connect_to(parameters)
        if parameters is not None and not self.session.busy:
            self.tasks.choose(parameters.task)
        self.refresh()

    def choose_ct(self, node: Any) -> None:
        """Choose a volume, as its selector does."""
        if self._parameters is not None and not self.session.busy:
            self._parameters.ct = node
            self._parameters.task = SEGMENT.key
            self.tasks.choose(SEGMENT.key)
            self.page.show()
            self.refresh()

    def scene_closing(self, *_: object) -> None:
        """End what runs for the scene that goes."""
        self.use_parameters(None)
        self.who.forget()
        self.session.happen(Kind.SCENE_CLOSED)

    def nodes_removed(self, *_: object) -> None:
        """End a job whose input is gone."""
        if not all(slicer.mrmlScene.IsNodePresent(node) for node in self._inputs):
            self._inputs = ()
            self.session.happen(Kind.INPUT_REMOVED)
        self.refresh()

    # ---- buttons

    def test(self) -> None:
        """Test the connection."""
        if self._may_contact():
            self._connection.used()
            self.session.happen(Kind.TEST)

    def apply(self) -> None:
        """Do what the large button says: begin, cancel or reconnect, by the phase."""
        clicked_twice = self.session.now_s() - self._begun_s < DOUBLE_CLICK_S
        if self._can_cancel and clicked_twice:
            return
        if self._can_cancel:
            self._cancel()
        elif self.session.state.phase is Phase.LOST:
            self.session.happen(Kind.RECONNECT)
        else:
            self._begin()

    @property
    def _can_cancel(self) -> bool:
        return self.session.state.phase in AT_WORK | {Phase.CHECKING}

    def _cancel(self) -> None:
        if self._can_cancel and self._may_cancel():
            self.session.happen(Kind.CANCEL)

    def _begin(self) -> None:
        if self._problems() or self._connection.connection is None:
            self.refresh()
            return
        if not self._may_contact(self.page.sent_bytes):
            return
        self._connection.used()
        self._inputs, self._job_page = self.page.inputs(), self.page
        self._begun_s = self.session.now_s()
        self.session.apply(self.page.order())

    def seal(self) -> None:
        """Seal the study of the chosen volume: its files through the worker, its nodes here."""
        ct = self.page.subject
        if ct is None or self.session.busy or study_state(ct) is not StudyState.CLEAR:
            return
        source = clear_folder(ct, self.folders.file_of)
        if source is None:
            self._seal_scene(ct)
        elif self._connection.connection is None:
            self._notices.show(
                Notice(tone=Tone.BAD, what=_NO_WORKER, todo=self._connection.problem)
            )
        elif self._may_contact():
            out = self.asks.folder(_("Folder for the protected copy"), self.settings.export_folder)
            if out:
                self._inputs, self._job_page = (ct,), None
                self._connection.used()
                self.session.apply(SealOrder(ct, source, Path(out), self.folders.remember))

    def ask_who(self) -> None:
        """Show whose study it is for a while, or hide it again."""
        ct, connection = self.page.subject, self._connection.connection
        if self.who.names:
            self.who.forget()
            self.refresh()
            return
        folder = self.page.subject_folder()
        if folder is None or connection is None:
            self._notices.show(Notice(tone=Tone.BAD, what=_NO_FILES, todo=_NO_FILES_TODO))
        elif not self.who.busy and self._may_contact():
            self.who.ask(connection, folder, ct.GetID())

    def _who_changed(self, state: PanelState) -> None:
        if state.notice is not None:
            self._notices.show(state.notice)
        self.refresh()

    def _seal_scene(self, ct: Any) -> None:
        words = _(
            "No files of this study were found: there is nothing to protect on disk. Names, dates"
            " and UIDs in the scene are replaced by ones that are linked to nothing. This cannot be"
            " undone."
        )
        if self.asks.confirm(_("Seal the scene alone?"), words, _("Seal the scene")):
            self._notices.show(seal_scene_only(ct))
            self.refresh()

    def _may_cancel(self) -> bool:
        spent_s = self.session.now_s() - self.session.state.run.started_at_s
        if self.session.state.phase is Phase.CHECKING or spent_s < _ASK_BEFORE_CANCEL_S:
            return True
        return self.asks.confirm(
            _("Cancel the job?"), _("What was computed so far is lost."), _("Cancel the job")
        )

    def _may_contact(self, sent_bytes: int = 0) -> bool:
        """Ask for consent: once for an address and policy, and each time for a huge volume."""
        connection = self._connection.connection
        if connection is None:
            return False
        policy = _policy(connection.home)
        if not self.settings.may_send(connection.url, policy):
            words = _(
                "EncryptSecureRT will ask {url} for evidence of the code that it runs, and judge it"
                " by your site's policy. Only when that is accepted, voxels are sent to it, sealed."
                " Names and headers leave sealed only. Your certificate holds a random id."
            ).format(url=connection.url)
            if not self.asks.confirm(_("Allow this worker?"), words, _("Allow this worker")):
                return False
            self.settings.allow_sending(connection.url, policy)
        if sent_bytes < HUGE_BYTES:
            return True
        size = sent_bytes
        words = _(
            "The volume has {size}. At 50 MB/s it takes about {seconds} s to send, and the worker"
            " needs several minutes for it."
        ).format(size=megabytes(size), seconds=round(size / 50e6))
        return self.asks.confirm(_("Send a large volume?"), words, _("Send it"))

    def show_result(self) -> None:
        """Show the last result over what it was made of."""
        outcome, page = self.session.state.outcome, self._job_page
        gone = outcome is None or page is None or node_by_id(outcome.node_id) is None
        if outcome is not None and page is not None and self._inputs and not gone:
            page.show_result(outcome, self._inputs, self.views)

    def show_plot(self) -> None:
        """Show the dose-volume histograms of the last comparison."""
        outcome = self.session.state.outcome
        compared = None if outcome is None else outcome.compared
        chart = None if compared is None else node_by_id(compared.chart_id)
        if chart is not None:
            self.views.show_plot(chart)

    def _show_row(self, row: Row) -> None:
        outcome, page = self.session.state.outcome, self._job_page
        if outcome is not None and page is not None:
            page.show_row(outcome, row, self.views)

    def _copy_log(self) -> None:
        qt.QApplication.clipboard().setText(self.session.log.as_text())

    def _failed(self, error: EncryptSecureRTError) -> None:
        self._notices.show(notice_of(error.code.name, detail=error.detail))

    # ---- changes

    def _connection_changed(self, connection: Connection | None) -> None:
        self.session.configure(connection)
        self.refresh()

    def _state_changed(self, state: PanelState) -> None:
        self._notices.show(state.notice)
        self._results.show(state.outcome)
        if state.phase is Phase.FAILED:
            self.ui.logSection.collapsed = False
        if state.outcome is not None and state.outcome.node_id not in ("", self._node_shown):
            self._node_shown = state.outcome.node_id
            self._show_made()
        self.refresh()

    def _show_made(self) -> None:
        if self._job_page is not None:
            self._job_page.made()
        self.show_result()

    def _problems(self) -> list[str]:
        trust = self.session.state.trust
        return self.page.look(None if trust is None else trust.allowed)

    def refresh(self) -> None:
        """Show everything anew."""
        problems = self._problems()
        state, now_s = self.session.state, self.session.now_s()
        ct, study = self.page.subject, self.page.study
        name = None if ct is None else self.who.names.name_of(ct.GetID())
        self.ui.caseLabel.text = name or study_words(study)
        self._named = name is not None
        self.ui.whoButton.setVisible(study is StudyState.PROTECTED)
        self.ui.whoButton.enabled = not self.who.busy
        self.ui.whoButton.text = _("&Hide") if self._named else _("&Who is this?")
        self.ui.sealStudyButton.setVisible(study is StudyState.CLEAR)
        view = view_of(state, self.page.task.verb, problems, now_s)
        self._renderer.show(state, view)
        self.tasks.allow(view.inputs)

    def _tick(self) -> None:
        self.session.tick()
        self.who.session.tick()
        if self._named and not self.who.names:  # its time is over
            self.refresh()
        dark = is_dark(self.ui.applyButton)
        if dark is not self._dark:  # the theme has changed
            self._dark = dark
            self._notices.show(self.session.state.notice)
            self.refresh()
        if self.session.busy:
            view = view_of(self.session.state, self.page.task.verb, (), self.session.now_s())
            self._renderer.show_progress(view)

    def close(self) -> None:
        """End what runs, and forget everything."""
        self.timer.stop()
        self.who.close()
        self.session.close()


def _policy(home: Path) -> bytes:
    try:
        return (home / "policy.json").read_bytes()
    except OSError:
        return b""
