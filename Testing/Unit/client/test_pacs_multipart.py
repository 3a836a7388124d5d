"""multipart/related of a PACS: read in any pieces, bounded, and refused if it is not whole."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.pacs.model import Outgoing, Seen
from EncryptSecureRTLib.client.pacs.multipart import BOUNDARY, MultipartBody, Parts

_B = "a-boundary"
_HEAD = b"Content-Type: application/dicom\r\n\r\n"


def _body(parts: list[bytes], preamble: bytes = b"", end: bytes = b"--\r\nepilogue") -> bytes:
    mark = f"--{_B}".encode()
    octets = preamble
    for part in parts:
        octets += mark + b"\r\n" + _HEAD + part + b"\r\n"
    return octets + mark + end


def _cut(octets: bytes, size: int) -> Iterator[bytes]:
    yield from (octets[at : at + size] for at in range(0, len(octets), size))


def _read(octets: bytes, size: int = 7, most_parts: int = 10) -> list[bytes]:
    return [b"".join(part) for part in Parts(_cut(octets, size), _B, most_parts).read()]


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from([b"\r\n--a-boundar", b"\r\n", b"--a-boundary", b"\r\n--", b"\r"]),
        ),
        max_size=5,
    ),
    size=st.integers(1, 60),
)
def test_parts_are_the_same_in_whatever_pieces_they_come(parts: list[bytes], size: int) -> None:
    whole = [part for part in parts if b"\r\n--" + _B.encode() not in b"\r\n" + part]

    assert _read(_body(whole), size) == whole


def test_a_preamble_means_nothing() -> None:
    assert _read(_body([b"x"], preamble=b"words before\r\n")) == [b"x"]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"no boundary",
        _body([b"x"])[:-14],
        _body([b"x"], end=b""),
        _body([b"x"], end=b"garbage\r\n"),
        _body([b"x"]).replace(b"application/dicom", b"text/plain"),
        _body([b"x"]).replace(b"Content-Type: application/dicom", b"X: y"),
        _body([b"x"] * 11),
        _body([b"x"], preamble=b"p" * 20_000 + b"\r\n"),
        _body([b"x"]).replace(_HEAD, b"A: " + b"b" * 20_000 + b"\r\n" + _HEAD),
        _body([b"x"]).replace(_B.encode() + b"\r\n", _B.encode() + b" " * 20_000 + b"\r\n"),
    ],
)
def test_what_is_not_whole_or_too_much_is_refused(octets: bytes) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        _read(octets, 512)

    assert refused.value.code is ErrorCode.E_PACS_ANSWER


@pytest.mark.parametrize("word", ["", "a\r\nb", "a\0", "x" * 71, "a ", "ä"])
def test_a_boundary_has_the_form_of_the_standard(word: str) -> None:
    assert not BOUNDARY.match(word)
    assert BOUNDARY.match("0f1e-2d:3c")


_DATA_SET = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"


def _outgoing(folder: Path) -> Outgoing:
    path = folder / "f.dcm"
    path.write_bytes(b"PATIENT".ljust(128) + b"DICM" + b"meta" + _DATA_SET)
    return Outgoing(
        path=path,
        sop_class="1.2.840.10008.5.1.4.1.1.2",
        instance="2.25.11",
        syntax="1.2.840.10008.1.2.1",
        data_set_at=136,
        size_bytes=136 + len(_DATA_SET),
        seen=Seen.of(path),
    )


def test_a_body_is_as_long_as_it_says_and_holds_no_head_of_the_file(tmp_path: Path) -> None:
    file = _outgoing(tmp_path)
    body = MultipartBody([file, file], _B)

    octets = b"".join(body)

    assert len(octets) == len(body)
    first, second = _read(octets)
    assert first == second
    assert b"PATIENT" not in octets
    dataset = dcmread(BytesIO(first))
    assert dataset.file_meta.MediaStorageSOPInstanceUID == "2.25.11"
    assert dataset.SpecificCharacterSet == "ISO_IR 100"


@pytest.mark.parametrize("way", ["in place", "another file", "gone"])
def test_a_file_that_was_changed_after_it_was_judged_does_not_leave(
    tmp_path: Path, way: str
) -> None:
    file = _outgoing(tmp_path)
    clear = file.path.read_bytes().replace(b"ISO_IR 100", b"CANARY ^^^")
    if way == "in place":
        file.path.write_bytes(clear)
        os.utime(file.path, ns=(1, file.seen.changed_ns + 1))
    elif way == "another file":
        (tmp_path / "other").write_bytes(clear)
        os.utime(tmp_path / "other", ns=(1, file.seen.changed_ns))
        (tmp_path / "other").replace(file.path)
    else:
        file.path.unlink()

    sent: list[bytes] = []
    with pytest.raises(EncryptSecureRTError) as refused:
        sent.extend(MultipartBody([file], _B))

    assert refused.value.code is ErrorCode.E_LOCAL_FILE
    assert b"CANARY" not in b"".join(sent)
