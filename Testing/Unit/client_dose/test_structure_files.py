"""Structures from files: contours by number, what has no inside counted, no name sent."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from Testing.Unit.client.people import refusal_of
from Testing.Unit.client_dose.doses_made import FRAME, Change, contour, square, structure_file

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.structures import (
    MaskGrid,
    StructureEntry,
    StructureForm,
    StructuresHeader,
    pack_structures,
    unpack_structures,
)
from EncryptSecureRTLib.client.structure_files import read_structures, read_structures_object


def two() -> dict[int, list[Dataset]]:
    """Return the contours of two structures, not in order."""
    return {7: [contour(square(0.0)), contour(square(2.5))], 3: [contour(square(0.0, 2.25))]}


def _octets(path: Path) -> bytes:
    content = read_structures(path).content()
    return bytes(content.chunk(0, content.size_bytes))


def test_contours_come_by_number_as_they_were_drawn(tmp_path: Path) -> None:
    made = read_structures(structure_file(tmp_path / "rs.dcm", two()))

    assert [one.number for one in made.structures] == [3, 7]
    assert made.structures[1].colour == (255, 70, 0)
    np.testing.assert_array_equal(made.structures[1].contours[1], square(2.5))
    assert (made.empty, made.skipped) == ((), {})
    assert made.origin.frame_of_reference_uid == FRAME


def test_what_is_sent_has_numbers_and_points_and_no_name(tmp_path: Path) -> None:
    def named(ds: FileDataset) -> None:
        ds.StructureSetROISequence[0].ROIName = "Heart of J. Doe"

    octets = _octets(structure_file(tmp_path / "rs.dcm", two(), named))
    header, parts = unpack_structures(octets)

    assert b"Heart" not in octets
    assert [(e.number, e.points) for e in header.structures] == [(3, (4,)), (7, (4, 4))]
    assert header.structure_set == "2.25.200"
    points = np.frombuffer(parts[1], "<f8").reshape(-1, 3)
    np.testing.assert_array_equal(points, [*square(0.0), *square(2.5)])


@pytest.mark.parametrize("name", ["Heart of J. Doe", "=cmd|' /C calc'!A0", "ROI_9", ""])
def test_a_name_that_protection_did_not_write_is_not_shown(tmp_path: Path, name: str) -> None:
    def named(ds: FileDataset) -> None:
        for roi in ds.StructureSetROISequence:
            roi.ROIName = name

    made = read_structures(structure_file(tmp_path / "rs.dcm", two(), named))

    assert [one.shown_name for one in made.structures] == ["ROI_3", "ROI_7"]


def test_a_name_that_the_worker_writes_is_shown(tmp_path: Path) -> None:
    def named(ds: FileDataset) -> None:
        del ds.EncryptedAttributesSequence
        ds.DeidentificationMethod = "EncryptSecureRT protected input"
        for roi, name in zip(ds.StructureSetROISequence, ("Lung_L", "Lung_L of Doe"), strict=True):
            roi.ROIName = name

    made = read_structures(structure_file(tmp_path / "rs.dcm", two(), named))

    assert [one.shown_name for one in made.structures] == ["ROI_3", "Lung_L"]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientID", "4711"),
        ("PatientID", ""),
        ("StudyInstanceUID", "1.2.840.113619.2.1"),
        ("SeriesInstanceUID", "1.3.6.1.4.1"),
        ("SOPInstanceUID", "1.2.3"),
    ],
)
def test_a_file_with_the_marks_but_not_from_here_is_not_protected(
    tmp_path: Path, keyword: str, value: str
) -> None:
    path = structure_file(tmp_path / "rs.dcm", two(), lambda ds: setattr(ds, keyword, value))

    assert refusal_of(lambda: read_structures(path)) is ErrorCode.E_NOT_PROTECTED


def test_what_has_no_inside_is_passed_over_and_counted(tmp_path: Path) -> None:
    regions = {
        1: [contour(square(0.0)), contour([[0, 0, 0]], "POINT")],
        2: [contour([[0, 0, 0], [1, 0, 0]], "OPEN_PLANAR")],
        4: [contour([[0, 0, 0], [1, 0, 0]])],
        5: [],
    }

    made = read_structures(structure_file(tmp_path / "rs.dcm", regions))

    assert [one.number for one in made.structures] == [1]
    assert made.empty == (2, 4, 5)
    assert made.skipped == {"FEWER_THAN_3_POINTS": 1, "OPEN_PLANAR": 1, "POINT": 1}


def test_some_of_the_structures_can_be_chosen(tmp_path: Path) -> None:
    path = structure_file(tmp_path / "rs.dcm", two())

    assert [one.number for one in read_structures(path, [3]).structures] == [3]
    assert refusal_of(lambda: read_structures(path, [4])) is ErrorCode.E_STRUCTURES


def _other_count(ds: FileDataset) -> None:
    ds.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 5


def _other_frame(ds: FileDataset) -> None:
    ds.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "2.25.8"


def _number_twice(ds: FileDataset) -> None:
    ds.StructureSetROISequence[1].ROINumber = ds.StructureSetROISequence[0].ROINumber


def _number_zero(ds: FileDataset) -> None:
    ds.StructureSetROISequence[0].ROINumber = 0


def _far_away(ds: FileDataset) -> None:
    ds.ROIContourSequence[0].ContourSequence[0].ContourData[0] = "1e7"


def _in_clear(ds: FileDataset) -> None:
    del ds.EncryptedAttributesSequence


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_other_count, ErrorCode.E_DICOM),
        (_other_frame, ErrorCode.E_STRUCTURES),
        (_number_twice, ErrorCode.E_STRUCTURES),
        (_number_zero, ErrorCode.E_STRUCTURES),
        (_far_away, ErrorCode.E_STRUCTURES),
        (_in_clear, ErrorCode.E_NOT_PROTECTED),
    ],
)
def test_a_set_that_is_not_right_is_refused(
    tmp_path: Path, change: Change, code: ErrorCode
) -> None:
    path = structure_file(tmp_path / "rs.dcm", two(), change)

    assert refusal_of(lambda: read_structures(path)) is code


def test_a_set_that_a_worker_made_is_as_good_as_a_protected_one(tmp_path: Path) -> None:
    def made_in_the_enclave(ds: FileDataset) -> None:
        _in_clear(ds)
        ds.DeidentificationMethod = "EncryptSecureRT protected input"

    made = read_structures(structure_file(tmp_path / "rs.dcm", two(), made_in_the_enclave))

    assert [one.number for one in made.structures] == [3, 7]


def test_a_set_without_any_inside_is_refused(tmp_path: Path) -> None:
    path = structure_file(tmp_path / "rs.dcm", {1: []})

    assert refusal_of(lambda: read_structures(path)) is ErrorCode.E_STRUCTURES


@pytest.mark.parametrize("text", [b"1\\2\\x ", b"1\\2\\_3", b"nan\\1\\2 "])
def test_points_that_are_no_decimal_numbers_are_refused(tmp_path: Path, text: bytes) -> None:
    path = structure_file(tmp_path / "rs.dcm", {1: [contour([[111, 222, 333]])]})
    octets = path.read_bytes()
    start = octets.index(b"111\\222\\333 ")
    path.write_bytes(octets[:start] + text.ljust(12) + octets[start + 12 :])

    assert refusal_of(lambda: read_structures(path)) is ErrorCode.E_DICOM


def test_masks_of_a_scene_go_out_as_they_came(tmp_path: Path) -> None:
    grid = MaskGrid(
        shape=(2, 2, 3),
        spacing_mm=(1.0, 1.0, 1.0),
        origin_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    entry = StructureEntry(number=9, form=StructureForm.MASK, points=None)
    header = StructuresHeader(
        frame_of_reference=FRAME, structure_set=None, grid=grid, structures=(entry,)
    )
    mask = np.packbits(np.arange(12) % 2, bitorder="little").tobytes()
    path = tmp_path / "structures"
    path.write_bytes(pack_structures(header, [mask]))

    made = read_structures_object(path)
    content = made.content()

    assert [(one.number, one.shown_name) for one in made.structures] == [(9, "ROI_9")]
    assert bytes(content.chunk(0, content.size_bytes)) == path.read_bytes()
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal_of(lambda: read_structures_object(path)) is ErrorCode.E_FORMAT
