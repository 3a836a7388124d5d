"""What an association is proposed for (PS3.8 section 9.3.2.2): 128 presentation contexts at most.

A PACS picks one transfer syntax of each context. So that it need not transcode, each kind of
object has a context for uncompressed data and one for each compression that is handled; what
does not fit into 128 is left out, compressions of the last kinds first.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydicom import uid

from encryptsecurert_protocol.headers import ENCAPSULATED_SYNTAXES
from EncryptSecureRTLib.client.pacs.model import Outgoing

if TYPE_CHECKING:
    from pynetdicom.presentation import PresentationContext

MOST_CONTEXTS = 128
# PS3.4 Annex A and table C.6.2-1.
VERIFICATION = uid.UID("1.2.840.10008.1.1")
STUDY_ROOT_FIND = uid.UID("1.2.840.10008.5.1.4.1.2.2.1")
STUDY_ROOT_MOVE = uid.UID("1.2.840.10008.5.1.4.1.2.2.2")
STUDY_ROOT_GET = uid.UID("1.2.840.10008.5.1.4.1.2.2.3")
UNCOMPRESSED = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)
COMPRESSED = tuple(sorted(uid.UID(one.decode("ascii")) for one in ENCAPSULATED_SYNTAXES))

_WITH_PIXELS = (
    uid.CTImageStorage,
    uid.MRImageStorage,
    uid.PositronEmissionTomographyImageStorage,
    uid.NuclearMedicineImageStorage,
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.EnhancedCTImageStorage,
    uid.EnhancedMRImageStorage,
    uid.EnhancedPETImageStorage,
    uid.SecondaryCaptureImageStorage,
    uid.UltrasoundImageStorage,
    uid.RTImageStorage,
)
_WITHOUT = (
    uid.RawDataStorage,  # manifests
    uid.RTStructureSetStorage,
    uid.RTPlanStorage,
    uid.RTIonPlanStorage,
    uid.RTDoseStorage,
    uid.RTBeamsTreatmentRecordStorage,
    uid.RTIonBeamsTreatmentRecordStorage,
    uid.RTBrachyTreatmentRecordStorage,
    uid.RTTreatmentSummaryRecordStorage,
    uid.SegmentationStorage,
    uid.SpatialRegistrationStorage,
    uid.DeformableSpatialRegistrationStorage,
    uid.RealWorldValueMappingStorage,
    uid.BasicTextSRStorage,
    uid.EnhancedSRStorage,
    uid.ComprehensiveSRStorage,
    uid.Comprehensive3DSRStorage,
    uid.XRayRadiationDoseSRStorage,
    uid.KeyObjectSelectionDocumentStorage,
    uid.GrayscaleSoftcopyPresentationStateStorage,
    uid.EncapsulatedPDFStorage,
)
ALL_KINDS = (*_WITH_PIXELS, *_WITHOUT)
"""What is asked for where a PACS does not say which kinds a study has."""


def kinds_of(sop_classes: Iterable[str]) -> Sequence[uid.UID]:
    """Return the kinds to propose for a study: those it has, or all where nobody knows."""
    return [uid.UID(one) for one in sorted(sop_classes)] or ALL_KINDS


def to_receive(kinds: Sequence[uid.UID], most: int) -> "list[PresentationContext]":
    """Return contexts for data sets that come, `most` at most."""
    from pynetdicom import build_context

    contexts = [build_context(kind, list(UNCOMPRESSED)) for kind in kinds]
    for kind in kinds:
        if kind not in _WITHOUT:
            contexts += [build_context(kind, syntax) for syntax in COMPRESSED]
    return contexts[:most]


def to_listen() -> "list[PresentationContext]":
    """Return contexts for a storage SCP: the peer proposes, so there is no limit."""
    from pynetdicom import build_context

    return [build_context(kind, [*UNCOMPRESSED, *COMPRESSED]) for kind in ALL_KINDS]


def to_send(files: Iterable[Outgoing]) -> "list[PresentationContext]":
    """Return a context for each pair of kind and transfer syntax, in which it goes as it is."""
    from pynetdicom import build_context

    pairs = dict.fromkeys((one.sop_class, one.syntax) for one in files)
    return [build_context(kind, syntax) for kind, syntax in pairs]
