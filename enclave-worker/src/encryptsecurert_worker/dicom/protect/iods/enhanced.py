"""Allow-lists of enhanced and legacy converted enhanced CT, MR and PET (PS3.3 A.36, A.38, A.56).

Of the functional groups only geometry, values, windows, order and frame types stay.
"""

from encryptsecurert_worker.dicom.protect.iods.frames import (
    ANATOMY,
    CONCATENATION,
    CONTENT,
    DESCRIPTION,
    DIMENSIONS,
    EVENT,
    GEOMETRY,
    MR_CONTRASTS,
    VALUES,
    frame_type,
    functional_groups,
)
from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_IMAGE,
    COMMON_INSTANCE_REFERENCES,
    ENHANCED_EQUIPMENT,
    FRAME_OF_REFERENCE,
    PIXELS,
    image_type,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    ONE_IF,
    THREE,
    Rows,
    because,
    codes,
    empty,
    fixed,
    fixed_dates,
    items,
    numbers,
    table,
    term,
    terms,
)

_STORAGE = b"1.2.840.10008.5.1.4.1.1."
_CT_TYPES = "AXIAL LOCALIZER VOLUME PERFUSION NONE CARDIAC REFORMATTED AVERAGE RESAMPLED MIXED"
_MR_TYPES = """
    ANGIO CARDIAC DIFFUSION DYNAMIC FLOW_ENCODED FLUID_ATTENUATED FLUOROSCOPY LOCALIZER MOTION
    MULTIECHO M_MODE MR_BOLUS OTHER PERFUSION PROTON_DENSITY REALTIME SPECTROSCOPY STRESS T1 T2
    T2_STAR TOF VELOCITY NONE MIXED ADDITION AVERAGE DIFFUSION_ANISO ADC
"""
_PET_TYPES = "STATIC DYNAMIC GATED WHOLE_BODY VOLUME NONE MIXED"

_GENERAL = table(
    ANY_IMAGE,
    FRAME_OF_REFERENCE,
    PIXELS,
    numbers(ONE, "InstanceNumber", "NumberOfFrames"),
    fixed_dates(ONE, "ContentDate", "ContentTime"),
    fixed_dates(ONE_IF, "AcquisitionDateTime"),
    numbers(ONE_IF, "AcquisitionDuration"),
    ENHANCED_EQUIPMENT,
    empty(ONE_IF, "AcquisitionContextSequence"),
    DESCRIPTION,
    term(ONE_IF, "ContentQualification", "PRODUCT RESEARCH SERVICE"),
    term(ONE_IF, "PresentationLUTShape", "IDENTITY"),
    term(ONE_IF, "BurnedInAnnotation", "NO"),
    CONCATENATION,
    DIMENSIONS,
    COMMON_INSTANCE_REFERENCES,
)
_FALLBACK = "DERIVED\\SECONDARY\\%s\\NONE"
# What a converter could not place is sealed; its sequences, which must be there, have empty items.
_LEGACY = table(
    items(ONE_IF, "UnassignedPerFrameConvertedAttributesSequence"),
    items(ONE_IF, "UnassignedSharedConvertedAttributesSequence"),
)
_GROUPS = table(GEOMETRY, CONTENT, VALUES, ANATOMY, EVENT, _LEGACY)


def _kind(name: str, numbers_of_classes: tuple[bytes, ...], *rows: Rows) -> Iod:
    storages = tuple(_STORAGE + number for number in numbers_of_classes)
    return Iod(
        name=name,
        sop_classes=frozenset(storages),
        pixels=HasPixels.ALWAYS,
        rules=table(sop_class(*storages), _GENERAL, *rows),
    )


_PULSE_SEQUENCE = table(
    because("", fixed(ONE_IF, "PulseSequenceName", "NONE")),
    term(ONE_IF, "MRAcquisitionType", "1D 2D 3D"),
    term(ONE_IF, "EchoPulseSequence", "SPIN GRADIENT BOTH"),
    terms(
        ONE_IF,
        "MultipleSpinEcho MultiPlanarExcitation PhaseContrast TimeOfFlightContrast "
        "EchoPlanarPulseSequence SaturationRecovery",
        "YES NO",
    ),
    term(ONE_IF, "ArterialSpinLabelingContrast", "CONTINUOUS PSEUDOCONTINUOUS PULSED"),
    term(ONE_IF, "SteadyStatePulseSequence", "FREE_PRECESSION TRANSVERSE TIME_REVERSED NONE"),
    term(ONE_IF, "SpectrallySelectedSuppression", "FAT WATER FAT_AND_WATER SILICON_GEL NONE"),
    term(ONE_IF, "OversamplingPhase", "2D 3D 2D_3D NONE"),
    term(ONE_IF, "GeometryOfKSpaceTraversal", "RECTILINEAR RADIAL SPIRAL"),
    term(ONE_IF, "SegmentedKSpaceTraversal", "SINGLE PARTIAL FULL"),
    term(
        ONE_IF,
        "RectilinearPhaseEncodeReordering",
        "LINEAR CENTRIC SEGMENTED REVERSE_LINEAR REVERSE_CENTRIC",
    ),
    term(ONE_IF, "CoverageOfKSpace", "FULL CYLINDRICAL ELLIPSOIDAL WEIGHTED"),
)

ENHANCED_CT = _kind(
    "enhanced CT image",
    (b"2.1", b"2.2"),
    term(ONE, "Modality", "CT", "CT"),
    image_type(_CT_TYPES, _FALLBACK % "VOLUME"),
    functional_groups(
        _GROUPS, frame_type("CTImageFrameTypeSequence", _CT_TYPES, _FALLBACK % "VOLUME")
    ),
)
ENHANCED_MR = _kind(
    "enhanced MR image",
    (b"4.1", b"4.4"),
    term(ONE, "Modality", "MR", "MR"),
    image_type(_MR_TYPES, _FALLBACK % "OTHER"),
    term(ONE_IF, "ComplexImageComponent", "MAGNITUDE PHASE REAL IMAGINARY MIXED"),
    term(ONE_IF, "AcquisitionContrast", MR_CONTRASTS),
    term(ONE_IF, "ResonantNucleus", "1H 3HE 7LI 13C 19F 23NA 31P 129XE"),
    term(
        ONE_IF,
        "KSpaceFiltering",
        "COSINE COSINE_SQUARED FERMI GAUSSIAN HAMMING HANNING LORENTZIAN LRNTZ_GSS_TRNSFM RIESZ "
        "TUKEY USER_DEFINED NONE",
    ),
    numbers(ONE_IF, "MagneticFieldStrength", "NumberOfKSpaceTrajectories"),
    _PULSE_SEQUENCE,
    functional_groups(
        _GROUPS, frame_type("MRImageFrameTypeSequence", _MR_TYPES, _FALLBACK % "OTHER")
    ),
)
ENHANCED_PET = _kind(
    "enhanced PET image",
    (b"130", b"128.1"),
    term(ONE, "Modality", "PT", "PT"),
    image_type(_PET_TYPES, _FALLBACK % "VOLUME"),
    items(
        ONE_IF,
        "RadiopharmaceuticalInformationSequence",
        numbers(ONE, "RadionuclideHalfLife", "RadionuclidePositronFraction"),
        codes(ONE_IF, "RadionuclideCodeSequence"),
        numbers(THREE, "RadiopharmaceuticalAgentNumber"),
    ),
    functional_groups(
        _GROUPS, frame_type("PETFrameTypeSequence", _PET_TYPES, _FALLBACK % "VOLUME")
    ),
)
