"""Where a node stands in the subject hierarchy: its study, its patient, and beside its CT.

Items are numbers; Slicer says 0 where there is none, and here that is None. Slicer's plugins make
an item for each data node as it enters the scene; where no plugin did, it is made here. Names are
never made here.
"""

from collections.abc import Iterator

from EncryptSecureRTLib.scene.mrml import Node, Scene, slicer, vtk

_CONSTANTS = slicer.vtkMRMLSubjectHierarchyConstants
_STUDY, _PATIENT = _CONSTANTS.GetDICOMLevelStudy(), _CONSTANTS.GetDICOMLevelPatient()


def hierarchy_of(scene: Scene) -> Node:
    """Return the scene's subject hierarchy node; it is made if there is none."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def item_of(node: Node) -> int | None:
    """Return the item of a node in a scene."""
    return hierarchy_of(node.GetScene()).GetItemByDataNode(node) or None


def ancestors_of(node: Node) -> Iterator[int]:
    """Yield the items above a node's item, from its parent upwards, without the scene's own."""
    tree, item = hierarchy_of(node.GetScene()), item_of(node)
    while item and (item := tree.GetItemParent(item)) and item != tree.GetSceneItemID():
        yield item


def study_item_of(node: Node) -> int | None:
    """Return the item of the study that a node is in."""
    return _ancestor_at(node, _STUDY)


def patient_item_of(node: Node) -> int | None:
    """Return the item of the patient that a node is of."""
    return _ancestor_at(node, _PATIENT)


def _ancestor_at(node: Node, level: str) -> int | None:
    tree = hierarchy_of(node.GetScene())
    return next((item for item in ancestors_of(node) if tree.GetItemLevel(item) == level), None)


def branch_of(scene: Scene, item: int) -> list[int]:
    """Return an item and all items below it, parents before children."""
    below = vtk.vtkIdList()
    hierarchy_of(scene).GetItemChildren(item, below, True)
    return [item, *(below.GetId(n) for n in range(below.GetNumberOfIds()))]


def place_beside(node: Node, other: Node) -> int:
    """Put a node under the item that `other` is under; return the node's item.

    An `other` without an item, or outside of any study, leaves the node directly in the scene.
    """
    tree, other_item = hierarchy_of(node.GetScene()), item_of(other)
    parent = tree.GetItemParent(other_item) if other_item else tree.GetSceneItemID()
    item = item_of(node)
    if item is None:
        return int(tree.CreateItem(parent, node))
    tree.SetItemParent(item, parent)
    return item
