"""What a table leaves of nested elements: labels, codes, references, and what is no such thing."""

import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pydicom
import pytest

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest, ProtectedHeader
from encryptsecurert_worker.dicom.protect.numbers import is_number

Octets = Callable[..., bytes]
SET, KEY_OBJECTS = b"1.2.840.10008.5.1.4.1.1.481.3", b"1.2.840.10008.5.1.4.1.1.88.59"
REPORT, DOSE = b"1.2.840.10008.5.1.4.1.1.88.33", b"1.2.840.10008.5.1.4.1.1.481.2"
CT = b"1.2.840.10008.5.1.4.1.1.2"
# Elements of the small CT that the kinds below do not have.
NO_IMAGE: dict[int, Any] = {
    tag: None
    for tag in (
        *(0x00080008, 0x00200032, 0x00200037, 0x00280002, 0x00280004, 0x00280010, 0x00280011),
        *(0x00280030, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00281052, 0x00281053),
        *(0x7FE00010, 0x00200052),
    )
}
Child = tuple[int, bytes, Any]


def _request(octets: bytes) -> HeaderRequest:
    return HeaderRequest(size=len(octets), bulk=(), header=octets)


def _read(answer: ProtectedHeader) -> pydicom.Dataset:
    dataset: pydicom.Dataset = pydicom.dcmread(BytesIO(bytes(answer.header)))
    return dataset


def _set(contour: bytes = b"1\\2\\3", name: bytes = b"CANARY BOOST", **more: Any) -> dict[int, Any]:
    """Return a structure set of one region and one contour."""
    return {
        **NO_IMAGE,
        0x00080016: (b"UI", SET),
        0x00080060: (b"CS", b"RTSTRUCT"),
        0x30060002: (b"SH", b"CANARY SET"),
        0x30060020: (
            b"SQ",
            [
                [
                    (0x30060022, b"IS", more.get("number", b"7")),
                    (0x30060024, b"UI", b"1.2.3.9"),
                    (0x30060026, b"LO", name),
                    (0x30060036, b"CS", more.get("algorithm", b"MANUAL")),
                ]
            ],
        ),
        0x30060039: (
            b"SQ",
            [
                [
                    (
                        0x30060040,
                        b"SQ",
                        [
                            [
                                (
                                    0x30060016,
                                    b"SQ",
                                    [[(0x00081150, b"UI", CT), (0x00081155, b"UI", b"1.2.3.4.5")]],
                                ),
                                (0x30060042, b"CS", b"POINT"),
                                (0x30060046, b"IS", b"1"),
                                (0x30060050, b"DS", contour),
                            ]
                        ],
                    ),
                    (0x30060084, b"IS", b"7"),
                ]
            ],
        ),
        0x30060080: (b"SQ", []),
    }


@pytest.mark.parametrize("implicit", [False, True])
def test_a_region_has_a_label_and_its_contour_stays(
    site: Any, ct_octets: Octets, implicit: bool
) -> None:
    answer = site.protector.protect(_request(ct_octets(_set(), implicit=implicit)))

    dataset = _read(answer)
    (region,), (contours,) = dataset.StructureSetROISequence, dataset.ROIContourSequence
    assert (region.ROIName, region.ROINumber, region.ROIGenerationAlgorithm) == (
        *("ROI_7", 7),
        "MANUAL",
    )
    (contour,) = contours.ContourSequence
    assert contour.ContourData == [1, 2, 3]
    assert dataset.StructureSetLabel == "RTSTRUCT"
    assert b"CANARY" not in bytes(answer.header)


def test_a_reference_is_mapped_as_the_object_itself(site: Any, ct_octets: Octets) -> None:
    own = _read(site.protector.protect(_request(ct_octets(_set()))))

    (contours,) = own.ROIContourSequence
    (image,) = contours.ContourSequence[0].ContourImageSequence
    assert image.ReferencedSOPInstanceUID == own.SOPInstanceUID
    assert image.ReferencedSOPClassUID == CT.decode()


@pytest.mark.parametrize("number", [b"DOE", b"1.5", b"-3", b""])
def test_a_number_that_is_none_is_in_no_label(site: Any, ct_octets: Octets, number: bytes) -> None:
    changes = _set(number=number)
    del changes[0x30060039]

    answer = site.protector.answer(_request(ct_octets(changes)))

    assert b"DOE" not in bytes(answer.header)
    if answer.code is None:
        assert _read(answer).StructureSetROISequence[0].ROIName == "ROI"


@pytest.mark.parametrize(
    "contour", [b"1\\2\\DOE", b"1\\2\\3 JOHN", b"1\\2\\3\0DOE", b"1\\2\\12345678901234567"]
)
def test_text_inside_contour_data_refuses_the_object(
    site: Any, ct_octets: Octets, contour: bytes
) -> None:
    assert site.protector.answer(_request(ct_octets(_set(b"1.5\\-2\\3e1")))).code is None

    answer = site.protector.answer(_request(ct_octets(_set(contour))))

    assert answer.code is ErrorCode.E_DICOM


def test_contours_too_long_for_a_short_length_travel_as_un(site: Any, ct_octets: Octets) -> None:
    points = b"\\".join(b"%d.25" % number for number in range(12_000))

    answer = site.protector.protect(_request(ct_octets(_set(points), implicit=True)))

    contour = _read(answer).ROIContourSequence[0].ContourSequence[0]
    assert contour["ContourData"].VR == "UN"
    assert contour.ContourData.rstrip() == points


def test_a_term_that_the_standard_does_not_have_is_written_empty(
    site: Any, ct_octets: Octets
) -> None:
    answer = site.protector.protect(_request(ct_octets(_set(algorithm=b"BY DOE"))))

    assert _read(answer).StructureSetROISequence[0].ROIGenerationAlgorithm == ""
    assert b"DOE" not in bytes(answer.header)


def test_a_sequence_that_cannot_be_looked_into_is_sealed(site: Any, ct_octets: Octets) -> None:
    changes = {**_set(), 0x30060010: (b"UN", b"CANARY IN UN")}

    answer = site.protector.protect(_request(ct_octets(changes)))

    assert "ReferencedFrameOfReferenceSequence" not in _read(answer)
    assert b"CANARY" not in bytes(answer.header)


def test_pixels_in_an_object_that_has_none_refuse_it(
    site: Any, ct_request: Callable[..., HeaderRequest]
) -> None:
    changes = {**_set(), 0x7FE00010: (b"OW", bytes(range(48)))}

    assert site.protector.answer(ct_request(changes)).code is ErrorCode.E_DICOM


def _code(value: bytes, scheme: bytes, meaning: bytes) -> list[Child]:
    return [
        (0x00080100, b"SH", value),
        (0x00080102, b"SH", scheme),
        (0x00080104, b"LO", meaning),
    ]


def _document(sop_class: bytes, title: list[Child], **more: Any) -> dict[int, Any]:
    return {
        **NO_IMAGE,
        0x00080016: (b"UI", sop_class),
        0x0040A040: (b"CS", b"CONTAINER"),
        0x0040A043: (b"SQ", [title]),
        0x0040A493: (b"CS", b"VERIFIED"),
        0x0040A730: (b"SQ", more.get("content", [])),
    }


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (
            _code(b"126000", b"DCM", b"CANARY MEANING"),
            ("126000", "Imaging Measurement Report"),
        ),
        (_code(b"126000", b"99CANARY", b"X"), ("18748-4", "Diagnostic imaging report")),
        (_code(b"CANARY", b"DCM", b"X"), ("18748-4", "Diagnostic imaging report")),
    ],
    ids=["listed", "private scheme", "unknown"],
)
def test_a_code_is_kept_if_the_standard_lists_it_and_its_meaning_is_the_standards(
    site: Any, ct_octets: Octets, title: list[Child], expected: tuple[str, str]
) -> None:
    answer = site.protector.protect(_request(ct_octets(_document(REPORT, title))))

    (code,) = _read(answer).ConceptNameCodeSequence
    assert (code.CodeValue, code.CodeMeaning.casefold()) == (expected[0], expected[1].casefold())
    assert b"CANARY" not in bytes(answer.header)


def test_key_objects_keep_references_and_no_description(site: Any, ct_octets: Octets) -> None:
    reference = [(0x00081150, b"UI", CT), (0x00081155, b"UI", b"1.2.3.4.5")]
    content = [
        [
            (0x00081199, b"SQ", [reference]),
            (0x0040A010, b"CS", b"CONTAINS"),
            (0x0040A040, b"CS", b"IMAGE"),
        ],
        [
            (0x0040A010, b"CS", b"CONTAINS"),
            (0x0040A040, b"CS", b"TEXT"),
            (0x0040A160, b"UT", b"CANARY"),
        ],
    ]
    title = _code(b"113000", b"DCM", b"CANARY")

    answer = site.protector.protect(
        _request(ct_octets(_document(KEY_OBJECTS, title, content=content)))
    )

    (kept,) = _read(answer).ContentSequence
    assert kept.ValueType == "IMAGE"
    assert kept.ReferencedSOPSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
    assert b"CANARY" not in bytes(answer.header)


def test_unsigned_pixels_stay_unsigned(site: Any, ct_request: Callable[..., HeaderRequest]) -> None:
    """Two zero octets are the number nought, and no padding."""
    answer = site.protector.protect(ct_request({0x00280103: (b"US", b"\0\0")}))

    place = bytes(answer.header).index(b"\x28\x00\x03\x01US\x02\x00")
    assert bytes(answer.header)[place + 8 : place + 10] == b"\0\0"


@pytest.mark.parametrize(
    ("vr", "value", "count", "accepted"),
    [
        (b"FD", struct.pack("<d", 1.5), (1, 1), True),
        (b"FD", struct.pack("<d", 0.0), (1, 1), True),
        (b"FD", struct.pack("<d", 6.1e-17), (1, 1), True),
        (b"FD", b"JOHN DOE", (1, 1), False),
        (b"FD", b"19450101", (1, 1), False),
        (b"FD", struct.pack("<d", float("nan")), (1, 1), False),
        (b"FD", bytes(7), (1, 1), False),
        (b"FL", struct.pack("<3f", 1, -2, 3e5), (3, 3), True),
        (b"FL", struct.pack("<2f", 1, 2), (3, 3), False),
        (b"UL", b"\1\2\3\4", (1, 1), True),
        (b"IS", b"12", (1, 1), True),
        (b"IS", b"DOE", (1, 1), False),
    ],
)
def test_numbers_are_numbers(
    vr: bytes, value: bytes, count: tuple[int, int], accepted: bool
) -> None:
    assert is_number(vr, value, count) == (value if accepted else None)


def test_a_pointer_to_a_private_attribute_is_not_kept(
    site: Any, ct_request: Callable[..., HeaderRequest]
) -> None:
    dose = {
        0x00080016: (b"UI", DOSE),
        0x30040002: (b"CS", b"GY"),
        0x30040004: (b"CS", b"PHYSICAL"),
        0x3004000A: (b"CS", b"PLAN"),
        0x3004000E: (b"DS", b"0.001"),
        0x00280103: (b"US", b"\0\0"),
    }
    standard = {**dose, 0x00280009: (b"AT", b"\x04\x30\x0c\x00")}
    private = {**dose, 0x00280009: (b"AT", b"\x09\x00\x10\x10")}

    assert b"\x28\x00\x09\x00AT" in bytes(site.protector.protect(ct_request(standard)).header)
    assert b"\x28\x00\x09\x00AT" not in bytes(site.protector.protect(ct_request(private)).header)
