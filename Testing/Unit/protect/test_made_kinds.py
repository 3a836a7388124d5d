"""Kinds of which there is no real file at hand: made ones, each with what its table is about."""

import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pydicom
import pytest
from Testing.Unit.protect.test_clearing import NO_IMAGE

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest

Octets = Callable[..., bytes]
STORAGE = b"1.2.840.10008.5.1.4.1.1."
MATRIX = b"1\\0\\0\\10.5\\0\\1\\0\\-3\\0\\0\\1\\2e1\\0\\0\\0\\1"
FRAME, OTHER_FRAME = b"1.2.3.9", b"1.2.3.10"


@pytest.fixture
def protect(site: Any, ct_octets: Octets) -> Callable[..., pydicom.Dataset]:
    def run(sop_class: bytes, changes: dict[int, Any]) -> pydicom.Dataset:
        octets = ct_octets({**NO_IMAGE, 0x00080016: (b"UI", STORAGE + sop_class), **changes})
        request = HeaderRequest(size=len(octets), bulk=(), header=octets)
        answer = site.protector.protect(request)
        assert b"CANARY" not in bytes(answer.header)
        dataset: pydicom.Dataset = pydicom.dcmread(BytesIO(bytes(answer.header)))
        assert str(dataset)  # decodes every value; warnings are errors
        return dataset

    return run


def _registration(kind: bytes = b"RIGID") -> dict[int, Any]:
    matrix = [[(0x300600C6, b"DS", MATRIX), (0x0070030C, b"CS", kind)]]
    one = [
        (0x00200052, b"UI", OTHER_FRAME),
        (0x00700309, b"SQ", [[(0x0070030A, b"SQ", matrix), (0x0070030D, b"SQ", [])]]),
    ]
    return {
        0x00080060: (b"CS", b"REG"),
        0x00200052: (b"UI", FRAME),
        0x00700080: (b"CS", b"CANARY"),
        0x00700081: (b"LO", b"CANARY"),
        0x00700308: (b"SQ", [one]),
    }


def test_a_registration_keeps_its_matrix_and_joins_mapped_frames(
    protect: Callable[..., pydicom.Dataset],
) -> None:
    dataset = protect(b"66.1", _registration())

    (one,) = dataset.RegistrationSequence
    (matrix,) = one.MatrixRegistrationSequence[0].MatrixSequence
    kept = matrix.FrameOfReferenceTransformationMatrix
    assert kept == [1, 0, 0, 10.5, 0, 1, 0, -3, 0, 0, 1, 20, 0, 0, 0, 1]
    assert matrix.FrameOfReferenceTransformationMatrixType == "RIGID"
    frames = {dataset.FrameOfReferenceUID, one.FrameOfReferenceUID}
    assert len(frames) == 2
    assert all(frame.startswith("2.25.") for frame in frames)
    assert (dataset.ContentLabel, dataset.ContentDate) == ("REG", "19000101")


def test_a_registration_of_no_known_type_is_refused(site: Any, ct_octets: Octets) -> None:
    octets = ct_octets(
        {**NO_IMAGE, 0x00080016: (b"UI", STORAGE + b"66.1"), **_registration(b"BY DOE")}
    )

    answer = site.protector.answer(HeaderRequest(size=len(octets), bulk=(), header=octets))

    assert answer.code is ErrorCode.E_DICOM


def test_a_deformation_field_stays_as_it_is(protect: Callable[..., pydicom.Dataset]) -> None:
    field = struct.pack("<24f", *(0.5 * number - 3 for number in range(24)))
    grid = [
        (0x00200032, b"DS", b"-10\\-20\\30"),
        (0x00200037, b"DS", b"1\\0\\0\\0\\1\\0"),
        (0x00640007, b"UL", struct.pack("<3L", 2, 2, 2)),
        (0x00640008, b"FD", struct.pack("<3d", 2.5, 2.5, 3)),
        (0x00640009, b"OF", field),
    ]
    one = [(0x00640003, b"UI", OTHER_FRAME), (0x00640005, b"SQ", [grid])]

    dataset = protect(
        b"66.3",
        {
            0x00080060: (b"CS", b"REG"),
            0x00200052: (b"UI", FRAME),
            0x00640002: (b"SQ", [one]),
        },
    )

    (kept,) = dataset.DeformableRegistrationSequence[0].DeformableRegistrationGridSequence
    assert kept.VectorGridData == field
    assert (list(kept.GridDimensions), list(kept.GridResolution)) == ([2, 2, 2], [2.5, 2.5, 3])


def test_an_ion_plan_keeps_its_spots_and_names_no_device(
    protect: Callable[..., pydicom.Dataset],
) -> None:
    spots = struct.pack("<6f", 1, 2, -3, 4.5, 0, 7)
    point = [
        (0x300A0112, b"IS", b"0"),
        (0x300A0114, b"DS", b"150.2"),
        (0x300A0134, b"DS", b"0"),
        (0x300A0390, b"SH", b"CANARY"),
        (0x300A0392, b"IS", b"3"),
        (0x300A0394, b"FL", spots),
        (0x300A0396, b"FL", struct.pack("<3f", 1, 2, 3)),
    ]
    beam = [
        (0x300A00B2, b"SH", b"CANARY MACHINE"),
        (0x300A00C0, b"IS", b"4"),
        (0x300A00C2, b"LO", b"CANARY BEAM"),
        (0x300A00C6, b"CS", b"PROTON"),
        (0x300A0314, b"SQ", [[(0x300A0316, b"IS", b"2"), (0x300A0318, b"SH", b"CANARY")]]),
        (0x300A03A8, b"SQ", [point]),
    ]

    dataset = protect(b"481.8", {0x00080060: (b"CS", b"RTPLAN"), 0x300A03A2: (b"SQ", [beam])})

    (kept,) = dataset.IonBeamSequence
    (one,) = kept.IonControlPointSequence
    assert list(one.ScanSpotPositionMap) == [1, 2, -3, 4.5, 0, 7]
    assert (one.NominalBeamEnergy, kept.RadiationType) == (150.2, "PROTON")
    assert (kept.BeamName, kept.TreatmentMachineName) == ("BEAM_4", "")
    assert kept.RangeShifterSequence[0].RangeShifterID == "SHIFTER_2"


def test_a_treatment_record_keeps_what_was_delivered_and_not_when(
    protect: Callable[..., pydicom.Dataset],
) -> None:
    point = [
        (0x30080024, b"DA", b"20010203"),
        (0x30080025, b"TM", b"101112"),
        (0x30080042, b"DS", b"50"),
        (0x30080044, b"DS", b"49.8"),
    ]
    session = [
        (0x30080022, b"IS", b"3"),
        (0x3008002A, b"CS", b"NORMAL"),
        (0x30080040, b"SQ", [point]),
        (0x300A00C2, b"LO", b"CANARY BEAM"),
        (0x300C0006, b"IS", b"2"),
    ]

    dataset = protect(
        b"481.4",
        {
            0x00080060: (b"CS", b"RTRECORD"),
            0x30080020: (b"SQ", [session]),
            0x30080250: (b"DA", b"20010203"),
        },
    )

    (kept,) = dataset.TreatmentSessionBeamSequence
    (one,) = kept.ControlPointDeliverySequence
    assert (kept.CurrentFractionNumber, kept.BeamName) == (3, "BEAM_2")
    assert (one.DeliveredMeterset, one.TreatmentControlPointDate) == (49.8, "19000101")
    assert dataset.TreatmentDate == ""


def test_a_presentation_state_keeps_its_window_and_no_drawing(
    protect: Callable[..., pydicom.Dataset],
) -> None:
    text = [[(0x00700006, b"ST", b"CANARY"), (0x00700003, b"CS", b"PIXEL")]]

    dataset = protect(
        b"11.1",
        {
            0x00080060: (b"CS", b"PR"),
            0x00283110: (
                b"SQ",
                [[(0x00281050, b"DS", b"40"), (0x00281051, b"DS", b"400")]],
            ),
            0x00700001: (b"SQ", [[(0x00700002, b"CS", b"CANARY"), (0x00700008, b"SQ", text)]]),
            0x00700080: (b"CS", b"CANARY"),
            0x00700084: (b"PN", b"CANARY"),
        },
    )

    (window,) = dataset.SoftcopyVOILUTSequence
    assert (window.WindowCenter, window.WindowWidth) == (40, 400)
    assert "GraphicAnnotationSequence" not in dataset
    assert dataset.PresentationCreationDate == "19000101"
