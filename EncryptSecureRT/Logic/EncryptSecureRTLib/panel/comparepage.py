"""The page of "Compare doses": two doses, structures, criteria; maps, figures and plots."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from EncryptSecureRTLib.panel.comparing import CompareOrder, DoseNodes
from EncryptSecureRTLib.panel.criteriaform import CriteriaForm
from EncryptSecureRTLib.panel.dosefacts import dose_form_of, dose_words, structures_words
from EncryptSecureRTLib.panel.form import TaskForm
from EncryptSecureRTLib.panel.orders import Order
from EncryptSecureRTLib.panel.pages import node_by_id
from EncryptSecureRTLib.panel.screen import Views
from EncryptSecureRTLib.panel.series import SeriesFolders
from EncryptSecureRTLib.panel.sheets import Row
from EncryptSecureRTLib.panel.state import Allowed, Outcome
from EncryptSecureRTLib.panel.tasks import COMPARE, TaskSpec
from EncryptSecureRTLib.panel.validate_doses import DoseForm, dose_problems_of
from EncryptSecureRTLib.panel.worst import worst_point
from EncryptSecureRTLib.scene.study import StudyState

_DOSES, _OUTPUTS = ("referenceDose", "evaluatedDose"), ("gammaVolume", "differenceVolume")


class ComparePage:
    """The page of "Compare doses".

    Parameters
    ----------
    ui : the widgets of the `.ui` file.
    folders : knows protected files on disk.
    changed : called after each choice.
    """

    def __init__(self, ui: Any, folders: SeriesFolders, changed: Callable[[], None]) -> None:
        self._ui, self._folders = ui, folders
        self._form = TaskForm(ui, COMPARE, changed)
        self._criteria = CriteriaForm(ui, changed)
        self._parameters: Any = None
        self._facts: DoseForm | None = None

    @property
    def task(self) -> TaskSpec:
        """The task."""
        return COMPARE

    def set_visible(self, shown: bool) -> None:
        """Show the page's fields, or hide all of them."""
        self._form.set_visible(shown)
        self._ui.criteriaSection.setVisible(shown)

    def connect_to(self, parameters: Any) -> None:
        """Show what a parameter node holds, and keep choices in it from now on; None lets go."""
        self._parameters = parameters
        self._form.connect_to(parameters)
        self._criteria.connect_to(parameters)

    def show(self) -> None:
        """Show what the parameter node holds."""
        self._form.show()
        self._criteria.show()

    def look(self, offer: Allowed | None) -> list[str]:
        """Look at what is chosen, say its facts, and return what keeps Apply from being pressed."""
        self._facts = facts = dose_form_of(self._nodes(), self._criteria.criteria, offer)
        for key, dose in zip(_DOSES, (facts.reference, facts.evaluated), strict=True):
            self._form.show_facts(key, dose_words(dose, self._form.node(key)))
        self._form.show_facts("background", "")
        self._form.show_facts("doseStructures", structures_words(facts.segments))
        return dose_problems_of(facts)

    def _nodes(self) -> DoseNodes:
        node = self._form.node
        return DoseNodes(
            reference=node("referenceDose"),
            evaluated=node("evaluatedDose"),
            structures=node("doseStructures"),
            gamma=node("gammaVolume"),
            difference=node("differenceVolume"),
        )

    @property
    def subject(self) -> Any:
        """The first dose that is in clear, else the reference."""
        doses = [self._form.node(key) for key in _DOSES]
        studies = self._facts.studies if self._facts is not None else ()
        for dose, study in zip(doses, studies, strict=False):
            if dose is not None and study is StudyState.CLEAR:
                return dose
        return doses[0]

    @property
    def study(self) -> StudyState | None:
        """How the subject's study stands in the scene."""
        if self._facts is None or self.subject is None:
            return None
        studies = self._facts.studies
        return StudyState.CLEAR if StudyState.CLEAR in studies else studies[0]

    @property
    def sent_bytes(self) -> int:
        """Octets of both doses."""
        return 0 if self._facts is None else self._facts.sent_bytes

    def subject_folder(self) -> Path | None:
        """Return the folder of the protected dose that the subject was read from."""
        dose = self.subject
        path = None if dose is None else self._folders.dose_file(dose)
        return path if path is None or path.is_dir() else path.parent

    def order(self) -> Order:
        """Return the comparison of the chosen doses."""
        nodes = self._nodes()
        sources = self._folders.doses_of(nodes.reference, nodes.evaluated)
        criteria = self._criteria.criteria
        return CompareOrder(nodes, criteria, sources)

    def inputs(self) -> tuple[Any, ...]:
        """Return both doses, and the structures if there are any."""
        nodes = self._nodes()
        chosen = (nodes.reference, nodes.evaluated, nodes.structures)
        return tuple(node for node in chosen if node is not None)

    def made(self) -> None:
        """Let go of the volumes that were filled."""
        if self._parameters is not None:
            for key in _OUTPUTS:
                setattr(self._parameters, key, None)
            self._form.show()

    def show_result(self, outcome: Outcome, inputs: tuple[Any, ...], views: Views) -> None:
        """Show gamma, or the difference, over the CT, or over the reference without one."""
        shown = node_by_id(outcome.node_id)
        if shown is not None:
            views.show_map(shown, self._form.node("background") or inputs[0])

    def show_row(self, outcome: Outcome, row: Row, views: Views) -> None:
        """Let the slices go through the worst point of the row's structure."""
        point = None if outcome.compared is None else worst_point(outcome.compared, row.segment)
        if point is not None:
            views.centre_on(point)
