"""Stand-ins for `qMRMLWidget` and the widgets that show a table, the subject hierarchy or a plot.

Table and hierarchy follow the scene. Nothing here renders: a plot is a frame that says so.
"""

# ruff: noqa: N801, N802 - the names are Slicer's

from typing import Any

import slicer
import vtk
from Testing.host.binding import QtCore, QtWidgets
from Testing.host.i18n import tr as _
from Testing.host.observing import Observations
from Testing.host.standins import kept, standin

_ITEM_ID = 256  # Qt.UserRole


@standin
class qMRMLWidget(QtWidgets.QWidget):  # type: ignore[misc] # no types, see binding
    """A widget that passes the scene on to what its `.ui` file connects."""

    mrmlSceneChanged = QtCore.Signal(object)  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        """Return the scene, or None."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Set the scene and tell it."""
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


@standin
class qMRMLTableView(QtWidgets.QTableWidget):  # type: ignore[misc] # no types, see binding
    """The cells of a table node, not editable here."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(0, 0, parent)
        self._scene: Any = None
        self._node: Any = None
        self._observations = Observations(self)
        self.setEditTriggers(QtWidgets.QAbstractItemView.NoEditTriggers)

    def setMRMLScene(self, scene: Any) -> None:
        """Keep the scene."""
        self._scene = scene

    def mrmlScene(self) -> Any:
        """Return the scene, or None."""
        return self._scene

    def mrmlTableNode(self) -> Any:
        """Return the node, or None."""
        return self._node

    def setMRMLTableNode(self, node: Any) -> None:
        """Show a table node, or nothing."""
        self._observations.let_go()
        self._node = node
        if node is not None:
            self._observations.observe(node, vtk.vtkCommand.ModifiedEvent, self._refill)
        self._refill()

    def _refill(self) -> None:
        node = self._node
        rows = node.GetNumberOfRows() if node is not None else 0
        columns = node.GetNumberOfColumns() if node is not None else 0
        self.setRowCount(rows)
        self.setColumnCount(columns)
        self.setHorizontalHeaderLabels([node.GetColumnName(c) for c in range(columns)])
        for row in range(rows):
            for column in range(columns):
                text = node.GetCellText(row, column)
                self.setItem(row, column, QtWidgets.QTableWidgetItem(text))


@standin
class qMRMLSubjectHierarchyTreeView(QtWidgets.QTreeWidget):  # type: ignore[misc] # no types
    """The subject hierarchy as a tree of names."""

    currentItemChanged = QtCore.Signal(object)  # noqa: N815
    nodeTypes = kept("QStringList", "nodeTypes", ())  # noqa: N815
    levelFilter = kept("QStringList", "levelFilter", ())  # noqa: N815
    multiSelection = kept(bool, "multiSelection", False)  # noqa: N815
    contextMenuEnabled = kept(bool, "contextMenuEnabled", True)  # noqa: N815
    editMenuActionVisible = kept(bool, "editMenuActionVisible", True)  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._observations = Observations(self)
        self.setHeaderHidden(True)
        self.itemSelectionChanged.connect(self._chosen)

    def mrmlScene(self) -> Any:
        """Return the scene, or None."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Show the hierarchy of a scene."""
        self._scene = scene
        self._begin()

    def _begin(self) -> None:
        self._observations.let_go()
        hierarchy = self.subjectHierarchyNode()
        if hierarchy is not None:
            # A closed scene gets another hierarchy node.
            self._observations.observe(self._scene, self._scene.EndCloseEvent, self._begin)
            for event in (
                hierarchy.SubjectHierarchyItemAddedEvent,
                hierarchy.SubjectHierarchyItemRemovedEvent,
                hierarchy.SubjectHierarchyItemModifiedEvent,
                hierarchy.SubjectHierarchyItemReparentedEvent,
            ):
                self._observations.observe(hierarchy, event, self._refill)
        self._refill()

    def subjectHierarchyNode(self) -> Any:
        """Return the node that holds the hierarchy, or None without a scene."""
        find = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode
        return find(self._scene) if self._scene is not None else None

    def currentItem(self) -> int:
        """Return the id of the chosen item, 0 for none."""
        chosen = self.selectedItems()
        return int(chosen[0].data(0, _ITEM_ID)) if chosen else 0

    def setCurrentItem(self, item_id: int) -> None:
        """Choose an item by id."""
        for entry in self.findItems("", QtCore.Qt.MatchContains | QtCore.Qt.MatchRecursive):
            entry.setSelected(entry.data(0, _ITEM_ID) == item_id)

    def currentNode(self) -> Any:
        """Return the data node of the chosen item, or None."""
        hierarchy = self.subjectHierarchyNode()
        return hierarchy.GetItemDataNode(self.currentItem()) if self.currentItem() else None

    def _chosen(self) -> None:
        self.currentItemChanged.emit(self.currentItem())

    def _refill(self) -> None:
        chosen = self.currentItem()
        self.blockSignals(True)
        self.clear()
        if self._scene is not None:
            root = self.subjectHierarchyNode().GetSceneItemID()
            self._add_below(self.invisibleRootItem(), root)
            self.expandAll()
            self.setCurrentItem(chosen)
        self.blockSignals(False)

    def _add_below(self, parent: Any, item_id: int) -> None:
        hierarchy = self.subjectHierarchyNode()
        children = vtk.vtkIdList()
        hierarchy.GetItemChildren(item_id, children, False)
        for index in range(children.GetNumberOfIds()):
            child = children.GetId(index)
            entry = QtWidgets.QTreeWidgetItem(parent, [hierarchy.GetItemName(child)])
            entry.setData(0, _ITEM_ID, child)
            self._add_below(entry, child)


@standin
class qMRMLPlotWidget(QtWidgets.QFrame):  # type: ignore[misc] # no types, see binding
    """The frame of a plot; the test host draws none."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._scene: Any = None
        self.setFrameShape(QtWidgets.QFrame.StyledPanel)
        text = QtWidgets.QLabel(_("A plot is drawn here in Slicer."), self)
        QtWidgets.QVBoxLayout(self).addWidget(text)

    def setMRMLScene(self, scene: Any) -> None:
        """Keep the scene."""
        self._scene = scene

    def mrmlScene(self) -> Any:
        """Return the scene, or None."""
        return self._scene

    def mrmlPlotViewNode(self) -> Any:
        """Return the view node, or None."""
        return self._node

    def setMRMLPlotViewNode(self, node: Any) -> None:
        """Keep the view node."""
        self._node = node
