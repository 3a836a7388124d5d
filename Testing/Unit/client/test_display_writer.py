"""What the client writes for a scene: the masks of the Segmentation, cut out, or nothing at all."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.Unit.client.people import refusal_of
from Testing.Unit.client.results_made import (
    DIRECTION,
    EMPTY,
    ORIGIN_LPS_MM,
    SHAPE,
    SPACING_MM,
    BoolVolume,
    block,
    finished,
    receipt_body,
    seg_octets,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.receipts import ReceiptBody
from encryptsecurert_rt.segmentation import Structure
from encryptsecurert_worker.dicom.results.vocabulary import VOCABULARY
from EncryptSecureRTLib.client.display import Display, read_display
from EncryptSecureRTLib.client.display_writer import (
    display_in,
    refuse_unless_ready,
    refuse_without_seg,
)
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.structures import OUTPUTS, STRUCTURES, TERMS

_BODY = block((0, 2, 3), (6, 15, 20))
_LUNG = block((2, 5, 6), (3, 4, 5))
_MASKS = {"lung_right": EMPTY, "body": _BODY, "lung_left": _LUNG}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "display"
    made.mkdir(mode=0o700)
    return made


def _write(
    folder: Path, masks: Mapping[str, BoolVolume], *, body: ReceiptBody | None = None
) -> None:
    job = finished(body or receipt_body(masks), seg_octets(masks))
    with display_in(folder, job, Watcher()):
        pass


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _whole(display: Display, key: str) -> BoolVolume:
    """Put a mask back into the volume."""
    (one,) = [one for one in display.structures if one.key == key]
    volume = np.zeros(SHAPE, np.bool_)
    box = tuple(slice(o, o + n) for o, n in zip(one.offset_kji, one.shape_kji, strict=True))
    volume[box] = one.mask()
    return volume


def test_what_was_found_comes_back_bit_for_bit_in_the_order_asked(folder: Path) -> None:
    _write(folder, _MASKS)
    display = read_display(folder)

    assert [one.key for one in display.structures] == list(_MASKS)
    for key, mask in _MASKS.items():
        np.testing.assert_array_equal(_whole(display, key), mask)
    body, lung = display.structures[1:]
    assert (body.offset_kji, body.shape_kji) == ((0, 2, 3), (6, 15, 20))
    assert (lung.offset_kji, lung.shape_kji) == ((2, 5, 6), (3, 4, 5))
    assert (body.touches_border, lung.touches_border) == (True, False)
    voxel_cc = 2.5 * 0.9 * 0.8 / 1000
    assert lung.volume_cc == pytest.approx(60 * voxel_cc, rel=1e-12)


def test_the_grid_is_that_of_the_ct(folder: Path) -> None:
    _write(folder, _MASKS)
    grid = read_display(folder).grid

    assert grid is not None
    assert (grid.shape, grid.spacing_mm) == (SHAPE, SPACING_MM)
    assert (grid.origin_lps_mm, grid.direction) == (ORIGIN_LPS_MM, DIRECTION)


def test_a_structure_that_was_not_found_is_there_without_a_file(folder: Path) -> None:
    _write(folder, _MASKS)
    empty = read_display(folder).structures[0]

    assert (empty.label, empty.volume_cc, empty.path) == ("Lung_R", 0.0, None)
    assert empty.offset_kji == empty.shape_kji == empty.mask().shape == (0, 0, 0)
    assert not empty.touches_border
    assert _names(folder) == ["segment-2.npy", "segment-3.npy", "segments.json"]


def test_of_a_result_in_which_nothing_was_found_there_is_no_grid(folder: Path) -> None:
    masks = {"lung_left": EMPTY, "skeleton": EMPTY}
    assert seg_octets(masks) is None

    _write(folder, masks)
    display = read_display(folder)

    assert display.grid is None
    assert [one.key for one in display.structures] == list(masks)
    assert _names(folder) == ["segments.json"]


def test_masks_are_files_that_numpy_reads_by_itself(folder: Path) -> None:
    _write(folder, _MASKS)

    mask = np.load(folder / "segment-3.npy", allow_pickle=False)

    assert mask.dtype == np.uint8
    assert (mask.shape, mask.flags.c_contiguous) == ((3, 4, 5), True)
    np.testing.assert_array_equal(mask, 1)


@pytest.mark.parametrize(
    ("offset", "shape", "touches"),
    [
        ((1, 1, 1), (4, 18, 28), False),
        ((0, 1, 1), (1, 1, 1), True),
        ((1, 0, 1), (1, 1, 1), True),
        ((1, 1, 0), (1, 1, 1), True),
        ((5, 1, 1), (1, 1, 1), True),
        ((1, 19, 1), (1, 1, 1), True),
        ((1, 1, 29), (1, 1, 1), True),
        ((4, 18, 28), (1, 1, 1), False),
    ],
)
def test_a_structure_at_any_face_of_the_image_touches_its_border(
    folder: Path, offset: tuple[int, int, int], shape: tuple[int, int, int], touches: bool
) -> None:
    _write(folder, {"skeleton": block(offset, shape)})
    (one,) = read_display(folder).structures

    assert (one.offset_kji, one.shape_kji) == (offset, shape)
    assert one.touches_border is touches


def test_names_and_colours_are_the_workers() -> None:
    worker = {s.value: (VOCABULARY[s].name, VOCABULARY[s].rgb) for s in Structure}

    assert {key: (term.label, term.colour) for key, term in TERMS.items()} == worker
    assert tuple(worker) == STRUCTURES


# ---- whole or not at all


def test_everything_goes_again_if_what_follows_fails(folder: Path) -> None:
    job = finished(receipt_body(_MASKS), seg_octets(_MASKS))
    context = display_in(folder, job, Watcher())

    context.__enter__()
    seen = _names(folder)
    goes_on = not context.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert goes_on
    assert "segments.json" in seen
    assert _names(folder) == []


def test_a_stop_between_two_masks_leaves_nothing(folder: Path) -> None:
    job = finished(receipt_body(_MASKS), seg_octets(_MASKS))
    watcher = Watcher(stopped=lambda: "segment-2.npy" in _names(folder))
    context = display_in(folder, job, watcher)

    assert refusal_of(context.__enter__) is ErrorCode.E_CANCELLED
    assert _names(folder) == []


def test_a_file_of_somebody_else_is_left_alone(folder: Path) -> None:
    (folder / "segment-3.npy").write_text("mine")

    with pytest.raises(EncryptSecureRTError) as refusal:
        _write(folder, _MASKS)

    assert refusal.value.code is ErrorCode.E_LOCAL_FILE
    assert _names(folder) == ["segment-3.npy"]
    assert (folder / "segment-3.npy").read_text() == "mine"


def test_without_a_folder_nothing_is_said_or_done() -> None:
    stages: list[str] = []
    job = finished(receipt_body(_MASKS), b"not looked at")

    with display_in(None, job, Watcher(stage=stages.append)):
        pass

    assert stages == []


# ---- results that contradict each other


def _parameters(**changes: Any) -> dict[str, Any]:
    return {**receipt_body(_MASKS).parameters, **changes}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"numbers": ()}, ErrorCode.E_RESULT),
        ({"numbers": receipt_body({**_MASKS, "lung_left": EMPTY}).numbers}, ErrorCode.E_RESULT),
        ({"numbers": receipt_body({**_MASKS, "lung_right": _LUNG}).numbers}, ErrorCode.E_RESULT),
        ({"parameters": _parameters(structures=["body"])}, ErrorCode.E_RESULT),
        ({"parameters": _parameters(structures=["body", "toe"])}, ErrorCode.E_RESULT),
        ({"parameters": _parameters(structures=[])}, ErrorCode.E_RESULT),
        ({"parameters": _parameters(structures="body")}, ErrorCode.E_RESULT),
        ({"parameters": {}}, ErrorCode.E_RESULT),
        ({"parameters": _parameters(outputs=["rtstruct"])}, ErrorCode.E_USAGE),
    ],
)
def test_a_receipt_that_does_not_go_with_the_segmentation_is_refused(
    folder: Path, changes: dict[str, Any], code: ErrorCode
) -> None:
    body = receipt_body(_MASKS, **changes)

    with pytest.raises(EncryptSecureRTError) as refusal:
        _write(folder, _MASKS, body=body)

    assert refusal.value.code is code
    assert _names(folder) == []


def test_a_segmentation_that_cannot_be_read_is_refused(folder: Path) -> None:
    octets = seg_octets(_MASKS)
    assert octets is not None
    job = finished(receipt_body(_MASKS), octets[:-200])

    assert refusal_of(display_in(folder, job, Watcher()).__enter__) is ErrorCode.E_DICOM
    assert _names(folder) == []


def test_a_display_needs_a_segmentation() -> None:
    assert refusal_of(refuse_without_seg, ["rtstruct"]) is ErrorCode.E_USAGE
    refuse_without_seg(OUTPUTS)


# ---- the folder


def test_a_folder_that_is_there_empty_and_private_is_taken(folder: Path) -> None:
    refuse_unless_ready(folder)

    (folder / "x").touch()
    assert refusal_of(refuse_unless_ready, folder) is ErrorCode.E_LOCAL_FILE
    assert refusal_of(refuse_unless_ready, folder / "x") is ErrorCode.E_LOCAL_FILE
    assert refusal_of(refuse_unless_ready, folder / "y") is ErrorCode.E_LOCAL_FILE


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
@pytest.mark.parametrize("allowed", [stat.S_IRGRP, stat.S_IXOTH, stat.S_IWGRP, stat.S_IRWXO])
def test_a_folder_that_is_open_to_others_is_refused(folder: Path, allowed: int) -> None:
    folder.chmod(0o700 | allowed)

    assert refusal_of(refuse_unless_ready, folder) is ErrorCode.E_LOCAL_FILE
