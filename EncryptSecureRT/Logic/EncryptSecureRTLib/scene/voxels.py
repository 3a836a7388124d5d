"""A volume node written as the object that goes to the worker: a header, then whole CT numbers.

    octets = header.frame_head() || int16 little-endian, C order (k, j, i)

Slices are converted and written one at a time, so no second copy of the volume is made. The file
holds voxels and geometry, no name, and random UIDs unless the caller has protected ones. A
left-handed grid is written from its last slice to its first, since the worker takes right-handed
ones; `slices_reversed` says so to whoever puts results back.
"""

import uuid
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.volumes import VolumeHeader
from EncryptSecureRTLib.scene.geometry import GridGeometry, volume_grid
from EncryptSecureRTLib.scene.mrml import Node
from EncryptSecureRTLib.scene.neutral import is_mapped_uid
from EncryptSecureRTLib.scene.private_files import new_private_file
from EncryptSecureRTLib.scene.volumes import PROBLEM_CODES, problems, volume_facts, voxels_of

_HU_MIN, _HU_MAX = -32768, 32767
_STEP_BYTES = 8 * MIB  # a few hundredths of a second of work between two pauses


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesUids:
    """The mapped UIDs that a volume is sent under: one for the frame, one for each slice.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED if one is not a mapped UID, E_MISSING_SLICES if one comes twice.
    """

    frame_of_reference: str
    slices: tuple[str, ...]

    def __post_init__(self) -> None:
        if not all(map(is_mapped_uid, (self.frame_of_reference, *self.slices))):
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
        if len(set(self.slices)) != len(self.slices):
            raise EncryptSecureRTError(ErrorCode.E_MISSING_SLICES, "a slice's UID comes twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenVolume:
    """What was written, for the job's parameters and for putting results back.

    Attributes
    ----------
    header : as it stands in the file.
    slices_reversed : slice k of the file is slice (n - 1 - k) of the node's array.
    """

    header: VolumeHeader
    slices_reversed: bool


def random_uids(slices: int) -> SeriesUids:
    """Return fresh UIDs that are linked to nothing."""
    frame, *rest = (f"2.25.{uuid.uuid4().int}" for _ in range(slices + 1))
    return SeriesUids(frame_of_reference=frame, slices=tuple(rest))


def writing_volume(
    node: Node, path: Path, uids: SeriesUids | None = None
) -> Generator[tuple[int, int], None, WrittenVolume]:
    """Write a CT volume node as a volume object; yield (octets written, octets in all) at times.

    A linear parent transform is applied. Voxels that are not whole numbers are rounded. If it
    fails or is closed before its end, the file is removed.

    Parameters
    ----------
    node : vtkMRMLScalarVolumeNode
        Its voxels must stay as they are until the end.
    path : Path
        A new file, in a folder that is the caller's alone.
    uids : SeriesUids, optional
        Of the protected series, slices in the order of the node's array. Random by default.

    Raises
    ------
    EncryptSecureRTError
        What `volumes.PROBLEM_CODES` says for the first problem; E_MODALITY if a voxel is not a
        number of 16 bits; E_GEOMETRY if the size, the spacing or the place is none of a
        scanner; E_MISSING_SLICES if there is not one UID for each slice; E_LOCAL_FILE.
    """
    found = problems(volume_facts(node), LIMITS.object_bytes)
    if found:
        raise EncryptSecureRTError(PROBLEM_CODES[found[0]], found[0].value)
    grid = volume_grid(node, apply_transform=True)
    reverse = not grid.is_right_handed
    header = _header(grid.with_slices_reversed() if reverse else grid, uids, reverse=reverse)
    array = voxels_of(node)
    slices = map(_whole_hu, reversed(array) if reverse else array)
    yield from writing_slices(path, "the volume to send", header, slices)
    return WrittenVolume(header=header, slices_reversed=reverse)


def writing_slices(
    path: Path, what: str, header: VolumeHeader, slices: Iterable[npt.NDArray[np.generic]]
) -> Iterator[tuple[int, int]]:
    """Write a header and slices (j, i) in C order to a new file; yield octets written, and in all.

    `what` is written is for the error if it cannot be (E_LOCAL_FILE).
    """
    written_bytes, pause_at_bytes = 0, _STEP_BYTES
    with new_private_file(path, what) as file:
        file.write(header.frame_head())
        for slice_ji in slices:
            written_bytes += file.write(slice_ji.data)
            if written_bytes >= pause_at_bytes:
                pause_at_bytes += _STEP_BYTES
                yield written_bytes, header.size_bytes


def _header(grid: GridGeometry, uids: SeriesUids | None, *, reverse: bool) -> VolumeHeader:
    used = uids or random_uids(grid.shape[0])
    if len(used.slices) != grid.shape[0]:
        raise EncryptSecureRTError(ErrorCode.E_MISSING_SLICES, "one UID for each slice is needed")
    try:
        return VolumeHeader(
            shape=grid.shape,
            dtype="int16",
            spacing_mm=grid.spacing_mm,
            origin_mm=grid.origin_lps_mm,
            direction=grid.direction,
            quantity="ct_number",
            unit="HU",
            frame_of_reference=used.frame_of_reference,
            slice_uids=used.slices[::-1] if reverse else used.slices,
        )
    except EncryptSecureRTError as error:
        if error.code is not ErrorCode.E_FORMAT:
            raise
        detail = "the number of voxels, their spacing or the place is none of a scanner"
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, detail) from None


def _whole_hu(slice_ji: npt.NDArray[np.generic]) -> npt.NDArray[np.int16]:
    """Return a slice (j, i) as little-endian int16 in C order, rounded to whole numbers."""
    if slice_ji.dtype == np.int16:
        return np.ascontiguousarray(slice_ji, "<i2")
    rounded = np.rint(slice_ji) if slice_ji.dtype.kind == "f" else slice_ji
    # Not (a or b): a comparison with NaN is false, and NaN must be refused.
    if not (rounded.min() >= _HU_MIN and rounded.max() <= _HU_MAX):
        raise EncryptSecureRTError(ErrorCode.E_MODALITY, "voxels beyond -32768 to 32767")
    return rounded.astype("<i2", order="C")
