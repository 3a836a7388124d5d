"""A CT series from a folder: slices in order, one grid, whole CT numbers.

`scan_series` reads headers only; `read_ct_series` also checks the geometry and reads the pixels.
Both take the CT of a study if there is exactly one, of uncompressed or (scan only) compressed
slices, pass over objects of other kinds, and refuse everything else with an error that tells
which rule broke: a volume that is returned has no gap, no shear and no guessed spacing.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.series_headers import (
    SERIES_LIMITS,
    SeriesLimits,
    SliceHeader,
    dicom_files,
    read_header,
    reading_dicom,
)

_UNIT_TOLERANCE = 1e-4  # of direction cosines of 6 decimals
_SPACING_TOLERANCE_MM = 0.01  # what rounding of positions in scanners leaves
_SHEAR_TOLERANCE_MM = 0.05  # over the whole stack: far below a pixel
_HU_MIN, _HU_MAX = -32768, 32767


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesScan:
    """The slices of one CT series, by headers only.

    Attributes
    ----------
    slices : headers in order of file name; geometry is not checked.
    ignored_files : how many files in the folder are no CT slices.
    """

    slices: tuple[SliceHeader, ...] = field(repr=False)
    ignored_files: int

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the slices."""
        return tuple(s.path for s in self.slices)

    @property
    def is_protected(self) -> bool:
        """Whether every slice is in the protected form."""
        return all(s.is_protected for s in self.slices)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CtSeries:
    """A CT volume and where it is.

    Attributes
    ----------
    hu : int16 (k, j, i), CT numbers; k along the slice normal.
    spacing_mm : (k, j, i).
    origin_lps_mm : centre of voxel (0, 0, 0).
    direction : 9 numbers, row-major 3 x 3; columns are the i, j and k axes in LPS;
        right-handed.
    sop_instance_uids : in the order of k.
    patient_id : as in the files; empty if they have none.
    protected : nothing in it names a patient: every slice has (0012,0062) YES and (0400,0500), or
        it never was in DICOM files (see volume_file.py).
    ignored_files : how many files in the folder are not DICOM.
    """

    hu: npt.NDArray[np.int16] = field(repr=False)
    spacing_mm: tuple[float, float, float]
    origin_lps_mm: tuple[float, float, float]
    direction: tuple[float, ...]
    frame_of_reference_uid: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    sop_class_uid: str
    sop_instance_uids: tuple[str, ...] = field(repr=False)
    patient_id: str = field(repr=False)
    protected: bool
    ignored_files: int


def scan_series(folder: Path, limits: SeriesLimits = SERIES_LIMITS) -> SeriesScan:
    """Return the slices of the one CT series in a folder, without reading pixels.

    The folder's files and those of its direct sub-folders are looked at. Objects of other kinds
    are passed over if there is a CT beside them.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_NO_DICOM, E_TOO_LARGE, E_DICOM, E_TRANSFER_SYNTAX (deflated or big
        endian), E_MODALITY (no CT), E_MISSING_UID, E_GEOMETRY (attributes missing),
        E_MIXED_SERIES (several CTs).
    """
    paths, ignored = dicom_files(folder, limits)
    headers: list[SliceHeader] = []
    has_others = False
    for path in paths:
        try:
            header = read_header(path)
        except EncryptSecureRTError as error:
            if error.code is not ErrorCode.E_MODALITY:
                raise
            has_others = True
            continue
        if header is not None:
            headers.append(header)
    if not headers:
        raise EncryptSecureRTError(ErrorCode.E_MODALITY if has_others else ErrorCode.E_NO_DICOM)
    identity = {
        (s.patient_id, s.study_instance_uid, s.series_instance_uid, s.frame_of_reference_uid)
        for s in headers
    }
    if len(identity) != 1:
        raise EncryptSecureRTError(ErrorCode.E_MIXED_SERIES)
    return SeriesScan(slices=tuple(headers), ignored_files=ignored + len(paths) - len(headers))


def read_ct_series(folder: Path, limits: SeriesLimits = SERIES_LIMITS) -> CtSeries:
    """Return the CT volume in a folder.

    Memory is that of the volume and of one slice.

    Raises
    ------
    EncryptSecureRTError
        What `scan_series` raises, and E_TRANSFER_SYNTAX (compressed), E_GEOMETRY (sheared, or
        slices that differ), E_MISSING_SLICES (a gap, or a slice twice), E_SPACING, E_DICOM
        (pixels missing, other than 16 bits, or beyond 16 bits after rescaling), E_TOO_LARGE.
    """
    scan = scan_series(folder, limits)
    if any(s.is_compressed for s in scan.slices):
        raise EncryptSecureRTError(ErrorCode.E_TRANSFER_SYNTAX)
    axes = _common_axes(scan.slices)
    slices, spacing_k_mm = _in_order(scan.slices, axes)
    first = slices[0]
    if len(slices) * first.rows * first.columns * 2 > limits.volume_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    hu = np.empty((len(slices), first.rows, first.columns), np.int16)
    for k, header in enumerate(slices):
        hu[k] = _read_hu(header)
    x, y, z = first.position_lps_mm
    spacing_j_mm, spacing_i_mm = first.spacing_ji_mm
    return CtSeries(
        hu=hu,
        spacing_mm=(spacing_k_mm, spacing_j_mm, spacing_i_mm),
        origin_lps_mm=(x, y, z),
        direction=tuple(axes.ravel().tolist()),
        frame_of_reference_uid=first.frame_of_reference_uid,
        study_instance_uid=first.study_instance_uid,
        series_instance_uid=first.series_instance_uid,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage: nothing else is taken
        sop_instance_uids=tuple(s.sop_instance_uid for s in slices),
        patient_id=first.patient_id,
        protected=scan.is_protected,
        ignored_files=scan.ignored_files,
    )


def _common_axes(slices: tuple[SliceHeader, ...]) -> npt.NDArray[np.float64]:
    """Return the 3 x 3 matrix whose columns are the i, j and k axes, the same for all slices."""
    first = slices[0]
    if any(
        (s.rows, s.columns, s.spacing_ji_mm) != (first.rows, first.columns, first.spacing_ji_mm)
        for s in slices
    ) or not all(spacing > 0 for spacing in first.spacing_ji_mm):
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    orientations = np.array([s.orientation for s in slices])
    if np.abs(orientations - orientations[0]).max() > _UNIT_TOLERANCE:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    i_axis, j_axis = orientations[0].reshape(2, 3)
    lengths = np.linalg.norm(i_axis), np.linalg.norm(j_axis)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(i_axis @ j_axis)) > _UNIT_TOLERANCE:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    return np.stack([i_axis, j_axis, np.cross(i_axis, j_axis)], axis=1) + 0.0


def _in_order(
    slices: tuple[SliceHeader, ...], axes: npt.NDArray[np.float64]
) -> tuple[list[SliceHeader], float]:
    """Return the slices along the normal and their distance in mm."""
    if len({s.sop_instance_uid for s in slices}) != len(slices):
        raise EncryptSecureRTError(ErrorCode.E_MISSING_SLICES, "a slice is there twice")
    placed = np.array([s.position_lps_mm for s in slices]) @ axes  # (n, 3) along i, j, k
    order = np.argsort(placed[:, 2], kind="stable")
    placed = placed[order]
    if np.ptp(placed[:, :2], axis=0).max() > _SHEAR_TOLERANCE_MM:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, "sheared, as with a tilted gantry")
    ordered = [slices[n] for n in order]
    if len(slices) == 1:
        thickness = slices[0].thickness_mm
        if thickness is None or not 0 < thickness < 1e4:
            raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, "one slice without a thickness")
        return ordered, thickness
    return ordered, _even_spacing_mm(np.diff(placed[:, 2]))


def _even_spacing_mm(gaps_mm: npt.NDArray[np.float64]) -> float:
    if gaps_mm.min() < _SPACING_TOLERANCE_MM:
        raise EncryptSecureRTError(ErrorCode.E_MISSING_SLICES, "a slice is there twice")
    usual = Counter(np.round(gaps_mm, 2).tolist()).most_common(1)[0][0]
    uneven = np.abs(gaps_mm - usual) > _SPACING_TOLERANCE_MM + 1e-3 * usual
    if uneven.any():
        multiples = gaps_mm[uneven] / usual
        whole = np.abs(multiples - np.round(multiples)) < 0.05
        if (whole & (multiples > 1.5)).all():
            raise EncryptSecureRTError(ErrorCode.E_MISSING_SLICES, "a gap between slices")
        raise EncryptSecureRTError(ErrorCode.E_SPACING)
    # To a tenth of a micrometre: the rest is the rounding of sums.
    return round(float(gaps_mm.mean()), 7)


def _read_hu(header: SliceHeader) -> npt.NDArray[np.int16]:
    with reading_dicom():
        ds = dcmread(header.path)
        return _hu(_stored_values(ds, header), ds)


def _stored_values(ds: Dataset, header: SliceHeader) -> npt.NDArray[np.int32]:
    """Return the stored values (j, i), without what may be above the stored bits."""
    bits = int(ds.BitsStored)
    if (
        (ds.Rows, ds.Columns) != (header.rows, header.columns)
        or ds.SOPInstanceUID != header.sop_instance_uid
        or (ds.SamplesPerPixel, ds.BitsAllocated) != (1, 16)
        or ds.PhotometricInterpretation != "MONOCHROME2"
        or not 1 <= bits <= 16
        or ds.HighBit != bits - 1
    ):
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    count = header.rows * header.columns
    words = np.frombuffer(ds.PixelData, "<u2", count=count).astype(np.int32)
    spare = 32 - bits
    if ds.PixelRepresentation == 1:
        words = (words << spare) >> spare
    else:
        words &= (1 << bits) - 1
    return words.reshape(header.rows, header.columns)


def _hu(stored: npt.NDArray[np.int32], ds: Dataset) -> npt.NDArray[np.int16]:
    """Return stored x slope + intercept, rounded to whole numbers."""
    values = stored * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    rounded = np.rint(values)
    # Not (a or b): a comparison with NaN is false, and NaN must be refused.
    if not (rounded.min() >= _HU_MIN and rounded.max() <= _HU_MAX):
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "CT numbers do not fit 16 bits")
    whole: npt.NDArray[np.int16] = rounded.astype(np.int16)
    return whole
