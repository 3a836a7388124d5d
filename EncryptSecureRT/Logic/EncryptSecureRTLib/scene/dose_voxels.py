"""A dose volume node written as the object that goes to the worker: a header, then Gy.

    octets = header.frame_head() || float64 little-endian, C order (k, j, i)

Slices are converted and written one at a time. cGy become Gy by a division by 100, which rounds
once. A dose that is negative or missing somewhere is refused whole: it is no dose that figures
could be told of. The file holds no name, and random UIDs unless the caller has protected ones.
"""

import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.volumes import VolumeHeader
from EncryptSecureRTLib.scene.doses import (
    DOSE_PROBLEM_CODES,
    DoseUnit,
    dose_facts,
    dose_problems,
)
from EncryptSecureRTLib.scene.geometry import GridGeometry, volume_grid
from EncryptSecureRTLib.scene.mrml import Node
from EncryptSecureRTLib.scene.neutral import is_mapped_uid
from EncryptSecureRTLib.scene.volumes import voxels_of
from EncryptSecureRTLib.scene.voxels import WrittenVolume, writing_slices

_PER_GY: Mapping[DoseUnit | None, float] = {DoseUnit.GY: 1.0, DoseUnit.CGY: 100.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseUids:
    """The mapped UIDs that a dose is sent under: an RT Dose has all its planes in one instance.

    Two doses that lie in one space have one frame of reference.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED if one is not a mapped UID.
    """

    frame_of_reference: str
    instance: str

    def __post_init__(self) -> None:
        if not (is_mapped_uid(self.frame_of_reference) and is_mapped_uid(self.instance)):
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)


def random_dose_uids(frame_of_reference: str | None = None) -> DoseUids:
    """Return fresh UIDs that are linked to nothing, but for a frame that is given."""
    frame, instance = (f"2.25.{uuid.uuid4().int}" for _ in range(2))
    return DoseUids(frame_of_reference=frame_of_reference or frame, instance=instance)


def writing_dose(
    node: Node, path: Path, uids: DoseUids | None = None
) -> Generator[tuple[int, int], None, WrittenVolume]:
    """Write a dose volume node as a volume object; yield (octets written, octets in all) at times.

    A linear parent transform is applied. If it fails or is closed before its end, the file is
    removed.

    Parameters
    ----------
    node : vtkMRMLScalarVolumeNode
        Its voxels must stay as they are until the end.
    path : Path
        A new file, in a folder that is the caller's alone.
    uids : DoseUids, optional
        Of the protected dose. Random by default.

    Raises
    ------
    EncryptSecureRTError
        What `doses.DOSE_PROBLEM_CODES` says for the first problem; E_DOSE if a voxel is negative
        or no number; E_GEOMETRY if the size, the spacing or the place is of no dose grid;
        E_LOCAL_FILE.
    """
    facts = dose_facts(node)
    found = dose_problems(facts, LIMITS.object_bytes)
    if found:
        raise EncryptSecureRTError(DOSE_PROBLEM_CODES[found[0]], found[0].value)
    per_gy = _PER_GY[facts.unit]  # another unit is among the problems
    grid = volume_grid(node, apply_transform=True)
    reverse = not grid.is_right_handed
    header = _header(grid.with_slices_reversed() if reverse else grid, uids or random_dose_uids())
    array = voxels_of(node)
    slices = (_gray(slice_ji, per_gy) for slice_ji in (reversed(array) if reverse else array))
    yield from writing_slices(path, "the dose to send", header, slices)
    return WrittenVolume(header=header, slices_reversed=reverse)


def _header(grid: GridGeometry, uids: DoseUids) -> VolumeHeader:
    try:
        return VolumeHeader(
            shape=grid.shape,
            dtype="float64",
            spacing_mm=grid.spacing_mm,
            origin_mm=grid.origin_lps_mm,
            direction=grid.direction,
            quantity="dose",
            unit="Gy",
            frame_of_reference=uids.frame_of_reference,
            slice_uids=(uids.instance,) * grid.shape[0],
        )
    except EncryptSecureRTError as error:
        if error.code is not ErrorCode.E_FORMAT:
            raise
        detail = "the number of voxels, their spacing or the place is of no dose grid"
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, detail) from None


def _gray(slice_ji: npt.NDArray[np.generic], per_gy: float) -> npt.NDArray[np.float64]:
    """Return a slice (j, i) in Gy as little-endian float64 in C order."""
    dose_gy = np.divide(slice_ji, per_gy, dtype=np.float64)
    # Not (a or b): a comparison with NaN is false, and NaN must be refused.
    if not (dose_gy.min() >= 0 and dose_gy.max() < np.inf):
        raise EncryptSecureRTError(ErrorCode.E_DOSE, "a voxel is negative or no number")
    return np.ascontiguousarray(dose_gy, "<f8")
