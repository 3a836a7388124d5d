"""A dose difference as RT Dose (PS3.3 A.18): Dose Type ERROR, signed pixels, Gy.

Evaluated minus reference at the voxel centres of the reference. Pixels are 16-bit integers, so
that Pixel Padding Value, which is 16-bit, can stand in voxels that have no difference: those
outside the evaluated dose. A reader that does not know padding shows them as the most negative
difference of all, and never as none. Exact values are in the result `difference`.
"""

import math
from decimal import ROUND_CEILING, Context

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, RTDoseStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.progress import Progress, no_progress
from encryptsecurert_worker.dicom.results import modules
from encryptsecurert_worker.dicom.results.context import Producer, derived_uid
from encryptsecurert_worker.dicom.results.dose_context import ComparedDoses

PADDING = -32768
_LARGEST = 32767
_LEAST_SCALING_GY = 1e-9  # of a difference that is 0 everywhere
_DESCRIPTION = "Dose difference: evaluated - reference"
_COMMENT = "Evaluated - reference; padding: outside the evaluated dose"  # LO: 64 characters


def make_difference_rtdose(
    difference_gy: npt.NDArray[np.float64],
    doses: ComparedDoses,
    producer: Producer,
    *,
    uid_seed: bytes,
    progress: Progress = no_progress,
) -> bytes:
    """Return the octets of an RT Dose file.

    Parameters
    ----------
    difference_gy : float64 (k, j, i), Gy, on the grid of the reference; NaN where there is none.
    doses : ComparedDoses
    producer : Producer
    uid_seed : at least 16 octets; the same input and seed give the same octets.
    progress : Progress
        Called once a slice; what it raises ends the work.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if the difference does not fit the grid.
    """
    if difference_gy.shape != doses.grid.shape:
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "the difference has another shape")
    scaling = _scaling(difference_gy)
    ds = Dataset()
    ds.SOPClassUID = RTDoseStorage
    ds.SOPInstanceUID = derived_uid(uid_seed, "rtdose/instance")
    modules.write_patient_and_study(ds, doses)
    modules.write_equipment(ds, producer)
    ds.Modality = "RTDOSE"
    ds.SeriesInstanceUID = derived_uid(uid_seed, "rtdose/series")
    ds.SeriesNumber = 3
    ds.SeriesDescription = modules.labelled(_DESCRIPTION, producer)
    ds.OperatorsName = ""
    ds.FrameOfReferenceUID = doses.frame_of_reference_uid
    ds.PositionReferenceIndicator = ""
    ds.ContentDate, ds.ContentTime = modules.FIXED_DATE, modules.FIXED_TIME
    ds.InstanceNumber = 1
    write_plane(ds, doses.grid)
    _write_offsets(ds, doses.grid)
    _write_dose(ds, doses, producer, scaling)
    ds.PixelData = _pixels(difference_gy, float(scaling), progress)
    if np.isnan(difference_gy).any():
        ds.PixelPaddingValue = PADDING
    progress("write", 0.9)
    octets = modules.file_octets(ds, ExplicitVRLittleEndian)
    progress("write", 1.0)
    return octets


def write_plane(ds: Dataset, grid: ImageGrid) -> None:
    """Set size and Image Plane (C.7.6.2) of the first plane of a grid."""
    axes = np.asarray(grid.direction).reshape(3, 3)
    ds.Rows, ds.Columns = grid.shape[1:]
    ds.PixelSpacing = modules.decimal_strings(grid.spacing_mm[1:])
    ds.SliceThickness = modules.decimal_strings(grid.spacing_mm[:1])[0]
    ds.ImageOrientationPatient = modules.decimal_strings((*axes[:, 0], *axes[:, 1]))
    ds.ImagePositionPatient = modules.decimal_strings(grid.origin_lps_mm)


def _write_offsets(ds: Dataset, grid: ImageGrid) -> None:
    """Set Multi-frame and the offsets of frames (C.8.8.3.2) of more than one plane.

    Offsets are along the cross product of row and column direction, so those of a left-handed
    grid descend.
    """
    slices = grid.shape[0]
    axes = np.asarray(grid.direction).reshape(3, 3)
    if slices > 1:
        ds.NumberOfFrames = slices
        ds.FrameIncrementPointer = 0x3004000C
        step_mm = math.copysign(grid.spacing_mm[0], float(np.linalg.det(axes)))
        ds.GridFrameOffsetVector = modules.decimal_strings([k * step_mm for k in range(slices)])


def _write_dose(ds: Dataset, doses: ComparedDoses, producer: Producer, scaling: str) -> None:
    """Set Image Pixel, General Image and RT Dose (C.8.8.3)."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.DoseUnits, ds.DoseType = "GY", "ERROR"
    ds.DoseSummationType = doses.dose_summation_type
    ds.DoseGridScaling = scaling
    ds.DoseComment = modules.labelled(_COMMENT, producer)[:64]
    if doses.plan is not None:
        plan = modules.sop_reference(doses.plan.sop_class_uid, doses.plan.sop_instance_uid)
        ds.ReferencedRTPlanSequence = DicomSequence([plan])
    ds.SourceImageSequence = DicomSequence(doses.source_items())


def _scaling(difference_gy: npt.NDArray[np.float64]) -> str:
    """Return the step in Gy as a decimal string: the least that reaches the largest difference."""
    largest = float(np.nanmax(np.abs(difference_gy), initial=0.0))
    # Ten digits, rounded up: the string itself must reach as far.
    context = Context(prec=10, rounding=ROUND_CEILING)
    step = max(largest / _LARGEST, _LEAST_SCALING_GY)
    return f"{context.create_decimal(repr(step)):.9E}"


def _pixels(difference_gy: npt.NDArray[np.float64], scaling: float, progress: Progress) -> bytes:
    pixels = np.empty(difference_gy.shape, "<i2")
    for k, plane in enumerate(difference_gy):
        stored = np.clip(np.rint(plane / scaling), -_LARGEST, _LARGEST)
        pixels[k] = np.where(np.isnan(plane), PADDING, stored)
        progress("difference_dicom", 0.8 * (k + 1) / len(difference_gy))
    octets = pixels.tobytes()
    return octets + bytes(len(octets) % 2)
