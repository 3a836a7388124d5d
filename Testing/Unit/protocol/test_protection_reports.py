"""Reports of batches become one: what was counted is added, what was said must be the same."""

from dataclasses import replace

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.protection_reports import (
    ClearAttribute,
    KindReport,
    ProtectionReport,
    SealedCount,
    merged,
)
from encryptsecurert_protocol.reveals import RevealClass

_ROWS = ClearAttribute(
    tags=("00280010",),
    path=("Rows",),
    action="keep, if it is a number",
    reason=None,
    table=None,
    instances=2,
)
_SEX = replace(_ROWS, tags=("00100040",), path=("PatientSex",), table="Z", reason="Z: empty")
_KIND = KindReport(
    sop_class="1.2.840.10008.5.1.4.1.1.2",
    name="CT image",
    instances=2,
    vouched=1,
    attributes=(_ROWS,),
    sealed={kind: SealedCount(attributes=3, nested=1) for kind in RevealClass},
)
_REPORT = ProtectionReport(
    profile="EncryptSecureRT profile 1",
    algorithm="protect-3",
    options={"dates": "remove"},
    studies=("2.25.1",),
    kinds=(_KIND,),
    refused=(("E_BURNED_IN", 1),),
    not_covered=("Pixels.",),
)


def test_numbers_are_added_and_attributes_of_one_batch_alone_are_there() -> None:
    other = replace(_KIND, instances=3, attributes=(replace(_SEX, instances=3), _ROWS))
    dose = replace(_KIND, sop_class="1.2.840.10008.5.1.4.1.1.1", name="RT dose")
    second = replace(_REPORT, kinds=(dose, other), refused=(("E_BURNED_IN", 2), ("E_DICOM", 1)))

    both = merged([_REPORT, second])

    assert [(kind.name, kind.instances, kind.vouched) for kind in both.kinds] == [
        ("RT dose", 2, 1),
        ("CT image", 5, 2),
    ]
    assert [(one.path, one.instances) for one in both.kinds[1].attributes] == [
        (("PatientSex",), 3),
        (("Rows",), 4),
    ]
    assert both.kinds[1].sealed[RevealClass.DATES] == SealedCount(attributes=6, nested=2)
    assert both.refused == (("E_BURNED_IN", 3), ("E_DICOM", 1))
    assert (both.studies, both.instances) == (("2.25.1",), 7)
    assert ProtectionReport.decode(both.encode()) == both


def test_one_report_alone_is_its_own_sum() -> None:
    assert merged([_REPORT]) == _REPORT


@pytest.mark.parametrize(
    "other",
    [
        replace(_REPORT, algorithm="protect-4"),
        replace(_REPORT, profile="EncryptSecureRT profile 2"),
        replace(_REPORT, options={"dates": "shift"}),
        replace(_REPORT, not_covered=()),
        replace(_REPORT, kinds=(replace(_KIND, name="another"),)),
        replace(_REPORT, kinds=(replace(_KIND, attributes=(replace(_ROWS, action="seal"),)),)),
        replace(_REPORT, kinds=(replace(_KIND, attributes=(replace(_ROWS, table="X"),)),)),
    ],
)
def test_reports_that_say_different_things_are_not_of_one_call(other: ProtectionReport) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        merged([_REPORT, other])

    assert refused.value.code is ErrorCode.E_DIGEST
