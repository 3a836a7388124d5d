"""Small CT series on disk, which a test damages in one way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

ROWS, COLUMNS, SLICES = 5, 6, 4


def make_slice(k: int) -> Dataset:
    """Return slice k of the series: stored value 100 k + 10 j + i + 1024, intercept -1024."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = UID(f"1.2.3.4.{k + 1}")
    ds.Modality = "CT"
    ds.PatientName = "Canary^Patient"
    ds.PatientID = "CANARY-ID"
    ds.StudyInstanceUID = UID("1.2.3.1")
    ds.SeriesInstanceUID = UID("1.2.3.2")
    ds.FrameOfReferenceUID = UID("1.2.3.3")
    ds.ImagePositionPatient = [-10.0, -20.0, 30.0 + 2.5 * k]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing = [0.75, 0.5]
    ds.SliceThickness = 2.5
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    j, i = np.mgrid[:ROWS, :COLUMNS]
    ds.PixelData = (100 * k + 10 * j + i + 1024).astype("<u2").tobytes()
    return ds


def protect(ds: Dataset) -> None:
    """Give a slice the two marks of the protected form."""
    ds.PatientIdentityRemoved = "YES"
    item = Dataset()
    item.EncryptedContentTransferSyntaxUID = ExplicitVRLittleEndian
    item.EncryptedContent = bytes(64)
    ds.EncryptedAttributesSequence = Sequence([item])


WriteSeries = Callable[..., Path]


@pytest.fixture
def write_series(tmp_path: Path) -> WriteSeries:
    """Return a function that writes a series and takes a change for each slice."""

    def write(change: Callable[[Dataset, int], None] | None = None, slices: int = SLICES) -> Path:
        folder = tmp_path / "series"
        folder.mkdir(exist_ok=True)
        # File names run against the order of slices, so that nothing can lean on them.
        for k in range(slices):
            ds = make_slice(k)
            if change is not None:
                change(ds, k)
            ds.save_as(folder / f"{slices - k:03}", enforce_file_format=True)
        return folder

    return write


@pytest.fixture
def protect_slice() -> Callable[[Dataset], None]:
    return protect
