"""Which nodes belong to given ones, though they stand nowhere under them in the hierarchy."""

from collections.abc import Iterable, Iterator

from EncryptSecureRTLib.scene.mrml import Node, Scene, nodes_of_class, vtk


def belongings_of(scene: Scene, nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes and everything that belongs to them, each once, in a stable order.

    Display, storage and colour nodes, transforms above, sequences that a node is shown from with
    all that is shown together, segmentations whose grid is that of one of the nodes, tables with
    their curves and charts; and so on for each of these.
    """
    found: dict[str, Node] = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop(0)
        if node.GetID() not in found:
            found[node.GetID()] = node
            waiting += [each for each in _directly(scene, node) if each is not None]
    return list(found.values())


def _directly(scene: Scene, node: Node) -> Iterator[Node]:
    if node.IsA("vtkMRMLStorableNode"):
        yield from (node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes()))
    if node.IsA("vtkMRMLTransformableNode"):
        yield node.GetParentTransformNode()
    if node.IsA("vtkMRMLDisplayableNode"):
        yield from (node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes()))
    if node.IsA("vtkMRMLDisplayNode"):
        yield _own_colours(node.GetColorNode())
    if node.IsA("vtkMRMLVolumeNode"):
        yield from _drawn_on(scene, node)
    yield from _drawn_with(scene, node)
    yield from _shown_from(scene, node)


def _own_colours(colours: Node) -> Node:
    """Return a colour node that was made for the data, not one of the application's."""
    return colours if colours is not None and colours.GetSaveWithScene() else None


def _drawn_on(scene: Scene, volume: Node) -> Iterator[Node]:
    for node in nodes_of_class(scene, "vtkMRMLSegmentationNode"):
        role = node.GetReferenceImageGeometryReferenceRole()
        if node.GetNodeReferenceID(role) == volume.GetID():
            yield node


def _drawn_with(scene: Scene, node: Node) -> Iterator[Node]:
    """Yield curves of a table, charts and table of a curve, curves of a chart."""
    if node.IsA("vtkMRMLTableNode"):
        curves = nodes_of_class(scene, "vtkMRMLPlotSeriesNode")
        yield from (curve for curve in curves if curve.GetTableNode() is node)
    if node.IsA("vtkMRMLPlotSeriesNode"):
        yield node.GetTableNode()
        for chart in nodes_of_class(scene, "vtkMRMLPlotChartNode"):
            if node.GetID() in _curve_ids(chart):
                yield chart
    if node.IsA("vtkMRMLPlotChartNode"):
        yield from map(scene.GetNodeByID, _curve_ids(node))


def _curve_ids(chart: Node) -> list[str]:
    return [chart.GetNthPlotSeriesNodeID(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]


def _shown_from(scene: Scene, node: Node) -> Iterator[Node]:
    """Yield the browsers that a node is shown by; of a browser, all it shows and from what."""
    for browser in nodes_of_class(scene, "vtkMRMLSequenceBrowserNode"):
        if browser.IsProxyNodeID(node.GetID()):
            yield browser
    if node.IsA("vtkMRMLSequenceBrowserNode"):
        together = vtk.vtkCollection()
        node.GetAllProxyNodes(together)
        for proxy in together:
            yield from (proxy, node.GetSequenceNode(proxy))
