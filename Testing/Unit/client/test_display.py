"""The reader of what a scene shows: exactly what is written, and of anything else one refusal."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Unit.client.people import refusal_of

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.display import (
    Display,
    DisplayStructure,
    mask_path,
    read_display,
    touches_border,
)
from EncryptSecureRTLib.client.grid import VoxelGrid

_GRID = VoxelGrid(
    shape=(10, 20, 30),
    spacing_mm=(2.5, 0.9, 0.9),
    origin_lps_mm=(-100.25, 0.0, 12.5),
    direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
)
_MASK = np.zeros((2, 3, 4), np.uint8)
_MASK[0, 1, 2] = _MASK[1, 0, 0] = 1


def _structure(folder: Path, n: int, **changes: Any) -> DisplayStructure:
    members: dict[str, Any] = {
        "key": f"organ_{n}",
        "label": f"Organ_{n}",
        "colour": (1, 2, 255),
        "offset_kji": (1, 2, 3),
        "shape_kji": _MASK.shape,
        "volume_cc": 0.25,
        "touches_border": False,
        "path": mask_path(folder, n),
    }
    return DisplayStructure(**{**members, **changes})


def _empty(folder: Path, n: int) -> DisplayStructure:
    nowhere = (0, 0, 0)
    return _structure(folder, n, offset_kji=nowhere, shape_kji=nowhere, path=None, volume_cc=0.0)


def _save(path: Path, mask: npt.NDArray[Any], **options: Any) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array(file, mask, **options)


def _archive(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, mask=_MASK)


def _write(folder: Path) -> Display:
    """Write two structures, one of which was not found."""
    folder.mkdir(exist_ok=True)
    structures = (_structure(folder, 1), _empty(folder, 2))
    display = Display(grid=_GRID, structures=structures)
    (folder / "segments.json").write_bytes(display.encode())
    _save(mask_path(folder, 1), _MASK)
    return display


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = _write(tmp_path)

    display = read_display(tmp_path)

    assert display == written
    mask = display.structures[0].mask()
    assert mask.dtype == np.uint8
    assert mask.flags.c_contiguous
    np.testing.assert_array_equal(mask, _MASK)
    assert display.structures[1].mask().size == 0


def test_masks_are_read_when_they_are_asked_for_and_not_before(tmp_path: Path) -> None:
    _write(tmp_path)
    mask_path(tmp_path, 1).write_bytes(b"damaged")

    display = read_display(tmp_path)

    assert refusal_of(display.structures[0].mask) is ErrorCode.E_LOCAL_FILE


def test_a_folder_without_the_last_file_is_no_display(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "segments.json").unlink()

    assert refusal_of(read_display, tmp_path) is ErrorCode.E_LOCAL_FILE
    assert refusal_of(read_display, tmp_path / "missing") is ErrorCode.E_LOCAL_FILE


@pytest.mark.parametrize("name", ["segment-1.npy", "segment-2.npy", "notes.txt"])
def test_a_file_too_many_or_too_few_is_refused(tmp_path: Path, name: str) -> None:
    _write(tmp_path)
    path = tmp_path / name
    if path.exists():
        path.unlink()
    else:
        path.touch()

    assert refusal_of(read_display, tmp_path) is ErrorCode.E_LOCAL_FILE


# ---- segments.json

Damage = Callable[[dict[str, Any]], object]


def _at(*keys: Any, value: object) -> Damage:
    """Return a damage that puts a value where the keys lead."""

    def damage(top: dict[str, Any]) -> None:
        inner: Any = top
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    return damage


_FIRST = ("structures", 0)
_DAMAGES = [
    _at("schema", value="encryptsecurert.display/2"),
    _at("more", value=1),
    _at("geometry", value=None),
    _at("geometry", value={}),
    _at("geometry", "shape", value=[10, 20]),
    _at("geometry", "shape", value=[10, 20, 0]),
    _at("geometry", "shape", value=[10, 20, 4097]),
    _at("geometry", "shape", value=[4096, 4096, 4096]),  # more than any object holds
    _at("geometry", "shape", value=[2, 20, 30]),  # the box is larger
    _at("geometry", "spacing_mm", value=[2.5, 0.9, 0.9]),
    _at("geometry", "spacing_mm", value=["2.50", "0.9", "0.9"]),
    _at("geometry", "spacing_mm", value=["2.5", "0.9", "0.0"]),
    _at("geometry", "spacing_mm", value=["2.5", "0.9", "nan"]),
    _at("geometry", "origin_lps_mm", value=["inf", "0.0", "0.0"]),
    _at("geometry", "direction", value=["1.0"] * 9),
    _at("geometry", "direction", value=["1.0", "0.0"]),
    _at("structures", value=[]),
    _at("structures", value={}),
    _at("structures", value=[{}]),
    _at(*_FIRST, "more", value=1),
    _at(*_FIRST, "key", value="Organ"),
    _at(*_FIRST, "key", value="organ_2"),  # twice
    _at(*_FIRST, "label", value="Organ_2"),  # twice
    _at(*_FIRST, "label", value="O" * 17),
    _at(*_FIRST, "label", value="<b>"),
    _at(*_FIRST, "colour", value=[1, 2, 256]),
    _at(*_FIRST, "colour", value=[1, 2, True]),
    _at(*_FIRST, "colour", value=[1, 2]),
    _at(*_FIRST, "offset_kji", value=[9, 2, 3]),  # beyond the grid
    _at(*_FIRST, "offset_kji", value=[0, 2, 3]),  # then it would touch the border
    _at(*_FIRST, "offset_kji", value=[-1, 2, 3]),
    _at(*_FIRST, "shape_kji", value=[0, 3, 4]),
    _at(*_FIRST, "touches_border", value=True),
    _at(*_FIRST, "touches_border", value=0),
    _at(*_FIRST, "volume_cc", value="-1.0"),
    _at(*_FIRST, "volume_cc", value="inf"),
    _at(*_FIRST, "volume_cc", value=1),
    _at(*_FIRST, "file", value="segment-2.npy"),
    _at(*_FIRST, "file", value="../segment-1.npy"),
    _at(*_FIRST, "file", value=None),
    _at("structures", 1, "file", value="segment-2.npy"),
    _at("structures", 1, "touches_border", value=True),
    _at("structures", 1, "offset_kji", value=[1, 1, 1]),
]


@pytest.mark.parametrize("damage", _DAMAGES, ids=range(len(_DAMAGES)))
def test_a_damaged_list_is_refused(tmp_path: Path, damage: Damage) -> None:
    _write(tmp_path)
    path = tmp_path / "segments.json"
    value = json.loads(path.read_bytes())
    damage(value)
    # Not `canonical.encode`: it would not write all of these.
    octets = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text(octets)

    assert refusal_of(read_display, tmp_path) is ErrorCode.E_LOCAL_FILE


def test_the_list_written_by_hand_is_taken_when_it_is_right(tmp_path: Path) -> None:
    """The twin of the damages: what they all start from is accepted."""
    _write(tmp_path)
    path = tmp_path / "segments.json"
    value = canonical.decode(path.read_bytes())
    _at(*_FIRST, "colour", value=[0, 0, 0])(value)
    path.write_bytes(canonical.encode(value))

    assert read_display(tmp_path).structures[0].colour == (0, 0, 0)


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_octets_as_the_list_are_one_refusal(
    tmp_path_factory: pytest.TempPathFactory, octets: bytes
) -> None:
    folder = tmp_path_factory.mktemp("display")
    (folder / "segments.json").write_bytes(octets)

    assert refusal_of(read_display, folder) is ErrorCode.E_LOCAL_FILE
    shutil.rmtree(folder)


def test_a_list_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "segments.json").write_bytes(b" " * 70_000)

    assert refusal_of(read_display, tmp_path) is ErrorCode.E_LOCAL_FILE


# ---- masks

_TWO = _MASK * 2


@pytest.mark.parametrize(
    "save",
    [
        pytest.param(lambda p: _save(p, _MASK[:1]), id="another shape"),
        pytest.param(lambda p: _save(p, _MASK.reshape(2, 4, 3)), id="other axes"),
        pytest.param(lambda p: _save(p, _MASK.astype(bool)), id="bool"),
        pytest.param(lambda p: _save(p, _MASK.astype(np.int16)), id="int16"),
        pytest.param(lambda p: _save(p, np.asfortranarray(_MASK)), id="other order"),
        pytest.param(lambda p: _save(p, _MASK, version=(2, 0)), id="other version"),
        pytest.param(lambda p: _save(p, _TWO), id="neither 0 nor 1"),
        pytest.param(lambda p: _save(p, np.zeros_like(_MASK)), id="nothing in it"),
        pytest.param(lambda p: p.write_bytes(p.read_bytes()[:-1]), id="cut"),
        pytest.param(lambda p: p.write_bytes(p.read_bytes() + b"\0"), id="longer"),
        pytest.param(lambda p: p.write_bytes(b""), id="no octet"),
        pytest.param(lambda p: _save(p, np.array([{}]), allow_pickle=True), id="objects"),
        pytest.param(_archive, id="an archive"),
    ],
)
def test_a_mask_that_is_not_as_written_is_refused(
    tmp_path: Path, save: Callable[[Path], object]
) -> None:
    _write(tmp_path)
    (structure, _) = read_display(tmp_path).structures
    assert structure.mask().any()

    save(mask_path(tmp_path, 1))

    assert refusal_of(structure.mask) is ErrorCode.E_LOCAL_FILE


@given(at=st.integers(0, 127), octet=st.integers(0, 255))
def test_no_octet_of_a_masks_header_can_be_another(
    tmp_path_factory: pytest.TempPathFactory, at: int, octet: int
) -> None:
    folder = tmp_path_factory.mktemp("display")
    structure = _write(folder).structures[0]
    octets = bytearray(structure.path.read_bytes()) if structure.path else bytearray()
    same = octets[at] == octet
    octets[at] = octet
    mask_path(folder, 1).write_bytes(octets)

    if same:
        np.testing.assert_array_equal(structure.mask(), _MASK)
    else:
        assert refusal_of(structure.mask) is ErrorCode.E_LOCAL_FILE
    shutil.rmtree(folder)


# ---- what an object may be


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""},
        {"key": "Organ"},
        {"label": "two words"},
        {"colour": (-1, 0, 0)},
        {"volume_cc": float("nan")},
        {"volume_cc": -0.1},
        {"shape_kji": (1, 0, 1)},
        {"offset_kji": (0, 0, -1)},
        {"path": None},
    ],
)
def test_a_structure_that_contradicts_itself_cannot_be(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    right = _structure(tmp_path, 1)

    with pytest.raises(EncryptSecureRTError):
        dataclasses.replace(right, **changes)


@pytest.mark.parametrize(
    ("offset", "shape", "touches"),
    [((1, 1, 1), (8, 18, 28), False), ((0, 1, 1), (1, 1, 1), True), ((1, 1, 29), (1, 1, 1), True)],
)
def test_a_box_touches_the_border_with_any_face(
    offset: tuple[int, int, int], shape: tuple[int, int, int], touches: bool
) -> None:
    assert touches_border(offset, shape, _GRID.shape) is touches


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (0, 1, 1)},
        {"spacing_mm": (1.0, 1.0, 0.0)},
        {"spacing_mm": (1.0, 1.0, float("nan"))},
        {"origin_lps_mm": (0.0, 0.0, float("inf"))},
        {"direction": (1.0,) * 9},
        {"direction": (1.0, 0.0, 0.0)},
        {"direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0)},  # left-handed
    ],
)
def test_a_grid_without_places_for_voxels_cannot_be(changes: dict[str, Any]) -> None:
    assert refusal_of(lambda: dataclasses.replace(_GRID, **changes)) is ErrorCode.E_GEOMETRY
