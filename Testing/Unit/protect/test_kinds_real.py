"""Real files of every kind, protected: what survives is exact, and others' tools take it."""

import hashlib
import json
import shutil
import subprocess
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID
from Testing.Unit.protect.kinds import (
    Kept,
    dciodvfy_errors,
    der_octets,
    outcomes,
    read_quietly,
    sealed_item,
)

from encryptsecurert_worker.dicom.protect.dictionary import is_registered_uid
from encryptsecurert_worker.dicom.protect.rules import Action, Rule

pytestmark = pytest.mark.real_data

RT_KINDS = {"RT structure set", "RT dose", "RT plan", "segmentation"}
Pair = tuple[Rule, Any, Any]


@pytest.fixture(scope="module")
def kept(site: Any) -> list[Kept]:
    return [one for _, one in outcomes(site.protector) if isinstance(one, Kept)]


@pytest.fixture(scope="module")
def of_each_kind(kept: list[Kept]) -> list[Kept]:
    return list({one.iod.name: one for one in reversed(kept)}.values())


def _protected(one: Kept) -> pydicom.Dataset:
    dataset: pydicom.Dataset = pydicom.dcmread(BytesIO(one.octets()))
    return dataset


def _pairs(
    original: pydicom.Dataset, protected: pydicom.Dataset, rules: Mapping[int, Rule]
) -> Iterator[Pair]:
    """Yield (rule, original value, protected value) of all that both have, at every depth."""
    for tag, rule in rules.items():
        if tag not in original or tag not in protected:
            continue
        before, after = original[tag].value, protected[tag].value
        if rule.action is Action.ITEMS and original[tag].VR == "SQ":
            if not any(child.selects for child in rule.items):
                assert len(before) == len(after), rule.keyword
                for one, other in zip(before, after, strict=True):
                    yield from _pairs(one, other, rule.by_tag)
        else:
            yield rule, before, after


def test_numbers_are_those_of_the_original_at_every_depth(kept: list[Kept]) -> None:
    compared: Counter[str] = Counter()
    for one in kept:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pairs = list(_pairs(read_quietly(one.original), _protected(one), one.iod.by_tag))
        for rule, before, after in pairs:
            if rule.action is Action.KEEP_NUMBER and before not in (None, ""):
                compared[rule.keyword] += 1
                assert before == after, (rule.keyword, one.original.name)
    for keyword in (
        *("ContourData", "ROINumber", "ReferencedROINumber", "NumberOfContourPoints"),
        *("DoseGridScaling", "GridFrameOffsetVector", "DVHData", "PixelSpacing"),
        *("LeafJawPositions", "CumulativeMetersetWeight", "GantryAngle", "BeamMeterset"),
        *("ImagePositionPatient", "RescaleSlope", "SegmentNumber", "ReferencedSegmentNumber"),
    ):
        assert compared[keyword], keyword
    assert sum(compared.values()) > 8000


def test_what_slicer_needs_of_radiotherapy_is_all_there(kept: list[Kept]) -> None:
    """Nothing that both the original and the list have is lost on the way."""
    for one in kept:
        if one.iod.name not in RT_KINDS:
            continue
        original, protected = read_quietly(one.original), _protected(one)
        for tag, rule in one.iod.by_tag.items():
            is_kept = rule.action in (Action.KEEP_NUMBER, Action.ITEMS)
            if is_kept and tag in original and not original[tag].is_empty:
                assert tag in protected, (rule.keyword, one.original.name)


def test_references_are_mapped_alike_wherever_they_are(kept: list[Kept]) -> None:
    mapped: dict[str, str] = {}
    for one in kept:
        for rule, before, after in _pairs(
            read_quietly(one.original), _protected(one), one.iod.by_tag
        ):
            if rule.action in (Action.MAP_UID, Action.MAP_UID_UNLESS_REGISTERED) and before:
                assert mapped.setdefault(before, after) == after, rule.keyword
                stays = rule.action is not Action.MAP_UID and is_registered_uid(before.encode())
                assert (before == after) is stays
                assert stays or UID(after).startswith("2.25.")
    assert len(mapped) > 500
    assert len(set(mapped.values())) == len(mapped)


def test_names_are_neutral_labels_with_their_number(kept: list[Kept]) -> None:
    regions = beams = segments = 0
    for one in kept:
        protected = _protected(one)
        for region in protected.get("StructureSetROISequence", []):
            regions += 1
            assert region.ROIName == f"ROI_{region.ROINumber}"
        for beam in protected.get("BeamSequence", []):
            beams += 1
            assert beam.get("BeamName", f"BEAM_{beam.BeamNumber}") == f"BEAM_{beam.BeamNumber}"
        for segment in protected.get("SegmentSequence", []):
            segments += 1
            assert segment.SegmentLabel == f"SEG_{segment.SegmentNumber}"
    assert min(regions, beams, segments) >= 5


def test_pydicom_reads_every_protected_file_without_a_warning(kept: list[Kept]) -> None:
    for one in kept:
        assert str(_protected(one))  # decodes every value; warnings are errors


def test_a_report_is_a_document_without_content(kept: list[Kept]) -> None:
    reports = [_protected(one) for one in kept if one.iod.name == "structured report"]

    assert len(reports) >= 8
    for report in reports:
        assert report.ValueType == "CONTAINER"
        assert report.VerificationFlag == "UNVERIFIED"
        assert "ContentSequence" not in report
        assert len(report.ConceptNameCodeSequence) == 1


def test_the_original_file_comes_back_to_the_octet(site: Any, kept: list[Kept]) -> None:
    for one in kept:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            block = sealed_item(site, _protected(one)).private_block(0x0EEF, "ENCRYPTSECURERT 1")
        listed = json.loads(block[0x02].value.rstrip(b"\0"))
        source = one.original.read_bytes()
        header, whole = block[0x01].value, b""
        for bulk, insert in zip(listed["bulk"], one.answer.bulk, strict=True):
            pixels = one.octets()[insert.at : insert.at + insert.length]
            assert hashlib.sha256(pixels).hexdigest() == bulk["sha256"]
            before, header = header[: bulk["offset"]], header[bulk["offset"] :]
            whole += before + pixels
        for offset, length in zip(listed["gaps"][::2], listed["gaps"][1::2], strict=True):
            whole = whole[:offset] + header[:length] + whole[offset + length :]
            header = header[length:]
        whole += header[: listed["size"] - len(whole)]

        assert whole == source, one.original.name
        assert hashlib.sha256(whole).hexdigest() == listed["file_sha256"]


def test_compressed_pixels_keep_their_syntax_and_their_fragments(kept: list[Kept]) -> None:
    compressed = masked = 0
    for one in kept:
        original, protected = read_quietly(one.original), _protected(one)
        if original.file_meta.TransferSyntaxUID.is_compressed:
            compressed += 1
            assert protected.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
            before, after = (np.frombuffer(one.PixelData, "u1") for one in (original, protected))
            # Comments of the frames are zeros, and nothing else is anything else.
            assert len(before) == len(after)
            assert not after[before != after].any()
            masked += int((before != after).any())
            assert protected["PixelData"].VR == "OB"
    assert compressed >= 15
    assert masked >= 5


def test_openssl_and_gdcm_open_what_was_sealed(
    site: Any, of_each_kind: list[Kept], tmp_path: Path
) -> None:
    openssl, gdcmanon = shutil.which("openssl"), shutil.which("gdcmanon")
    if openssl is None or gdcmanon is None:
        pytest.skip("openssl or gdcmanon is not installed")
    key, certificate = site.write_pem(tmp_path, 1)
    unknown_to_gdcm: set[str] = set()
    for one in of_each_kind:
        path, restored, content = (tmp_path / name for name in ("p.dcm", "r.dcm", "c.der"))
        path.write_bytes(one.octets())
        (sealed,) = _protected(one).EncryptedAttributesSequence
        content.write_bytes(sealed.EncryptedContent)

        opened = subprocess.run(
            [
                *(openssl, "cms", "-decrypt", "-inform", "DER", "-binary"),
                *("-in", content, "-inkey", key, "-recip", certificate),
            ],
            check=True,
            capture_output=True,
        ).stdout
        done = subprocess.run(
            [gdcmanon, "-d", "-i", path, "-o", restored, "-k", key, "-c", certificate],
            check=False,
            capture_output=True,
        )

        assert opened == site.open(der_octets(sealed.EncryptedContent), 1)
        if b"Media Storage Type of your file is not supported" in done.stderr:
            unknown_to_gdcm.add(one.iod.name)
            continue
        assert done.returncode == 0, one.original.name
        original, back = read_quietly(one.original), read_quietly(restored)
        assert back.get("PatientName") == original.get("PatientName")
        assert back.SOPInstanceUID == original.SOPInstanceUID
    assert unknown_to_gdcm <= {"enhanced CT image", "segmentation"}


def test_dciodvfy_finds_no_more_errors_than_in_the_original(
    kept: list[Kept], tmp_path: Path
) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (dicom3tools)")
    path = tmp_path / "protected.dcm"
    for one in kept:
        path.write_bytes(one.octets())
        before, after = dciodvfy_errors(program, one.original), dciodvfy_errors(program, path)
        assert len(after) <= len(before), (one.original.name, after)
