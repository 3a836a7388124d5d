"""What is drawn is what was computed: planes, cuts, outlines, in the patient's directions."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from Testing.Unit.client_dose.outcomes_made import (
    DIFFERENCE_GY,
    GAMMA,
    GRID,
    REFERENCE_GY,
    outcome,
)

from EncryptSecureRTLib.client.dose_outcome import DoseMap
from EncryptSecureRTLib.client.dose_scene import DoseScene, Labels, scene_of


def scene(labels: Labels | None = None) -> DoseScene:
    """Return what can be drawn of the comparison."""
    made = scene_of(outcome(), REFERENCE_GY, labels or Labels())
    assert made is not None
    return made


def test_the_plane_is_the_one_with_most_points_that_fail() -> None:
    made = scene()

    places = [at + start for at, start in zip(made.at, made.offset, strict=True)]

    assert places[:2] == [4, 2]  # of GAMMA[4, 2, 3:6]
    assert 3 <= places[2] < 6


def test_the_evaluated_dose_is_the_reference_plus_the_difference() -> None:
    made = scene()

    box = tuple(
        slice(start, start + n)
        for start, n in zip(made.offset, made.volumes["gamma"].shape, strict=True)
    )
    np.testing.assert_array_equal(made.volumes["evaluated"], (REFERENCE_GY + DIFFERENCE_GY)[box])


def test_what_has_no_dose_is_cut_away_and_a_margin_stays() -> None:
    shape = (40, 40, 40)
    grid = replace(GRID, shape=shape, spacing_mm=(2.0, 2.0, 2.0))
    dose_gy = np.zeros(shape)
    dose_gy[18:22, 10:30, 19:21] = 50.0
    gamma = DoseMap(grid=grid, values=np.where(dose_gy > 0, 0.5, np.nan))
    made = outcome()
    compared = replace(made.comparison, reference=replace(made.comparison.reference, shape=shape))
    whole = replace(made, comparison=compared, gamma=gamma, difference=None)

    found = scene_of(whole, dose_gy, Labels())

    assert found is not None
    assert found.offset == (12, 4, 13)  # 12 mm, six voxels, before the dose
    assert found.volumes["reference"].shape == (16, 32, 14)


def test_axes_are_turned_to_superior_posterior_left() -> None:
    # i to posterior, j to the left, k to inferior.
    direction = (0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
    turned = replace(GRID, direction=direction)
    values = np.full(GRID.shape, 0.5)
    values[1, 2, 3] = 1.5
    made = replace(outcome(), gamma=DoseMap(grid=turned, values=values), difference=None)

    found = scene_of(made, None, Labels())

    assert found is not None
    assert found.whole == (6, 10, 8)
    assert found.spacing_mm == (3.0, 2.5, 2.0)
    places = [at + start for at, start in zip(found.at, found.offset, strict=True)]
    assert places == [6 - 1 - 1, 3, 2]


def test_outlines_lie_on_the_voxels_that_they_run_through() -> None:
    def square(k: int) -> npt.NDArray[np.float64]:
        corners = np.array([(2, 1), (7, 1), (7, 5), (2, 5)], float)  # (i, j)
        at = np.column_stack([corners * (2.5, 2.0), np.full(4, 3.0 * k)])
        return np.asarray(at + GRID.origin_lps_mm)

    labels = Labels(contours={7: [square(k) for k in range(6)]})
    made = scene(labels)

    (outline,) = made.on_plane(7)

    start_mm = np.array([made.offset[2] * 2.5, made.offset[1] * 2.0])
    np.testing.assert_allclose(outline[0] + start_mm, (2 * 2.5, 1 * 2.0))
    np.testing.assert_allclose(outline[2] + start_mm, (7 * 2.5, 5 * 2.0))
    far = replace(made, outlines={7: [one + np.array([40.0, 0, 0]) for one in made.outlines[7]]})
    assert far.on_plane(7) == []


def test_without_maps_there_is_nothing_to_draw() -> None:
    empty = np.full(GRID.shape, np.nan)

    nothing = replace(outcome(), gamma=None, difference=None)
    only_nan = replace(outcome(), gamma=DoseMap(grid=GRID, values=empty))

    assert scene_of(nothing, REFERENCE_GY, Labels()) is None
    made = scene_of(only_nan, None, Labels())
    assert made is not None
    assert set(made.volumes) == {"difference"}
    assert np.isnan(GAMMA).any()
