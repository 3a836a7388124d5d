"""Protected with moved dates: intervals stay, days do not, and everything else is as it was."""

import datetime
import hashlib
import hmac
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pydicom
import pytest
from Testing.Unit.protect.conftest import PIXELS
from Testing.Unit.protect.kinds import sealed_item
from Testing.Unit.protect.test_clearing import NO_IMAGE

from encryptsecurert_protocol.headers import HeaderRequest, ProtectedHeader
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates

Build = Callable[..., HeaderRequest]
Changes = dict[int, tuple[bytes, Any] | None]
STUDY_DATE, SERIES_DATE, ACQUIRED = 0x00080020, 0x00080021, 0x0008002A
PATIENT_ID, ISSUER, STUDY = 0x00100020, 0x00100021, 0x0020000D


@pytest.fixture(scope="module")
def shifting(site: Any) -> Protector:
    return Protector(site.keys, Choices(dates=Dates.SHIFT))


def _read(answer: ProtectedHeader) -> pydicom.Dataset:
    at = answer.bulk[0].at
    octets = bytes(answer.header[:at]) + PIXELS + bytes(answer.header[at:])
    dataset: pydicom.Dataset = pydicom.dcmread(BytesIO(octets))
    assert str(dataset)  # decodes every value; warnings are errors
    return dataset


def _day(value: str) -> datetime.date:
    return datetime.datetime.strptime(value, "%Y%m%d").date()


def _study(date: bytes, patient: bytes = b"4711", number: int = 1) -> Changes:
    return {
        STUDY_DATE: (b"DA", date),
        PATIENT_ID: (b"LO", patient),
        STUDY: (b"UI", b"1.2.3.%d" % number),
    }


def test_the_days_between_two_studies_of_a_patient_are_unchanged(
    shifting: Protector, ct_request: Build
) -> None:
    before = [b"20231115", b"20240228", b"20240301", b"20250301"]
    after = [
        _day(_read(shifting.protect(ct_request(_study(date, number=n)))).StudyDate)
        for n, date in enumerate(before)
    ]

    originals = [_day(date.decode()) for date in before]
    assert [one - after[0] for one in after] == [one - originals[0] for one in originals]
    assert -3650 <= (after[0] - originals[0]).days <= -1


def test_by_how_many_days_follows_from_the_key_and_the_patient(
    site: Any, shifting: Protector, ct_request: Build
) -> None:
    request = ct_request({**_study(b"20240301"), ISSUER: (b"LO", b"A")})

    moved = _day(_read(shifting.protect(request)).StudyDate)

    digest = hmac.new(site.keys.dateshift_key, b"A\x004711", hashlib.sha256).digest()
    days = 1 + int(digest[:8].hex(), 16) % 3650
    assert datetime.date(2024, 3, 1) - moved == datetime.timedelta(days=days)


def test_patients_are_moved_by_days_of_their_own(shifting: Protector, ct_request: Build) -> None:
    days = {
        _read(shifting.protect(ct_request(_study(b"20240301", b"%d" % number)))).StudyDate
        for number in range(40)
    }

    assert len(days) >= 38  # of 3650


def test_patients_without_an_id_are_told_apart_by_study(
    shifting: Protector, ct_request: Build
) -> None:
    one, other = (
        _read(shifting.protect(ct_request(_study(b"20240301", b"", number)))).StudyDate
        for number in (1, 2)
    )

    assert one != other


def test_marks_say_that_dates_were_modified(shifting: Protector, ct_request: Build) -> None:
    dataset = _read(shifting.protect(ct_request()))

    assert dataset.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107"]


def test_dates_and_times_of_study_series_and_acquisition_move(
    shifting: Protector, ct_request: Build
) -> None:
    changes: Changes = {
        STUDY_DATE: (b"DA", b"20240301"),
        SERIES_DATE: (b"DA", b"20240302"),
        ACQUIRED: (b"DT", b"20240303101112.5+0100"),
        0x00080023: (b"DA", b"20240304"),
        0x00080030: (b"TM", b"101112"),
        0x00080031: (b"TM", b"111213.25"),
        0x00080033: (b"TM", b"12"),
    }

    dataset = _read(shifting.protect(ct_request(changes)))

    study = _day(dataset.StudyDate)
    assert [
        (_day(text) - study).days
        for text in (dataset.SeriesDate, dataset.AcquisitionDateTime[:8], dataset.ContentDate)
    ] == [1, 2, 3]
    assert dataset.AcquisitionDateTime[8:] == "1011"
    assert (dataset.StudyTime, dataset.SeriesTime, dataset.ContentTime) == ("1011", "1112", "12")


def test_dates_of_delivery_inside_a_treatment_record_move_with_the_others(
    shifting: Protector, ct_octets: Callable[..., bytes]
) -> None:
    point = [
        (0x30080024, b"DA", b"20240302"),
        (0x30080025, b"TM", b"101112"),
        (0x30080044, b"DS", b"49.8"),
    ]
    octets = ct_octets(
        {
            **NO_IMAGE,
            0x00080016: (b"UI", b"1.2.840.10008.5.1.4.1.1.481.4"),
            0x00080060: (b"CS", b"RTRECORD"),
            STUDY_DATE: (b"DA", b"20240229"),
            0x30080020: (b"SQ", [[(0x30080040, b"SQ", [point, [*point[1:]]])]]),
            0x30080250: (b"DA", b"20240301"),
        }
    )

    answer = shifting.protect(HeaderRequest(size=len(octets), bulk=(), header=octets))

    dataset = pydicom.dcmread(BytesIO(bytes(answer.header)))
    one, other = dataset.TreatmentSessionBeamSequence[0].ControlPointDeliverySequence
    study = _day(dataset.StudyDate)
    assert (_day(dataset.TreatmentDate) - study).days == 1
    assert (_day(one.TreatmentControlPointDate) - study).days == 2
    assert one.TreatmentControlPointTime == other.TreatmentControlPointTime == "1011"
    assert "TreatmentControlPointDate" not in other


def test_birth_dates_and_dates_that_no_row_has_stay_sealed(
    shifting: Protector, ct_request: Build
) -> None:
    changes: Changes = {
        0x00080012: (b"DA", b"20240301"),  # InstanceCreationDate
        0x00100030: (b"DA", b"19450102"),  # PatientBirthDate
        0x00100032: (b"TM", b"101112"),
        0x00181200: (b"DA", b"20240101"),  # DateOfLastCalibration
        0x00400244: (b"DA", b"20240301"),  # PerformedProcedureStepStartDate
        0x00080201: (b"SH", b"+0100"),  # TimezoneOffsetFromUTC
    }

    dataset = _read(shifting.protect(ct_request(changes)))

    assert dataset.PatientBirthDate == ""
    for keyword in (
        *("InstanceCreationDate", "PatientBirthTime", "DateOfLastCalibration"),
        *("PerformedProcedureStepStartDate", "TimezoneOffsetFromUTC"),
    ):
        assert keyword not in dataset


@pytest.mark.parametrize("text", [b"2024.03.01", b"20240230", b"19000101", b"20240301^DOE"])
def test_a_date_that_is_none_is_treated_as_if_dates_were_removed(
    site: Any, shifting: Protector, ct_request: Build, text: bytes
) -> None:
    changes: Changes = {STUDY_DATE: (b"DA", text), SERIES_DATE: (b"DA", text)}

    answer = shifting.protect(ct_request(changes))

    dataset = _read(answer)
    assert dataset.StudyDate == ""
    assert "SeriesDate" not in dataset
    assert text not in bytes(answer.header)
    sealed = sealed_item(site, dataset)
    assert sealed.get_item(STUDY_DATE).value.rstrip(b" ") == text


@pytest.mark.parametrize("implicit", [False, True])
def test_the_original_date_is_sealed(
    site: Any, shifting: Protector, ct_request: Build, implicit: bool
) -> None:
    answer = shifting.protect(ct_request(_study(b"20240301"), implicit=implicit))

    assert b"20240301" not in bytes(answer.header)
    assert sealed_item(site, _read(answer)).StudyDate == "20240301"


def test_a_date_under_another_vr_is_not_moved(shifting: Protector, ct_request: Build) -> None:
    for vr in (b"UN", b"LO", b"TM"):
        dataset = _read(shifting.protect(ct_request({STUDY_DATE: (vr, b"20240301")})))
        assert dataset.StudyDate == ""


def test_all_but_dates_and_marks_is_as_with_removed_dates(
    site: Any, shifting: Protector, ct_request: Build
) -> None:
    changes = {**_study(b"20240301"), SERIES_DATE: (b"DA", b"20240302")}
    removed, moved = (
        _read(protector.protect(ct_request(changes))) for protector in (site.protector, shifting)
    )
    for dataset in (removed, moved):
        for keyword in (
            *("EncryptedAttributesSequence", "DeidentificationMethodCodeSequence"),
            *("LongitudinalTemporalInformationModified", "StudyDate"),
        ):
            del dataset[keyword]
    assert moved.SeriesDate
    del moved.SeriesDate

    assert removed == moved


def test_a_file_that_is_sealed_whole_is_of_the_same_moved_day(
    shifting: Protector, ct_request: Build, ct_octets: Callable[..., bytes]
) -> None:
    octets = ct_octets(_study(b"20240301"))
    whole = shifting.protect(HeaderRequest(size=len(octets), bulk=(), header=octets, whole=True))

    shown = _read(shifting.protect(ct_request(_study(b"20240301"))))

    dataset = pydicom.dcmread(BytesIO(bytes(whole.header)))
    assert dataset.StudyDate == shown.StudyDate
    assert dataset.LongitudinalTemporalInformationModified == "MODIFIED"
    assert dataset.ContentDate == "19000101"  # the original has none
