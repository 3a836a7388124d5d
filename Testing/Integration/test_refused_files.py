"""Every file that cannot be protected has one clear error of its own, and the others go on.

One study of real files holds all the bad ones at once, so that none of them may stop another.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import dcmread
from Testing.Integration.bad_files import BAD_FILES, LARGER_THAN_2_GIB, write_bad_files
from Testing.Integration.command_lines import Run, run_client
from Testing.Integration.hospital import Ward

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.client.study_files import find_study

pytestmark = pytest.mark.real_data
_GOOD = ("ct.0.dcm", "rtplan.dcm", "rtss.dcm")
_PYDICOM = Path(pydicom.__file__).parent / "data" / "test_files"
# Files that pydicom is tested with; they belong to no study that can be read.
_PYDICOM_CODES = {
    "ExplVR_BigEnd.dcm": ErrorCode.E_TRANSFER_SYNTAX,
    "MR_truncated.dcm": ErrorCode.E_DICOM,
    "UN_sequence.dcm": ErrorCode.E_MISSING_UID,
    "empty_charset_LEI.dcm": ErrorCode.E_MISSING_UID,
    "image_dfl.dcm": ErrorCode.E_TRANSFER_SYNTAX,
    "meta_missing_tsyntax.dcm": ErrorCode.E_TRANSFER_SYNTAX,
    "nested_priv_SQ.dcm": ErrorCode.E_MISSING_UID,
    "no_meta_group_length.dcm": ErrorCode.E_MISSING_UID,
    "priv_SQ.dcm": ErrorCode.E_MISSING_UID,
    "rtplan_truncated.dcm": ErrorCode.E_DICOM,
}
_IGNORED = ("no_meta.dcm", "dicomdirtests/DICOMDIR")
_OURS, _OUR_MANIFEST, _COPY = "protected.dcm", "protected-manifest.dcm", "rtplan.dcm.copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of the study: rows by the name of the file at their place."""

    run: Run
    names: tuple[str, ...]
    copy: Path

    @property
    def rows(self) -> Mapping[str, Any]:
        """The row of each refused file."""
        rows = self.run.lines[-1]["refused"]["rows"]
        return {self.names[row["place"] - 1]: row for row in rows}


@pytest.fixture(scope="module")
def outcome(ward: Ward, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("bad")
    source = folder / "study"
    source.mkdir()
    real = shared_data / "dicomrt_breast_dicompyler"
    for name in _GOOD:
        shutil.copyfile(real / name, source / name)
    shutil.copyfile(real / "rtplan.dcm", source / _COPY)
    write_bad_files(source, real / "ct.0.dcm")
    for name in (*_PYDICOM_CODES, *_IGNORED):
        shutil.copyfile(_PYDICOM / name, source / Path(name).name)
    study = find_study(ward.protected)
    shutil.copyfile(study.files[0], source / _OURS)
    shutil.copyfile(study.manifests[0], source / _OUR_MANIFEST)
    names = tuple(path.name for path in sorted(source.iterdir()))

    run = run_client(
        "protect", source, folder / "protected", "--url", ward.url, home=ward.physicist
    )

    return Outcome(run=run, names=names, copy=folder / "protected")


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_has_an_error_of_its_own_or_is_protected_all_the_same(
    outcome: Outcome, name: str
) -> None:
    expected = BAD_FILES[name].code

    row = outcome.rows.get(name)

    assert (row and row["code"]) == (expected and expected.name)


@pytest.mark.parametrize("name", _PYDICOM_CODES)
def test_a_file_that_readers_are_tested_with_has_an_error_of_its_own(
    outcome: Outcome, name: str
) -> None:
    assert outcome.rows[name]["code"] == _PYDICOM_CODES[name].name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (LARGER_THAN_2_GIB, ErrorCode.E_TOO_LARGE),
        (_OURS, ErrorCode.E_PROTECTED_ALREADY),
        (_OUR_MANIFEST, ErrorCode.E_PROTECTED_ALREADY),
        (_COPY, ErrorCode.E_DICOM),
    ],
)
def test_a_file_that_is_too_large_or_there_already_has_an_error_of_its_own(
    outcome: Outcome, name: str, code: ErrorCode
) -> None:
    assert outcome.rows[name]["code"] == code.name


def test_all_the_others_are_protected(outcome: Outcome) -> None:
    well = [name for name, bad in BAD_FILES.items() if bad.code is None]

    assert outcome.run.code == 9
    assert outcome.run.result["instances"] == len(_GOOD) + len(well)
    assert outcome.run.result["ignored_files"] == len(_IGNORED)
    files = find_study(outcome.copy).files
    assert len(files) == outcome.run.result["instances"]
    assert {dcmread(path).PatientIdentityRemoved for path in files} == {"YES"}


def test_every_file_of_the_folder_is_accounted_for(outcome: Outcome) -> None:
    result = outcome.run.result
    told = result["instances"] + result["refused"]["count"] + result["ignored_files"]

    assert told == len(outcome.names)
    assert result["refused"]["count"] == len(outcome.rows)
    assert outcome.run.lines[-2] == {"kind": "count", "done": told - 2, "total": told - 2}


def test_a_row_names_the_kind_and_no_file(outcome: Outcome) -> None:
    kinds = {name: row["kind"] for name, row in outcome.rows.items()}

    assert kinds["cut in the header"] == "CT Image Storage"
    assert kinds["rtplan_truncated.dcm"] == "RT Plan Storage"
    assert kinds["meta_missing_tsyntax.dcm"] == "unknown kind"
    told = json.dumps(outcome.run.result["refused"]) + outcome.run.stderr
    assert not [name for name in outcome.names if name in told]
    assert "123456" not in told
