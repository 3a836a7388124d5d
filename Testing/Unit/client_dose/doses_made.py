"""RTDOSE and RTSTRUCT files as `protect` leaves them: small, right, and changed as a test wants."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, ExplicitVRLittleEndian, RTDoseStorage, RTStructureSetStorage

Change = Callable[[FileDataset], Any]
SHAPE = (4, 3, 5)
STORED = np.arange(np.prod(SHAPE)).reshape(SHAPE)
SCALING_GY = 0.125
FRAME = "2.25.7"


def nothing(ds: FileDataset) -> None:
    """Leave a file as it is."""


def dose_file(
    path: Path, change: Change = nothing, stored: npt.NDArray[np.integer] = STORED, bits: int = 32
) -> Path:
    """Write a protected dose of a plan: 4 planes of 3 x 5 voxels, 2.5 x 2 x 3 mm (x, y, z)."""
    ds = _protected(path, RTDoseStorage, "RTDOSE", "2.25.100")
    ds.FrameOfReferenceUID = FRAME
    ds.ImagePositionPatient = [-10.0, 20.0, 30.0]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [2.0, 2.5]
    ds.NumberOfFrames, ds.Rows, ds.Columns = stored.shape
    ds.GridFrameOffsetVector = [3.0 * k for k in range(stored.shape[0])]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, 0
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    ds.DoseGridScaling = SCALING_GY
    plan = Dataset()
    plan.ReferencedSOPClassUID, plan.ReferencedSOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.481.5",
        "2.25.55",
    )
    ds.ReferencedRTPlanSequence = Items([plan])
    ds.PixelData = stored.astype(f"<u{bits // 8}").tobytes()
    change(ds)
    ds.save_as(path, enforce_file_format=True)
    return path


def contour(points: Sequence[Sequence[float]], kind: str = "CLOSED_PLANAR") -> Dataset:
    """Return a contour item."""
    item = Dataset()
    item.ContourGeometricType = kind
    item.NumberOfContourPoints = len(points)
    item.ContourData = [f"{value:g}" for point in points for value in point]
    return item


def square(z_mm: float, half_mm: float = 5.0) -> list[list[float]]:
    """Return the corners of a square around the origin."""
    corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return [[x * half_mm, y * half_mm, z_mm] for x, y in corners]


def structure_file(
    path: Path, regions: Mapping[int, Sequence[Dataset]], change: Change = nothing
) -> Path:
    """Write a protected structure set with these contours by ROI number."""
    ds = _protected(path, RTStructureSetStorage, "RTSTRUCT", "2.25.200")
    rois, drawn = [], []
    for number, contours in regions.items():
        roi, item = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, f"ROI_{number}"
        roi.ReferencedFrameOfReferenceUID = FRAME
        item.ReferencedROINumber, item.ROIDisplayColor = number, [255, 10 * number, 0]
        item.ContourSequence = Items(contours)
        rois.append(roi)
        drawn.append(item)
    ds.StructureSetROISequence, ds.ROIContourSequence = Items(rois), Items(drawn)
    change(ds)
    ds.save_as(path, enforce_file_format=True)
    return path


def _protected(path: Path, sop_class: str, modality: str, instance: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(instance)
    ds = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    ds.SOPClassUID, ds.SOPInstanceUID = UID(sop_class), UID(instance)
    ds.Modality = modality
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "2.25.1", "2.25.2"
    ds.PatientID, ds.PatientIdentityRemoved = "PAAAAAAAAAAAAAAAA", "YES"
    ds.EncryptedAttributesSequence = Items([Dataset()])
    return ds
