"""Inputs, structures and outputs of a task, as widgets made from its description.

A choice goes into the parameter node at once, and comes back from there when a scene is loaded.
"""

from collections.abc import Callable
from typing import Any

import qt
import slicer

from EncryptSecureRTLib.panel.tasks import NodeSpec, TaskSpec
from EncryptSecureRTLib.panel.words import _

_NEW = _("Create new on Apply")


class TaskForm:
    """The widgets of one task, in frames of their own among those of other tasks.

    Parameters
    ----------
    ui : has the layouts `inputsLayout` and `outputsLayout`.
    changed : called after each choice.
    """

    def __init__(self, ui: Any, task: TaskSpec, changed: Callable[[], None]) -> None:
        self.task = task
        self._changed = changed
        self._parameters: Any = None
        self._filling = False
        self._selectors: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self._frames: list[Any] = []
        inputs = self._add_frame(ui.inputsLayout, "Inputs")
        for spec in task.inputs:
            self._add_input(inputs, spec)
        self._structures = (
            _StructureList(inputs, task, self._structures_chosen) if task.structures else None
        )
        outputs = self._add_frame(ui.outputsLayout, "Outputs")
        for output in task.outputs:
            self._add_output(outputs, output)

    # ---- making

    def _add_frame(self, layout: Any, kind: str) -> Any:
        frame = qt.QFrame()
        frame.objectName = f"{self.task.key}{kind}"
        rows = qt.QFormLayout(frame)
        rows.setContentsMargins(0, 0, 0, 0)
        layout.addRow(frame)
        self._frames.append(frame)
        return rows

    def set_visible(self, shown: bool) -> None:
        """Show the task's widgets, or hide all of them."""
        for frame in self._frames:
            frame.setVisible(shown)

    def _add_input(self, layout: Any, spec: NodeSpec) -> None:
        selector = _selector(spec)
        selector.renameEnabled = False
        facts = qt.QLabel()
        facts.objectName = f"{spec.key}Facts"
        facts.wordWrap = True
        self._enter(layout, spec, selector)
        layout.addRow("", facts)
        self._facts[spec.key] = facts

    def _add_output(self, layout: Any, spec: NodeSpec) -> None:
        selector = _selector(spec)
        selector.noneDisplay = _NEW
        selector.renameEnabled = True
        self._enter(layout, spec, selector)

    def _enter(self, layout: Any, spec: NodeSpec, selector: Any) -> None:
        label = qt.QLabel(spec.label)
        label.setBuddy(selector)
        layout.addRow(label, selector)
        selector.setMRMLScene(slicer.mrmlScene)
        selector.connect(
            "currentNodeChanged(vtkMRMLNode*)", lambda node: self._node_chosen(spec.key, node)
        )
        self._selectors[spec.key] = selector

    # ---- both ways to the parameter node

    def connect_to(self, parameters: Any) -> None:
        """Show what a parameter node holds, and keep choices in it from now on; None lets go."""
        self._parameters = parameters
        self.show()

    def show(self) -> None:
        """Show what the parameter node holds."""
        if self._parameters is None:
            return
        self._filling = True
        try:
            for key, selector in self._selectors.items():
                selector.setCurrentNode(getattr(self._parameters, key))
            if self._structures is not None:
                self._structures.choose(self._parameters.structures.split())
        finally:
            self._filling = False

    def _node_chosen(self, key: str, node: Any) -> None:
        if self._parameters is not None and not self._filling:
            setattr(self._parameters, key, node)
            self._changed()

    def _structures_chosen(self, keys: tuple[str, ...]) -> None:
        if self._parameters is not None and not self._filling:
            self._parameters.structures = " ".join(keys)
            self._changed()

    # ---- what is chosen

    def node(self, key: str) -> Any:
        """Return the node that is chosen for an input or output, None if none is."""
        return None if self._parameters is None else getattr(self._parameters, key)

    @property
    def structures(self) -> tuple[str, ...]:
        """The chosen structures, in the order of the task."""
        chosen = () if self._parameters is None else self._parameters.structures.split()
        return tuple(s.key for s in self.task.structures if s.key in chosen)

    def show_facts(self, key: str, words: str) -> None:
        """Say something of an input, below it."""
        label = self._facts[key]
        label.text = words
        label.setVisible(bool(words))


def _selector(spec: NodeSpec) -> Any:
    selector = slicer.qMRMLNodeComboBox()
    selector.objectName = f"{spec.key}Selector"
    selector.nodeTypes = [spec.node_class]
    if spec.marked:
        selector.addAttribute(spec.node_class, spec.marked)
    selector.showChildNodeTypes = False
    selector.selectNodeUponCreation = False  # nothing is chosen but by the user
    selector.noneEnabled = True
    selector.addEnabled = False
    selector.removeEnabled = False
    selector.toolTip = spec.help
    selector.accessibleName = spec.label.replace("&", "")
    # A long name is no reason for a wide panel.
    selector.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
    return selector


class _StructureList:
    """A button that says how many structures are chosen, and a list to choose from below it."""

    def __init__(
        self, layout: Any, task: TaskSpec, chosen: Callable[[tuple[str, ...]], None]
    ) -> None:
        self._task, self._chosen = task, chosen
        self._filling = False
        self.button = qt.QToolButton()
        self.button.objectName = "structuresButton"
        self.button.checkable = True
        self.button.toolTip = _("Shows the structures that can be found, to choose from.")
        self.button.accessibleName = _("Structures")
        self.filter = qt.QLineEdit()
        self.filter.objectName = "structuresFilter"
        self.filter.placeholderText = _("Search")
        self.filter.clearButtonEnabled = True
        self.filter.accessibleName = _("Search for a structure")
        self.filter.toolTip = _("Shows only structures with this in their names.")
        self.list = qt.QListWidget()
        self.list.objectName = "structuresList"
        self.list.accessibleName = _("Structures to find")
        self.list.toolTip = _("The worker looks for those with a tick.")
        for structure in task.structures:
            item = qt.QListWidgetItem(f"{structure.label}: {structure.words}")
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Checked)
            self.list.addItem(item)
        rows = min(len(task.structures), 8)
        self.list.setFixedHeight(rows * (self.list.sizeHintForRow(0) + 2) + 6)
        layout.addRow(_("Str&uctures"), self.button)
        layout.addRow("", self.filter)
        layout.addRow("", self.list)
        self._open(False)
        self.button.connect("toggled(bool)", self._open)
        self.filter.connect("textChanged(QString)", self._search)
        self.list.connect("itemChanged(QListWidgetItem*)", self._changed)

    def choose(self, keys: list[str]) -> None:
        """Tick these structures and no others."""
        self._filling = True
        for row, structure in enumerate(self._task.structures):
            state = qt.Qt.Checked if structure.key in keys else qt.Qt.Unchecked
            self.list.item(row).setCheckState(state)
        self._filling = False
        self._tell(self._ticked())

    def _ticked(self) -> tuple[str, ...]:
        rows = enumerate(self._task.structures)
        return tuple(s.key for n, s in rows if self.list.item(n).checkState() == qt.Qt.Checked)

    def _changed(self, _item: Any) -> None:
        if not self._filling:
            keys = self._ticked()
            self._tell(keys)
            self._chosen(keys)

    def _tell(self, keys: tuple[str, ...]) -> None:
        count, all_of_them = len(keys), len(self._task.structures)
        if count == all_of_them:
            self.button.text = _("All {count} structures").format(count=count)
        else:
            words = _("{count} of {total} structures")
            self.button.text = words.format(count=count, total=all_of_them)

    def _open(self, shown: bool) -> None:
        self.list.setVisible(shown)
        self.filter.setVisible(shown and len(self._task.structures) > 8)

    def _search(self, text: str) -> None:
        for row, structure in enumerate(self._task.structures):
            words = f"{structure.label} {structure.words}".lower()
            self.list.item(row).setHidden(text.lower() not in words)
