"""Every text that a node carries into a saved scene, for asking whether a word is still there.

Read only. `scrub` removes what it can; what is left is counted with the help of this module.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from EncryptSecureRTLib.scene.mrml import Node

Reader = Callable[[Node], Iterator[str | None]]
TITLES: Mapping[str, tuple[str, ...]] = MappingProxyType(  # Get... and Set... of what is drawn
    {
        "vtkMRMLColorLegendDisplayNode": ("TitleText",),
        "vtkMRMLPlotChartNode": ("Title", "XAxisTitle", "YAxisTitle"),
    }
)


def texts_of(node: Node) -> Iterator[str]:
    """Yield the texts of a node: name, attributes, and what its class has, contents too."""
    readers = [_of_any, *(read for class_name, read in _READERS if node.IsA(class_name))]
    yield from (text for read in readers for text in read(node) if text)


def has_any(node: Node, needles: Collection[str]) -> bool:
    """Whether one of the needles is in a text of the node; see `tells_any`."""
    return any(tells_any(text, needles) for text in texts_of(node))


def tells_any(text: str, needles: Collection[str]) -> bool:
    """Whether one of the needles is in a text, in whichever case.

    The needles are folded (`str.casefold`) beforehand: there are many, and far more texts.
    """
    folded = text.casefold()
    return any(needle in folded for needle in needles)


def _of_any(node: Node) -> Iterator[str | None]:
    yield node.GetName()
    yield node.GetDescription()
    for name in node.GetAttributeNames():
        yield name
        yield node.GetAttribute(name)


def file_names_of(storage: Node) -> Iterator[str]:
    """Yield the files and addresses that a vtkMRMLStorageNode refers to."""
    yield from filter(None, (storage.GetFileName(), storage.GetURI()))
    for n in range(storage.GetNumberOfFileNames()):
        yield storage.GetNthFileName(n)
    for n in range(storage.GetNumberOfURIs()):
        yield storage.GetNthURI(n)


def _of_segmentation(node: Node) -> Iterator[str | None]:
    segmentation = node.GetSegmentation()
    for segment_id in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segment_id)
        yield segment_id
        yield segment.GetName()
        yield segment.GetTerminology()


def _of_markups(node: Node) -> Iterator[str | None]:
    yield node.GetControlPointLabelFormat()
    for n in range(node.GetNumberOfControlPoints()):
        yield node.GetNthControlPointLabel(n)
        yield node.GetNthControlPointDescription(n)


def _of_text(node: Node) -> Iterator[str | None]:
    yield node.GetText()


def _of_table(node: Node) -> Iterator[str | None]:
    for column in range(node.GetNumberOfColumns()):
        yield node.GetColumnName(column)
        for row in range(node.GetNumberOfRows()):
            yield node.GetCellText(row, column)


def _of_colours(node: Node) -> Iterator[str | None]:
    if node.GetSaveWithScene():  # the application's own tables are long, and not saved
        for n in range(node.GetNumberOfColors()):
            yield node.GetColorName(n)


def _of_volume(node: Node) -> Iterator[str | None]:
    for entry in (node.GetVoxelValueQuantity(), node.GetVoxelValueUnits()):
        if entry is not None:
            yield from (entry.GetCodeValue(), entry.GetCodingSchemeDesignator())
            yield entry.GetCodeMeaning()


def _of_titles(node: Node) -> Iterator[str | None]:
    yield from (getattr(node, f"Get{what}")() for what in TITLES[node.GetClassName()])


def _of_curve(node: Node) -> Iterator[str | None]:
    yield from (node.GetXColumnName(), node.GetYColumnName(), node.GetLabelColumnName())


def _of_module(node: Node) -> Iterator[str | None]:
    for name in node.GetParameterNames():
        yield name
        yield node.GetParameter(name)


def _of_sequence(node: Node) -> Iterator[str | None]:
    yield from (node.GetIndexName(), node.GetIndexUnit())
    for n in range(node.GetNumberOfDataNodes()):
        yield node.GetNthIndexValue(n)
        yield from texts_of(node.GetNthDataNode(n))


def _of_scene_view(node: Node) -> Iterator[str | None]:
    yield node.GetSceneViewDescription()
    stored = node.GetStoredScene()
    for n in range(stored.GetNumberOfNodes() if stored else 0):
        yield from texts_of(stored.GetNthNode(n))


_READERS: tuple[tuple[str, Reader], ...] = (
    ("vtkMRMLStorageNode", file_names_of),
    ("vtkMRMLSegmentationNode", _of_segmentation),
    ("vtkMRMLMarkupsNode", _of_markups),
    ("vtkMRMLTextNode", _of_text),
    ("vtkMRMLTableNode", _of_table),
    ("vtkMRMLColorNode", _of_colours),
    ("vtkMRMLColorLegendDisplayNode", _of_titles),
    ("vtkMRMLPlotChartNode", _of_titles),
    ("vtkMRMLPlotSeriesNode", _of_curve),
    ("vtkMRMLScalarVolumeNode", _of_volume),
    ("vtkMRMLScriptedModuleNode", _of_module),
    ("vtkMRMLSequenceNode", _of_sequence),
    ("vtkMRMLSceneViewNode", _of_scene_view),
)
