"""A dose from a protected RTDOSE file, or from a file of a volume object as a scene writes it.

    stored integers x DoseGridScaling -> float64 Gy (k, j, i), frames along the slice normal

A dose that is returned is one regular grid of finite values >= 0 Gy: no spacing is guessed, no
unit is assumed, and nothing that a file does not say is made up (PS3.3 C.8.8.3).
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTDoseStorage

from encryptsecurert_protocol.dose_jobs import DOSE_TYPES, SUMMATION_TYPES
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import GIB, LIMITS
from encryptsecurert_protocol.volumes import VolumeHeader, unpack_volume
from EncryptSecureRTLib.client.grid import VoxelGrid
from EncryptSecureRTLib.client.rt_files import Origin, nobody, one_file, origin_of, plan_of
from EncryptSecureRTLib.client.series_headers import PARSER_ERRORS, is_protected, reading_dicom
from EncryptSecureRTLib.client.upload import Content
from EncryptSecureRTLib.client.volume_file import read_octets

_MOST_BYTES = 2 * GIB  # of a file; its volume may have twice that, as an object may
_UNCOMPRESSED = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
_UNIT_TOLERANCE = 1e-4  # of direction cosines of 6 decimals
_OFFSET_TOLERANCE_MM = 0.01
_PLANE_SPACING_MM = 1.0  # of a single plane without a thickness: no result depends on it
_TYPES = {16: "<u2", 32: "<u4"}
_SIGNED_TYPES = {16: "<i2", 32: "<i4"}
Volume = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseFile:
    """A dose grid, where it is, and what it says of itself.

    Attributes
    ----------
    dose_gy : float64 (k, j, i), finite, >= 0.
    grid : where its voxels are; right-handed.
    origin : the mapped UIDs and the pseudonym; nobody's for a volume object.
    plan : (SOP class, SOP instance) of the one plan that it names, None if none or several.
    summation_type : DoseSummationType. A dose from a scene is taken to be of a PLAN.
    dose_type : PHYSICAL or EFFECTIVE. A dose from a scene is taken to be PHYSICAL.
    """

    dose_gy: Volume = field(repr=False)
    grid: VoxelGrid
    origin: Origin = field(repr=False)
    plan: tuple[str, str] | None = field(repr=False)
    summation_type: str
    dose_type: str

    @property
    def maximum_gy(self) -> float:
        """The largest voxel."""
        return float(self.dose_gy.max())

    def content(self) -> Content:
        """Return the octets of its volume object, voxels left where they lie."""
        header = VolumeHeader(
            shape=self.grid.shape,
            dtype="float64",
            spacing_mm=self.grid.spacing_mm,
            origin_mm=self.grid.origin_lps_mm,
            direction=self.grid.direction,
            quantity="dose",
            unit="Gy",
            frame_of_reference=self.origin.frame_of_reference_uid,
            slice_uids=(self.origin.sop_instance_uid,) * self.grid.shape[0],
        )
        voxels = np.ascontiguousarray(self.dose_gy, dtype="<f8")
        return Content([header.frame_head(), voxels.data])


def read_dose(source: Path) -> DoseFile:
    """Return the dose of a protected RTDOSE file, or of a folder that holds exactly one.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_NO_DICOM (no dose there), E_MIXED_SERIES (several), E_DICOM (damaged or
        cut), E_NOT_PROTECTED, E_TRANSFER_SYNTAX, E_MISSING_UID, E_TOO_LARGE; E_DOSE (not in Gy,
        without scaling, negative, a difference, or histograms alone); E_GEOMETRY, E_SPACING
        (planes that are not evenly spaced).
    """
    path = one_file(source, RTDoseStorage, "dose", _MOST_BYTES)
    with reading_dicom():
        ds = dcmread(path)
        if not is_protected(ds):
            detail = "a dose must be protected first"
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, detail)
        return _dose(ds)


def read_dose_volume(source: Path) -> DoseFile:
    """Return the dose in a file of `VolumeHeader.frame_head()` and float64 voxels in Gy.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_TOO_LARGE, E_FORMAT (no such file); E_DOSE (another quantity, or a value
        that is no dose); E_GEOMETRY (sheared or left-handed).
    """
    header, payload = unpack_volume(read_octets(source))
    if header.quantity != "dose":
        raise EncryptSecureRTError(ErrorCode.E_DOSE, "the volume is not a dose")
    grid = VoxelGrid(
        shape=header.shape,
        spacing_mm=header.spacing_mm,
        origin_lps_mm=header.origin_mm,
        direction=header.direction,
    )
    dose_gy = np.frombuffer(payload, "<f8").reshape(grid.shape)
    _refuse_values(dose_gy)
    return DoseFile(
        dose_gy=dose_gy,
        grid=grid,
        origin=nobody(header.slice_uids[0], header.frame_of_reference),
        plan=None,
        summation_type="PLAN",
        dose_type="PHYSICAL",
    )


def _dose(ds: Dataset) -> DoseFile:
    _refuse_what_is_no_dose(ds)
    scaling_gy = _scaling(ds)
    axes = _axes(ds)
    offsets_mm = _offsets_mm(ds, axes)
    spacing_k_mm = _spacing_k_mm(offsets_mm, ds)
    stored = _stored(ds, len(offsets_mm))
    position_mm = np.array(_numbers(ds, "ImagePositionPatient", 3))
    start_mm = offsets_mm[0]
    if len(offsets_mm) > 1 and offsets_mm[1] < start_mm:  # the last plane is the lowest one
        stored, start_mm = stored[::-1], offsets_mm[-1]
    dose_gy = np.multiply(stored, scaling_gy, dtype=np.float64)
    _refuse_values(dose_gy)
    x, y, z = (np.round(position_mm + start_mm * axes[:, 2], 7) + 0.0).tolist()
    spacing_j_mm, spacing_i_mm = _numbers(ds, "PixelSpacing", 2)
    return DoseFile(
        dose_gy=np.ascontiguousarray(dose_gy),
        grid=VoxelGrid(
            shape=(dose_gy.shape[0], dose_gy.shape[1], dose_gy.shape[2]),
            spacing_mm=(spacing_k_mm, spacing_j_mm, spacing_i_mm),
            origin_lps_mm=(x, y, z),
            direction=tuple(axes.ravel().tolist()),
        ),
        origin=origin_of(ds),
        plan=plan_of(ds),
        summation_type=_summation_type(ds),
        dose_type=str(ds.DoseType),
    )


def _refuse_what_is_no_dose(ds: Dataset) -> None:
    if ds.file_meta.get("TransferSyntaxUID") not in _UNCOMPRESSED:
        raise EncryptSecureRTError(ErrorCode.E_TRANSFER_SYNTAX)
    if "PixelData" not in ds:
        detail = "it holds histograms or nothing, but no dose grid"
        raise EncryptSecureRTError(ErrorCode.E_DOSE, detail)
    if ds.get("DoseUnits") != "GY":
        raise EncryptSecureRTError(ErrorCode.E_DOSE, "its unit is not Gy")
    if ds.get("DoseType") not in DOSE_TYPES:
        detail = "it is a difference of doses, or of no known type"
        raise EncryptSecureRTError(ErrorCode.E_DOSE, detail)


def _summation_type(ds: Dataset) -> str:
    found = str(ds.get("DoseSummationType") or "")
    if found not in SUMMATION_TYPES:
        detail = "it does not say what it is the dose of: a plan, a beam, a fraction"
        raise EncryptSecureRTError(ErrorCode.E_DOSE, detail)
    return found


def _scaling(ds: Dataset) -> float:
    try:
        scaling_gy = float(ds.DoseGridScaling)
    except PARSER_ERRORS:
        scaling_gy = math.nan
    if not 0 < scaling_gy < math.inf:
        raise EncryptSecureRTError(ErrorCode.E_DOSE, "its DoseGridScaling is missing or not > 0")
    return scaling_gy


def _axes(ds: Dataset) -> npt.NDArray[np.float64]:
    """Return the 3 x 3 matrix whose columns are the axes i, j and k, the last by the right hand."""
    i_axis, j_axis = np.reshape(_numbers(ds, "ImageOrientationPatient", 6), (2, 3))
    lengths = np.linalg.norm(i_axis), np.linalg.norm(j_axis)
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(i_axis @ j_axis)) > _UNIT_TOLERANCE:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    return np.stack([i_axis, j_axis, np.cross(i_axis, j_axis)], axis=1) + 0.0


def _offsets_mm(ds: Dataset, axes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return where the planes are along the normal, from ImagePositionPatient on.

    The vector is relative if its first value is 0; else it holds the z coordinates of transverse
    planes, the first that of ImagePositionPatient (PS3.3 C.8.8.3.2).
    """
    frames = int(ds.get("NumberOfFrames") or 1)
    if frames == 1 and not ds.get("GridFrameOffsetVector"):
        return np.zeros(1)
    vector_mm = np.array(_numbers(ds, "GridFrameOffsetVector", frames))
    if vector_mm[0] == 0.0:
        return vector_mm
    z_mm = _numbers(ds, "ImagePositionPatient", 3)[2]
    is_transverse = axes[2, 2] > 1 - _UNIT_TOLERANCE
    if not is_transverse or abs(vector_mm[0] - z_mm) > _OFFSET_TOLERANCE_MM:
        detail = "its plane offsets are neither relative nor z coordinates"
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, detail)
    relative_mm: npt.NDArray[np.float64] = vector_mm - vector_mm[0]
    return relative_mm


def _spacing_k_mm(offsets_mm: npt.NDArray[np.float64], ds: Dataset) -> float:
    if len(offsets_mm) == 1:
        thickness = ds.get("SliceThickness")
        return float(thickness) if thickness else _PLANE_SPACING_MM
    gaps_mm = np.diff(offsets_mm)
    usual_mm = float(gaps_mm.mean())
    allowed_mm = _OFFSET_TOLERANCE_MM + 1e-3 * abs(usual_mm)
    if np.abs(gaps_mm - usual_mm).max() > allowed_mm or abs(usual_mm) < _OFFSET_TOLERANCE_MM:
        detail = "a dose needs planes at equal distances"
        raise EncryptSecureRTError(ErrorCode.E_SPACING, detail)
    return round(abs(usual_mm), 7)  # to a tenth of a nanometre: the rest is rounding


def _stored(ds: Dataset, frames: int) -> npt.NDArray[np.integer]:
    """Return the stored integers (k, j, i), as a view of the file's octets."""
    bits = int(ds.BitsAllocated)
    if (
        bits not in _TYPES
        or (ds.BitsStored, ds.HighBit) != (bits, bits - 1)
        or ds.SamplesPerPixel != 1
        or ds.PhotometricInterpretation != "MONOCHROME2"
    ):
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "a dose has 16 or 32 bits a voxel, one value")
    shape = (frames, int(ds.Rows), int(ds.Columns))
    count = math.prod(shape)
    if min(shape) < 1 or count * 8 > LIMITS.object_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    octets = count * bits // 8
    if len(ds.PixelData) != octets + octets % 2:
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "its pixel data are cut or too long")
    types = _SIGNED_TYPES if ds.PixelRepresentation == 1 else _TYPES
    return np.frombuffer(ds.PixelData, types[bits], count=count).reshape(shape)


def _refuse_values(dose_gy: Volume) -> None:
    if not np.isfinite(dose_gy).all():
        raise EncryptSecureRTError(
            ErrorCode.E_DOSE, "a value is not a number, or too large for one"
        )
    if dose_gy.min() < 0:
        raise EncryptSecureRTError(ErrorCode.E_DOSE, "a value is negative")


def _numbers(ds: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    try:
        value = ds.get(keyword)
        values = (float(value),) if isinstance(value, int | float) else tuple(map(float, value))
    except PARSER_ERRORS:
        values = ()
    if len(values) != count or not all(abs(one) < 1e6 for one in values):
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY)
    return values
