"""No spacing makes a segmentation endless: it ends in an answer or is refused."""

import numpy as np
import pytest

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import Structure, segment_ct

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def _grid(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    origin_lps_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> ImageGrid:
    return ImageGrid(
        shape=shape, spacing_mm=spacing_mm, origin_lps_mm=origin_lps_mm, direction=_IDENTITY
    )


@pytest.mark.parametrize("step_mm", [1e-300, 1e-3, 0.049, 100.1, float("inf"), float("nan")])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_spacing_of_no_scanner_is_refused(step_mm: float, axis: int) -> None:
    spacing_mm = [1.0, 1.0, 1.0]
    spacing_mm[axis] = step_mm

    with pytest.raises(InvalidInput):
        _grid((2, 8, 8), (spacing_mm[0], spacing_mm[1], spacing_mm[2]))


@pytest.mark.parametrize("at_mm", [1.1e6, float("nan")])
def test_an_origin_a_kilometre_away_is_refused(at_mm: float) -> None:
    with pytest.raises(InvalidInput):
        _grid((2, 8, 8), (1.0, 1.0, 1.0), (0.0, at_mm, 0.0))


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "spacing_mm",
    [
        (0.05, 1.0, 1.0),
        (1.0, 0.05, 0.05),
        (0.05, 0.05, 0.05),
        (0.05, 100.0, 100.0),
        (100.0, 0.05, 0.05),
        (100.0, 100.0, 100.0),
    ],
)
@pytest.mark.parametrize("shape", [(2, 8, 8), (1, 64, 64), (64, 1, 3)])
def test_the_finest_and_the_coarsest_steps_end_in_an_answer(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]
) -> None:
    noise = np.random.default_rng(5).integers(-1024, 3071, shape, np.int16)

    found = segment_ct(noise, _grid(shape, spacing_mm), list(Structure))

    assert [one.mask.shape for one in found] == [shape] * len(Structure)
