"""Real files sealed whole, vouched for, with moved dates: all come back, none validates worse."""

import contextlib
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID
from Testing.Unit.protect.kinds import (
    dciodvfy_errors,
    pictures_and_some_of_each_class,
    read_quietly,
)
from Testing.Unit.reveal.signing import SigningSite, protected_request

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.headers import ProtectedHeader
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates, PixelText
from EncryptSecureRTLib.client.dicomfiles import header_request, splice, split_file
from EncryptSecureRTLib.client.dicomfiles.split import split_protected
from EncryptSecureRTLib.client.reveal import put_together

pytestmark = pytest.mark.real_data

WHOLE, CHOSEN = "whole", "vouched for, dates moved"
CHOICES = Choices(pixels=PixelText.VOUCHED, dates=Dates.SHIFT)


@dataclass(frozen=True, slots=True)
class Made:
    """A real file, how it was protected, and where that lies."""

    original: Path
    sop_class: str
    how: str
    answer: ProtectedHeader = field(repr=False)
    protected: Path


@pytest.fixture(scope="module")
def signing() -> SigningSite:
    return SigningSite()


@pytest.fixture(scope="module")
def made(signing: SigningSite, tmp_path_factory: pytest.TempPathFactory) -> list[Made]:
    place, found = tmp_path_factory.mktemp("made"), []
    chosen = Protector(signing.keys, CHOICES)
    for number, path in enumerate(pictures_and_some_of_each_class()):
        for how, protector in ((WHOLE, signing.protector), (CHOSEN, chosen)):
            with contextlib.suppress(EncryptSecureRTError):
                split = split_file(path, whole=how == WHOLE)
                answer = protector.protect(header_request(split))
                protected = splice(answer, path, split, place / f"{number} {how}")
                sop_class = str(read_file_meta_info(path).MediaStorageSOPClassUID)
                found.append(Made(path, sop_class, how, answer, protected))
    return found


def test_pictures_and_objects_without_a_list_are_among_them(made: list[Made]) -> None:
    found = Counter((one.how, UID(one.sop_class).name) for one in made)

    for name in ("Ultrasound", "Ultrasound Multi-frame", "Secondary Capture"):
        assert found[WHOLE, f"{name} Image Storage"] >= 2
        assert found[CHOSEN, f"{name} Image Storage"] >= 2
    for name in ("VL Whole Slide Microscopy Image", "Parametric Map", "12-lead ECG Waveform"):
        assert found[WHOLE, f"{name} Storage"] >= 1
        assert not found[CHOSEN, f"{name} Storage"]
    assert sum(found.values()) >= 130


def test_every_file_comes_back_by_reveal_to_the_octet(
    signing: SigningSite, made: list[Made]
) -> None:
    for one in made:
        revealer = signing.revealer(signing.manifest([one.answer]))
        revealed = revealer.open(revealer.examine(protected_request(one.answer))).whole()
        octets = BytesIO()

        put_together(one.protected, split_protected(one.protected), revealed, octets)

        assert octets.getvalue() == one.original.read_bytes(), (one.how, one.original.name)


def test_pydicom_reads_every_protected_file_without_a_warning(made: list[Made]) -> None:
    for one in made:
        assert str(pydicom.dcmread(one.protected))  # decodes every value; warnings are errors


def test_pixels_stay_as_they_are_or_are_not_there(made: list[Made]) -> None:
    for one in made:
        protected = pydicom.dcmread(one.protected)
        if one.how == WHOLE:
            assert "PixelData" not in protected
            continue
        original = read_quietly(one.original)
        assert protected.get("PhotometricInterpretation") == original.get(
            "PhotometricInterpretation"
        )
        assert protected.get("SamplesPerPixel") == original.get("SamplesPerPixel")


def _day(value: object) -> date | None:
    text = str(value or "")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])) if len(text) == 8 else None
    except ValueError:
        return None


def test_study_dates_are_moved_by_the_days_of_the_patient(made: list[Made]) -> None:
    days: dict[str, set[timedelta]] = {}
    for one in made:
        if one.how == WHOLE:
            continue
        protected = pydicom.dcmread(one.protected)
        before, after = (
            _day(dataset.get("StudyDate")) for dataset in (read_quietly(one.original), protected)
        )
        is_moved = before is not None and before.year >= 1985
        assert is_moved is (after is not None), one.original.name
        if before and after:
            days.setdefault(protected.PatientID, set()).add(after - before)
    assert len(days) >= 10
    assert all(len(moved) == 1 for moved in days.values())
    assert all(timedelta(-3650) <= one < timedelta(0) for moved in days.values() for one in moved)


def test_dciodvfy_finds_no_more_errors_than_in_the_original(made: list[Made]) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (dicom3tools)")
    for one in made:
        after = dciodvfy_errors(program, one.protected)
        if after:
            before = dciodvfy_errors(program, one.original)
            assert len(after) <= len(before), (one.how, one.original.name, after)
