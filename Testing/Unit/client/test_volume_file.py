"""A CT in one file: read as it is, refused by name if it is not one, and of nobody."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Unit.client.people import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.volumes import MAPPED_UID, VolumeHeader
from EncryptSecureRTLib.client.segment import volume_content
from EncryptSecureRTLib.client.volume_file import read_ct_volume

_HU = np.arange(2 * 3 * 4, dtype="<i2").reshape(2, 3, 4) - 1000
_PSEUDONYM = r"P[A-Z2-7]{16}"


def _header(**changes: Any) -> VolumeHeader:
    members: dict[str, Any] = {
        "shape": _HU.shape,
        "dtype": "int16",
        "spacing_mm": (2.5, 0.9, 0.7),
        "origin_mm": (-12.5, 3.0, 100.0),
        "direction": (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        "quantity": "ct_number",
        "unit": "HU",
        "frame_of_reference": "2.25.7",
        "slice_uids": ("2.25.8", "2.25.9"),
    }
    return VolumeHeader(**{**members, **changes})


def _write(folder: Path, header: VolumeHeader | None = None, voxels: bytes | None = None) -> Path:
    path = folder / "volume"
    head = (header or _header()).frame_head()
    path.write_bytes(head + (_HU.tobytes() if voxels is None else voxels))
    return path


def test_voxels_and_grid_are_those_of_the_file(tmp_path: Path) -> None:
    header = _header()

    ct = read_ct_volume(_write(tmp_path, header))

    np.testing.assert_array_equal(ct.hu, _HU)
    assert (ct.spacing_mm, ct.origin_lps_mm) == (header.spacing_mm, header.origin_mm)
    assert ct.direction == header.direction
    assert ct.frame_of_reference_uid == header.frame_of_reference
    assert ct.sop_instance_uids == header.slice_uids


def test_what_is_sent_are_the_octets_of_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path)

    content = volume_content(read_ct_volume(path))

    assert bytes(content.chunk(0, content.size_bytes)) == path.read_bytes()


def test_results_will_belong_to_nobody_and_to_nobody_twice(tmp_path: Path) -> None:
    path = _write(tmp_path)

    first, second = read_ct_volume(path), read_ct_volume(path)

    for ct in (first, second):
        assert re.fullmatch(_PSEUDONYM, ct.patient_id)
        assert re.fullmatch(MAPPED_UID, ct.study_instance_uid)
        assert re.fullmatch(MAPPED_UID, ct.series_instance_uid)
    fresh = {
        uid
        for ct in (first, second)
        for uid in (ct.patient_id, ct.study_instance_uid, ct.series_instance_uid)
    }
    assert len(fresh) == 6


@pytest.mark.parametrize(
    ("changes", "voxels", "code"),
    [
        ({"quantity": "label", "unit": "1", "dtype": "uint8"}, bytes(24), ErrorCode.E_MODALITY),
        ({"quantity": "dose", "unit": "Gy", "dtype": "float64"}, bytes(192), ErrorCode.E_MODALITY),
        ({"dtype": "float32"}, bytes(96), ErrorCode.E_FORMAT),
        ({}, bytes(46), ErrorCode.E_FORMAT),
        ({}, bytes(50), ErrorCode.E_FORMAT),
        ({"slice_uids": ("2.25.8", "2.25.8")}, None, ErrorCode.E_FORMAT),
        ({"direction": (1.0,) * 9}, None, ErrorCode.E_GEOMETRY),
        (
            {"direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0)},
            None,
            ErrorCode.E_GEOMETRY,
        ),
    ],
    ids=["label", "dose", "float", "cut", "longer", "doubled", "sheared", "left-handed"],
)
def test_what_is_no_ct_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], voxels: bytes | None, code: ErrorCode
) -> None:
    path = _write(tmp_path, _header(**changes), voxels)

    assert refusal_of(read_ct_volume, path) is code


def test_a_uid_that_is_not_mapped_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path)
    octets = path.read_bytes()
    path.write_bytes(octets.replace(b"2.25.8", b"1.25.8"))

    assert refusal_of(read_ct_volume, path) is ErrorCode.E_FORMAT
    path.write_bytes(octets)
    assert read_ct_volume(path).sop_instance_uids == ("2.25.8", "2.25.9")


def test_what_cannot_be_read_is_a_local_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe"):
        assert refusal_of(read_ct_volume, path) is ErrorCode.E_LOCAL_FILE


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "volume"
    with path.open("wb") as file:
        file.truncate(LIMITS.object_bytes + 1)  # a hole: it takes no place

    assert refusal_of(read_ct_volume, path) is ErrorCode.E_TOO_LARGE


@given(st.binary(max_size=200))
def test_any_octets_are_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, octets: bytes
) -> None:
    path = tmp_path_factory.mktemp("volume") / "volume"
    path.write_bytes(octets)

    assert refusal_of(read_ct_volume, path) is ErrorCode.E_FORMAT


def _sent(path: Path) -> tuple[bytes, ErrorCode | None]:
    """Return what would be sent, or why nothing would be."""
    try:
        content = volume_content(read_ct_volume(path))
    except EncryptSecureRTError as error:
        return b"", error.code
    return bytes(content.chunk(0, content.size_bytes)), None


@given(at=st.integers(0, 400), octet=st.integers(0, 255))
def test_a_changed_octet_is_another_volume_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, at: int, octet: int
) -> None:
    path = _write(tmp_path_factory.mktemp("volume"))
    octets = bytearray(path.read_bytes())
    octets[at % len(octets)] = octet
    path.write_bytes(octets)

    sent, code = _sent(path)

    if code is None:
        assert sent == bytes(octets)
    else:
        assert code in {ErrorCode.E_FORMAT, ErrorCode.E_GEOMETRY, ErrorCode.E_TOO_LARGE}
