"""Make the study of a volume identify no one, in the scene as it is now, and say what is left.

    before   patient "Planted^Name (4711)"   study "CT Thorax (20260102)"   node "2: Thorax 3 mm"
    after    patient "PABCDEFGH234567QZ"     study "study c1d2e3"           node "CT a3f9c1"

Everything of the patient is sealed, the other studies too: they hang on the same item. What
belongs to a node goes with it: display and storage nodes, colour tables, transforms above it,
sequences that it is shown from, segmentations drawn on it. Then the whole scene is searched for
the words that identified, and nodes elsewhere that carry them lose them.

What the scene cannot reach is told and not touched: files that were saved, the DICOM database, and
texts that somebody wrote. Undo is emptied, because it would bring the names back.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.attributes import UidMap, uids_in
from EncryptSecureRTLib.scene.belongings import belongings_of
from EncryptSecureRTLib.scene.hierarchy import branch_of, hierarchy_of, item_of
from EncryptSecureRTLib.scene.labels import PSEUDO_LABEL, Labels
from EncryptSecureRTLib.scene.mrml import Node, Scene, batch, nodes_of_class
from EncryptSecureRTLib.scene.neutral import (
    Kind,
    is_neutral,
    is_pseudonym,
    neutral_name,
    new_ref,
)
from EncryptSecureRTLib.scene.scrub import clean_node, drop_words, kind_of
from EncryptSecureRTLib.scene.study import root_item_of
from EncryptSecureRTLib.scene.texts import file_names_of, has_any, tells_any
from EncryptSecureRTLib.scene.volumes import instance_uids_of

_PATIENT_NAME, _PATIENT_ID = "DICOM.PatientName", "DICOM.PatientID"
_IDENTIFYING = (_PATIENT_NAME, _PATIENT_ID, "DICOM.PatientBirthDate")
_BETWEEN_WORDS = re.compile(r"[\^=\s,;()]+")
_LEAST_CHARACTERS = 4  # a shorter word is in other words too
_MODALITY = "DICOM.Modality"


class DicomDatabase(Protocol):
    """What is asked of the application's DICOM database; `slicer.dicomDatabase` fits."""

    def fileForInstance(self, uid: str, /) -> str:  # noqa: N802 - the database's own name
        """Return the file of an instance, an empty text if the database does not have it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport:
    """What was changed, and what could not be.

    Attributes
    ----------
    nodes, items : how many were cleaned because they belong to the patient.
    elsewhere : nodes outside of the patient's items that had an identifying word and lost it.
    random_uids : UIDs that the given mapping did not have; their stand-ins are linked to nothing.
    clear_names : label -> clear name of nodes and structures, for the panel's memory only.
    saved_files : files that nodes were read from or saved to; they are as they were.
    instances_in_database : instances that the DICOM database may show with clear headers.
    texts : text and table nodes of the patient, whose content was not judged.
    still_telling : nodes in which an identifying word is still found.
    """

    nodes: int
    items: int
    elsewhere: int
    random_uids: int
    clear_names: Mapping[str, str] = field(repr=False)
    saved_files: int
    instances_in_database: int
    texts: int
    still_telling: int


def seal_study(
    volume: Node,
    uids: Mapping[str, str],
    pseudonym: str,
    label: str,
    database: DicomDatabase | None = None,
) -> SealReport:
    """Seal everything of the patient whose volume it is.

    Parameters
    ----------
    volume : vtkMRMLVolumeNode
        In a scene.
    uids : mapping
        Clear UID -> mapped UID, from the site's protection; others get random ones.
    pseudonym : str
        The patient's, as in the protected files.
    label : str
        Neutral name for the volume, e.g. ``CT a3f9c1``.
    database : DicomDatabase, optional
        To count the instances that are in it; without one, all are counted.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS for a pseudonym, a label or a stand-in of another form; nothing is changed.
    """
    if not is_pseudonym(pseudonym):
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "the pseudonym has another form")
    if not label or not is_neutral(label):
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "the label is not a neutral one")
    return _Sealing(volume, UidMap(uids), pseudonym).run(label, database)


class _Sealing:
    """One sealing: what there is is gathered first, then changed, then looked at again."""

    def __init__(self, volume: Node, uids: UidMap, pseudonym: str) -> None:
        self._scene: Scene = volume.GetScene()
        self._tree = hierarchy_of(self._scene)
        self._volume = volume
        self._uids = uids
        self._pseudonym = pseudonym
        self._root = root_item_of(volume)
        in_branch = [node for i in self._items() if (node := self._tree.GetItemDataNode(i))]
        nodes = belongings_of(self._scene, [volume, *in_branch])
        # Sequences first: as a shown node changes, it takes over what its time point says.
        self._nodes = sorted(nodes, key=lambda node: not node.IsA("vtkMRMLSequenceNode"))
        self._labels = Labels(_first_free_number(self._scene))

    def _items(self) -> list[int]:
        return [] if self._root is None else branch_of(self._scene, self._root)

    def run(self, label: str, database: DicomDatabase | None) -> SealReport:
        needles = frozenset(word.casefold() for word in self._needles())
        files = len({name for node in self._nodes for name in _files_of(node)})
        instances = self._instances_in(database)
        modalities = {node.GetID(): self._modality_of(node) for node in self._nodes}
        with batch(self._scene):
            self._labels.node(self._volume, Kind.VOLUME, label)
            for node in self._nodes:
                kind = kind_of(node, modalities[node.GetID()])
                clean_node(node, kind, self._labels, self._uids)
            items = self._items()  # anew: those of segments are others by now
            for item in items:
                self._clean_item(item)
            elsewhere = self._sweep(needles)
        self._scene.ClearUndoStack()
        self._scene.ClearRedoStack()
        every = nodes_of_class(self._scene)
        return SealReport(
            nodes=len(self._nodes),
            items=len(items),
            elsewhere=elsewhere,
            random_uids=self._uids.fresh,
            clear_names=MappingProxyType(self._labels.clear_names),
            saved_files=files,
            instances_in_database=instances,
            texts=sum(_holds_written_text(node) for node in self._nodes),
            still_telling=sum(has_any(node, needles) for node in every),
        )

    def _modality_of(self, node: Node) -> str:
        item = item_of(node)
        return self._tree.GetItemAttribute(item, _MODALITY) if item else ""

    def _needles(self) -> Iterator[str]:
        """Yield the words that identify: the patient's name and its parts, numbers, UIDs."""
        for item in self._items():
            for name in _IDENTIFYING:
                value = self._tree.GetItemAttribute(item, name)
                yield from _words_of(value)
            if self._is_patient(item):
                yield from _words_of(self._tree.GetItemName(item))
            for name in self._tree.GetItemUIDNames(item):
                value = self._tree.GetItemUID(item, name)
                yield from self._clear(uids_in(value)) if uids_in(value) else _words_of(value)
        for node in self._nodes:
            yield from self._clear(instance_uids_of(node))

    def _clear(self, uids: Iterable[str]) -> Iterator[str]:
        """Yield the UIDs that are not stand-ins already."""
        return (uid for uid in uids if self._uids.of(uid) != uid)

    def _is_patient(self, item: int) -> bool:
        return bool(self._tree.GetItemLevel(item) == "Patient")

    def _instances_in(self, database: DicomDatabase | None) -> int:
        uids = {uid for node in self._nodes for uid in instance_uids_of(node)}
        if database is None:
            return len(uids)
        return sum(bool(database.fileForInstance(uid)) for uid in uids)

    def _clean_item(self, item: int) -> None:
        tree = self._tree
        for name in tree.GetItemAttributeNames(item):
            kept = self._uids.cleaned(name, tree.GetItemAttribute(item, name))
            if kept is None:
                tree.RemoveItemAttribute(item, name)
            else:
                tree.SetItemAttribute(item, name, kept)
        for name in tree.GetItemUIDNames(item):
            value = tree.GetItemUID(item, name)
            mapped = self._uids.of_all_in(value) if uids_in(value) else self._pseudonym
            tree.RemoveItemUID(item, name)  # replacing it would warn, with names, in the log
            tree.SetItemUID(item, name, mapped)
        if self._is_patient(item):
            tree.SetItemName(item, self._pseudonym)
            tree.SetItemAttribute(item, _PATIENT_NAME, self._pseudonym)
            tree.SetItemAttribute(item, _PATIENT_ID, self._pseudonym)
        elif tree.GetItemDataNode(item) is None and not is_neutral(tree.GetItemName(item)):
            kind = Kind.STUDY if tree.GetItemLevel(item) == "Study" else Kind.FOLDER
            tree.SetItemName(item, neutral_name(kind, new_ref()))

    def _sweep(self, needles: Collection[str]) -> int:
        """Take identifying words out of nodes and items elsewhere; return how many nodes."""
        own = {node.GetID() for node in self._nodes}
        telling = [
            node
            for node in nodes_of_class(self._scene)
            if node.GetID() not in own and has_any(node, needles)
        ]
        for node in telling:
            drop_words(node, needles, self._labels)
        for item in branch_of(self._scene, self._tree.GetSceneItemID())[1:]:
            has_node = self._tree.GetItemDataNode(item) is not None
            if not has_node and tells_any(self._tree.GetItemName(item), needles):
                self._tree.SetItemName(item, neutral_name(Kind.FOLDER, new_ref()))
        return len(telling)


def _words_of(value: str) -> Iterator[str]:
    """Yield a value and its parts, as far as they are long enough and not neutral."""
    for word in {value, *_BETWEEN_WORDS.split(value)}:
        if len(word) >= _LEAST_CHARACTERS and not is_neutral(word):
            yield word


def _files_of(node: Node) -> Iterator[str]:
    if node.IsA("vtkMRMLStorageNode"):
        yield from file_names_of(node)


def _holds_written_text(node: Node) -> bool:
    return bool(node.IsA("vtkMRMLTextNode") or node.IsA("vtkMRMLTableNode"))


def _first_free_number(scene: Scene) -> int:
    """Return the number after the highest pseudo-label of a structure in the scene."""
    numbers = [0]
    for node in nodes_of_class(scene, "vtkMRMLSegmentationNode"):
        segmentation = node.GetSegmentation()
        for n in range(segmentation.GetNumberOfSegments()):
            name = segmentation.GetNthSegment(n).GetName() or ""
            digits = name.removeprefix(PSEUDO_LABEL)
            if digits != name and digits.isdecimal():
                numbers.append(int(digits))
    return max(numbers) + 1
