"""Real compressed files: what is masked in them changes no pixel, and few are refused."""

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.Unit.protect.kinds import read_quietly, real_files

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dicomfiles import split_file

pytestmark = pytest.mark.real_data

# In each there is something that no picture has, or less than a picture needs.
REFUSED = {
    "GDCMJ2K_TextGBR.dcm",  # JP2 boxes
    "JPEG2000-embedded-sequence-delimiter.dcm",  # made to have another width
    "badVR.dcm",  # made without rows and columns
    "nested_priv_SQ.dcm",  # likewise
}


@pytest.fixture(scope="module")
def found() -> dict[Path, list[tuple[int, int]]]:
    """Return the gaps of every real file that can be split."""
    gaps: dict[Path, list[tuple[int, int]]] = {}
    refused: set[str] = set()
    for path in real_files():
        try:
            gaps[path] = list(split_file(path).gaps)
        except EncryptSecureRTError as error:
            if error.code is ErrorCode.E_HIDDEN_DATA:
                refused.add(path.name)
    assert refused <= REFUSED
    return gaps


def test_comments_of_many_makers_are_found(found: dict[Path, list[tuple[int, int]]]) -> None:
    made_by = {b"Kakadu": 0, b"OpenJPEG": 0, b"JasPer": 0, b"OpenJPH": 0, b"SPIFF": 0}
    for path, gaps in found.items():
        octets = path.read_bytes()
        masked = b"|".join(octets[offset : offset + length] for offset, length in gaps)
        for maker in made_by:
            made_by[maker] += maker in masked
            kept = bytearray(octets)
            for offset, length in gaps:
                kept[offset : offset + length] = bytes(length)
            assert maker not in kept or maker in octets[: split_file(path).bulk[0].offset]
    assert sum(made_by.values()) >= 8
    assert sum(map(bool, made_by.values())) >= 3


def _pixels(path: Path) -> list[Any]:
    """Return the pixels as pydicom's plugins and GDCM decode them, as far as they can."""
    sitk = pytest.importorskip("SimpleITK")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    decoders: list[Callable[[], Any]] = [
        lambda: read_quietly(path).pixel_array,
        lambda: sitk.GetArrayFromImage(sitk.ReadImage(str(path))),
    ]
    decoded: list[Any] = []
    for decode in decoders:
        with warnings.catch_warnings(), contextlib.suppress(RuntimeError):
            warnings.simplefilter("ignore")
            decoded.append(decode())
    return decoded


def test_frames_with_zeros_in_the_place_of_comments_decode_as_before(
    found: dict[Path, list[tuple[int, int]]], tmp_path: Path
) -> None:
    syntaxes: list[str] = []
    for path, gaps in found.items():
        syntax = read_quietly(path).file_meta.TransferSyntaxUID if gaps else None
        if syntax is None or not syntax.is_encapsulated:
            continue
        octets = bytearray(path.read_bytes())
        for offset, length in gaps:
            octets[offset : offset + length] = bytes(length)
        masked = tmp_path / path.name
        masked.write_bytes(octets)

        before, after = _pixels(path), _pixels(masked)

        assert before, path.name
        assert len(before) == len(after)
        assert all(map(np.array_equal, before, after)), path.name
        syntaxes.append(syntax)
    assert len(syntaxes) >= 8
    assert len(set(syntaxes)) >= 3
