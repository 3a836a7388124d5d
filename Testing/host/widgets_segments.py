"""Stand-ins for the widgets that show the segments of a segmentation; they follow its changes."""

# ruff: noqa: N801, N802 - the names are Slicer's

from typing import Any

from Testing.host.binding import QtCore, QtGui, QtWidgets
from Testing.host.i18n import tr as _
from Testing.host.observing import Observations
from Testing.host.standins import kept, standin
from Testing.host.widgets_ctk import ctkMenuButton
from Testing.host.widgets_mrml import qMRMLWidget
from Testing.host.widgets_nodes import qMRMLNodeComboBox


def _segments(node: Any) -> list[tuple[str, Any]]:
    """Return id and segment of each segment of a node, in its order."""
    if node is None:
        return []
    segmentation = node.GetSegmentation()
    ids = segmentation.GetSegmentIDs()
    return [(segment_id, segmentation.GetSegment(segment_id)) for segment_id in ids]


def _observe_segments(observations: Observations, node: Any, method: Any) -> None:
    observations.let_go()
    if node is not None:
        segmentation = node.GetSegmentation()
        for event in (
            segmentation.SegmentAdded,
            segmentation.SegmentRemoved,
            segmentation.SegmentModified,
        ):
            observations.observe(segmentation, event, method)


@standin
class qMRMLSegmentsTableView(qMRMLWidget):
    """The segments of a node with colour and name."""

    selectionMode = kept(int, "selectionMode", 3)  # noqa: N815
    headerVisible = kept(bool, "headerVisible", True)  # noqa: N815
    visibilityColumnVisible = kept(bool, "visibilityColumnVisible", True)  # noqa: N815
    colorColumnVisible = kept(bool, "colorColumnVisible", True)  # noqa: N815
    opacityColumnVisible = kept(bool, "opacityColumnVisible", True)  # noqa: N815
    statusColumnVisible = kept(bool, "statusColumnVisible", False)  # noqa: N815
    readOnly = kept(bool, "readOnly", False)  # noqa: N815
    filterBarVisible = kept(bool, "filterBarVisible", False)  # noqa: N815
    selectionChanged = QtCore.Signal(object, object)  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._observations = Observations(self)
        self._table = QtWidgets.QTableWidget(0, 2, self)
        self._table.setHorizontalHeaderLabels(["", _("Name")])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        self._table.selectionModel().selectionChanged.connect(self._selected)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)

    segmentCount = QtCore.Property(int, lambda self: self._table.rowCount)  # noqa: N815

    def segmentationNode(self) -> Any:
        """Return the node, or None."""
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        """Show the segments of a node, or nothing."""
        self._node = node
        _observe_segments(self._observations, node, self._refill)
        self._refill()

    def displayedSegmentIDs(self) -> tuple[str, ...]:
        """Return the ids in the order of the rows."""
        return tuple(segment_id for segment_id, _segment in _segments(self._node))

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        """Return the ids of the selected rows."""
        rows = sorted({index.row() for index in self._table.selectedIndexes()})
        return tuple(self.displayedSegmentIDs()[row] for row in rows)

    def setSelectedSegmentIDs(self, segment_ids: Any) -> None:
        """Select rows by id."""
        self.clearSelection()
        for row, segment_id in enumerate(self.displayedSegmentIDs()):
            if segment_id in segment_ids:
                self._table.selectRow(row)

    def clearSelection(self) -> None:
        """Select nothing."""
        self._table.clearSelection()

    def tableWidget(self) -> Any:
        """Return the table itself."""
        return self._table

    def _selected(self, selected: Any, deselected: Any) -> None:
        self.selectionChanged.emit(selected, deselected)

    def _refill(self) -> None:
        segments = _segments(self._node)
        self._table.setRowCount(len(segments))
        for row, (_id, segment) in enumerate(segments):
            colour = QtWidgets.QTableWidgetItem()
            colour.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
            self._table.setItem(row, 0, colour)
            self._table.setItem(row, 1, QtWidgets.QTableWidgetItem(segment.GetName()))


@standin
class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """A segmentation and one of its segments."""

    currentNodeChanged = QtCore.Signal((object,), (bool,))  # noqa: N815
    currentSegmentChanged = QtCore.Signal(str)  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._observations = Observations(self)
        self._nodes = qMRMLNodeComboBox(self)
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.addEnabled = self._nodes.removeEnabled = False
        self._names = QtWidgets.QComboBox(self)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._nodes)
        column.addWidget(self._names)
        self.mrmlSceneChanged.connect(self._nodes.setMRMLScene)
        self._nodes.connect("currentNodeChanged(vtkMRMLNode*)", self._node_changed)
        self._names.currentIndexChanged.connect(self._segment_changed)

    noneEnabled = QtCore.Property(  # noqa: N815
        bool,
        lambda self: self._nodes.noneEnabled,
        lambda self, enabled: setattr(self._nodes, "noneEnabled", enabled),
    )

    def currentNode(self) -> Any:
        """Return the segmentation, or None."""
        return self._nodes.currentNode()

    def currentNodeID(self) -> str:
        """Return its id, or an empty text."""
        return str(self._nodes.currentNodeID)

    def setCurrentNode(self, node: Any) -> None:
        """Choose a segmentation."""
        self._nodes.setCurrentNode(node)

    def segmentIDs(self) -> tuple[str, ...]:
        """Return the ids of its segments."""
        return tuple(segment_id for segment_id, _segment in _segments(self.currentNode()))

    def currentSegmentID(self) -> str:
        """Return the id of the chosen segment, or an empty text."""
        return self._names.currentData or ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        """Choose a segment."""
        self._names.setCurrentIndex(self._names.findData(segment_id))

    def _node_changed(self, node: Any) -> None:
        _observe_segments(self._observations, node, self._refill)
        self._refill()
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)

    def _refill(self) -> None:
        kept_id = self.currentSegmentID()
        self._names.blockSignals(True)
        self._names.clear()
        for segment_id, segment in _segments(self.currentNode()):
            self._names.addItem(segment.GetName(), segment_id)
        self._names.setCurrentIndex(max(self._names.findData(kept_id), 0))
        self._names.blockSignals(False)
        if self.currentSegmentID() != kept_id:
            self._segment_changed()

    def _segment_changed(self, row: int = 0) -> None:
        self.currentSegmentChanged.emit(self.currentSegmentID())


@standin
class qMRMLSegmentationShow3DButton(ctkMenuButton):
    """A button that makes or drops the surfaces of a segmentation."""

    locked = kept(bool, "locked", False)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self.setText(_("Show 3D"))
        self.setCheckable(True)
        self.setEnabled(False)
        self.toggled.connect(self._show)

    def segmentationNode(self) -> Any:
        """Return the node, or None."""
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        """Set the node; without one the button is disabled."""
        self._node = node
        self.setEnabled(node is not None)

    def _show(self, shown: bool) -> None:
        if shown:
            self._node.CreateClosedSurfaceRepresentation()
        else:
            self._node.RemoveClosedSurfaceRepresentation()
