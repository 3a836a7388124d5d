"""What stands in clear of a file that is sealed whole: Raw Data Storage (PS3.3 A.37), and little.

Of a picture with text, a document or an object without a list nothing can be shown. So its place
in the study is held by an instance of raw data, under its own mapped UIDs, that any archive keeps
and no viewer takes for an image; the original, class and pixels included, lies in the sealed item.
"""

from encryptsecurert_worker.dicom.implementation import IMPLEMENTATION_CLASS_UID
from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.modules import ANY_OBJECT
from encryptsecurert_worker.dicom.protect.iods.rows import (
    ONE,
    TWO,
    because,
    empty,
    fixed,
    fixed_dates,
    numbers,
    or_else,
    table,
    term,
)
from encryptsecurert_worker.dicom.protect.iods.terms import MODALITIES

RAW_DATA_STORAGE = b"1.2.840.10008.5.1.4.1.1.66"

SEALED_WHOLE = Iod(
    name="file sealed whole",
    sop_classes=frozenset([RAW_DATA_STORAGE]),
    pixels=Pixels.NEVER,
    rules=table(
        because("", fixed(ONE, "SOPClassUID", RAW_DATA_STORAGE.decode("ascii"))),
        ANY_OBJECT,
        # Those of the series, which other protected instances may be of.
        or_else(term(ONE, "Modality", MODALITIES), "OT"),
        or_else(numbers(ONE, "InstanceNumber"), "1"),
        fixed_dates(ONE, "ContentDate", "ContentTime"),
        empty(TWO, "AcquisitionContextSequence"),
        # Validators ask for it, though it is conditional: which side it was is not told.
        because("", empty(TWO, "Laterality")),
        because("", fixed(ONE, "CreatorVersionUID", IMPLEMENTATION_CLASS_UID)),
    ),
)
