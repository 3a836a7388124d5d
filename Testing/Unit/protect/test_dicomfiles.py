"""The client's side: cut the bulk out, put it into another header, and nothing else on disk."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import (
    MAX_HEADER_BYTES,
    BulkInsert,
    HeaderState,
    ProtectedHeader,
    refused_header,
)
from EncryptSecureRTLib.client.dicomfiles import (
    PROTECTED_MTIME_S,
    SplitFile,
    header_request,
    splice,
    split_file,
)

PIXELS = bytes(range(48))
NAME = "2.25.11/2.25.22.dcm"


@pytest.fixture
def ct_file(tmp_path: Path, ct_octets: Callable[..., bytes]) -> Callable[..., Path]:
    def write(*arguments: Any, **options: Any) -> Path:
        path = tmp_path / "original" / "CANARY.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(ct_octets(*arguments, **options))
        return path

    return write


def _answer(split: SplitFile, header: bytes = b"HEADTAIL", at: int = 4) -> ProtectedHeader:
    (bulk,) = split.bulk
    insert = BulkInsert(at=at, length=bulk.length, sha256=bulk.sha256)
    return ProtectedHeader(state=HeaderState.PROTECTED, name=NAME, bulk=(insert,), header=header)


def _code(call: Callable[[], object]) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize("implicit", [False, True])
def test_the_bulk_is_the_value_of_pixel_data(ct_file: Callable[..., Path], implicit: bool) -> None:
    path = ct_file(implicit=implicit)

    split = split_file(path)

    (bulk,) = split.bulk
    octets = path.read_bytes()
    assert octets[bulk.offset : bulk.offset + bulk.length] == PIXELS
    assert bytes(split.header) == octets[: bulk.offset] + octets[bulk.offset + bulk.length :]
    assert bulk.sha256 == hashlib.sha256(PIXELS).hexdigest()
    assert split.file_sha256 == hashlib.sha256(octets).hexdigest()


def test_elements_after_the_pixels_belong_to_the_header(
    ct_file: Callable[..., Path], element: Callable[..., bytes]
) -> None:
    after = element(0xFFFCFFFC, b"OB", bytes(6), implicit=False)

    split = split_file(ct_file(after=after))

    assert bytes(split.header).endswith(after)


def test_pixel_data_inside_a_sequence_is_no_bulk(ct_file: Callable[..., Path]) -> None:
    icon = (b"SQ", [[(0x7FE00010, b"OW", b"ICON")]])

    split = split_file(ct_file({0x00880200: icon}))

    assert [bulk.length for bulk in split.bulk] == [len(PIXELS)]
    assert b"ICON" in split.header


def test_sequences_of_undefined_length_are_stepped_over(
    ct_file: Callable[..., Path], element: Callable[..., bytes]
) -> None:
    path = ct_file()
    octets = path.read_bytes()
    child = element(0x00080100, b"SH", b"CODE", implicit=False)
    nested = (
        b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff"
        + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        + child
        + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    )
    place = octets.index(b"\x10\x00\x10\x00PN")
    path.write_bytes(octets[:place] + nested + octets[place:])

    (bulk,) = split_file(path).bulk

    assert bulk.length == len(PIXELS)
    assert bulk.offset == octets.rindex(PIXELS) + len(nested)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda octets: octets[132:], ErrorCode.E_NO_DICOM),
        (lambda octets: b"", ErrorCode.E_NO_DICOM),
        (lambda octets: octets[:-1], ErrorCode.E_DICOM),
        (lambda octets: octets + b"\0", ErrorCode.E_DICOM),
        (lambda octets: octets.replace(b"PN", b"P?"), ErrorCode.E_DICOM),
        (
            lambda octets: octets.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0"),
            ErrorCode.E_TRANSFER_SYNTAX,
        ),
    ],
)
def test_a_file_that_is_damaged_or_of_another_syntax_is_refused(
    ct_file: Callable[..., Path], damage: Callable[[bytes], bytes], code: ErrorCode
) -> None:
    path = ct_file()
    assert split_file(path).bulk

    path.write_bytes(damage(path.read_bytes()))

    assert _code(lambda: split_file(path)) is code


def test_a_folder_or_a_missing_file_is_a_local_file_error(tmp_path: Path) -> None:
    assert _code(lambda: split_file(tmp_path)) is ErrorCode.E_LOCAL_FILE
    assert _code(lambda: split_file(tmp_path / "none")) is ErrorCode.E_LOCAL_FILE


def test_a_header_over_the_limit_is_not_read(ct_file: Callable[..., Path]) -> None:
    base = len(split_file(ct_file()).header)
    room = MAX_HEADER_BYTES - base - 12
    assert len(split_file(ct_file({0x00091010: (b"OB", bytes(room))})).header) == (MAX_HEADER_BYTES)

    path = ct_file({0x00091010: (b"OB", bytes(room + 2))})

    assert _code(lambda: split_file(path)) is ErrorCode.E_TOO_LARGE


def test_a_split_does_not_show_the_header_and_can_be_wiped(ct_file: Callable[..., Path]) -> None:
    split = split_file(ct_file())
    assert "CANARY" not in repr(split)
    assert "CANARY" not in repr(header_request(split))
    assert b"CANARY" in split.header

    split.wipe()

    assert split.header == bytes(len(split.header))


def test_the_bulk_goes_where_the_answer_says(ct_file: Callable[..., Path], tmp_path: Path) -> None:
    path = ct_file()
    split = split_file(path)

    written = splice(_answer(split), path, split, tmp_path / "out")

    assert written == tmp_path / "out" / NAME
    assert written.read_bytes() == b"HEAD" + PIXELS + b"TAIL"


def test_nothing_but_the_protected_file_is_left_and_its_time_is_fixed(
    ct_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = ct_file()
    split = split_file(path)

    written = splice(_answer(split), path, split, tmp_path / "out")

    left = [one.relative_to(tmp_path / "out") for one in (tmp_path / "out").rglob("*")]
    assert sorted(map(str, left)) == ["2.25.11", os.path.join("2.25.11", "2.25.22.dcm")]
    assert written.stat().st_mtime == PROTECTED_MTIME_S


def test_an_original_that_changed_since_leaves_no_file(
    ct_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = ct_file()
    split = split_file(path)
    octets = path.read_bytes()

    for changed in (octets[:-1] + b"\xff", octets[:-8]):
        path.write_bytes(changed)
        assert _code(lambda: splice(_answer(split), path, split, tmp_path / "out")) is (
            ErrorCode.E_DIGEST
        )
    assert not [one for one in (tmp_path / "out").rglob("*") if one.is_file()]


def test_an_answer_for_other_bulk_is_refused(ct_file: Callable[..., Path], tmp_path: Path) -> None:
    path = ct_file()
    split = split_file(path)
    good = _answer(split)
    other = replace(good, bulk=(replace(good.bulk[0], sha256="0" * 64),))
    without = replace(good, bulk=())

    for answer in (other, without):
        assert _code(lambda a=answer: splice(a, path, split, tmp_path)) is ErrorCode.E_RESULT  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    assert splice(good, path, split, tmp_path).exists()


def test_an_answer_that_is_the_original_is_refused(
    ct_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = ct_file()
    split = split_file(path)
    (bulk,) = split.bulk
    answer = _answer(split, bytes(split.header), bulk.offset)

    assert _code(lambda: splice(answer, path, split, tmp_path / "out")) is ErrorCode.E_RESULT


def test_a_refusal_is_raised_as_it_is(ct_file: Callable[..., Path], tmp_path: Path) -> None:
    path = ct_file()
    split = split_file(path)
    answer = refused_header(ErrorCode.E_BURNED_IN)

    assert _code(lambda: splice(answer, path, split, tmp_path / "out")) is ErrorCode.E_BURNED_IN


def test_the_output_never_replaces_its_input(ct_file: Callable[..., Path], tmp_path: Path) -> None:
    path = ct_file()
    split = split_file(path)
    place = tmp_path / "out" / NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(path.read_bytes())

    assert _code(lambda: splice(_answer(split), place, split, tmp_path / "out")) is (
        ErrorCode.E_LOCAL_FILE
    )
    assert place.read_bytes() == path.read_bytes()
    assert splice(_answer(split), path, split, tmp_path / "out") == place


def test_a_destination_that_cannot_be_written_is_a_local_file_error(
    ct_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = ct_file()
    split = split_file(path)

    assert _code(lambda: splice(_answer(split), path, split, path)) is ErrorCode.E_LOCAL_FILE
