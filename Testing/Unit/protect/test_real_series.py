"""Whole CT series of two hospitals' scanners through client and worker, judged by others' tools."""

import hashlib
import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
import pytest
from Testing.Unit.protect.kinds import read_quietly, sealed_item

from encryptsecurert_protocol.headers import (
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from encryptsecurert_worker.dicom.protect.iods.ct import CT_RULES
from encryptsecurert_worker.dicom.protect.rules import Action
from EncryptSecureRTLib.client.dicomfiles import header_request, splice, split_file

pytestmark = pytest.mark.real_data

KEPT = {
    rule.tag for rule in CT_RULES if not rule.is_always_written and "MAP" not in rule.action.name
}
# Texts of ours or of the standard that an original may have, too, and the words of our marks.
PUBLIC = re.compile(
    rb"EncryptSecureRT profile 1|Basic Application Confidentiality Profile|113100|DCM|YES|REMOVED"
    rb"|1\.2\.840\.10008[.0-9]*"
)


class Protected(NamedTuple):
    """A real file and what was made of it; `header` and `at` as in the answer."""

    original: Path
    protected: Path
    header: bytes
    at: int


@pytest.fixture(scope="session")
def series(site: Any, real_cts: Sequence[Path], tmp_path_factory: Any) -> list[Protected]:
    """Every real CT file, through the messages as they go over the wire."""
    folder: Path = tmp_path_factory.mktemp("protected")
    done: list[Protected] = []
    for original in real_cts:
        split = split_file(original)
        request = decode_request(encode_request(header_request(split)))
        answer = decode_answer(encode_answer(site.protector.protect(request)))
        path = splice(answer, original, split, folder)
        done.append(Protected(original, path, bytes(answer.header), answer.bulk[0].at))
    return done


@pytest.fixture(scope="session")
def few(series: list[Protected]) -> list[Protected]:
    """Return the first and last file of the whole list: one of each hospital."""
    return [series[0], series[-1]]


def test_both_series_are_there_and_every_instance_is_protected(series: list[Protected]) -> None:
    assert len(series) == 98
    assert len({one.protected for one in series}) == 98
    assert len({one.protected.parent for one in series}) == 2


def test_pydicom_reads_every_protected_file_without_a_warning(series: list[Protected]) -> None:
    for one in series:
        assert str(pydicom.dcmread(one.protected))  # decodes every value; warnings are errors


def test_pixels_and_geometry_are_those_of_the_original(series: list[Protected]) -> None:
    for one in series[::7]:
        original, protected = read_quietly(one.original), pydicom.dcmread(one.protected)
        assert np.array_equal(original.pixel_array, protected.pixel_array)
        for rule in CT_RULES:
            if rule.action is Action.KEEP_NUMBER and rule.tag in original:
                assert original[rule.tag].value == protected[rule.tag].value, rule.keyword


def test_references_within_a_series_stay_whole(series: list[Protected]) -> None:
    originals = [read_quietly(one.original) for one in series]
    protected = [pydicom.dcmread(one.protected) for one in series]

    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"):
        pairs = {
            (a[keyword].value, b[keyword].value) for a, b in zip(originals, protected, strict=True)
        }
        assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs) == 2
        assert all(a != b for a, b in pairs)


def _texts(dataset: pydicom.Dataset, *, top: bool = True) -> set[bytes]:
    """Return raw text values, longer than three characters, of all that is not kept in clear."""
    texts: set[bytes] = set()
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                texts |= _texts(item, top=False)
        elif not (top and int(element.tag) in KEPT) and int(element.tag) != 0x7FE00010:
            values = element.value if element.VM > 1 else [element.value]
            for value in values:
                text = (
                    value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
                )
                texts.add(text.strip(b" \0"))
    return {one for one in texts if len(one) > 3 and not PUBLIC.fullmatch(one)}


def test_no_text_of_an_original_stands_in_clear(series: list[Protected]) -> None:
    looked_for = 0
    for one in series:
        original = read_quietly(one.original)
        numbers = b"\\".join(
            one_line
            for rule in CT_RULES
            if rule.action is Action.KEEP_NUMBER and rule.tag in original
            for one_line in [str(original[rule.tag].value).encode()]
        )
        # What merely happens to be part of a number that is kept, too, tells nothing new.
        texts = {text for text in _texts(original) if text not in numbers}
        texts |= {one.original.name.encode(), one.original.parent.name.encode() + b"/"}
        looked_for += len(texts)
        clear = str(one.protected).encode() + one.header
        found = {text for text in texts if text in clear}
        assert not found, len(found)
    assert looked_for > 98 * 20


def test_the_search_does_find_the_texts_in_the_originals(few: list[Protected]) -> None:
    for one in few:
        texts = _texts(read_quietly(one.original))
        octets = one.original.read_bytes()
        assert sum(text in octets for text in texts) > 20


def test_the_original_file_comes_back_to_the_octet(site: Any, series: list[Protected]) -> None:
    for one in series[::7]:
        block = sealed_item(site, pydicom.dcmread(one.protected)).private_block(
            0x0EEF, "ENCRYPTSECURERT 1"
        )
        listed = json.loads(block[0x02].value.rstrip(b"\0"))
        (bulk,) = listed["bulk"]
        pixels = one.protected.read_bytes()[one.at : one.at + bulk["length"]]
        header = block[0x01].value[: listed["size"] - bulk["length"]]

        whole = header[: bulk["offset"]] + pixels + header[bulk["offset"] :]

        assert hashlib.sha256(pixels).hexdigest() == bulk["sha256"]
        assert whole == one.original.read_bytes()
        assert hashlib.sha256(whole).hexdigest() == listed["file_sha256"]


def test_every_original_element_is_in_clear_or_sealed(site: Any, few: list[Protected]) -> None:
    for one in few:
        original, protected = read_quietly(one.original), pydicom.dcmread(one.protected)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            item = sealed_item(site, pydicom.dcmread(one.protected))
            for element in original:
                where = item if element.tag in item else protected
                assert where[element.tag].value == element.value


def test_gdcm_brings_back_the_patient(site: Any, few: list[Protected], tmp_path: Path) -> None:
    program = shutil.which("gdcmanon")
    if program is None:
        pytest.skip("gdcmanon is not installed (libgdcm-tools)")
    key, certificate = site.write_pem(tmp_path)
    for one in few:
        restored = tmp_path / "restored.dcm"

        subprocess.run(
            [program, "-d", "-i", one.protected, "-o", restored, "-k", key, "-c", certificate],
            check=True,
            capture_output=True,
        )

        original, back = read_quietly(one.original), read_quietly(restored)
        assert back.PatientName == original.PatientName
        assert back.SOPInstanceUID == original.SOPInstanceUID
        assert back.StudyDescription == original.StudyDescription
        private = [element.tag for element in original if element.tag.is_private]
        assert all(back[tag].value == original[tag].value for tag in private)


def test_dciodvfy_finds_no_more_errors_than_in_the_original(few: list[Protected]) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (dicom3tools)")

    def errors(path: Path) -> int:
        done = subprocess.run([program, path], capture_output=True, check=False)
        text = done.stdout + done.stderr
        assert b"CTImage" in text
        return text.count(b"Error -")

    for one in few:
        assert errors(one.protected) <= errors(one.original)
