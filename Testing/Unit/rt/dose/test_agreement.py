"""Distance to agreement: closed forms, an oracle by dense sampling, and what the states say."""

import numpy as np
import pytest
from dose_fields import TURNED, FloatArray, Vector, centres_of, dose_of, field_of, grid_of, ramp
from effort import times
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_rt.dose.agreement import (
    AgreementSearch,
    AgreementState,
    CompositeState,
    agreement_seconds,
    composite_test,
    distance_to_agreement,
    distance_to_agreement_at,
)
from encryptsecurert_rt.dose.difference import dose_difference
from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMode,
    Normalisation,
    PointState,
    gamma_index,
)
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.sampling import sample_dose
from encryptsecurert_rt.errors import Cancelled, InvalidInput

FINE = AgreementSearch(radius_mm=10.0, tolerance_mm=1e-5)
ROUNDING_MM = 1e-8


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (5.0, 1.0, 2.0)])
@pytest.mark.parametrize("offset_gy", [-0.7, 0.4])
def test_a_ramp_agrees_at_offset_over_gradient(spacing_mm: Vector, offset_gy: float) -> None:
    gradient = (0.3, -0.2, 0.1)
    evaluated = field_of(
        ramp(gradient, 40.0 + offset_gy), grid_of((30, 40, 40), spacing_mm, (-40, -40, -60), TURNED)
    )
    middle = evaluated.grid.ijk_to_lps @ (20.0, 20.0, 15.0, 1.0)
    reference = field_of(
        ramp(gradient, 40.0), grid_of((3, 3, 3), (0.7, 0.7, 0.7), tuple(middle[:3]))
    )

    found = distance_to_agreement(reference, evaluated, search=FINE)

    assert found.count(AgreementState.FOUND) == 27
    expected = abs(offset_gy) / np.linalg.norm(gradient)
    # For a linear dose both bounds are exact, so nothing of the tolerance is used.
    assert np.abs(found.distance_mm - expected).max() < ROUNDING_MM


def test_at_a_border_the_way_is_longer() -> None:
    evaluated = field_of(ramp((0.0, 0.5, 0.1), 10.0), grid_of((9, 9, 9)))
    point = np.array([[8.0, 15.9, 8.0]])  # 0.1 mm below the border, across which the dose rises

    distance, _ = distance_to_agreement_at(
        point, sample_dose(evaluated, point) + 0.4, evaluated, search=FINE
    )

    # To the border along y, then the rest of the 0.4 Gy along z.
    assert distance[0] == pytest.approx(np.hypot(0.1, (0.4 - 0.05) / 0.1), abs=2e-5)


def test_a_dose_agrees_with_itself_at_no_distance_and_when_shifted_within_the_shift() -> None:
    def lumps(points: FloatArray) -> FloatArray:
        return np.asarray(30.0 + 5.0 * np.sin(points / (3.0, 4.0, 5.0)).sum(axis=-1))

    dose = field_of(lumps, grid_of((8, 9, 10)))
    inner = grid_of((4, 5, 6), origin_lps_mm=(4.0, 4.0, 4.0))
    moved = dose_of(dose.dose_gy[3:7, 2:7, 2:8], inner)  # by one voxel of 2 mm along k

    assert (distance_to_agreement(dose, dose).distance_mm == 0.0).all()
    assert (distance_to_agreement(moved, dose).distance_mm <= 2.0 + ROUNDING_MM).all()


class _Lattice:
    """The dose on a dense lattice whose nodes include the voxel centres."""

    def __init__(self, dose: DoseGrid, steps: int) -> None:
        sizes = zip(dose.grid.spacing_mm, dose.grid.shape, strict=True)
        axes = [np.linspace(0.0, s * (n - 1), steps * (n - 1) + 1) for s, n in sizes]
        z, y, x = np.meshgrid(*axes, indexing="ij")
        self._points = np.stack([x, y, z], axis=-1)
        self._dose = sample_dose(dose, self._points.reshape(-1, 3)).reshape(x.shape)

    def crossings(self, wanted_gy: float) -> FloatArray:
        """Return the points (n, 3) of its lines with a dose: along a line it is linear."""
        over, points, found = self._dose - wanted_gy, self._points, []
        for axis in range(3):
            start, stop = [slice(None)] * 3, [slice(None)] * 3
            start[axis], stop[axis] = slice(None, -1), slice(1, None)
            first, last = over[tuple(start)], over[tuple(stop)]
            at = (first <= 0.0) != (last <= 0.0)
            t = (first[at] / (first[at] - last[at]))[:, np.newaxis]
            found.append(points[tuple(start)][at] * (1.0 - t) + points[tuple(stop)][at] * t)
        return np.concatenate(found)


@pytest.mark.parametrize("seed", range(times(40, 8)))
@pytest.mark.parametrize("shape", [(4, 5, 4), (1, 9, 8)])
def test_distances_are_those_of_dense_sampling(seed: int, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(seed)
    spacing = (2.5, 1.5, 2.0)
    dose = dose_of(rng.random(shape), grid_of(shape, spacing))
    extent = np.array([s * (n - 1) for s, n in zip(spacing, shape, strict=True)])[::-1]
    points = rng.random((12, 3)) * extent
    wanted = rng.random(12) * 1.2 - 0.1  # some are nowhere
    whole = AgreementSearch(radius_mm=30.0, tolerance_mm=1e-5)  # the grids are smaller than that

    told, state = distance_to_agreement_at(points, wanted, dose, search=whole)

    steps = 12 if shape[0] > 1 else 64
    lattice = _Lattice(dose, steps)
    for point, dose_gy, distance, what in zip(points, wanted, told, state, strict=True):
        crossings = lattice.crossings(dose_gy)
        # Extremes are at voxel centres, which the lattice has: it misses no dose that is there.
        assert (what == AgreementState.FOUND) == (crossings.size > 0)
        if what == AgreementState.FOUND:
            least = np.linalg.norm(crossings - point, axis=1).min()
            # The nearest point of the surface has a crossing within a cell of the lattice.
            cell_mm = np.sqrt(3.0) * max(spacing) / steps
            assert least - cell_mm <= distance <= least + whole.tolerance_mm


@settings(max_examples=times(300, 40), deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10.0))
def test_the_unit_of_dose_does_not_matter_and_the_tolerance_holds(seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random((4, 4, 4))
    points, wanted = rng.random((6, 3)) * 6.0, rng.random(6)
    dose, scaled = dose_of(values), dose_of(values * unit)

    fine, _ = distance_to_agreement_at(points, wanted, dose, search=FINE)
    other, _ = distance_to_agreement_at(points, wanted * unit, scaled, search=FINE)
    coarse, _ = distance_to_agreement_at(points, wanted, dose)

    known = np.isfinite(fine)
    assert np.array_equal(known, np.isfinite(coarse))
    assert np.abs(fine[known] - other[known]).max(initial=0.0) < 2 * FINE.tolerance_mm
    excess = coarse[known] - fine[known]
    assert excess.max(initial=0.0) <= AgreementSearch().tolerance_mm
    assert excess.min(initial=0.0) >= -FINE.tolerance_mm


def test_the_point_told_has_the_wanted_dose_on_a_sphere() -> None:
    def cone(points: FloatArray) -> FloatArray:
        return np.asarray(50.0 - np.linalg.norm(points, axis=-1))

    dose = field_of(cone, grid_of((41, 41, 41), (1.0, 1.0, 1.0), (-20.0, -20.0, -20.0)))
    centre = np.zeros((1, 3))

    # All directions are equally far: the worst case of a search by bounds.
    distance, state = distance_to_agreement_at(centre, np.array([42.0]), dose)

    assert state[0] == AgreementState.FOUND
    # Trilinear interpolation of |p| is too large by up to (1 mm)^2 / 8 mm x 2/8 between the nodes.
    assert 8.0 - 0.04 < distance[0] < 8.0


def test_none_within_the_radius_is_infinite_and_what_was_not_asked_is_nan() -> None:
    reference = dose_of(np.full((3, 4, 5), 2.0))
    evaluated = field_of(ramp((0.1, 0.0, 0.0), 2.3), grid_of((3, 4, 4)))
    mask = np.ones((3, 4, 5), np.bool_)
    mask[0] = False

    found = distance_to_agreement(reference, evaluated, mask=mask)

    assert found.count(AgreementState.MASKED) == 20
    assert found.count(AgreementState.OUTSIDE) == 8
    assert found.count(AgreementState.NOT_FOUND) == 32
    assert np.isnan(found.distance_mm[0]).all()
    assert np.isnan(found.distance_mm[:, :, 4]).all()
    assert np.isinf(found.distance_mm[1:, :, :4]).all()


def test_the_radius_is_where_the_search_ends() -> None:
    dose = field_of(ramp((0.1, 0.0, 0.0), 1.0), grid_of((5, 5, 20)))
    point = np.array([[4.0, 4.0, 4.0]])
    wanted = sample_dose(dose, point) + 0.5  # 5 mm away

    within = [
        distance_to_agreement_at(point, wanted, dose, search=AgreementSearch(radius_mm=radius))[0][
            0
        ]
        for radius in (4.99, 5.01)
    ]

    assert within[0] == np.inf
    assert within[1] == pytest.approx(5.0, abs=ROUNDING_MM)


def test_no_thread_count_changes_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encryptsecurert_rt.dose.agreement._MOST_POINTS_A_TILE", 90)
    rng = np.random.default_rng(5)
    reference, evaluated = (dose_of(rng.random((7, 8, 9))) for _ in range(2))

    one, three = (distance_to_agreement(reference, evaluated, threads=n) for n in (1, 3))

    assert np.array_equal(one.distance_mm, three.distance_mm)
    assert np.array_equal(one.state, three.state)


def test_work_is_foreseen_by_a_sample_that_only_the_input_decides() -> None:
    rng = np.random.default_rng(6)
    smooth = field_of(ramp((0.1, 0.02, 0.0), 5.0), grid_of((20, 20, 20)))
    rough = dose_of(rng.uniform(0.0, 60.0, (20, 20, 20)))
    narrow, wide = AgreementSearch(radius_mm=2.0), AgreementSearch(radius_mm=20.0)

    seconds = agreement_seconds(rough, smooth, search=wide)

    assert seconds == agreement_seconds(rough, smooth, search=wide)
    assert 0.0 < agreement_seconds(smooth, smooth, search=narrow) < seconds
    few = np.zeros(rough.grid.shape, np.bool_)
    few[:2] = True
    assert agreement_seconds(rough, smooth, search=wide, mask=few) < 0.5 * seconds
    assert agreement_seconds(rough, smooth, search=wide, mask=few & False) == 0.0


def test_a_hard_search_is_cut_into_more_tiles_so_that_it_can_be_stopped_soon() -> None:
    def tiles(reference: DoseGrid, evaluated: DoseGrid, radius_mm: float) -> int:
        heard: list[float] = []
        distance_to_agreement(
            reference,
            evaluated,
            search=AgreementSearch(radius_mm=radius_mm),
            progress=lambda stage, fraction: heard.append(fraction),
        )
        return len(heard)

    smooth = field_of(ramp((0.1, 0.02, 0.0), 5.0), grid_of((20, 20, 20)))
    rng = np.random.default_rng(6)
    rough, other = (dose_of(rng.uniform(0.0, 60.0, (20, 20, 20))) for _ in range(2))

    assert tiles(smooth, smooth, 2.0) < tiles(rough, other, 10.0) < 100


def test_the_composite_test_passes_by_dose_or_by_distance() -> None:
    # 0.1 Gy/mm along i: an offset of 0.3 Gy is 3 mm away, but for the last voxels before the end.
    reference = field_of(ramp((0.1, 0.0, 0.0), 5.0), grid_of((3, 3, 20)))
    evaluated = field_of(ramp((0.1, 0.0, 0.0), 4.7), grid_of((3, 3, 20)))
    difference = dose_difference(reference, evaluated)
    agreement = distance_to_agreement(reference, evaluated)

    def states(dose_gy: float, distance_mm: float) -> set[int]:
        inner = composite_test(difference, agreement, dose_gy=dose_gy, distance_mm=distance_mm)
        return set(inner[:, :, :15].ravel().tolist())

    assert states(0.31, 1.0) == {CompositeState.PASSED}
    assert states(0.29, 3.001) == {CompositeState.PASSED}
    assert states(0.29, 2.9) == {CompositeState.FAILED}
    assert states(0.29, 2.995) == {CompositeState.UNDECIDED}  # within the tolerance of 0.01 mm
    ends = composite_test(difference, agreement, dose_gy=0.29, distance_mm=3.001)
    assert (ends[:, :, 19] == CompositeState.FAILED).all()


@pytest.mark.parametrize("seed", range(times(10, 3)))
def test_what_passes_the_composite_test_passes_gamma(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = dose_of(1.0 + rng.random((8, 9, 10)))
    evaluated = dose_of(1.0 + rng.random((8, 9, 10)))
    criteria = GammaCriteria(
        dose_percent=10.0, distance_mm=1.0, cutoff_percent=0.0, normalisation=Normalisation.GLOBAL
    )

    composite = composite_test(
        dose_difference(reference, evaluated),
        distance_to_agreement(reference, evaluated),
        dose_gy=0.1 * reference.maximum_gy,
        distance_mm=1.0,
    )
    gamma = gamma_index(reference, evaluated, criteria, mode=GammaMode.PASS_FAIL)

    # A point of equal dose within the distance, or the point itself, makes gamma 1 or less.
    passed = composite == CompositeState.PASSED
    assert (gamma.state[passed] != PointState.FAILED).all()
    assert 0 < passed.sum() < (gamma.state == PointState.PASSED).sum()


def test_what_cannot_be_searched_is_refused() -> None:
    dose = dose_of(np.ones((3, 3, 3)))
    fine = dose_of(np.ones((3, 3, 3)), grid_of((3, 3, 3), (0.1, 0.1, 0.1)))
    difference = dose_difference(dose, dose)
    short = distance_to_agreement(dose, dose, search=AgreementSearch(radius_mm=3.0))

    with pytest.raises(InvalidInput):
        AgreementSearch(radius_mm=0.0)
    with pytest.raises(InvalidInput):
        AgreementSearch(tolerance_mm=1e-9)
    with pytest.raises(InvalidInput):
        distance_to_agreement(dose, fine)  # 10 mm are 100 voxels
    with pytest.raises(InvalidInput):
        distance_to_agreement(dose, dose, mask=np.ones((3, 3, 2), np.bool_))
    with pytest.raises(InvalidInput):
        distance_to_agreement_at(np.full((1, 3), np.inf), np.ones(1), dose)
    with pytest.raises(InvalidInput):
        composite_test(difference, short, dose_gy=1.0, distance_mm=3.0)
    with pytest.raises(InvalidInput):
        composite_test(difference, short, dose_gy=0.0, distance_mm=2.0)


def test_a_search_can_be_cancelled() -> None:
    def stop(stage: str, fraction: float) -> None:
        raise Cancelled

    dose = dose_of(np.ones((3, 3, 3)))
    with pytest.raises(Cancelled):
        distance_to_agreement(dose, dose, progress=stop)


def test_positions_are_physical_on_turned_grids() -> None:
    rng = np.random.default_rng(9)
    values = rng.random((5, 6, 7))
    plain = dose_of(values)
    turned = dose_of(values, grid_of((5, 6, 7), origin_lps_mm=(5.0, -4.0, 3.0), direction=TURNED))
    wanted = rng.random(values.size)

    found = [
        distance_to_agreement_at(centres_of(dose.grid).reshape(-1, 3), wanted, dose, search=FINE)[0]
        for dose in (plain, turned)
    ]

    known = np.isfinite(found[0])
    assert np.array_equal(known, np.isfinite(found[1]))
    assert np.abs(found[0][known] - found[1][known]).max() <= FINE.tolerance_mm
