"""Writes two doses of the CT phantom as RTDOSE files with a full, identifying header.

They are of the same patient, study and frame of reference as the CT of `phantom_files`, each in a
series of its own, and differ as `encryptsecurert_rt.phantoms.dose_pairs` says.
"""

from pathlib import Path

import numpy as np
from phantom_files import PLANTED, ROOT_UID
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, RTDoseStorage, RTPlanStorage

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.phantoms.dose_pairs import HARD_PAIR, dose_pair

SHAPE, SPACING_MM, SEED = (80, 66, 96), 4.0, 218
_SCALING_GY = 1e-6
_FIRST_SERIES = 11


def write_phantom_doses(folder: Path) -> tuple[Path, Path]:
    """Write the planned dose and a moved one; return their paths in this order."""
    pair = dose_pair(HARD_PAIR, shape=SHAPE, spacing_mm=SPACING_MM, seed=SEED)
    folder.mkdir(parents=True, exist_ok=True)
    planned, moved = folder / "RD0001.dcm", folder / "RD0002.dcm"
    for number, (path, dose) in enumerate(zip((planned, moved), pair, strict=True)):
        _file(dose, _FIRST_SERIES + number).save_as(path, enforce_file_format=True)
    return planned, moved


def _file(dose: DoseGrid, series: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = RTDoseStorage
    meta.MediaStorageSOPInstanceUID = UID(f"{ROOT_UID}.{series}.3.1")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    for keyword, value in PLANTED.items():
        setattr(ds, keyword, value)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID, ds.SOPInstanceUID = RTDoseStorage, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT_UID}.1", f"{ROOT_UID}.{series}.2"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = f"{ROOT_UID}.4", ""
    ds.Modality, ds.Manufacturer, ds.PatientSex = "RTDOSE", "Planted Planning Ltd", "O"
    ds.SeriesNumber, ds.InstanceNumber = str(series), "1"
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    ds.DoseGridScaling = f"{_SCALING_GY:g}"
    ds.DoseComment = PLANTED["PatientComments"]
    _grid(ds, dose)
    plan = Dataset()
    plan.ReferencedSOPClassUID, plan.ReferencedSOPInstanceUID = RTPlanStorage, f"{ROOT_UID}.21.3.1"
    ds.ReferencedRTPlanSequence = Sequence([plan])
    return ds


def _grid(ds: FileDataset, dose: DoseGrid) -> None:
    grid = dose.grid
    ds.NumberOfFrames, ds.Rows, ds.Columns = grid.shape
    ds.ImagePositionPatient = [f"{v:.10g}" for v in grid.origin_lps_mm]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.PixelSpacing = [f"{grid.spacing_mm[1]:.10g}", f"{grid.spacing_mm[2]:.10g}"]
    ds.SliceThickness = f"{grid.spacing_mm[0]:.10g}"
    ds.GridFrameOffsetVector = [f"{k * grid.spacing_mm[0]:.10g}" for k in range(grid.shape[0])]
    ds.FrameIncrementPointer = 0x3004000C
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 32
    ds.HighBit, ds.PixelRepresentation = 31, 0
    ds.PixelData = np.rint(dose.dose_gy / _SCALING_GY).astype("<u4").tobytes()
