"""Which folder on disk a volume in the scene was read from, if it is a protected series as read.

And the UIDs under which any other volume goes to the worker.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import slicer

from EncryptSecureRTLib.scene.dose_voxels import DoseUids, random_dose_uids
from EncryptSecureRTLib.scene.doses import dose_facts
from EncryptSecureRTLib.scene.geometry import ParentTransform
from EncryptSecureRTLib.scene.study import StudyState, study_state
from EncryptSecureRTLib.scene.volumes import VolumeFacts, instance_uids_of
from EncryptSecureRTLib.scene.voxels import SeriesUids, random_uids

FileOfInstance = Callable[[str], str]


def file_in_database(instance_uid: str) -> str:
    """Return the file of an instance in Slicer's DICOM database; empty if it is not there."""
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        return ""
    return str(database.fileForInstance(instance_uid))


class SeriesFolders:
    """Folders of protected series: those that were sealed here, and those in the database.

    Parameters
    ----------
    file_of : returns the file of an instance UID, empty if there is none.
    """

    def __init__(self, file_of: FileOfInstance = file_in_database) -> None:
        self.file_of = file_of
        self._sealed: dict[str, Path] = {}
        self._uids: WeakKeyDictionary[Any, SeriesUids] = WeakKeyDictionary()
        self._doses: WeakKeyDictionary[Any, DoseUids] = WeakKeyDictionary()
        self._frame: str | None = None

    def remember(self, instance_uids: Sequence[str], folder: Path) -> None:
        """Note where a series is that was just protected."""
        self._sealed.update(dict.fromkeys(instance_uids, folder))

    def source_of(self, node: Any, facts: VolumeFacts) -> Path | SeriesUids:
        """Return what goes to the worker: a series' folder, or UIDs for the node's own voxels."""
        return self.folder_of(node, facts) or self.uids_of(node, facts)

    def folder_of(self, node: Any, facts: VolumeFacts) -> Path | None:
        """Return the folder of a series whose files can be sent in place of the node's voxels.

        None if the node is not a whole protected series, where it was and as it was read.
        """
        uids = instance_uids_of(node)
        whole = facts.shape is not None and len(uids) == facts.shape[0]
        moved = facts.transform is not ParentTransform.NONE
        if not whole or moved or study_state(node) is not StudyState.PROTECTED:
            return None
        folders = {self._folder(uid) for uid in uids}
        return folders.pop() if len(folders) == 1 else None

    def uids_of(self, node: Any, facts: VolumeFacts) -> SeriesUids:
        """Return the random UIDs under which a node's own voxels go, the same ones each time.

        So what is sent again has the same octets, and a worker that holds them says so.
        """
        slices = facts.shape[0] if facts.shape is not None else 0
        uids = self._uids.get(node)
        if uids is None or len(uids.slices) != slices:
            uids = self._uids[node] = random_uids(slices)
        return uids

    def doses_of(
        self, reference: Any, evaluated: Any
    ) -> tuple[Path, Path] | tuple[DoseUids, DoseUids]:
        """Return the files of two protected doses, or UIDs for the nodes' own voxels.

        Files only if both doses have one: what comes of a mix would belong to nobody.
        """
        first, second = self.dose_file(reference), self.dose_file(evaluated)
        if first is not None and second is not None:
            return first, second
        return self._dose_uids(reference), self._dose_uids(evaluated)

    def dose_file(self, node: Any) -> Path | None:
        """Return the file of a protected dose, or the folder of its series.

        None if the node is no whole protected dose, where it was and as it was read.
        """
        uids = instance_uids_of(node)
        moved = dose_facts(node).volume.transform is not ParentTransform.NONE
        if len(uids) != 1 or moved or study_state(node) is not StudyState.PROTECTED:
            return None
        if uids[0] in self._sealed:
            folder = self._sealed[uids[0]]
            file = folder / f"{uids[0]}.dcm"  # as the client names what it protects
            return file if file.is_file() else folder
        name = self.file_of(uids[0])
        return Path(name) if name else None

    def _dose_uids(self, node: Any) -> DoseUids:
        """Return the random UIDs of a dose, the same each time; all are of one frame."""
        if node not in self._doses:
            self._doses[node] = random_dose_uids(self._frame)
            self._frame = self._doses[node].frame_of_reference
        return self._doses[node]

    def _folder(self, uid: str) -> Path | None:
        if uid in self._sealed:
            return self._sealed[uid]
        name = self.file_of(uid)
        return Path(name).parent if name else None
