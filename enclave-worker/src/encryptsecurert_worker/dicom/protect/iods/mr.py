"""Allow-list of MR Image Storage (PS3.3 A.4).

Vendors scale MR values in private elements; these are sealed, so a viewer of the protected copy
shows the values as they are stored.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod
from encryptsecurert_worker.dicom.protect.iods.iod import Pixels as HasPixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_IMAGE,
    FRAME_OF_REFERENCE,
    PIXELS,
    PLANE,
    RESCALE,
    WINDOW,
    image_type,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    THREE,
    TWO,
    TWO_IF,
    numbers,
    table,
    term,
)

MR_IMAGE_STORAGE = b"1.2.840.10008.5.1.4.1.1.4"

MR = Iod(
    name="MR image",
    sop_classes=frozenset([MR_IMAGE_STORAGE]),
    pixels=HasPixels.ALWAYS,
    rules=table(
        sop_class(MR_IMAGE_STORAGE),
        ANY_IMAGE,
        FRAME_OF_REFERENCE,
        PLANE,
        PIXELS,
        RESCALE,
        WINDOW,
        image_type(
            "DENSITY_MAP DIFFUSION_MAP IMAGE_ADDITION MODULUS_SUBTRACT MPR OTHER PHASE_MAP "
            "PHASE_SUBTRACT PROJECTION_IMAGE T1_MAP T2_MAP VELOCITY_MAP M M_FFE M_SE M_IR P R I",
            "DERIVED\\SECONDARY\\OTHER",
        ),
        term(ONE, "Modality", "MR", "MR"),
        term(ONE, "ScanningSequence", "SE IR GR EP RM", "RM"),
        term(ONE, "SequenceVariant", "SK MTC SS TRSS SP MP OSP NONE", "NONE"),
        term(TWO, "ScanOptions", "PER RG CG PPG FC PFF PFP SP FS"),
        term(TWO, "MRAcquisitionType", "2D 3D"),
        numbers(TWO, "EchoTime", "EchoTrainLength"),
        numbers(TWO_IF, "RepetitionTime", "InversionTime", "TriggerTime"),
        numbers(THREE, "FlipAngle", "MagneticFieldStrength", "NumberOfAverages", "EchoNumbers"),
        numbers(THREE, "ImagingFrequency", "NumberOfPhaseEncodingSteps", "PercentSampling"),
        numbers(THREE, "PercentPhaseFieldOfView", "PixelBandwidth", "AcquisitionMatrix"),
        numbers(THREE, "DiffusionBValue", "DiffusionGradientOrientation"),
        numbers(THREE, "NumberOfTemporalPositions", "TemporalPositionIdentifier"),
        term(THREE, "ImagedNucleus", "1H 3HE 7LI 13C 19F 23NA 31P 129XE"),
        term(THREE, "InPlanePhaseEncodingDirection", "COL ROW"),
    ),
)
