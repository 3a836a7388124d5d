"""What is told of a protected study: bounded, by places and codes, and with a stable exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import KIB, LIMITS
from EncryptSecureRTLib.client.protect import ProtectedSeries
from EncryptSecureRTLib.client.refused import Refusals, RefusedFile
from EncryptSecureRTLib.client.study import FileHeader
from EncryptSecureRTLib.client.telling import protected_told
from EncryptSecureRTLib.client.uids import Replaced

_CT = "CT Image Storage"


def _refused(place: int, code: ErrorCode = ErrorCode.E_DICOM, detail: str = "") -> RefusedFile:
    return RefusedFile(place=place, kind=_CT, code=code, detail=detail)


_HEADER = FileHeader(
    file="CANARY.dcm",
    place=1,
    sop_class_uid=_CT,
    patient_id="CANARY",
    issuer="CANARY",
    study_instance_uid="CANARY",
    series_instance_uid="CANARY",
    sop_instance_uid="CANARY",
    frame_of_reference_uid="CANARY",
    is_protected=False,
)


def _made(*refused: RefusedFile, **changes: Any) -> ProtectedSeries:
    members: dict[str, Any] = {
        "folders": (Path("p/2.25.1"),),
        "manifests": (Path("p/2.25.2/2.25.3.dcm"),),
        "headers": (_HEADER,),
        "instances": 1,
        "sealed_whole": 0,
        "vouched": False,
        "refused": refused,
        "ignored_files": 0,
        "receipts": (),
        "reports": (),
        "replaced": Replaced(
            pseudonym="P",
            study_instance_uid="2.25.4",
            series_instance_uid="2.25.1",
            of_series={},
            originals=(),
            names=(),
        ),
        "simulated": True,
    }
    return ProtectedSeries(**members | changes)


def test_a_study_of_which_all_is_protected_is_exit_0_and_one_line() -> None:
    made = _made()
    words, value = protected_told(made)

    assert made.exit_code == 0
    assert words == f"1 instances protected into {Path('p/2.25.1')}"
    assert value["refused"] == {"count": 0, "rows": [], "left_out": 0}
    assert value["sealed_whole"] == 0


@pytest.mark.parametrize("code", [ErrorCode.E_DICOM, ErrorCode.E_TOO_LARGE, ErrorCode.E_LOCAL_FILE])
def test_refused_files_are_exit_9_whatever_their_codes_are(code: ErrorCode) -> None:
    assert _made(_refused(1, code)).exit_code == 9


def test_a_refused_file_is_told_by_place_kind_code_and_what_to_do() -> None:
    made = _made(_refused(4, ErrorCode.E_DICOM, "a copy of file 2"), sealed_whole=1)
    words, value = protected_told(made)

    assert words.splitlines()[1:] == [
        "1 of them sealed whole: nothing of it is to be seen before it is revealed",
        "1 files refused; each by its place among the folder's files, sorted by name:",
        "file 4: CT Image Storage, E_DICOM: A DICOM file is malformed. (a copy of file 2) "
        "Export the series again from its source.",
    ]
    assert value["refused"]["rows"] == [
        {
            "place": 4,
            "kind": "CT Image Storage",
            "code": "E_DICOM",
            "what": "A DICOM file is malformed. (a copy of file 2)",
            "todo": "Export the series again from its source.",
        }
    ]
    assert "CANARY" not in words + json.dumps(value)


def test_a_picture_that_was_refused_can_be_sealed_and_that_is_said() -> None:
    words, _ = protected_told(_made(_refused(1, ErrorCode.E_BURNED_IN)))

    assert words.splitlines()[-1].endswith("can be sealed whole: --pictures seal")
    assert "--pictures" not in protected_told(_made(_refused(1)))[0]


def test_who_vouched_for_pixels_reads_so() -> None:
    words, value = protected_told(_made(vouched=True))

    assert words.splitlines()[1] == (
        "UNSAFE: you vouched that no pixel holds text; pictures are in CLEAR"
    )
    assert value["vouched"] is True
    assert protected_told(_made())[1]["vouched"] is False


def test_many_refused_files_fit_one_line_and_the_rest_is_counted() -> None:
    rows = [
        RefusedFile(
            place=16_384 - n, kind="K" * 64, code=ErrorCode.E_TRANSFER_SYNTAX, detail="d" * 60
        )
        for n in range(5000)
    ]
    words, value = protected_told(_made(*rows))

    assert len(json.dumps({"kind": "result", **value})) < LIMITS.json_line_bytes - 16 * KIB
    assert len(value["refused"]["rows"]) == 100
    assert (value["refused"]["count"], value["refused"]["left_out"]) == (5000, 4900)
    assert words.splitlines()[-1] == "and 4900 more"


# ---- when refused files are the end


def test_refused_files_end_nothing_while_there_are_others() -> None:
    refusals = Refusals(3, all_or_nothing=False)
    refusals.add([_refused(3)])
    refusals.add([_refused(1)])

    assert [row.place for row in refusals.rows] == [1, 3]
    assert len(refusals) == 2


def test_the_first_of_the_folder_is_the_error_when_no_file_is_left() -> None:
    refusals = Refusals(2, all_or_nothing=False)
    refusals.add([_refused(2)])

    with pytest.raises(EncryptSecureRTError) as ended:
        refusals.add([_refused(1, ErrorCode.E_MISSING_UID)])

    assert ended.value.code is ErrorCode.E_MISSING_UID
    assert ended.value.detail == "2 of 2 files refused; the first, file 1: CT Image Storage"


def test_one_refused_file_is_the_end_where_all_were_asked_for() -> None:
    refusals = Refusals(9, all_or_nothing=True)
    refusals.add([])

    with pytest.raises(EncryptSecureRTError) as ended:
        refusals.add([_refused(4, ErrorCode.E_DICOM, "a copy of file 2")])

    assert ended.value.code is ErrorCode.E_DICOM
    assert ended.value.detail == (
        "1 of 9 files refused; the first, file 4: CT Image Storage, a copy of file 2"
    )
