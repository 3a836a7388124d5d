"""The order "seal this study": its files protected by the worker, its nodes in the scene sealed.

Where no files are found there is nothing to protect, and the scene alone is sealed, with a
pseudonym and UIDs that are linked to nothing.
"""

import base64
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer

from EncryptSecureRTLib.panel.series import FileOfInstance
from EncryptSecureRTLib.panel.state import Notice, Outcome, Tone
from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.neutral import Kind, neutral_name, new_ref
from EncryptSecureRTLib.scene.seal import SealReport, seal_study
from EncryptSecureRTLib.scene.volumes import instance_uids_of, is_dose

_PSEUDONYM_BYTES = 10  # 16 letters
Remember = Callable[[Sequence[str], Path], None]


def clear_folder(node: Any, file_of: FileOfInstance) -> Path | None:
    """Return the one folder that a volume's instances lie in; None if there is none."""
    names = [file_of(uid) for uid in instance_uids_of(node)]
    folders = {Path(name).parent for name in names}
    return folders.pop() if len(folders) == 1 and all(names) else None


class SealOrder:
    """One study to be sealed.

    Parameters
    ----------
    volume : vtkMRMLScalarVolumeNode
    source : folder of the series in clear; it stays as it is.
    out : folder in which the protected series gets a folder of its own.
    remember : told where the protected instances are.
    """

    command = "protect"

    def __init__(self, volume: Any, source: Path, out: Path, remember: Remember) -> None:
        self._volume, self._source, self._out = volume, source, out
        self._remember = remember
        self._report: SealReport | None = None

    def prepare(self, folder: Path) -> Iterator[tuple[int, int]]:
        """Do nothing: the client reads the files itself."""
        return iter(())

    def request(self, folder: Path) -> Mapping[str, object]:
        """Return where the series is and where its copy goes: the whole of it or nothing."""
        return {
            "source": str(self._source),
            "out": str(self._out),
            "tell_uids": True,
            "all_or_nothing": True,
        }

    def load(self, folder: Path, outcome: Outcome) -> Iterator[Outcome]:
        """Seal the scene with the UIDs of the protected copy."""
        sealed = outcome.sealed
        if sealed is None:
            return
        yield outcome
        self._report = _seal(self._volume, sealed.uids, sealed.pseudonym)
        self._remember(instance_uids_of(self._volume), Path(sealed.folder))
        yield replace(outcome, sealed=replace(sealed, uids={}))

    def notice(self, outcome: Outcome) -> Notice:
        """Say what was sealed, and what is as it was."""
        instances = outcome.sealed.instances if outcome.sealed is not None else 0
        words = _("The study is sealed: {count} instances in a protected copy.")
        what = words.format(count=instances)
        return _notice(what, self._report)


def seal_scene_only(volume: Any) -> Notice:
    """Seal a study of which there are no files; return what is said of it."""
    letters = base64.b32encode(secrets.token_bytes(_PSEUDONYM_BYTES)).decode("ascii")
    report = _seal(volume, {}, f"P{letters}")
    return _notice(_("The study is sealed in the scene; no files of it were found."), report)


def _seal(volume: Any, uids: Mapping[str, str], pseudonym: str) -> SealReport:
    label = neutral_name(Kind.DOSE if is_dose(volume) else Kind.CT, new_ref())
    return seal_study(volume, uids, pseudonym, label, getattr(slicer, "dicomDatabase", None))


def _notice(what: str, report: SealReport | None) -> Notice:
    if report is None:
        return Notice(tone=Tone.GOOD, what=what)
    details = (
        f"nodes sealed: {report.nodes}, items of the subject hierarchy: {report.items}",
        f"nodes elsewhere that had an identifying word: {report.elsewhere}",
        f"text and table nodes that nobody judged: {report.texts}",
        f"files that nodes were read from or saved to: {report.saved_files}",
        f"instances that the DICOM database may show in clear: {report.instances_in_database}",
    )
    if report.still_telling:
        return Notice(
            tone=Tone.BAD,
            what=_("The study is sealed but for {count} nodes that still tell.").format(
                count=report.still_telling
            ),
            todo=_("Remove the nodes that hold names, or close the scene without saving it."),
            details=details,
        )
    todo = _("Files that were saved earlier and the DICOM database are as they were.")
    return Notice(tone=Tone.GOOD, what=what, todo=todo, details=details)
