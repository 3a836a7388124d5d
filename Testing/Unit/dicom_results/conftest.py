"""A protected reference series with structures in it, and its CT files for the peers."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import Structure
from encryptsecurert_worker.dicom.results import Producer, ReferenceSeries, StructureMask

SHAPE = (7, 33, 45)  # rows x columns is no multiple of 8: frames share octets
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
COS, SIN = np.cos(0.3), np.sin(0.3)
OBLIQUE = (COS, 0.0, SIN, 0.0, 1.0, 0.0, -SIN, 0.0, COS)  # turned about the y axis


def make_grid(direction: tuple[float, ...]) -> ImageGrid:
    return ImageGrid(
        shape=SHAPE,
        spacing_mm=(3.0, 0.9765625, 1.25),
        origin_lps_mm=(-31.5, -20.25, 100.0),
        direction=direction,
    )


def make_reference(grid: ImageGrid) -> ReferenceSeries:
    return ReferenceSeries(
        study_instance_uid="2.25.101",
        series_instance_uid="2.25.102",
        frame_of_reference_uid="2.25.103",
        sop_class_uid=CTImageStorage,
        sop_instance_uids=tuple(f"2.25.{1000 + k}" for k in range(grid.shape[0])),
        patient_pseudonym="PABCDEFGH23456723",
        grid=grid,
    )


def make_structures() -> list[StructureMask]:
    """Return a body with a hole in it, two lungs in it, and no skeleton."""
    slices, rows, columns = SHAPE
    k, j, i = np.mgrid[:slices, :rows, :columns]
    centre_j, centre_i = rows / 2, columns / 2
    body = ((j - centre_j) / (0.45 * rows)) ** 2 + ((i - centre_i) / (0.46 * columns)) ** 2 < 1
    body &= ~((j - centre_j) ** 2 + (i - centre_i) ** 2 < 9)
    right = ((j - centre_j) ** 2 + (i - 0.3 * columns) ** 2 < 25) & (k > 0) & (k < slices - 2)
    left = ((j - centre_j) ** 2 + (i - 0.7 * columns) ** 2 < 16) & (k > 1)
    return [
        StructureMask(key=Structure.BODY, mask=body),
        StructureMask(key=Structure.LUNG_LEFT, mask=left),
        StructureMask(key=Structure.LUNG_RIGHT, mask=right),
        StructureMask(key=Structure.SKELETON, mask=np.zeros(SHAPE, np.bool_)),
    ]


def write_ct_files(folder: Path, reference: ReferenceSeries) -> None:
    """Write the slices of the reference, all air, as a peer needs them for the grid."""
    grid = reference.grid
    axes = np.asarray(grid.direction).reshape(3, 3)
    for k, uid in enumerate(reference.sop_instance_uids):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = UID(uid)
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = CTImageStorage
        ds.SOPInstanceUID = UID(uid)
        ds.Modality = "CT"
        ds.PatientName = ds.PatientID = reference.patient_pseudonym
        ds.StudyInstanceUID = reference.study_instance_uid
        ds.SeriesInstanceUID = reference.series_instance_uid
        ds.FrameOfReferenceUID = reference.frame_of_reference_uid
        ds.InstanceNumber = k + 1
        ds.Rows, ds.Columns = grid.shape[1:]
        ds.PixelSpacing = list(grid.spacing_mm[1:])
        ds.SliceThickness = grid.spacing_mm[0]
        ds.ImageOrientationPatient = [round(float(v), 8) for v in (*axes[:, 0], *axes[:, 1])]
        position = grid.ijk_to_lps @ (0, 0, k, 1)
        ds.ImagePositionPatient = [round(float(v), 6) for v in position[:3]]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
        ds.RescaleSlope, ds.RescaleIntercept = 1, 0
        ds.PixelData = np.full(grid.shape[1:], -1000, "<i2").tobytes()
        ds.save_as(folder / f"{k:03}.dcm", enforce_file_format=True)


@pytest.fixture(params=[AXIAL, OBLIQUE], ids=["axial", "oblique"])
def reference(request: pytest.FixtureRequest) -> ReferenceSeries:
    """Give the series, once along the patient's axes and once turned."""
    return make_reference(make_grid(direction=request.param))


@pytest.fixture
def structures() -> list[StructureMask]:
    return make_structures()


@pytest.fixture
def producer() -> Producer:
    return Producer(version="0.1.0", measurement="ab" * 32, simulated=False)


@pytest.fixture
def simulated_producer() -> Producer:
    return Producer(version="0.1.0", measurement="ab" * 32, simulated=True)


@pytest.fixture
def seed() -> bytes:
    return bytes(range(32))


@pytest.fixture
def ct_folder(tmp_path: Path, reference: ReferenceSeries) -> Path:
    """Write the files of the series, for peers that need them."""
    folder = tmp_path / "ct"
    folder.mkdir()
    write_ct_files(folder, reference)
    return folder
