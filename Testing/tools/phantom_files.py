"""Writes a CT volume as DICOM files with a full, identifying header, as a scanner would.

The identifiers are planted: whoever looks for leaks knows exactly what must not appear anywhere.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from encryptsecurert_rt.geometry import ImageGrid

ROOT_UID = "1.3.6.1.4.1.99999.7"
PLANTED = {
    "PatientName": "Canary^Planted^Q",
    "PatientID": "CANARY-4711",
    "PatientBirthDate": "19510307",
    "PatientAddress": "Canarystreet 12 Planttown",
    "StudyDate": "20260918",
    "StudyTime": "101112",
    "SeriesDate": "20260918",
    "AcquisitionDate": "20260919",
    "ContentDate": "20260919",
    "AccessionNumber": "ACC-CANARY-9",
    "ReferringPhysicianName": "Planted^Referrer",
    "OperatorsName": "Planted^Operator",
    "InstitutionName": "Canary General Hospital",
    "InstitutionAddress": "Planted Avenue 1",
    "StationName": "CANARYCT01",
    "StudyDescription": "Canary thorax planning",
    "SeriesDescription": "Planted series 2.5mm",
    "ProtocolName": "PlantedProtocol",
    "DeviceSerialNumber": "SN-CANARY-77",
    "StudyID": "CANARYSTUDY",
    "PatientComments": "Planted comment about the patient",
}


def planted_texts() -> tuple[str, ...]:
    """Return every planted value, and the UIDs' root."""
    return (*PLANTED.values(), ROOT_UID)


def write_ct_series(
    folder: Path, hu: npt.NDArray[np.int16], grid: ImageGrid, *, series: int = 1
) -> list[Path]:
    """Write one file for each slice of `hu` (k, j, i) and return their paths in order of k."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k in range(grid.shape[0]):
        path = folder / f"IM{k + 1:04d}.dcm"
        _slice(hu, grid, k, series).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _slice(hu: npt.NDArray[np.int16], grid: ImageGrid, k: int, series: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = UID(f"{ROOT_UID}.{series}.3.{k + 1}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = "CANARYCT01"
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    for keyword, value in PLANTED.items():
        setattr(dataset, keyword, value)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = f"{ROOT_UID}.1"
    dataset.SeriesInstanceUID = f"{ROOT_UID}.{series}.2"
    dataset.FrameOfReferenceUID = f"{ROOT_UID}.4"
    dataset.Modality = "CT"
    dataset.Manufacturer = "Planted Scanners Ltd"
    dataset.PatientSex = "O"
    dataset.PatientPosition = "HFS"
    dataset.PositionReferenceIndicator = ""
    dataset.KVP = "120"
    dataset.SeriesNumber = str(series)
    dataset.InstanceNumber = str(k + 1)
    dataset.AcquisitionNumber = "1"
    dataset.RequestAttributesSequence = Sequence([_request()])
    _private(dataset)
    _geometry(dataset, grid, k)
    _pixels(dataset, hu[k])
    return dataset


def _request() -> Dataset:
    item = Dataset()
    item.RequestedProcedureDescription = PLANTED["StudyDescription"]
    item.RequestedProcedureID = PLANTED["AccessionNumber"]
    return item


def _private(dataset: Dataset) -> None:
    block = dataset.private_block(0x0019, "CANARY VENDOR", create=True)
    block.add_new(0x01, "LO", PLANTED["PatientID"])


def _geometry(dataset: Dataset, grid: ImageGrid, k: int) -> None:
    axes = np.asarray(grid.direction).reshape(3, 3)
    position = (grid.ijk_to_lps @ (0, 0, k, 1))[:3]
    dataset.ImageOrientationPatient = [f"{v:.6g}" for v in (*axes[:, 0], *axes[:, 1])]
    dataset.ImagePositionPatient = [f"{v:.10g}" for v in position]
    dataset.PixelSpacing = [f"{grid.spacing_mm[1]:.10g}", f"{grid.spacing_mm[2]:.10g}"]
    dataset.SliceThickness = f"{grid.spacing_mm[0]:.10g}"
    dataset.SliceLocation = f"{position[2]:.10g}"


def _pixels(dataset: Dataset, hu: npt.NDArray[np.int16]) -> None:
    dataset.Rows, dataset.Columns = hu.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept = "0"
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    dataset.PixelData = hu.astype("<i2").tobytes()
