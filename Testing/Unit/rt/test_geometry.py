"""The bounds of a grid: at them, and just over them."""

from dataclasses import replace

import pytest

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

_GRID = ImageGrid(
    shape=(2, 3, 4),
    spacing_mm=(1.0, 1.0, 1.0),
    origin_lps_mm=(0.0, 0.0, 0.0),
    direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize(
    ("inside", "outside"),
    [(0.05, 0.0499), (0.05, 1e-300), (100.0, 100.1), (100.0, float("inf")), (1.0, float("nan"))],
)
def test_spacing_is_from_a_twentieth_to_a_hundred_mm(
    axis: int, inside: float, outside: float
) -> None:
    def grid(spacing: float) -> ImageGrid:
        k, j, i = (spacing if a == axis else 1.0 for a in range(3))
        return replace(_GRID, spacing_mm=(k, j, i))

    assert grid(inside).spacing_mm[axis] == inside
    with pytest.raises(InvalidInput):
        grid(outside)


@pytest.mark.parametrize("outside", [1000000.5, -1000000.5, 1e308, float("inf"), float("nan")])
def test_the_origin_is_within_a_kilometre(outside: float) -> None:
    assert replace(_GRID, origin_lps_mm=(1e6, -1e6, 0.0)).origin_lps_mm == (1e6, -1e6, 0.0)
    with pytest.raises(InvalidInput):
        replace(_GRID, origin_lps_mm=(0.0, outside, 0.0))
