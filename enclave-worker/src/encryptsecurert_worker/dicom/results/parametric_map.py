"""A gamma map as Parametric Map (PS3.3 A.75): float32 pixels, quantity "gamma index", unit 1.

Gamma is no dose: as RT Dose RELATIVE a viewer might add or normalise it. A voxel that was not
evaluated (below the cutoff, outside, without a local dose) is -1, which is Float Pixel Padding
Value too: neither a pass nor a number that anybody could average unnoticed.

highdicom writes the modules around a template of one frame; what it takes from the clock or from
random numbers is replaced. The frames are added here, in the order of the slices: its constructor
takes two seconds for 200 x 200 x 200 voxels and cannot be interrupted.
"""

from dataclasses import dataclass

import highdicom as hd
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, RTDoseStorage

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.progress import Progress, no_progress
from encryptsecurert_worker.dicom.results import modules
from encryptsecurert_worker.dicom.results.context import Producer, derived_uid
from encryptsecurert_worker.dicom.results.dose_context import ComparedDoses, write_references
from encryptsecurert_worker.dicom.results.dose_vocabulary import (
    GAMMA_INDEX,
    NO_UNITS,
    SOURCE_IMAGE,
)
from encryptsecurert_worker.dicom.results.rtdose import write_plane
from encryptsecurert_worker.dicom.results.vocabulary import CodedTerm

PADDING = -1.0
_STUB_NAME = "Stub^Stub"  # highdicom warns, with the value, of a name of one part


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaPixels:
    """A gamma map and how it came about.

    Attributes
    ----------
    gamma : float32 (k, j, i) on the grid of the reference; NaN where not evaluated.
    cap : what larger values are told as.
    words : the criteria in one line of ASCII.
    """

    gamma: npt.NDArray[np.float32]
    cap: float
    words: str


def make_gamma_map(
    pixels: GammaPixels,
    doses: ComparedDoses,
    producer: Producer,
    *,
    uid_seed: bytes,
    progress: Progress = no_progress,
) -> bytes:
    """Return the octets of a Parametric Map file.

    Parameters
    ----------
    pixels : GammaPixels
    doses : ComparedDoses
    producer : Producer
    uid_seed : at least 16 octets; the same input and seed give the same octets.
    progress : Progress
        Called once a slice; what it raises ends the work.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if the map does not fit the grid.
    """
    if pixels.gamma.shape != doses.grid.shape:
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "the map has another shape")
    progress("gamma_dicom", 0.0)
    ds = _template(pixels, doses, producer, uid_seed)
    _fix_identity(ds, pixels, doses, producer, uid_seed)
    progress("gamma_dicom", 0.1)
    _write_frames(ds, pixels, doses.grid, progress)
    progress("write", 0.9)
    octets = modules.file_octets(ds, ExplicitVRLittleEndian)
    progress("write", 1.0)
    return octets


def _template(
    pixels: GammaPixels,
    doses: ComparedDoses,
    producer: Producer,
    uid_seed: bytes,
) -> Dataset:
    """Return highdicom's object for one frame."""
    grid = doses.grid
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="GAMMA",
        lut_explanation="gamma index, -1: not evaluated",
        unit=_code(NO_UNITS),
        value_range=(0.0, float(pixels.cap)),
        slope=1.0,
        intercept=0.0,
        quantity_definition=_code(GAMMA_INDEX),
    )
    return Dataset(
        hd.pm.ParametricMap(
            source_images=[_source_stub(doses)],
            pixel_array=np.zeros((1, *grid.shape[1:]), np.float32),
            series_instance_uid=derived_uid(uid_seed, "gamma/series"),
            series_number=4,
            sop_instance_uid=derived_uid(uid_seed, "gamma/instance"),
            instance_number=1,
            manufacturer=modules.MANUFACTURER,
            manufacturer_model_name=modules.labelled(modules.MODEL, producer),
            software_versions=producer.version,
            device_serial_number=modules.SERIAL,
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[mapping],
            voi_lut_transformations=[
                hd.VOILUTTransformation(
                    window_center=float(pixels.cap) / 2.0, window_width=float(pixels.cap)
                )
            ],
            content_description=modules.labelled("EncryptSecureRT gamma index", producer),
            content_label="GAMMA",
            pixel_measures=_measures(grid),
            plane_orientation=_orientation(grid),
            plane_positions=[_position(grid, 0)],
        )
    )


def _source_stub(doses: ComparedDoses) -> Dataset:
    """Return what highdicom takes over from or checks in the source: the reference dose.

    It takes every multi-frame image for one with functional groups, so these are there.
    """
    stub = Dataset()
    stub.file_meta = FileMetaDataset()
    stub.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    modules.write_patient_and_study(stub, doses)
    stub.PatientName = _STUB_NAME
    stub.SOPClassUID = RTDoseStorage
    stub.SOPInstanceUID = doses.reference.sop_instance_uid
    stub.SeriesInstanceUID = doses.reference.series_instance_uid
    stub.FrameOfReferenceUID = doses.frame_of_reference_uid
    stub.PositionReferenceIndicator = ""
    stub.Modality = "RTDOSE"
    write_plane(stub, doses.grid)
    groups, place = Dataset(), Dataset()
    groups.PixelMeasuresSequence = _measures(doses.grid)
    groups.PlaneOrientationSequence = _orientation(doses.grid)
    stub.SharedFunctionalGroupsSequence = DicomSequence([groups])
    place.PlanePositionSequence = _position(doses.grid, 0)
    stub.PerFrameFunctionalGroupsSequence = DicomSequence([place])
    stub.NumberOfFrames = 1
    return stub


def _position(grid: ImageGrid, k: int) -> hd.PlanePositionSequence:
    x, y, z, _ = (grid.ijk_to_lps @ (0.0, 0.0, k, 1.0)).tolist()
    return hd.PlanePositionSequence("PATIENT", (x, y, z))


def _measures(grid: ImageGrid) -> hd.PixelMeasuresSequence:
    return hd.PixelMeasuresSequence(
        pixel_spacing=grid.spacing_mm[1:],
        slice_thickness=grid.spacing_mm[0],
        spacing_between_slices=grid.spacing_mm[0],
    )


def _orientation(grid: ImageGrid) -> hd.PlaneOrientationSequence:
    axes = np.asarray(grid.direction).reshape(3, 3)
    orientation = (*axes[:, 0], *axes[:, 1])
    return hd.PlaneOrientationSequence("PATIENT", image_orientation=orientation)


def _code(term: CodedTerm) -> Code:
    return Code(term.value, term.scheme, term.meaning)


def _fix_identity(
    ds: Dataset,
    pixels: GammaPixels,
    doses: ComparedDoses,
    producer: Producer,
    uid_seed: bytes,
) -> None:
    """Replace what highdicom took from the stub, the clock and random numbers."""
    modules.write_patient_and_study(ds, doses)
    modules.write_equipment(ds, producer)
    ds.SeriesDescription = modules.labelled("EncryptSecureRT gamma index", producer)
    ds.Laterality = ""  # type 2C, of what has two sides
    # One value, told as a range of one: readers that know the range alone see it, too.
    ds.FloatPixelPaddingValue = ds.FloatPixelPaddingRangeLimit = PADDING
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        if keyword in ds:
            delattr(ds, keyword)
    ds.ContentDate, ds.ContentTime = modules.FIXED_DATE, modules.FIXED_TIME
    ds.ContentCreatorName = ""
    organization = derived_uid(uid_seed, "gamma/dimensions")
    for item in (*ds.DimensionOrganizationSequence, *ds.get("DimensionIndexSequence", ())):
        item.DimensionOrganizationUID = organization
    _write_derivation(ds, pixels, doses, producer)


def _write_derivation(
    ds: Dataset, pixels: GammaPixels, doses: ComparedDoses, producer: Producer
) -> None:
    """Tell, of all frames, the criteria and both doses (C.7.6.16.2.6, C.12.2)."""
    derivation = Dataset()
    derivation.DerivationDescription = modules.labelled(pixels.words, producer)
    derivation.DerivationCodeSequence = DicomSequence([modules.code_item(GAMMA_INDEX)])
    sources = doses.source_items()
    for source in sources:
        purpose = modules.code_item(SOURCE_IMAGE)
        source.PurposeOfReferenceCodeSequence = DicomSequence([purpose])
    derivation.SourceImageSequence = DicomSequence(sources)
    shared = ds.SharedFunctionalGroupsSequence[0]
    shared.DerivationImageSequence = DicomSequence([derivation])
    write_references(ds, doses)


def _write_frames(ds: Dataset, pixels: GammaPixels, grid: ImageGrid, progress: Progress) -> None:
    """Set the per-frame functional groups and Float Pixel Data (C.7.6.16, C.7.6.24)."""
    slices = grid.shape[0]
    frames = []
    data = bytearray()
    for k, plane in enumerate(pixels.gamma):
        content, groups = Dataset(), Dataset()
        content.DimensionIndexValues = [k + 1]
        groups.FrameContentSequence = DicomSequence([content])
        groups.PlanePositionSequence = _position(grid, k)
        frames.append(groups)
        data += np.where(np.isnan(plane), np.float32(PADDING), plane).astype("<f4").tobytes()
        progress("gamma_dicom", 0.1 + 0.8 * (k + 1) / slices)
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    ds.NumberOfFrames = slices
    ds.FloatPixelData = bytes(data)
