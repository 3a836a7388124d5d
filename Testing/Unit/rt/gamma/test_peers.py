"""Why plastimatch gives another gamma: the smallest case of each reason, predicted and seen.

The program is run, version 1.10. Its voxel centres and segments on real doses:
`Testing/benchmarks/peers_on_real_doses.py`; what comes of it: `docs/gamma.md`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from dose_fields import dose_of, field_of, grid_of, ramp
from gamma_bounds import FLOAT32, PeerBounds
from gamma_cases import criteria_of
from gamma_peers import PLASTIMATCH, least_on_segments, plastimatch_gamma

from encryptsecurert_rt.dose.gamma import (
    GammaMode,
    Normalisation,
    PointState,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dose.grid import DoseGrid

EPS = 0.001
ENT = ("EclipseEnt_Dose.nrrd", "EclipseEnt_Dose_Day2.nrrd")
needs_plastimatch = pytest.mark.skipif(PLASTIMATCH is None, reason="plastimatch is not installed")


def _only(dose_gy: float, others: DoseGrid, place: tuple[int, int, int]) -> DoseGrid:
    """Return the other dose with one voxel replaced: elsewhere gamma is 0."""
    values = others.dose_gy.copy()
    values[place] = dose_gy
    return DoseGrid(dose_gy=values, grid=others.grid)


# --- straight segments between voxel centres, where the dose is not straight


@needs_plastimatch
def test_a_segment_across_a_saddle_passes_a_point_that_no_point_of_the_dose_allows(
    tmp_path: Path,
) -> None:
    """D = c x y in a face: half of c in the middle of the segment, a quarter in truth."""
    c, spacing, distance, criterion = 24.0, 1.2, 1.0, 3.0  # the norm is 100 Gy
    face = np.zeros((1, 2, 2))
    face[0, 1, 1] = c
    evaluated = dose_of(face, grid_of((1, 2, 2), (spacing,) * 3))
    reference = _only(c / 2, evaluated, (0, 0, 0))
    criteria = criteria_of(criterion, distance)

    found = gamma_index(reference, evaluated, criteria)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=True)

    # With the diagonal's place t in 0..1, way^2 = way2 t^2; as x^2 + y^2 >= 2 x y, the least of the
    # true dose is on the diagonal, too.
    way2, k, d = 2 * (spacing / distance) ** 2, c / criterion, c / 2 / criterion
    on_segment = d * np.sqrt(way2 / (way2 + k * k))
    square = (d - way2 / (2 * k)) / k  # t^2 at the least of way2 t^2 + (k t^2 - d)^2
    truth = np.sqrt(way2 * square + (k * square - d) ** 2)
    assert on_segment < 0.84
    assert truth > 1.18
    assert -1e-6 < found.gamma[0, 0, 0] - truth < EPS
    assert peer[0, 0, 0] == pytest.approx(on_segment, abs=FLOAT32)
    bounds = PeerBounds(found=found, reference=reference, evaluated=evaluated).segments()
    assert bounds.low[0, 0, 0] == pytest.approx(-k / 4, abs=2 * EPS)  # c / 2 instead of c / 4
    assert peer[0, 0, 0] - found.gamma[0, 0, 0] >= bounds.low[0, 0, 0]


@needs_plastimatch
def test_a_segment_through_the_body_of_a_cell_is_further_off(tmp_path: Path) -> None:
    """D = c x y z: half of c in the middle of the segment, an eighth in truth."""
    c, spacing, distance, criterion = 24.0, 1.0, 1.0, 3.0
    cell = np.zeros((2, 2, 2))
    cell[1, 1, 1] = c
    evaluated = dose_of(cell, grid_of((2, 2, 2), (spacing,) * 3))
    reference = _only(c / 2, evaluated, (0, 0, 0))
    criteria = criteria_of(criterion, distance)

    found = gamma_index(reference, evaluated, criteria)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=True)

    way2, k, d = 3 * (spacing / distance) ** 2, c / criterion, c / 2 / criterion
    on_segment = d * np.sqrt(way2 / (way2 + k * k))
    t = np.linspace(0.0, 1.0, 100_001)  # the least is on the diagonal, by the same inequality
    truth = np.sqrt(way2 * t**2 + (k * t**3 - d) ** 2).min()
    assert truth - on_segment > 0.5
    assert -1e-6 < found.gamma[0, 0, 0] - truth < EPS
    assert peer[0, 0, 0] == pytest.approx(on_segment, abs=FLOAT32)
    bounds = PeerBounds(found=found, reference=reference, evaluated=evaluated).segments()
    # t - t^3 has its most at t^2 = 1/3; the bound takes its two factors apart.
    assert -k / 2 - 2 * EPS < bounds.low[0, 0, 0] < -k * 2 / 27**0.5


@needs_plastimatch
def test_between_its_segments_it_misses_the_nearest_point_of_a_ramp(tmp_path: Path) -> None:
    """A gradient at 22.5 degrees, half way between an edge and a diagonal of a face."""
    grid = grid_of((1, 9, 9))
    steep, offset_gy, angle = 6.0, 2.0, np.pi / 8
    gradient = (steep * np.cos(angle), steep * np.sin(angle), 0.0)
    reference = field_of(ramp(gradient, 20.0), grid)
    evaluated = field_of(ramp(gradient, 20.0 + offset_gy), grid)
    criteria = criteria_of(3.0, 3.0)

    found = gamma_index(reference, evaluated, criteria)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=True)

    truth = offset_gy / np.hypot(3.0, steep * 3.0)
    along_segment = offset_gy / np.hypot(3.0, steep * np.cos(angle) * 3.0)
    assert along_segment / truth > 1.07
    assert found.gamma[0, 4, 4] == pytest.approx(truth, abs=EPS)
    assert peer[0, 4, 4] == pytest.approx(along_segment, abs=FLOAT32)


@needs_plastimatch
@pytest.mark.parametrize("seed", range(2))
def test_segments_of_a_face_or_body_are_all_that_it_searches(seed: int, tmp_path: Path) -> None:
    """So its difference from the certified value is that of the two sets, and nothing else."""
    random = np.random.default_rng(seed)
    grid = grid_of((5, 5, 5), (2.0, 2.5, 3.0))
    reference, evaluated = (dose_of(random.uniform(20.0, 40.0, grid.shape), grid) for _ in range(2))
    criteria = criteria_of(6.0, 3.0, cap=2.0)

    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=True)

    places = np.argwhere(np.ones(grid.shape))
    remade = least_on_segments(reference, evaluated, criteria, 6.0, places)
    assert np.abs(peer.ravel() - remade).max() < FLOAT32
    found = gamma_index(reference, evaluated, criteria)
    assert (peer < found.gamma - 0.05).any()  # noise is all saddles
    assert (peer > found.gamma + 0.01).any()
    bounds = PeerBounds(found=found, reference=reference, evaluated=evaluated).segments()
    assert (peer - found.gamma >= bounds.low).all()
    assert (peer - found.gamma <= bounds.high).all()


@needs_plastimatch
@pytest.mark.real_data
def test_of_two_days_of_a_head_and_neck_nothing_else_is_left_unexplained(
    shared_data: Path, tmp_path: Path
) -> None:
    """Where most values are near 1; `peers_on_real_doses.py` does it all, and runs pymedphys."""
    day1, day2 = (_ent_part(shared_data / "slicerrt_dose" / name) for name in ENT)
    criteria = criteria_of(3.0, 3.0, norm_gy=60.0, cap=2.0)
    places = np.random.default_rng(1).integers(0, 16, (24, 3))

    found = gamma_index(day1, day2, criteria)
    peer = plastimatch_gamma(day1, day2, criteria, tmp_path, interpolated=True)

    remade = least_on_segments(day1, day2, criteria, 1.8, places)
    assert np.abs(peer[tuple(places.T)] - remade).max() < FLOAT32
    bounds = PeerBounds(found=found, reference=day1, evaluated=day2)
    off = peer - found.gamma
    assert off.min() < -0.05  # 26 ways, and none along a saddle
    assert (off >= bounds.segments().low).all()
    assert (off <= bounds.segments().high).all()


def _ent_part(path: Path) -> DoseGrid:
    image: Any = SimpleITK.ReadImage(str(path))
    values = SimpleITK.GetArrayFromImage(image)
    part = values[85:101, 55:71, 75:91]
    return dose_of(part, grid_of(part.shape, (2.5, 2.5, 2.5)))


# --- voxel centres only


@needs_plastimatch
def test_voxel_centres_alone_fail_a_ramp_that_passes_by_half_a_spacing(tmp_path: Path) -> None:
    grid, slope, spacing = grid_of((9, 1, 1)), 6.0, 2.0
    offset_gy = slope * spacing / 2  # what is looked for lies in the middle between two voxels
    reference = field_of(ramp((0.0, 0.0, slope), 20.0), grid)
    evaluated = field_of(ramp((0.0, 0.0, slope), 20.0 + offset_gy), grid)
    criteria = criteria_of(3.0, 3.0)

    found = gamma_index(reference, evaluated, criteria)
    ours = gamma_index(reference, evaluated, criteria, mode=GammaMode.VOXEL_CENTRES)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=False)

    truth = offset_gy / np.hypot(3.0, slope * 3.0)  # 0.33
    at_centres = min(
        np.hypot(n * spacing / 3.0, (offset_gy - slope * spacing * n) / 3.0) for n in range(3)
    )
    assert at_centres == 2.0
    assert peer[4, 0, 0] == pytest.approx(at_centres, abs=FLOAT32)
    assert ours.gamma[4, 0, 0] == pytest.approx(at_centres, abs=1e-6)
    assert found.gamma[4, 0, 0] == pytest.approx(truth, abs=EPS)
    # Half a spacing on the steepest way is 2.03: the case takes nearly all of it.
    bounds = PeerBounds(found=found, reference=reference, evaluated=evaluated).centres()
    assert 0.8 < (at_centres - truth) / bounds.high[4, 0, 0] <= 1.0


# --- what is not compared


@needs_plastimatch
def test_its_map_holds_a_perfect_pass_where_it_compared_nothing(tmp_path: Path) -> None:
    reference = dose_of(np.full((2, 2, 2), 50.0))
    reference.dose_gy[1] = 2.0  # below the cutoff
    evaluated = dose_of(np.full((2, 2, 2), 60.0))
    mask = np.zeros((2, 2, 2), np.bool_)
    mask[:, 0, 0] = True
    criteria = criteria_of(3.0, 3.0, cutoff_percent=10.0, cap=2.0)

    found = gamma_index(reference, evaluated, criteria, mask=mask)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=True, mask=mask)

    # One point is compared, and fails. Who counts values up to 1 in the map finds 7 of 8.
    assert np.count_nonzero(peer <= 1.0) == 7
    counted = gamma_statistics(found)
    assert (counted.evaluated, counted.passed_certain) == (1, 0)
    assert np.isnan(found.gamma).sum() == 7


@needs_plastimatch
def test_of_no_local_dose_it_makes_a_failure(tmp_path: Path) -> None:
    """The criterion is a share of nothing: every comparison is NaN, and the cap remains."""
    reference = dose_of(np.full((3, 3, 3), 50.0))
    reference.dose_gy[1, 1, 1] = 0.0
    criteria = criteria_of(3.0, 3.0, normalisation=Normalisation.LOCAL, cap=2.0)

    found = gamma_index(reference, reference, criteria)
    peer = plastimatch_gamma(reference, reference, criteria, tmp_path, interpolated=False)

    assert peer[1, 1, 1] == criteria.cap
    assert found.state[1, 1, 1] == PointState.UNDEFINED
    assert np.isnan(found.gamma[1, 1, 1])


@needs_plastimatch
def test_both_take_a_point_at_the_cutoff_and_differ_in_whose_dose_it_is(tmp_path: Path) -> None:
    grid = grid_of((1, 2, 4))
    reference = dose_of(np.tile([16.0, 8.0, 4.0, 4.0], (1, 2, 1)), grid)
    evaluated = dose_of(np.tile([15.0, 7.0, 9.0, 5.0], (1, 2, 1)), grid)
    criteria = criteria_of(1.0, 0.1, cutoff_percent=8.0)  # 8 Gy, of 100 Gy
    either = criteria_of(1.0, 0.1, cutoff_percent=8.0, either_dose_above_cutoff=True)

    alone = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=False)
    by_default = plastimatch_gamma(
        reference, evaluated, criteria, tmp_path, interpolated=False, options=()
    )

    # Nowhere is the right value 0, so a 0 is what was not compared.
    assert (alone[0, 0] > 0.0).tolist() == [True, True, False, False]
    assert (by_default[0, 0] > 0.0).tolist() == [True, True, True, False]
    for asked, peer in ((criteria, alone), (either, by_default)):
        found = gamma_index(reference, evaluated, asked)
        assert np.array_equal(found.state >= PointState.PASSED, peer > 0.0)


# --- beyond the evaluated dose, and on its way to another grid


@needs_plastimatch
def test_beyond_the_evaluated_dose_it_compares_with_zero(tmp_path: Path) -> None:
    reference = dose_of(np.full((1, 3, 6), 50.0), grid_of((1, 3, 6)))
    evaluated = dose_of(np.full((1, 3, 3), 50.0), grid_of((1, 3, 3)))
    criteria = criteria_of(3.0, 0.5, cap=2.0)

    found = gamma_index(reference, evaluated, criteria)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=True)

    assert np.array_equal(peer[0, 1], [0.0, 0.0, 0.0, 2.0, 2.0, 2.0])  # 50 % pass
    assert (found.state[0, 1, 3:] == PointState.OUTSIDE).all()
    assert gamma_statistics(found).pass_percent_certain == 100.0


@needs_plastimatch
def test_between_the_border_and_that_zero_it_finds_doses_that_nobody_gave(tmp_path: Path) -> None:
    """A point that lacks half the dose passes, for half the dose is on the way to nothing."""
    reference = dose_of(np.full((1, 3, 6), 50.0), grid_of((1, 3, 6)))
    reference.dose_gy[0, 1, 2] = 25.0
    evaluated = dose_of(np.full((1, 3, 3), 50.0), grid_of((1, 3, 3)))
    criteria = criteria_of(3.0, 3.0, cap=2.0)

    found = gamma_index(reference, evaluated, criteria)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=True)

    # The segment from 50 Gy to 0, 2 mm further: nearest to 25 Gy at its first voxel.
    way, dose, lacking = 2.0 / 3.0, 50.0 / 3.0, 25.0 / 3.0
    assert peer[0, 1, 2] == pytest.approx(lacking * way / np.hypot(way, dose), abs=FLOAT32)
    assert peer[0, 1, 2] < 0.34
    assert found.gamma[0, 1, 2] == criteria.cap
    assert found.state[0, 1, 2] == PointState.FAILED


@needs_plastimatch
@pytest.mark.parametrize(("voxels", "expected"), [(0.4, 0.5), (0.6, 2.0)])
def test_within_half_a_voxel_of_the_border_it_goes_on_with_the_last_dose(
    voxels: float, expected: float, tmp_path: Path
) -> None:
    """Its resampling ends half a voxel beyond the last centre, our support at the centre."""
    reference = dose_of(np.full((1, 1, 4), 50.0), grid_of((1, 1, 4)))
    evaluated = dose_of(
        np.full((1, 1, 4), 51.5), grid_of((1, 1, 4), origin_lps_mm=(2.0 * voxels, 0.0, 0.0))
    )
    criteria = criteria_of(3.0, 0.5, cap=2.0)

    found = gamma_index(reference, evaluated, criteria)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=False)

    assert peer[0, 0, 0] == pytest.approx(expected, abs=FLOAT32)
    assert found.state[0, 0].tolist() == [PointState.OUTSIDE] + 3 * [PointState.PASSED]


@needs_plastimatch
def test_it_loses_what_is_finer_than_the_reference_and_flattens_what_is_beside_it(
    tmp_path: Path,
) -> None:
    """A dose against itself, moved by half a voxel: resampling halves a peak of one voxel."""
    reference = dose_of(np.full((1, 1, 9), 40.0), grid_of((1, 1, 9)))
    reference.dose_gy[0, 0, 4] = 70.0
    moved = dose_of(reference.dose_gy, grid_of((1, 1, 9), origin_lps_mm=(1.0, 0.0, 0.0)))
    criteria = criteria_of(3.0, 3.0, cap=5.0)

    found = gamma_index(reference, moved, criteria)
    peer = plastimatch_gamma(reference, moved, criteria, tmp_path, interpolated=True)

    # The whole dose is 1 mm away. Resampled, its peak is 55 Gy: 5 criteria too low.
    assert found.gamma[0, 0, 4] == pytest.approx(1.0 / 3.0, abs=EPS + 0.05)
    assert found.gamma[0, 0, 4] <= 1.0 / 3.0 + EPS
    assert peer[0, 0, 4] == pytest.approx(5.0, abs=FLOAT32)
    # Of the dose that it made, all three say the same.
    taken = dose_of(0.5 * (reference.dose_gy + np.roll(reference.dose_gy, 1, axis=2)))
    again = gamma_index(reference, taken, criteria)
    assert np.abs(again.gamma - peer)[0, 0, 1:].max() < EPS + FLOAT32


# --- arithmetic


@needs_plastimatch
def test_float32_costs_it_less_than_a_ten_thousandth_at_the_far_end_of_a_long_grid(
    tmp_path: Path,
) -> None:
    grid = grid_of((1, 1, 500), (1.0, 1.0, 1.0))
    slope, offset_gy = 0.11, 0.7
    reference = field_of(ramp((slope, 0.0, 0.0), 5.0), grid)
    evaluated = field_of(ramp((slope, 0.0, 0.0), 5.0 + offset_gy), grid)
    criteria = criteria_of(3.0, 3.0)

    found = gamma_index(reference, evaluated, criteria)
    peer = plastimatch_gamma(reference, evaluated, criteria, tmp_path, interpolated=True)

    truth = offset_gy / np.hypot(3.0, slope * 3.0)
    off = np.abs(peer - truth)[0, 0, 8:-8].max()
    assert 1e-6 < off < FLOAT32
    assert np.abs(found.gamma - truth)[0, 0, 8:-8].max() < EPS
