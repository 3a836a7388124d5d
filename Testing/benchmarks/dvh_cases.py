"""The cases of `bench_dvh.py`: bodies in a linear dose, as contours and as DICOM files for peers.

Forty after Nelms et al. (Med Phys 42 (2015) 4435): five bodies, two gradients, and four pairs of
dose grid and slice spacing; then what is known to be hard. The dose is 40 Gy at the middle and not
16 Gy, so that grids may be wider than the body and hold no negative dose; no grid is aligned with
the body. Planes are in the middle of slabs which cover the body exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.phantoms.bodies import Cone, Cylinder, Sphere
from encryptsecurert_rt.phantoms.contour_stacks import HoleStyle, StackOptions, contour_stack
from encryptsecurert_rt.phantoms.nelms import (
    LinearDose,
    LinearDvh,
    grid_around,
    nelms_bodies,
    nelms_doses,
)

FloatArray = npt.NDArray[np.float64]

CENTRE_GY = 40.0
PAIRS_MM = ((0.4, 0.2), (1.0, 1.0), (2.0, 1.0), (3.0, 3.0))  # dose grid, slices
SCALING_GY = 1e-7  # of the stored integers: 32 bits hold 429 Gy
RT_STRUCT = UID("1.2.840.10008.5.1.4.1.1.481.3")
RT_DOSE = UID("1.2.840.10008.5.1.4.1.1.481.2")
_OFFSET = (0.13, 0.29, 0.37)  # of a voxel, along i, j, k


@dataclass(frozen=True, slots=True, kw_only=True)
class DvhCase:
    """One structure in one dose, with its exact histogram.

    Attributes
    ----------
    name : str
    contours : float64 (n, 3) LPS mm each.
    dose : DoseGrid
    truth : LinearDvh of the covered part, of which `covered` tells the share of the volume.
    """

    name: str
    contours: tuple[FloatArray, ...]
    dose: DoseGrid
    truth: LinearDvh
    covered: float = 1.0


def nelms_cases() -> Iterator[DvhCase]:
    """Give the forty cases."""
    for spacing_mm, slices_mm in PAIRS_MM:
        for body_name, body in nelms_bodies().items():
            for dose_name, dose in nelms_doses().items():
                yield _case(
                    f"{body_name}, {dose_name}, dose {spacing_mm:g} mm, slices {slices_mm:g} mm",
                    body,
                    replace(dose, centre_gy=CENTRE_GY),
                    spacing_mm,
                    StackOptions(slice_spacing_mm=slices_mm),
                )


def hard_cases() -> Iterator[DvhCase]:
    """Give what tools are known to stumble over."""
    upward = replace(nelms_doses()["superior"], centre_gy=CENTRE_GY)
    backward = replace(nelms_doses()["posterior"], centre_gy=CENTRE_GY)
    ball, shell = Sphere(radius_mm=12.0), Sphere(radius_mm=12.0, inner_radius_mm=7.0)
    one = StackOptions(slice_spacing_mm=1.0)
    yield _case("sphere of 3 mm radius", Sphere(radius_mm=3.0), upward, 2.5, one)
    yield _case("hole, ring in ring", shell, backward, 2.0, one)
    keyhole = replace(one, holes=HoleStyle.KEYHOLE)
    yield _case("hole, keyhole", shell, backward, 2.0, keyhole)
    whole = _case("sphere half outside the grid", ball, backward, 2.0, one)
    yield replace(whole, dose=_right_half(whole.dose, backward), covered=0.5)
    # Planes at -4.5 and 3.5 bound the gap; half a slice of 1 mm belongs to each.
    gap = _case(
        "gap of 7 planes",
        Cylinder(radius_mm=12.0, height_mm=24.0),
        upward,
        2.0,
        replace(one, gap_mm=(-4.5, 3.5)),
    )
    yield replace(gap, truth=replace(gap.truth, gap_mm=(-4.0, 3.0)))


def _case(
    name: str,
    body: Sphere | Cylinder | Cone,
    dose: LinearDose,
    spacing_mm: float,
    options: StackOptions,
) -> DvhCase:
    i, j, k = (part * spacing_mm for part in _OFFSET)
    grid = grid_around(body, (spacing_mm,) * 3, margin_mm=1.5 * spacing_mm, offset_mm=(i, j, k))
    return DvhCase(
        name=name,
        contours=contour_stack(body, options),
        dose=dose.on(grid),
        truth=LinearDvh(body=body, dose=dose),
    )


def _right_half(dose: DoseGrid, field: LinearDose) -> DoseGrid:
    """Shift a grid along x so that its support ends at x = 0, the middle of the body."""
    grid = dose.grid
    x, y, z = grid.origin_lps_mm
    last = x + (grid.shape[2] - 1) * grid.spacing_mm[2]
    return field.on(replace(grid, origin_lps_mm=(x - last, y, z)))


def write_dicom(case: DvhCase, folder: Path) -> None:
    """Write a structure set with one structure, number 1, and a dose, into an empty folder."""
    study, frame, plan = generate_uid(), generate_uid(), generate_uid()
    structures = _start(RT_STRUCT, "RTSTRUCT", study, frame)
    structures.StructureSetLabel = "BENCH"
    roi, observation, drawn = Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "Body", frame
    roi.ROIGenerationAlgorithm = ""
    observation.ObservationNumber = observation.ReferencedROINumber = 1
    observation.RTROIInterpretedType, observation.ROIInterpreter = "ORGAN", ""
    drawn.ReferencedROINumber, drawn.ROIDisplayColor = 1, [255, 0, 0]
    drawn.ContourSequence = [_contour(ring) for ring in case.contours]
    structures.StructureSetROISequence = [roi]
    structures.ROIContourSequence = [drawn]
    structures.RTROIObservationsSequence = [observation]
    structures.save_as(folder / "structures.dcm", enforce_file_format=True)
    _dose(case.dose, study, frame, plan).save_as(folder / "dose.dcm", enforce_file_format=True)


def _contour(ring: FloatArray) -> Dataset:
    contour = Dataset()
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(ring)
    contour.ContourData = [f"{value:.6f}" for value in ring.ravel()]
    return contour


def _dose(dose: DoseGrid, study: str, frame: str, plan: str) -> Dataset:
    ds = _start(RT_DOSE, "RTDOSE", study, frame)
    grid = dose.grid
    ds.NumberOfFrames, ds.Rows, ds.Columns = grid.shape
    ds.PixelSpacing = [grid.spacing_mm[1], grid.spacing_mm[2]]
    ds.ImagePositionPatient = [f"{value:.6f}" for value in grid.origin_lps_mm]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.GridFrameOffsetVector = [f"{k * grid.spacing_mm[0]:.6f}" for k in range(grid.shape[0])]
    ds.FrameIncrementPointer = 0x3004000C
    ds.SliceThickness = grid.spacing_mm[0]
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    ds.DoseGridScaling = f"{SCALING_GY:g}"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 32
    ds.HighBit, ds.PixelRepresentation = 31, 0
    ds.PixelData = np.rint(dose.dose_gy / SCALING_GY).astype("<u4").tobytes()
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.5"
    referenced.ReferencedSOPInstanceUID = plan
    ds.ReferencedRTPlanSequence = [referenced]
    return ds


def _start(sop_class: UID, modality: str, study: str, frame: str) -> Dataset:
    ds, meta = Dataset(), FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta = meta
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, generate_uid(), frame
    ds.Modality, ds.PatientID, ds.PatientName = modality, "BENCH", "BENCH"
    ds.Manufacturer = "bench"
    return ds
