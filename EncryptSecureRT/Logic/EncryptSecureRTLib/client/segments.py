"""Reads the Segmentation that a worker makes, with pydicom only, to draw or show it.

Not a reader of Segmentations in general: BINARY, one bit a pixel, each frame naming the slice of
the reference series that it lies on. Anything else is refused. The file names every slice of that
series in the order of k, so `read_seg` finds the grid without the series.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.grid import Vector, VoxelGrid
from EncryptSecureRTLib.client.series_headers import reading_dicom

_XYZ_TO_LINEAR_RGB = np.array(  # IEC 61966-2-1
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)
_ON_GRID_MM = 1e-3  # far more than what 10 digits leave, far less than a voxel

BoolVolume = npt.NDArray[np.bool_]


class DrawnStructure(NamedTuple):
    """A structure to show: its name, its colour (RGB, 0 to 255) and its voxels."""

    label: str
    colour: tuple[int, int, int]
    mask: BoolVolume


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmentation:
    """The segments of a file, each mask on the grid of the series that it is about."""

    grid: VoxelGrid
    structures: tuple[DrawnStructure, ...]


def read_seg(source: Path | bytes | bytearray) -> Segmentation:
    """Return the segments and their grid, both as the file itself tells them.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_DICOM (not such a Segmentation), E_GEOMETRY (its frames are not on one
        grid), E_TOO_LARGE.
    """
    with reading_dicom():
        ds = _open(source)
        series = ds.ReferencedSeriesSequence[0]
        uids = [str(item.ReferencedSOPInstanceUID) for item in series.ReferencedInstanceSequence]
        slice_of = _slices(uids)
        return Segmentation(grid=_grid(ds, slice_of), structures=_segments(ds, slice_of))


def masks_from_seg(
    source: Path | bytes | bytearray, sop_instance_uids: Sequence[str]
) -> tuple[DrawnStructure, ...]:
    """Return the segments on the grid of the reference series.

    Parameters
    ----------
    source : Path, bytes or bytearray
        A Segmentation file or its octets.
    sop_instance_uids : sequence of str
        Those of the reference series in the order of k.

    Returns
    -------
    tuple of DrawnStructure
        In the order of segment numbers; each mask bool (k, j, i).

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_DICOM (not such a Segmentation), E_GEOMETRY (of another series),
        E_TOO_LARGE.
    """
    with reading_dicom():
        return _segments(_open(source), _slices(sop_instance_uids))


def _open(source: Path | bytes | bytearray) -> Dataset:
    ds = dcmread(source if isinstance(source, Path) else io.BytesIO(source))
    if (
        ds.SOPClassUID != SegmentationStorage
        or ds.file_meta.TransferSyntaxUID != ExplicitVRLittleEndian
        or (ds.SegmentationType, ds.BitsAllocated) != ("BINARY", 1)
    ):
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    return ds


def _slices(sop_instance_uids: Sequence[str]) -> dict[str, int]:
    slice_of = {uid: k for k, uid in enumerate(sop_instance_uids)}
    if len(slice_of) != len(sop_instance_uids):
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, "a slice is named twice")
    return slice_of


def _segments(ds: Dataset, slice_of: dict[str, int]) -> tuple[DrawnStructure, ...]:
    shape = (len(slice_of), int(ds.Rows), int(ds.Columns))
    numbers = [int(segment.SegmentNumber) for segment in ds.SegmentSequence]
    if np.prod([len(numbers), *shape], dtype=float) > LIMITS.object_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    masks = {number: np.zeros(shape, np.bool_) for number in numbers}
    for at, groups in enumerate(ds.PerFrameFunctionalGroupsSequence):
        k = _slice(groups, slice_of)
        number = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        masks[number][k] = _frame(ds.PixelData, at, shape[1], shape[2])
    return tuple(
        DrawnStructure(str(segment.SegmentLabel), _rgb(segment), masks[number])
        for number, segment in zip(numbers, ds.SegmentSequence, strict=True)
    )


def _slice(groups: Dataset, slice_of: dict[str, int]) -> int:
    image = groups.DerivationImageSequence[0].SourceImageSequence[0]
    k = slice_of.get(image.ReferencedSOPInstanceUID)
    if k is None:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    return k


def _grid(ds: Dataset, slice_of: dict[str, int]) -> VoxelGrid:
    """Return the grid on which every frame lies: spacing and axes are shared, slices named."""
    shared = ds.SharedFunctionalGroupsSequence[0]
    measures, plane = shared.PixelMeasuresSequence[0], shared.PlaneOrientationSequence[0]
    i_axis, j_axis = np.reshape(np.array(plane.ImageOrientationPatient, np.float64), (2, 3))
    k_axis = np.cross(i_axis, j_axis)
    spacing_j_mm, spacing_i_mm = map(float, measures.PixelSpacing)
    spacing_k_mm = float(measures.SpacingBetweenSlices)
    frames = ds.PerFrameFunctionalGroupsSequence
    k = np.array([_slice(groups, slice_of) for groups in frames])
    positions_mm = [groups.PlanePositionSequence[0].ImagePositionPatient for groups in frames]
    origins_mm = np.array(positions_mm, np.float64) - np.outer(k * spacing_k_mm, k_axis)
    if np.ptp(origins_mm, axis=0).max() > _ON_GRID_MM:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    return VoxelGrid(
        shape=(len(slice_of), int(ds.Rows), int(ds.Columns)),
        spacing_mm=(spacing_k_mm, spacing_j_mm, spacing_i_mm),
        origin_lps_mm=_vector(origins_mm[k.argmin()]),
        direction=tuple((np.stack([i_axis, j_axis, k_axis], axis=1) + 0.0).ravel().tolist()),
    )


def _vector(point_mm: npt.NDArray[np.float64]) -> Vector:
    x, y, z = (np.round(point_mm, 7) + 0.0).tolist()  # a tenth of a micrometre: rounding of sums
    return x, y, z


def _frame(pixel_data: bytes, at: int, rows: int, columns: int) -> npt.NDArray[np.bool_]:
    """Return frame `at` of bits that follow each other without gaps, lowest first (PS3.5 8.1.1)."""
    count = rows * columns
    first_octet, spare = divmod(at * count, 8)
    octets = (spare + count + 7) // 8
    packed = np.frombuffer(pixel_data, np.uint8, count=octets, offset=first_octet)
    bits = np.unpackbits(packed, bitorder="little", count=spare + count)[spare:]
    return bits.reshape(rows, columns).astype(np.bool_)


def _rgb(segment: Dataset) -> tuple[int, int, int]:
    """Return the recommended display colour (PS3.3 C.10.7.1.1) as sRGB.

    The standard's white is D50; programs that write segmentations take sRGB's own, D65, and so
    do we: what counts is that the colour is the one that was meant.
    """
    stored = np.asarray(segment.RecommendedDisplayCIELabValue, np.float64)
    lightness, a, b = stored * (100, 255, 255) / 65535 - (0, 128, 128)
    fy = (lightness + 16) / 116
    f = np.array([fy + a / 500, fy, fy - b / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * (0.9505, 1.0, 1.0889)
    linear = (_XYZ_TO_LINEAR_RGB @ xyz).clip(0, 1)
    srgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    red, green, blue = np.rint(srgb * 255).astype(int).tolist()
    return red, green, blue
