"""Does the study of a volume identify someone? Judged by what would be saved with the scene.

Looked at are the volume, its item and the items above it up to its patient (or its study, if
there is no patient): names, attributes and UIDs. Protected is what our own protection writes:
a pseudonym for name and ID, UIDs under 2.25, no dates and no descriptions. A name or value that is
not known to tell nothing counts as clear.

A volume without a study and without UIDs says nothing about whose it is. It may have the name of
a file, which only a person can judge.
"""

from collections.abc import Iterator
from enum import Enum

from EncryptSecureRTLib.scene.attributes import is_harmless, uids_in
from EncryptSecureRTLib.scene.hierarchy import (
    ancestors_of,
    hierarchy_of,
    item_of,
    patient_item_of,
    study_item_of,
)
from EncryptSecureRTLib.scene.mrml import Node
from EncryptSecureRTLib.scene.neutral import is_neutral

_NODE_ATTRIBUTES = "DICOM"  # of a node's attributes, the ones that come from DICOM files


class StudyState(Enum):
    """What the scene says about the person whose volume it is."""

    NONE = "none"
    PROTECTED = "protected"
    CLEAR = "clear"


def root_item_of(node: Node) -> int | None:
    """Return the item under which everything of a node's patient stands.

    The patient's, or the study's if there is no patient, or the node's own.
    """
    return patient_item_of(node) or study_item_of(node) or item_of(node)


def study_state(volume: Node) -> StudyState:
    """Return what the study of a vtkMRMLVolumeNode in a scene tells."""
    root = root_item_of(volume)
    own = item_of(volume)
    items = [item for item in [own, *_up_to(volume, root)] if item is not None]
    values = [*_node_values(volume), *(pair for item in items for pair in _values(volume, item))]
    if root == own and not values:
        return StudyState.NONE
    tree = hierarchy_of(volume.GetScene())
    names = [volume.GetName() or "", *(tree.GetItemName(item) for item in items)]
    protected = all(map(is_neutral, names)) and all(is_harmless(*pair) for pair in values)
    return StudyState.PROTECTED if protected else StudyState.CLEAR


def _up_to(node: Node, root: int | None) -> Iterator[int]:
    if root == item_of(node):
        return
    for item in ancestors_of(node):
        yield item
        if item == root:
            return


def _node_values(node: Node) -> Iterator[tuple[str, str]]:
    for name in node.GetAttributeNames():
        value = node.GetAttribute(name)
        if name.startswith(_NODE_ATTRIBUTES) and value:
            yield name, value


def _values(node: Node, item: int) -> Iterator[tuple[str, str]]:
    """Yield attributes and UIDs of an item, the level left out, which says nothing."""
    tree = hierarchy_of(node.GetScene())
    for name in tree.GetItemAttributeNames(item):
        value = tree.GetItemAttribute(item, name)
        if name != "Level" and value:
            yield name, value
    for name in tree.GetItemUIDNames(item):
        value = tree.GetItemUID(item, name)
        yield ("UID" if uids_in(value) else "PatientID"), value  # a patient's is the patient's ID
