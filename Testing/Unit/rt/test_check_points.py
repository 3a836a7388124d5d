"""Images with as many parts as voxels: check points come with the work, not with the step."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest

from encryptsecurert_rt.errors import Cancelled
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import SegmentationStage, Structure, morphology, segment_ct

_SHAPE = (12, 48, 48)


def _grid(step_mm: float) -> ImageGrid:
    return ImageGrid(
        shape=_SHAPE,
        spacing_mm=(step_mm, step_mm, step_mm),
        origin_lps_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )


def _chessboard() -> npt.NDArray[np.int16]:
    k, j, i = np.ogrid[: _SHAPE[0], : _SHAPE[1], : _SHAPE[2]]
    return np.where((k + j + i) % 2 == 0, 1000, 40).astype(np.int16)


def _dots_of_air() -> npt.NDArray[np.int16]:
    hu = np.full(_SHAPE, 40, np.int16)
    hu[:, 1:-1:2, 1:-1:2] = -850
    return hu


def _calls(hu: npt.NDArray[np.int16], grid: ImageGrid) -> Counter[str]:
    calls: Counter[str] = Counter()

    def count(stage: str, fraction: float) -> None:
        calls[stage] += 1

    segment_ct(hu, grid, list(Structure), progress=count)
    return calls


def test_each_dense_part_has_a_check_point() -> None:
    parts = _SHAPE[0] * _SHAPE[1] * _SHAPE[2] // 2
    calls = _calls(_chessboard(), _grid(10.0))

    assert calls[SegmentationStage.SKELETON.value] > parts


def test_each_patch_that_may_be_an_airway_has_a_check_point() -> None:
    patches = int((_dots_of_air() < 0).sum())
    calls = _calls(_dots_of_air(), _grid(10.0))

    assert calls[SegmentationStage.LUNGS.value] > patches


@pytest.mark.parametrize(
    ("hu", "wanted"),
    [
        (_chessboard(), SegmentationStage.SKELETON),
        (_dots_of_air(), SegmentationStage.LUNGS),
    ],
)
def test_a_cancel_in_the_midst_of_the_parts_ends_the_work_there(
    hu: npt.NDArray[np.int16], wanted: SegmentationStage
) -> None:
    calls = 0

    def cancel(stage: str, fraction: float) -> None:
        nonlocal calls
        calls += stage == wanted.value
        if calls == 1000:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment_ct(hu, _grid(10.0), list(Structure), progress=cancel)
    assert calls == 1000


def test_each_row_of_a_ball_has_a_check_point() -> None:
    mask = np.zeros((30, 30, 30), np.bool_)
    spacing = (1.0, 1.0, 1.0)
    rows = morphology.most_ball_rows(mask.shape, spacing, 6.0)
    calls: list[None] = []

    morphology.dilate(mask, spacing, 6.0, lambda: calls.append(None))

    assert rows // 2 < len(calls) <= rows
