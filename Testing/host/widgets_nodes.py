"""`qMRMLNodeComboBox`: the nodes of the scene in a list that follows it.

What the combo box does was read in Slicer 5.12's sources and their tests: it is disabled without a
scene; it takes the first node when it gets a scene, unless "None" can be chosen; a node that comes
later does not select itself; when the current node goes, the one in its place is taken. Filtering
is theirs too: one attribute for each node type, and a node made here gets that attribute.
"""

# ruff: noqa: N801, N802 - the names are Slicer's

from collections.abc import Iterator
from typing import Any

import vtk
from Testing.host.binding import QtCore, QtWidgets
from Testing.host.i18n import tr as _
from Testing.host.node_filter import NodeFilter, all_nodes
from Testing.host.observing import Observations
from Testing.host.standins import kept, standin

_NODE_ID = 256  # Qt.UserRole: the id of a node, "" for None, nothing for an action
_ACTION = 257  # the method that an entry stands for, and the class name for it


def _refill(combo: Any) -> None:
    combo._refill()


@standin
class qMRMLNodeComboBox(QtWidgets.QWidget):  # type: ignore[misc] # the binding has no types
    """A list of the scene's nodes with entries to make, rename and delete one; see the module."""

    currentNodeChanged = QtCore.Signal((object,), (bool,))  # noqa: N815
    currentNodeIDChanged = QtCore.Signal(str)  # noqa: N815
    currentNodeRenamed = QtCore.Signal(str)  # noqa: N815
    nodeActivated = QtCore.Signal(object)  # noqa: N815
    nodeAdded = QtCore.Signal(object)  # noqa: N815
    nodeAddedByUser = QtCore.Signal(object)  # noqa: N815
    nodeAddedByUserAction = QtCore.Signal(object)  # noqa: N815
    nodeAboutToBeRemoved = QtCore.Signal(object)  # noqa: N815
    nodeAboutToBeEdited = QtCore.Signal(object)  # noqa: N815

    nodeTypes = kept("QStringList", "nodeTypes", (), _refill)  # noqa: N815
    hideChildNodeTypes = kept("QStringList", "hideChildNodeTypes", (), _refill)  # noqa: N815
    showHidden = kept(bool, "showHidden", False, _refill)  # noqa: N815
    showChildNodeTypes = kept(bool, "showChildNodeTypes", True, _refill)  # noqa: N815
    noneEnabled = kept(bool, "noneEnabled", False, _refill)  # noqa: N815
    noneDisplay = kept(str, "noneDisplay", "None", _refill)  # noqa: N815
    addEnabled = kept(bool, "addEnabled", True, _refill)  # noqa: N815
    removeEnabled = kept(bool, "removeEnabled", True, _refill)  # noqa: N815
    editEnabled = kept(bool, "editEnabled", False, _refill)  # noqa: N815
    renameEnabled = kept(bool, "renameEnabled", False, _refill)  # noqa: N815
    selectNodeUponCreation = kept(bool, "selectNodeUponCreation", True)  # noqa: N815
    interactionNodeSingletonTag = kept(str, "interactionNodeSingletonTag", "")  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._observations = Observations(self)
        self._attributes: dict[str, tuple[str, str | None]] = {}
        self._base_names: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._current_id = ""
        self._shown: dict[str, str] = {}  # id and name of each node in the list
        self._filling = False
        self._list = QtWidgets.QComboBox(self)
        self._list.currentIndexChanged.connect(self._row_shown)
        self._list.activated.connect(self._row_chosen)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list)
        self.setFocusProxy(self._list)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Fixed)
        self.setEnabled(False)

    def _read_base_name(self) -> str:
        return self._base_names.get(self.nodeTypes[0], "") if self.nodeTypes else ""

    def _write_base_name(self, name: str) -> None:
        if not self.nodeTypes:
            QtCore.qWarning("qMRMLNodeComboBox: baseName is lost, no node types have been set yet")
        self._base_names = dict.fromkeys(self.nodeTypes, name)

    baseName = QtCore.Property(str, _read_base_name, _write_base_name)  # noqa: N815

    def mrmlScene(self) -> Any:
        """Return the scene, or None."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Show the nodes of a scene; select the node that was asked for before, or the first."""
        if scene is self._scene:
            return
        self._observations.let_go()
        self._scene = scene
        if scene is not None:
            observe = self._observations.observe_node
            observe(scene, scene.NodeAddedEvent, self._node_added)
            observe(scene, scene.NodeAboutToBeRemovedEvent, self._node_leaves)
            observe(scene, scene.NodeRemovedEvent, self._node_gone)
            for event in (scene.EndBatchProcessEvent, scene.EndImportEvent, scene.EndCloseEvent):
                self._observations.observe(scene, event, self._refill)
        for node in all_nodes(scene):
            self._observe_changes(node)
        wanted, self._current_id = self._current_id, ""
        self._fill()
        first = "" if self.noneEnabled else next(iter(self._shown), "")
        self._select(wanted if wanted in self._shown else first)
        self.setEnabled(scene is not None)

    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        """Show nodes of a type only if they have the attribute, with the value if one is given."""
        self._attributes[node_type] = (name, None if value is None else str(value))
        self._refill()

    def removeAttribute(self, node_type: str, name: str) -> None:
        """Show nodes of a type without this condition."""
        if self._attributes.get(node_type, ("", None))[0] == name:
            del self._attributes[node_type]
            self._refill()

    def nodeTypeLabel(self, node_type: str) -> str:
        """Return what nodes of a type are called in the list."""
        known = self._scene.GetTypeDisplayNameByClassName(node_type) if self._scene else ""
        return self._labels.get(node_type) or known or _("node")

    def setNodeTypeLabel(self, label: str, node_type: str) -> None:
        """Call nodes of a type differently."""
        self._labels[node_type] = label
        self._refill()

    def nodeCount(self) -> int:
        """Return how many nodes are listed."""
        return len(self._shown)

    def nodeFromIndex(self, index: int) -> Any:
        """Return a listed node, or None."""
        ids = list(self._shown)
        return self._scene.GetNodeByID(ids[index]) if 0 <= index < len(ids) else None

    def currentNode(self) -> Any:
        """Return the current node, or None."""
        listed = self._current_id in self._shown
        return self._scene.GetNodeByID(self._current_id) if listed else None

    def setCurrentNode(self, node: Any) -> None:
        """Select a node, or none; one that is not listed counts as none."""
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, node_id: str | None) -> None:
        """Select a node by its id; before there is a scene, remember what was asked for."""
        if self._scene is None:
            self._current_id = node_id or ""
        else:
            self._select(node_id if node_id in self._shown else "")

    currentNodeID = QtCore.Property(  # noqa: N815
        str, lambda self: self._current_id if self.currentNode() else "", setCurrentNodeID
    )

    def setCurrentNodeIndex(self, index: int) -> None:
        """Select by place in the list, "None" not counted."""
        self.setCurrentNode(self.nodeFromIndex(index))

    def addNode(self, node_type: str | None = None) -> Any:
        """Make a node, add it to the scene and select it; None if the type is not allowed."""
        chosen = node_type or next(iter(self.nodeTypes), "")
        if chosen not in self.nodeTypes:
            QtCore.qWarning("qMRMLNodeComboBox: this type of node cannot be made here")
            return None
        node = self._scene.CreateNodeByClass(chosen)
        node.UnRegister(None)
        base = self._base_names.get(chosen) or (
            "" if node.GetName() else node.GetDefaultNodeNamePrefix()
        )
        if base:
            node.SetName(self._scene.GenerateUniqueName(base))
        for name, value in self._attributes.values():  # before: else the filter would hide it
            node.SetAttribute(name, value or "")
        node = self._scene.AddNode(node)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        """Take the current node out of the scene."""
        if self.currentNode() is not None:
            self._scene.RemoveNode(self.currentNode())

    def editCurrentNode(self) -> None:
        """Tell that the current node is to be edited; there is no other module to do it."""
        self.nodeAboutToBeEdited.emit(self.currentNode())

    def renameCurrentNode(self) -> None:
        """Ask for a name and give it to the current node."""
        node = self.currentNode()
        name = self._asked_name(_("Rename"), node.GetName()) if node is not None else ""
        if name:
            node.SetName(name)
            self.currentNodeRenamed.emit(name)

    def comboBox(self) -> Any:
        """Return the list itself, which Slicer does not hand out: for tests that click in it."""
        return self._list

    def _filter(self) -> NodeFilter:
        return NodeFilter(
            node_types=self.nodeTypes,
            hidden_types=self.hideChildNodeTypes,
            derived_too=self.showChildNodeTypes,
            hidden_too=self.showHidden,
            attributes=self._attributes,
        )

    def _actions(self) -> Iterator[tuple[str, str, str]]:
        """Yield text, method and node class of each entry below the nodes."""
        one = self.nodeTypeLabel(self.nodeTypes[0] if len(self.nodeTypes) == 1 else "")
        if self.renameEnabled:
            yield _("Rename current {kind}").format(kind=one), "renameCurrentNode", ""
        if self.editEnabled:
            yield _("Edit current {kind}").format(kind=one), "editCurrentNode", ""
        for node_type in self.nodeTypes if self.addEnabled else ():
            label = self.nodeTypeLabel(node_type)
            yield _("Create new {kind}").format(kind=label), "_add_by_user", node_type
            if self.renameEnabled:
                yield _("Create new {kind} as...").format(kind=label), "_add_as", node_type
        if self.removeEnabled:
            yield _("Delete current {kind}").format(kind=one), "removeCurrentNode", ""

    def _fill(self) -> None:
        self._filling = True
        self._list.clear()
        if self.noneEnabled:
            self._list.addItem(self.noneDisplay, "")
        nodes = self._filter().nodes(self._scene)
        self._shown = {node.GetID(): node.GetName() or "" for node in nodes}
        for node_id, name in self._shown.items():
            self._list.addItem(name, node_id)
        actions = list(self._actions()) if self._scene else []
        if actions:
            self._list.insertSeparator(self._list.count)
        for text, method, node_type in actions:
            self._list.addItem(text)
            self._list.setItemData(self._list.count - 1, (method, node_type), _ACTION)
        kind = self.nodeTypeLabel(self.nodeTypes[0] if self.nodeTypes else "")
        self._list.setPlaceholderText(_("Select a {kind}").format(kind=kind))
        self._show_current()
        self._filling = False

    def _refill(self) -> None:
        if self._scene is None or self._scene.IsBatchProcessing():
            return
        row = self._list.currentIndex - (1 if self.noneEnabled else 0)
        self._fill()
        if self._current_id and self._current_id not in self._shown:
            self._take_the_place(row)

    def _take_the_place(self, row: int) -> None:
        node = self.nodeFromIndex(min(row, self.nodeCount() - 1))
        self._select(node.GetID() if node is not None else "")

    def _show_current(self) -> None:
        # "None" has the empty id too; without it, nothing is shown as selected.
        self._list.setCurrentIndex(self._list.findData(self._current_id, _NODE_ID))

    def _select(self, node_id: str | None) -> None:
        changed = (node_id or "") != self._current_id
        self._current_id = node_id or ""
        self._filling = True
        self._show_current()
        self._filling = False
        if changed:
            node = self.currentNode()
            self.currentNodeChanged[object].emit(node)
            self.currentNodeChanged[bool].emit(node is not None)
            self.currentNodeIDChanged.emit(self._current_id)

    def _row_shown(self, row: int) -> None:
        node_id = self._list.itemData(row, _NODE_ID)
        if not self._filling and node_id is not None:
            self._select(node_id)

    def _row_chosen(self, row: int) -> None:
        action = self._list.itemData(row, _ACTION)
        if action is None:
            self.nodeActivated.emit(self.currentNode())
            return
        self._select(self._current_id)
        method, node_type = action
        getattr(self, method)(*([node_type] if node_type else []))

    def _add_by_user(self, node_type: str) -> None:
        node = self.addNode(node_type)
        self.setCurrentNode(node)
        self.nodeAddedByUserAction.emit(node)

    def _add_as(self, node_type: str) -> None:
        name = self._asked_name(_("Create new"), "")
        if name:
            self._add_by_user(node_type)
            self.currentNode().SetName(name)

    def _asked_name(self, title: str, name: str) -> str:
        dialog = QtWidgets.QInputDialog(self)
        dialog.setWindowTitle(title)
        dialog.setLabelText(_("New name:"))
        dialog.setTextValue(name)
        return str(dialog.textValue()) if dialog.exec_() else ""

    def _node_added(self, node: Any) -> None:
        self._observe_changes(node)
        self._refill()
        if self._filter().accepts(node):
            self.nodeAdded.emit(node)

    def _observe_changes(self, node: Any) -> None:
        event = vtk.vtkCommand.ModifiedEvent
        self._observations.observe_itself(node, event, self._node_modified)

    def _node_modified(self, node: Any) -> None:
        name = (node.GetName() or "") if self._filter().accepts(node) else None
        if name != self._shown.get(node.GetID()):  # else it is not worth a new list
            self._refill()

    def _node_leaves(self, node: Any) -> None:
        if self._filter().accepts(node):
            self.nodeAboutToBeRemoved.emit(node)

    def _node_gone(self, node: Any) -> None:
        self._refill()
