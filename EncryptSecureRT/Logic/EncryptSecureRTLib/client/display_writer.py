"""Writes what a scene shows of a result: masks from the Segmentation, figures from the receipt.

What was asked for stands in the receipt, and the grid in the Segmentation: so the results of a
job are all that it takes, whichever process ordered it. Masks come first and `segments.json`
last, and everything goes again if what follows fails.
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.receipts import ReceiptBody
from EncryptSecureRTLib.attest.localfiles import write_whole
from EncryptSecureRTLib.client.display import (
    SEGMENTS_FILE,
    Display,
    DisplayStructure,
    mask_path,
    touches_border,
)
from EncryptSecureRTLib.client.grid import Counts
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.results import volumes_cc
from EncryptSecureRTLib.client.segments import BoolVolume, read_seg
from EncryptSecureRTLib.client.structures import OUTPUTS, TERMS

_SEG, _SEG_FILE = "seg", "seg.dcm"
_PARAMETERS = ("schema", "structures", "outputs", "reference")
_OTHERS = 0o077  # what a folder allows others
_NOWHERE = (0, 0, 0)


def refuse_unless_ready(folder: Path) -> None:
    """Refuse with E_LOCAL_FILE a folder that is not there, not empty, or open to other users."""
    try:
        is_empty = not any(folder.iterdir())
        is_private = os.name != "posix" or not folder.stat().st_mode & _OTHERS
    except OSError:
        is_empty = is_private = False
    if not (is_empty and is_private):
        detail = "the display folder must be there, empty and private"
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail)


def refuse_without_seg(outputs: Collection[str]) -> None:
    """Refuse with E_USAGE outputs that a display cannot be made from."""
    if _SEG not in outputs:
        detail = "a display is made from the output seg, which was not asked for"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)


@contextlib.contextmanager
def display_in(folder: Path | None, finished: Finished, watcher: Watcher) -> Iterator[None]:
    """Write the display of a result into a folder; it is gone again if the block fails.

    Parameters
    ----------
    folder : Path or None
        See `refuse_unless_ready`; None for a caller that wants no display.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE if the job was ordered without a Segmentation; E_RESULT if receipt and
        Segmentation contradict each other; what `read_seg` raises; E_LOCAL_FILE; E_CANCELLED.
    """
    writer = _Writer(folder) if folder is not None else None
    try:
        if writer is not None:
            watcher.stage("display")
            writer.write(finished, watcher)
        yield
    except BaseException:
        if writer is not None:
            writer.remove()
        raise


class _Writer:
    """Writes one display, and knows which files are its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Path] = []

    def write(self, finished: Finished, watcher: Watcher) -> None:
        """Write the masks one by one, then what tells of them."""
        keys, figures = _asked(finished.body), volumes_cc(finished.body)
        octets = finished.results.get(_SEG_FILE)  # none if nothing at all was found
        seg = None if octets is None else read_seg(octets)
        masks = {} if seg is None else {drawn.label: drawn.mask for drawn in seg.structures}
        if not masks.keys() <= {TERMS[key].label for key in keys}:
            raise EncryptSecureRTError(ErrorCode.E_RESULT)
        structures = []
        for n, key in enumerate(keys, 1):
            watcher.end_if_stopped()
            label = TERMS[key].label
            structures.append(self._structure(n, key, masks.get(label), figures.get(label)))
        found = any(one.path is not None for one in structures)
        grid = seg.grid if seg is not None and found else None
        display = Display(grid=grid, structures=tuple(structures))
        path = self._folder / SEGMENTS_FILE
        self._made.append(path)
        write_whole(path, display.encode())

    def _structure(
        self, n: int, key: str, mask: BoolVolume | None, volume_cc: float | None
    ) -> DisplayStructure:
        """Write the mask of the n-th structure if it has a voxel, and return what it is."""
        box = None if mask is None else _box(mask)
        if volume_cc is None or (volume_cc > 0) != (box is not None):
            raise EncryptSecureRTError(ErrorCode.E_RESULT)
        offset, shape, touches, path = _NOWHERE, _NOWHERE, False, None
        if mask is not None and box is not None:
            offset, shape = box
            touches = touches_border(offset, shape, (*mask.shape,))
            path = mask_path(self._folder, n)
            self._save(path, mask[tuple(map(slice, offset, np.add(offset, shape)))])
        return DisplayStructure(
            key=key,
            label=TERMS[key].label,
            colour=TERMS[key].colour,
            offset_kji=offset,
            shape_kji=shape,
            volume_cc=volume_cc,
            touches_border=touches,
            path=path,
        )

    def _save(self, path: Path, mask: BoolVolume) -> None:
        octets = np.ascontiguousarray(mask).view(np.uint8)
        try:
            with path.open("xb") as file:
                self._made.append(path)
                np.lib.format.write_array(file, octets, version=(1, 0), allow_pickle=False)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None

    def remove(self) -> None:
        """Remove what was written; what cannot be removed stays."""
        for path in self._made:
            with contextlib.suppress(OSError):
                path.unlink()


def _asked(body: ReceiptBody) -> list[str]:
    """Return the structures that the job was about, as the enclave signed them."""
    fields = Fields(body.parameters, _PARAMETERS, ErrorCode.E_RESULT)
    refuse_without_seg(fields.items("outputs", len(OUTPUTS)))
    keys = fields.items("structures", len(TERMS), 1)
    if not all(isinstance(key, str) and key in TERMS for key in keys):
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    return keys


def _box(mask: BoolVolume) -> tuple[Counts, Counts] | None:
    """Return offset and shape (k, j, i) of the least box around all voxels, None without one."""
    spans = []
    for others in ((1, 2), (0, 2), (0, 1)):
        hit = np.flatnonzero(mask.any(axis=others))
        if not hit.size:
            return None
        spans.append((int(hit[0]), int(hit[-1] - hit[0]) + 1))
    (k, k_size), (j, j_size), (i, i_size) = spans
    return (k, j, i), (k_size, j_size, i_size)
