"""What the lists of pictures leave in clear, once a user vouches for their pixels."""

import struct
from typing import Any

import pytest
from Testing.Unit.protect.conftest import us
from Testing.Unit.protect.kinds import sealed_item
from Testing.Unit.protect.pictures import (
    RT_IMAGE,
    TRUE_COLOUR,
    ULTRASOUND,
    Changes,
    picture,
    read_picture,
)

from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.choices import Choices, PixelText


@pytest.fixture(scope="module")
def vouching(site: Any) -> Protector:
    return Protector(site.keys, Choices(pixels=PixelText.VOUCHED))


def test_an_ultrasound_keeps_its_regions_and_no_name_of_the_scanner(vouching: Protector) -> None:
    region = [
        (0x00186012, b"US", us(1)),
        (0x00186014, b"US", us(1)),
        (0x00186018, b"UL", struct.pack("<L", 12)),
        (0x00186020, b"SL", struct.pack("<l", -3)),
        (0x00186024, b"US", us(3)),
        (0x0018602C, b"FD", struct.pack("<d", 0.0125)),
        (0x00186052, b"UL", struct.pack("<2L", 1, 255)),
    ]
    changes: Changes = {
        0x00080008: (b"CS", b"ORIGINAL\\PRIMARY\\SMALL PARTS\\0011"),
        0x00081090: (b"LO", b"CANARY SCANNER"),
        0x00185010: (b"LO", b"CANARY PROBE"),
        0x00185022: (b"DS", b"1.1"),
        0x00186011: (b"SQ", [region]),
        0x00186031: (b"CS", b"LINEAR"),
        0x00082127: (b"SH", b"CANARY VIEW"),
    }

    answer = vouching.protect(picture(ULTRASOUND, changes))

    dataset = read_picture(answer)
    (kept,) = dataset.SequenceOfUltrasoundRegions
    assert (kept.RegionLocationMinX0, kept.ReferencePixelX0, kept.PhysicalDeltaX) == (
        12,
        -3,
        0.0125,
    )
    assert list(kept.TableOfXBreakPoints) == [1, 255]
    assert list(dataset.ImageType) == ["ORIGINAL", "PRIMARY", "SMALL PARTS", "0011"]
    assert (dataset.TransducerType, dataset.MechanicalIndex) == ("LINEAR", 1.1)
    assert b"CANARY" not in bytes(answer.header)


def test_an_rt_image_keeps_its_geometry_and_is_called_as_all_are(
    site: Any, vouching: Protector
) -> None:
    exposure = [
        (0x00180060, b"DS", b"6000"),
        (0x30020032, b"DS", b"2.5"),
        (0x300A00B6, b"SQ", [[(0x300A00B8, b"CS", b"ASYMX"), (0x300A011C, b"DS", b"-5\\5")]]),
        (0x300A00F4, b"SQ", [[(0x300A00F5, b"SH", b"CANARY"), (0x300A00FE, b"LO", b"CANARY")]]),
    ]
    changes: Changes = {
        0x00080008: (b"CS", b"ORIGINAL\\PRIMARY\\PORTAL"),
        0x00200052: (b"UI", b"1.2.3.9"),
        0x30020002: (b"SH", b"CANARY LABEL"),
        0x30020003: (b"LO", b"CANARY NAME"),
        0x3002000E: (b"DS", b"0"),
        0x30020011: (b"DS", b"0.25\\0.25"),
        0x30020012: (b"DS", b"-100.5\\100.5"),
        0x30020020: (b"SH", b"CANARY LINAC"),
        0x30020026: (b"DS", b"1500"),
        0x30020030: (b"SQ", [exposure]),
        0x300A011E: (b"DS", b"270"),
        0x300C0006: (b"IS", b"2"),
        0x300C0002: (b"SQ", [[(0x00081155, b"UI", b"1.2.3.77")]]),
    }

    answer = vouching.protect(picture(RT_IMAGE, changes))

    dataset = read_picture(answer)
    assert (dataset.RTImageLabel, dataset.RadiationMachineName) == ("RTIMAGE", "")
    assert list(dataset.ImageType) == ["ORIGINAL", "PRIMARY", "PORTAL"]
    assert list(dataset.RTImagePosition) == [-100.5, 100.5]
    assert (dataset.RTImageSID, dataset.GantryAngle, dataset.ReferencedBeamNumber) == (1500, 270, 2)
    (kept,) = dataset.ExposureSequence
    assert (kept.KVP, kept.MetersetExposure) == (6000, 2.5)
    assert list(kept.BeamLimitingDeviceSequence[0].LeafJawPositions) == [-5, 5]
    assert dataset.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID.startswith("2.25.")
    assert b"CANARY" not in bytes(answer.header)
    assert sealed_item(site, dataset).RTImageLabel == "CANARY LABEL"


@pytest.mark.parametrize(
    ("pointer", "is_kept"),
    [((0x0018, 0x1063), True), ((0x0018, 0x2002), False), ((0x0054, 0x0010), False)],
    ids=["frame time", "frame labels", "of another kind"],
)
def test_frames_point_to_what_stands_in_clear(
    vouching: Protector, pointer: tuple[int, int], is_kept: bool
) -> None:
    changes: Changes = {
        0x00280009: (b"AT", struct.pack("<HH", *pointer)),
        0x00181063: (b"DS", b"33.3"),
        0x00182002: (b"SH", b"CANARY"),
    }

    dataset = read_picture(vouching.protect(picture(TRUE_COLOUR, changes)))

    assert ("FrameIncrementPointer" in dataset) is is_kept
    assert dataset.FrameTime == 33.3
