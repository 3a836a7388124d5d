"""Isodose volumes and areas against closed forms, and what two doses have in common."""

from collections.abc import Callable

import numpy as np
import pytest
from dose_fields import TURNED, FloatArray, Vector, dose_of, field_of, grid_of, ramp

from encryptsecurert_rt.dose.isodose import compare_isodoses
from encryptsecurert_rt.dose.sampling import sample_dose
from encryptsecurert_rt.errors import Cancelled, InvalidInput


def _cone(centre: Vector = (0.0, 0.0, 0.0)) -> Callable[[FloatArray], FloatArray]:
    def dose(points: FloatArray) -> FloatArray:
        return np.asarray(np.maximum(0.0, 60.0 - np.linalg.norm(points - centre, axis=-1)))

    return dose


BALL_GRID = grid_of((31, 31, 31), (2.0, 2.0, 2.0), (-30.3, -30.1, -29.8))


def test_a_sphere_has_its_volume() -> None:
    dose = field_of(_cone(), BALL_GRID)

    (measure,) = compare_isodoses(dose, dose, [40.0])

    # Trilinear interpolation makes a cone lower by about h^2/(4 r) in the middle of a cell, here
    # by 0.05 mm of the radius at most; on average over the surface by half of that.
    smaller = 4.0 / 3.0 * np.pi * (20.0 - 0.06) ** 3 / 1000.0
    exact = 4.0 / 3.0 * np.pi * 20.0**3 / 1000.0
    assert measure.unit == "cc"
    assert smaller < measure.reference < exact
    assert measure.evaluated == measure.reference == measure.common_reference == measure.both
    assert measure.dice == 1.0


def test_columns_leave_little_out(monkeypatch: pytest.MonkeyPatch) -> None:
    dose = field_of(_cone(), BALL_GRID)
    (measure,) = compare_isodoses(dose, dose, [40.0])

    monkeypatch.setattr("encryptsecurert_rt.dose.isodose._COLUMNS", 24)
    (finer,) = compare_isodoses(dose, dose, [40.0])

    assert measure.reference == pytest.approx(finer.reference, rel=1e-4)


@pytest.mark.parametrize("direction", [(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), TURNED])
def test_a_half_space_is_exact_along_an_axis(direction: tuple[float, ...]) -> None:
    grid = grid_of((4, 5, 6), (3.0, 2.0, 1.0), direction=direction)
    along_j = np.reshape(direction, (3, 3))[:, 1]
    dose = field_of(ramp(tuple(along_j), 1.0), grid)

    (measure,) = compare_isodoses(dose, dose, [1.0 + 2.7])

    # 8 mm along j, of which 5.3 are above; 9 mm along k and 5 along i.
    assert measure.reference == pytest.approx(5.3 * 9.0 * 5.0 / 1000.0, rel=1e-12)


def test_an_oblique_half_space_is_nearly_exact() -> None:
    dose = field_of(ramp((0.5, 0.7, 0.3), 0.0), grid_of((11, 11, 11)))
    middle = float((np.array([0.5, 0.7, 0.3]) * 10.0).sum())

    (measure,) = compare_isodoses(dose, dose, [middle])

    assert measure.reference == pytest.approx(4.0, rel=2e-4)  # half of 20^3 mm3, by symmetry


def test_a_disc_in_a_plane_has_an_area() -> None:
    dose = field_of(_cone(), grid_of((1, 61, 61), (1.0, 1.0, 1.0), (-30.2, -29.9, 0.0)))

    (measure,) = compare_isodoses(dose, dose, [40.0])

    assert measure.unit == "cm2"
    # 0.006 mm of the radius for the chords of 1 mm, of a circle of 20 mm.
    assert measure.reference == pytest.approx(np.pi * 4.0, rel=1e-3)


def test_two_spheres_have_the_overlap_of_their_lens() -> None:
    reference, evaluated = field_of(_cone(), BALL_GRID), field_of(_cone((6.0, 0, 0)), BALL_GRID)

    (measure,) = compare_isodoses(reference, evaluated, [42.0])

    # Two balls of radius R at a distance d share pi (4 R + d)(2 R - d)^2 / 12.
    lens = np.pi * (4 * 18.0 + 6.0) * (2 * 18.0 - 6.0) ** 2 / 12.0 / 1000.0
    # Chords, as above: 0.06 of 18 mm in each radius.
    assert measure.both == pytest.approx(lens, rel=0.01)
    assert measure.dice == pytest.approx(lens / (4.0 / 3.0 * np.pi * 18.0**3 / 1000.0), abs=0.002)


def test_what_only_one_dose_knows_is_not_common() -> None:
    reference = dose_of(np.full((3, 3, 5), 2.0))
    evaluated = dose_of(np.full((3, 3, 3), 2.0))

    low, high = compare_isodoses(reference, evaluated, [1.0, 3.0])

    assert (low.reference, low.evaluated) == pytest.approx((0.128, 0.064))
    assert (low.common_reference, low.common_evaluated, low.both) == pytest.approx((0.064,) * 3)
    assert low.dice == 1.0
    assert (high.reference, high.both, high.dice) == (0.0, 0.0, None)


def test_a_dose_at_the_level_is_within_it() -> None:
    dose = dose_of(np.full((2, 2, 2), 2.0))

    (measure,) = compare_isodoses(dose, dose, [2.0])

    assert measure.reference == pytest.approx(0.008)


def test_random_doses_agree_with_dense_sampling() -> None:
    rng = np.random.default_rng(2)
    one, other = (dose_of(rng.random((5, 5, 5))) for _ in range(2))
    points = rng.random((400_000, 3)) * 8.0
    above = [sample_dose(dose, points) >= 0.55 for dose in (one, other)]

    (measure,) = compare_isodoses(one, other, [0.55])

    sigma = 0.512 * 0.5 / np.sqrt(points.shape[0])  # of a fraction by counting, times 8^3 mm3
    assert measure.reference == pytest.approx(0.512 * above[0].mean(), abs=4 * sigma)
    assert measure.evaluated == pytest.approx(0.512 * above[1].mean(), abs=4 * sigma)
    assert measure.both == pytest.approx(0.512 * (above[0] & above[1]).mean(), abs=4 * sigma)


def test_no_thread_count_and_no_tile_changes_the_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    one, other = (dose_of(rng.random((7, 5, 6))) for _ in range(2))
    whole = compare_isodoses(one, other, [0.3, 0.7])

    monkeypatch.setattr("encryptsecurert_rt.dose.isodose._CELLS_A_TILE", 70)
    tiled = [compare_isodoses(one, other, [0.3, 0.7], threads=n) for n in (1, 3)]

    assert tiled[0] == tiled[1]
    for measure, same in zip(whole, tiled[0], strict=True):
        assert measure.both == pytest.approx(same.both, rel=1e-12)
        assert measure.reference == pytest.approx(same.reference, rel=1e-12)


def test_what_has_no_volume_is_refused() -> None:
    volume, plane = dose_of(np.ones((2, 2, 2))), dose_of(np.ones((1, 2, 2)))
    line = dose_of(np.ones((1, 1, 4)))

    for levels in ([], [0.0], [-1.0], [np.nan], [1.0] * 65):
        with pytest.raises(InvalidInput):
            compare_isodoses(volume, volume, levels)
    with pytest.raises(InvalidInput):
        compare_isodoses(plane, volume, [1.0])
    with pytest.raises(InvalidInput):
        compare_isodoses(line, line, [1.0])


def test_isodoses_can_be_cancelled() -> None:
    def stop(stage: str, fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled

    dose = dose_of(np.ones((2, 2, 2)))
    with pytest.raises(Cancelled):
        compare_isodoses(dose, dose, [1.0], progress=stop)
