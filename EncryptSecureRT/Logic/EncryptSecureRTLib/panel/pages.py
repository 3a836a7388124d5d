"""What a task has in the panel: its fields, what is missing, its order, and its results shown.

The panel knows pages, no task by name. A page decides nothing about a running job.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import slicer

from EncryptSecureRTLib.panel.facts import form_of, volume_words
from EncryptSecureRTLib.panel.form import TaskForm
from EncryptSecureRTLib.panel.orders import Order
from EncryptSecureRTLib.panel.screen import Views
from EncryptSecureRTLib.panel.segmentation import SegmentOrder
from EncryptSecureRTLib.panel.series import SeriesFolders
from EncryptSecureRTLib.panel.sheets import Row
from EncryptSecureRTLib.panel.state import Allowed, Outcome
from EncryptSecureRTLib.panel.tasks import SEGMENT, TaskSpec
from EncryptSecureRTLib.panel.validate import Form, problems_of
from EncryptSecureRTLib.scene.study import StudyState
from EncryptSecureRTLib.scene.volumes import volume_facts


class Page(Protocol):
    """One task's page."""

    @property
    def task(self) -> TaskSpec:
        """The task."""

    def set_visible(self, shown: bool) -> None:
        """Show the page's fields, or hide all of them."""

    def connect_to(self, parameters: Any) -> None:
        """Show what a parameter node holds, and keep choices in it from now on; None lets go."""

    def show(self) -> None:
        """Show what the parameter node holds."""

    def look(self, offer: Allowed | None) -> list[str]:
        """Look at what is chosen, say its facts, and return what keeps Apply from being pressed."""

    @property
    def subject(self) -> Any:
        """The volume whose study it is about, None if none is chosen."""

    @property
    def study(self) -> StudyState | None:
        """How that study stands in the scene, None if no volume is chosen."""

    @property
    def sent_bytes(self) -> int:
        """Octets of voxels that would be sent."""

    def subject_folder(self) -> Path | None:
        """Return where the subject's protected files are, None if it has none."""

    def order(self) -> Order:
        """Return the job that is chosen, frozen; only if nothing keeps it from being begun."""

    def inputs(self) -> tuple[Any, ...]:
        """Return the nodes that have to stay until the job has ended."""

    def made(self) -> None:
        """Let go of outputs that were filled: the next job makes others."""

    def show_result(self, outcome: Outcome, inputs: tuple[Any, ...], views: Views) -> None:
        """Show what a job has made of its inputs."""

    def show_row(self, outcome: Outcome, row: Row, views: Views) -> None:
        """Show where a row of the results lies."""


class SegmentPage:
    """The page of "Segment".

    Parameters
    ----------
    ui : the widgets of the `.ui` file.
    folders : knows protected series on disk.
    changed : called after each choice.
    """

    def __init__(self, ui: Any, folders: SeriesFolders, changed: Callable[[], None]) -> None:
        self._ui, self._folders = ui, folders
        self._form = TaskForm(ui, SEGMENT, changed)
        self._parameters: Any = None
        self._facts: Form | None = None

    @property
    def task(self) -> TaskSpec:
        """The task."""
        return SEGMENT

    def set_visible(self, shown: bool) -> None:
        """Show the page's fields, or hide all of them."""
        self._form.set_visible(shown)
        for widget in (self._ui.show3dLabel, self._ui.show3dCheckBox):
            widget.setVisible(shown)

    def connect_to(self, parameters: Any) -> None:
        """Show what a parameter node holds, and keep choices in it from now on; None lets go."""
        self._parameters = parameters
        self._form.connect_to(parameters)
        if parameters is not None:
            self._ui.show3dCheckBox.checked = parameters.show3d

    def show(self) -> None:
        """Show what the parameter node holds."""
        self._form.show()

    def look(self, offer: Allowed | None) -> list[str]:
        """Look at what is chosen, say its facts, and return what keeps Apply from being pressed."""
        node = self._form.node
        self._facts = form_of(
            SEGMENT, node("ct"), node("segmentation"), self._form.structures, offer
        )
        self._form.show_facts("ct", volume_words(self._facts.volume))
        return problems_of(self._facts)

    @property
    def subject(self) -> Any:
        """The CT."""
        return self._form.node("ct")

    @property
    def study(self) -> StudyState | None:
        """How the CT's study stands in the scene."""
        facts = self._facts
        return None if facts is None or facts.volume is None else facts.study

    @property
    def sent_bytes(self) -> int:
        """Octets of the CT."""
        facts = self._facts
        return 0 if facts is None or facts.volume is None else facts.volume.sent_bytes

    def subject_folder(self) -> Path | None:
        """Return the folder of the protected series that the CT was read from."""
        ct = self.subject
        return None if ct is None else self._folders.folder_of(ct, volume_facts(ct))

    def order(self) -> Order:
        """Return the segmentation of the chosen CT."""
        ct, show3d = self.subject, bool(self._ui.show3dCheckBox.checked)
        self._parameters.show3d = show3d
        series = self._folders.source_of(ct, volume_facts(ct))
        output = self._form.node("segmentation")
        return SegmentOrder(ct, self._form.structures, series, show3d=show3d, output=output)

    def inputs(self) -> tuple[Any, ...]:
        """Return the CT."""
        return (self.subject,)

    def made(self) -> None:
        """Let go of the segmentation that was filled."""
        if self._parameters is not None:
            self._parameters.segmentation = None
            self._form.show()

    def show_result(self, outcome: Outcome, inputs: tuple[Any, ...], views: Views) -> None:
        """Show the segmentation over its CT."""
        views.show_over(inputs[0], node_by_id(outcome.node_id))

    def show_row(self, outcome: Outcome, row: Row, views: Views) -> None:
        """Leave the views as they are."""


def node_by_id(node_id: str) -> Any:
    """Return a node of the scene, None if it is not there (any more)."""
    return slicer.mrmlScene.GetNodeByID(node_id) if node_id else None
