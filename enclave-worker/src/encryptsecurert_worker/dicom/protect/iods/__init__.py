"""Allow-lists: what of each kind of object stands in clear, one small table a kind.

    rows.py      how a table is written       modules.py   rows that many kinds share
    iod.py       what a kind is               terms.py     defined terms that many tables name
    frames.py    multi-frame objects          beams.py     plans and treatment records
    whole.py     what stands in clear of a file that is sealed whole

A SOP class that no table names is refused; so are, with another code, classes of pictures that may
have text in them, unless a user vouches that these have none (see `refusals`): no header alone
could make them safe.
"""

from encryptsecurert_worker.dicom.protect.iods.ct import CT
from encryptsecurert_worker.dicom.protect.iods.dose import RT_DOSE
from encryptsecurert_worker.dicom.protect.iods.enhanced import (
    ENHANCED_CT,
    ENHANCED_MR,
    ENHANCED_PET,
)
from encryptsecurert_worker.dicom.protect.iods.iod import Iod, Pixels
from encryptsecurert_worker.dicom.protect.iods.ion_plan import RT_ION_PLAN
from encryptsecurert_worker.dicom.protect.iods.mr import MR
from encryptsecurert_worker.dicom.protect.iods.nm import NM
from encryptsecurert_worker.dicom.protect.iods.pet import PET
from encryptsecurert_worker.dicom.protect.iods.plan import RT_PLAN
from encryptsecurert_worker.dicom.protect.iods.presentation import PRESENTATION_STATE
from encryptsecurert_worker.dicom.protect.iods.records import (
    RT_BEAMS_RECORD,
    RT_BRACHY_RECORD,
    RT_ION_BEAMS_RECORD,
)
from encryptsecurert_worker.dicom.protect.iods.registration import (
    DEFORMABLE_REGISTRATION,
    SPATIAL_REGISTRATION,
)
from encryptsecurert_worker.dicom.protect.iods.reports import KEY_OBJECTS, STRUCTURED_REPORT
from encryptsecurert_worker.dicom.protect.iods.rt_image import RT_IMAGE
from encryptsecurert_worker.dicom.protect.iods.secondary_capture import SECONDARY_CAPTURE
from encryptsecurert_worker.dicom.protect.iods.segmentation import SEGMENTATION
from encryptsecurert_worker.dicom.protect.iods.structure_set import RT_STRUCTURE_SET
from encryptsecurert_worker.dicom.protect.iods.ultrasound import ULTRASOUND
from encryptsecurert_worker.dicom.protect.iods.whole import SEALED_WHOLE
from encryptsecurert_worker.dicom.protect.iods.xray import CR, DX

ALL_IODS: tuple[Iod, ...] = (
    *(CT, MR, PET, NM, CR, DX),
    *(ENHANCED_CT, ENHANCED_MR, ENHANCED_PET, SEGMENTATION),
    *(RT_STRUCTURE_SET, RT_PLAN, RT_ION_PLAN, RT_DOSE),
    *(RT_BEAMS_RECORD, RT_ION_BEAMS_RECORD, RT_BRACHY_RECORD),
    *(SPATIAL_REGISTRATION, DEFORMABLE_REGISTRATION),
    *(STRUCTURED_REPORT, KEY_OBJECTS, PRESENTATION_STATE),
    *(RT_IMAGE, ULTRASOUND, SECONDARY_CAPTURE),
)
IODS: dict[bytes, Iod] = {uid: iod for iod in ALL_IODS for uid in iod.sop_classes}

__all__ = ["ALL_IODS", "IODS", "SEALED_WHOLE", "Iod", "Pixels"]
