"""Allow-lists of structured reports and key objects (PS3.3 A.35).

No text of a report is safe, so its whole content is sealed; in clear stays a valid document with
a title and nothing below it. Of key objects the references stay, and no description.
"""

from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.modules import (
    ANY_OBJECT,
    EVIDENCE,
    FRAME_REFERENCE,
    sop_class,
)
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ANY_DATE,
    ANY_TIME,
    ONE,
    ONE_IF,
    TWO,
    Rows,
    codes,
    empty,
    fixed,
    items,
    numbers,
    selecting,
    table,
    term,
)

KEY_OBJECT_STORAGE = b"1.2.840.10008.5.1.4.1.1.88.59"
SR_STORAGES = tuple(
    b"1.2.840.10008.5.1.4.1.1.88." + number
    for number in (
        *(b"11", b"22", b"33", b"34"),  # basic text, enhanced, comprehensive, comprehensive 3D
        *(b"65", b"67"),  # chest CAD, X-ray radiation dose
    )
)


def _document(title: tuple[str, str]) -> Rows:
    return table(
        ANY_OBJECT,
        numbers(ONE, "SeriesNumber", "InstanceNumber"),
        fixed(ONE, "ContentDate", ANY_DATE),
        fixed(ONE, "ContentTime", ANY_TIME),
        empty(TWO, "ReferencedPerformedProcedureStepSequence"),
        fixed(ONE, "ValueType", "CONTAINER"),
        codes(ONE, "ConceptNameCodeSequence", title),
        term(ONE, "ContinuityOfContent", "SEPARATE CONTINUOUS", "SEPARATE"),
        items(ONE_IF, "CurrentRequestedProcedureEvidenceSequence", EVIDENCE),
    )


_KEPT_REFERENCES = items(
    ONE,
    "ContentSequence",
    term(ONE, "RelationshipType", "CONTAINS"),
    selecting("ValueType", "IMAGE COMPOSITE WAVEFORM"),
    items(ONE_IF, "ReferencedSOPSequence", FRAME_REFERENCE),
)

STRUCTURED_REPORT = Iod(
    name="structured report",
    sop_classes=frozenset(SR_STORAGES),
    pixels=Pixels.NEVER,
    rules=table(
        sop_class(*SR_STORAGES),
        _document(("18748-4", "LN")),
        term(ONE, "Modality", "SR", "SR"),
        term(ONE, "CompletionFlag", "PARTIAL COMPLETE", "PARTIAL"),
        # Who verified it is sealed, and a verified document would have to say.
        fixed(ONE, "VerificationFlag", "UNVERIFIED"),
        empty(TWO, "PerformedProcedureCodeSequence"),
    ),
)
KEY_OBJECTS = Iod(
    name="key object selection",
    sop_classes=frozenset([KEY_OBJECT_STORAGE]),
    pixels=Pixels.NEVER,
    rules=table(
        sop_class(KEY_OBJECT_STORAGE),
        _document(("113000", "DCM")),
        term(ONE, "Modality", "KO", "KO"),
        _KEPT_REFERENCES,
    ),
)
