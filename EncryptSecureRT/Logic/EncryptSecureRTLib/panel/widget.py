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
from EncryptSecureRTLib.panel.connection import ConnectionForm
from EncryptSecureRTLib.panel.dialogs import Asks, Dialogs
from EncryptSecureRTLib.panel.facts import form_of, study_words, volume_words
from EncryptSecureRTLib.panel.form import TaskForm
from EncryptSecureRTLib.panel.icons import is_dark
from EncryptSecureRTLib.panel.messages import megabytes, notice_of
from EncryptSecureRTLib.panel.notices import NoticeFrame
from EncryptSecureRTLib.panel.phases import AT_WORK, Kind, Phase
from EncryptSecureRTLib.panel.render import Renderer
from EncryptSecureRTLib.panel.results import ResultsView
from EncryptSecureRTLib.panel.screen import SliceViews, Views
from EncryptSecureRTLib.panel.sealing import SealOrder, clear_folder, seal_scene_only
from EncryptSecureRTLib.panel.segmentation import SegmentOrder
from EncryptSecureRTLib.panel.series import SeriesFolders
from EncryptSecureRTLib.panel.session import Connection, Session
from EncryptSecureRTLib.panel.settings import Settings
from EncryptSecureRTLib.panel.state import Notice, Offer, PanelState, Tone
from EncryptSecureRTLib.panel.taborder import order_tabs
from EncryptSecureRTLib.panel.tasks import TASKS
from EncryptSecureRTLib.panel.validate import Form, problems_of
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
        self._input: Any = None
        self._begun_s = float("-inf")
        self._dark = False
        self._named = False
        self._renderer = Renderer(ui)
        self._notices = NoticeFrame(
            ui,
            {
                Offer.SHOW_RESULT: self.show_result,
                Offer.CANCEL_JOB: lambda: session.happen(Kind.CANCEL),
                Offer.SEAL_STUDY: self.seal,
            },
        )
        self._connection = ConnectionForm(ui, self.settings, self._connection_changed)
        self.form = TaskForm(ui, TASKS[0], self.refresh)
        self._results = ResultsView(
            ui,
            lambda: self.asks,
            self.settings,
            lambda: session.results_folder,
            show=self.show_result,
            failed=self._failed,
        )
        self.who = WhoIs(session.log, self._who_changed)
        self._add_task_tabs()
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

    def _add_task_tabs(self) -> None:
        self.tabs = qt.QTabBar()
        self.tabs.objectName = "taskTabs"
        self.tabs.accessibleName = _("Task")
        self.tabs.toolTip = _("What is to be done.")
        self.tabs.expanding = False
        for task in TASKS:
            self.tabs.addTab(task.title)
        self.ui.tasksLayout.addWidget(self.tabs)

    def _emphasise(self, button: Any) -> None:
        font = qt.QFont(button.font)
        font.setBold(True)
        button.font = font
        button.minimumHeight = round(1.4 * button.sizeHint.height())

    # ---- the scene

    def use_parameters(self, parameters: Any) -> None:
        """Show a scene's parameter node and keep choices in it; None lets go of it."""
        self._parameters = parameters
        self.form.connect_to(parameters)
        if parameters is not None:
            self.ui.show3dCheckBox.checked = parameters.show3d
        self.refresh()

    def choose_ct(self, node: Any) -> None:
        """Choose a volume, as its selector does."""
        if self._parameters is not None and not self.session.busy:
            self._parameters.ct = node
            self.form.show()
            self.refresh()

    def scene_closing(self, *_: object) -> None:
        """End what runs for the scene that goes."""
        self.use_parameters(None)
        self.who.forget()
        self.session.happen(Kind.SCENE_CLOSED)

    def nodes_removed(self, *_: object) -> None:
        """End a job whose input is gone."""
        node = self._input
        if node is not None and not slicer.mrmlScene.IsNodePresent(node):
            self._input = None
            self.session.happen(Kind.INPUT_REMOVED)
        self.refresh()

    # ---- buttons

    def test(self) -> None:
        """Test the connection."""
        if self._may_contact(None):
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
        form = self._form()
        if problems_of(form) or self._connection.connection is None or form.volume is None:
            self.refresh()
            return
        if not self._may_contact(form):
            return
        ct = self.form.node("ct")
        self._connection.used()
        self._input = ct
        self._begun_s = self.session.now_s()
        series = self.folders.source_of(ct, form.volume)
        show3d = bool(self.ui.show3dCheckBox.checked)
        self._parameters.show3d = show3d
        output = self.form.node("segmentation")
        order = SegmentOrder(ct, form.structures, series, show3d=show3d, output=output)
        self.session.apply(order)

    def seal(self) -> None:
        """Seal the study of the chosen CT: its files through the worker, its nodes here."""
        ct = self.form.node("ct")
        if ct is None or self.session.busy or study_state(ct) is not StudyState.CLEAR:
            return
        source = clear_folder(ct, self.folders.file_of)
        if source is None:
            self._seal_scene(ct)
        elif self._connection.connection is None:
            self._notices.show(
                Notice(tone=Tone.BAD, what=_NO_WORKER, todo=self._connection.problem)
            )
        elif self._may_contact(None):
            out = self.asks.folder(_("Folder for the protected copy"), self.settings.export_folder)
            if out:
                self._input = ct
                self._connection.used()
                self.session.apply(SealOrder(ct, source, Path(out), self.folders.remember))

    def ask_who(self) -> None:
        """Show whose study it is for a while, or hide it again."""
        ct, connection = self.form.node("ct"), self._connection.connection
        if self.who.names:
            self.who.forget()
            self.refresh()
            return
        form = self._form()
        folder = None if form.volume is None else self.folders.folder_of(ct, form.volume)
        if folder is None or connection is None:
            self._notices.show(Notice(tone=Tone.BAD, what=_NO_FILES, todo=_NO_FILES_TODO))
        elif not self.who.busy and self._may_contact(None):
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

    def _may_contact(self, form: Form | None) -> bool:
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
        if form is None or form.volume is None or form.volume.sent_bytes < HUGE_BYTES:
            return True
        size = form.volume.sent_bytes
        words = _(
            "The volume has {size}. At 50 MB/s it takes about {seconds} s to send, and the worker"
            " needs several minutes for it."
        ).format(size=megabytes(size), seconds=round(size / 50e6))
        return self.asks.confirm(_("Send a large volume?"), words, _("Send it"))

    def show_result(self) -> None:
        """Show the last result over its CT."""
        outcome = self.session.state.outcome
        node = None if outcome is None else slicer.mrmlScene.GetNodeByID(outcome.node_id)
        if node is not None and self._input is not None:
            self.views.show_over(self._input, node)

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
            self._show_made(state.outcome.node_id)
        self.refresh()

    def _show_made(self, node_id: str) -> None:
        if self._parameters is not None:
            self._parameters.segmentation = None  # the next Apply makes another one
            self.form.show()
        self.show_result()

    def _form(self) -> Form:
        node = self.form.node
        chosen = self.form.structures
        trust = self.session.state.trust
        allowed = None if trust is None else trust.allowed
        return form_of(self.form.task, node("ct"), node("segmentation"), chosen, allowed)

    def refresh(self) -> None:
        """Show everything anew."""
        form = self._form()
        state, now_s = self.session.state, self.session.now_s()
        self.form.show_facts("ct", volume_words(form.volume))
        study = None if form.volume is None else form.study
        ct = self.form.node("ct")
        name = None if ct is None else self.who.names.name_of(ct.GetID())
        self.ui.caseLabel.text = name or study_words(study)
        self._named = name is not None
        self.ui.whoButton.setVisible(study is StudyState.PROTECTED)
        self.ui.whoButton.enabled = not self.who.busy
        self.ui.whoButton.text = _("&Hide") if self._named else _("&Who is this?")
        self.ui.sealStudyButton.setVisible(study is StudyState.CLEAR)
        view = view_of(state, self.form.task.verb, problems_of(form), now_s)
        self._renderer.show(state, view)

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
            view = view_of(self.session.state, self.form.task.verb, (), self.session.now_s())
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
