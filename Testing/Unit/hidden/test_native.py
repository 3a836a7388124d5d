"""What may be hidden beside uncompressed pixels is masked, or has the file refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.Unit.hidden.frames import canary
from Testing.Unit.hidden.trips import Trip
from Testing.Unit.protect.conftest import make_ct, us

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import MAX_HEADER_BYTES
from EncryptSecureRTLib.client.dicomfiles import hidden, split_file

Protect = Callable[[bytes], Trip]
Refusal = Callable[[bytes], str]
ROWS, COLUMNS = 4, 6


def _ct(pixels: np.ndarray[Any, Any], stored: int, high: int, *, signed: bool = False) -> bytes:
    rows, columns = pixels.shape
    return make_ct(
        {
            0x00280010: (b"US", us(rows)),
            0x00280011: (b"US", us(columns)),
            0x00280100: (b"US", us(8 * pixels.itemsize)),
            0x00280101: (b"US", us(stored)),
            0x00280102: (b"US", us(high)),
            0x00280103: (b"US", us(int(signed))),
            0x7FE00010: (b"OB" if pixels.itemsize == 1 else b"OW", pixels.tobytes()),
        }
    )


def _pixels(low: int, high: int, dtype: str = "<u2") -> np.ndarray[Any, Any]:
    numbers = np.random.default_rng(0).integers(low, high, (ROWS, COLUMNS))
    numbers[0, :2] = low, high - 1
    return numbers.astype(dtype)


GOOD: dict[str, tuple[Any, int, int, bool]] = {
    "all bits": (_pixels(0, 65536), 16, 15, False),
    "zeros above": (_pixels(0, 4096), 12, 11, False),
    "sign above": (_pixels(-2048, 2048, "<i2"), 12, 11, True),
    "zeros above signed ones": (_pixels(0, 4096), 12, 11, True),
    "of 8 bits": (_pixels(0, 128, "u1"), 7, 6, False),
    "of 32 bits": (_pixels(0, 1 << 20, "<u4"), 20, 19, False),
    "zeros below": (_pixels(0, 4096) * 16, 12, 15, False),
    "zeros on both sides": (_pixels(0, 4096) * 4, 12, 13, False),
}


@pytest.mark.parametrize("name", GOOD)
def test_pixels_that_keep_to_their_bits_stay(name: str, protected: Protect) -> None:
    pixels, stored, high, signed = GOOD[name]

    done = protected(_ct(pixels, stored, high, signed=signed))

    assert pixels.tobytes() in done.octets
    assert done.split.gaps == ()


@pytest.mark.parametrize("bit", [12, 14, 15])
@pytest.mark.parametrize("signed", [False, True])
def test_one_bit_above_those_stored_has_the_file_refused(
    bit: int, signed: bool, refusal: Refusal
) -> None:
    pixels = _pixels(0, 2048)
    pixels[2, 3] |= 1 << bit

    assert refusal(_ct(pixels, 12, 11, signed=signed)) == hidden.SPARE_BITS


def test_text_in_the_bits_above_has_the_file_refused(refusal: Refusal) -> None:
    pixels = _pixels(0, 256)
    pixels |= np.frombuffer(canary(0, ROWS * COLUMNS), "u1").reshape(ROWS, COLUMNS) * np.uint16(256)

    assert refusal(_ct(pixels, 8, 7)) == hidden.SPARE_BITS


def test_one_bit_below_those_stored_has_the_file_refused(refusal: Refusal) -> None:
    pixels = _pixels(0, 4096) * 16
    pixels[1, 1] |= 1

    assert refusal(_ct(pixels, 12, 15)) == hidden.SPARE_BITS


def test_signs_are_all_repeated_or_none(refusal: Refusal) -> None:
    pixels = _pixels(-2048, 2048, "<i2").view("<u2")
    pixels[pixels > 0x7FFF][1:] &= 0x0FFF
    mixed = np.where(np.arange(COLUMNS) % 2, pixels, pixels & 0x0FFF).astype("<u2")

    assert refusal(_ct(mixed, 12, 11, signed=True)) == hidden.SPARE_BITS


def test_signs_above_unsigned_pixels_are_refused(refusal: Refusal) -> None:
    assert refusal(_ct(_pixels(-2048, 2048, "<i2"), 12, 11)) == hidden.SPARE_BITS


def test_the_last_of_many_pixels_is_looked_at(refusal: Refusal) -> None:
    pixels = np.zeros((1025, 1025), "<u2")
    pixels[-1, -1] = 0x8000

    assert refusal(_ct(pixels, 12, 11)) == hidden.SPARE_BITS


@pytest.mark.parametrize(
    "change",
    [
        {0x00280101: (b"US", us(0))},
        {0x00280101: (b"US", us(17))},
        {0x00280102: (b"US", us(16))},
        {0x00280102: (b"US", us(10))},
        {0x00280102: (b"US", b"")},
        {0x00280010: None},
        {0x00280008: (b"IS", b"CANARY")},
    ],
)
def test_numbers_that_cannot_be_have_the_file_refused(
    change: dict[int, Any], refusal: Refusal
) -> None:
    assert refusal(make_ct({0x00280101: (b"US", us(12)), **change})) == hidden.NUMBERS


def test_a_number_of_frames_that_is_too_long_to_be_one_has_the_file_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "frames.dcm"
    path.write_bytes(make_ct({0x00280008: (b"IS", b"2" + bytes(19))}))

    with pytest.raises(EncryptSecureRTError) as refused:
        split_file(path)

    assert refused.value.code is ErrorCode.E_DICOM


def _odd(pad: bytes) -> bytes:
    octets = _ct(np.ones((3, 5), "u1"), 8, 7)
    assert octets.endswith(b"\x01\0")
    return octets[:-1] + pad


def test_the_pad_octet_is_masked(protected: Protect) -> None:
    done = protected(_odd(b"X"))

    assert done.octets.endswith(b"\x01" * 15 + b"\0")
    assert done.split.gaps == ((done.original.stat().st_size - 1, 1),)
    assert protected(_odd(b"\0")).split.gaps == ()


def test_bits_behind_the_last_of_packed_pixels_have_the_file_refused(refusal: Refusal) -> None:
    bits = {0x00280100: (b"US", us(1)), 0x00280101: (b"US", us(1)), 0x00280102: (b"US", us(0))}
    size = {0x00280010: (b"US", us(3)), 0x00280011: (b"US", us(3))}

    assert refusal(make_ct({**bits, **size, 0x7FE00010: (b"OB", b"\xff\x81")})) == hidden.SPARE_BITS


def test_octets_behind_the_last_frame_are_refused_by_the_worker(
    signing: Any, tmp_path: Path
) -> None:
    from EncryptSecureRTLib.client.dicomfiles import header_request

    path = tmp_path / "long.dcm"
    path.write_bytes(make_ct({0x7FE00010: (b"OW", bytes(48) + canary())}))

    answer = signing.protector.answer(header_request(split_file(path)))

    assert answer.code is ErrorCode.E_DICOM


def test_a_file_that_is_to_be_sealed_whole_is_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "whole.dcm"
    path.write_bytes(_ct(_pixels(0, 65536), 12, 11))

    split = split_file(path, whole=True)

    assert bytes(split.header) == path.read_bytes()
    assert (split.bulk, split.gaps, split.whole) == ((), (), True)


def test_a_whole_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        file.truncate(MAX_HEADER_BYTES + 1)

    with pytest.raises(EncryptSecureRTError) as refused:
        split_file(path, whole=True)

    assert refused.value.code is ErrorCode.E_TOO_LARGE
