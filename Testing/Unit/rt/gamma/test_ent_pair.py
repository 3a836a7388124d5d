"""A head and neck on two days, as SlicerRT ships it with the gamma of its own program."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import SimpleITK
from dose_fields import dose_of

from encryptsecurert_rt.dose.gamma import (
    GammaCriteria,
    GammaMap,
    GammaMode,
    Normalisation,
    PointState,
    gamma_index,
    gamma_statistics,
)
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.geometry import ImageGrid

pytestmark = pytest.mark.real_data

CRITERIA = GammaCriteria(
    dose_percent=3.0, distance_mm=3.0, cutoff_percent=10.0, normalisation=Normalisation.GLOBAL
)
VOXELS = 88_129  # of day 1 with 10 % of its maximum, 62.613 Gy, or more


def _nrrd(path: Path) -> tuple[npt.NDArray[np.float32], ImageGrid]:
    image: Any = SimpleITK.ReadImage(str(path))
    values = SimpleITK.GetArrayFromImage(image)
    return values, ImageGrid(
        shape=values.shape,
        spacing_mm=tuple(reversed(image.GetSpacing())),
        origin_lps_mm=image.GetOrigin(),
        direction=image.GetDirection(),
    )


@pytest.fixture(scope="module")
def days(shared_data: Path) -> tuple[DoseGrid, DoseGrid]:
    folder = shared_data / "slicerrt_dose"
    return (
        dose_of(*_nrrd(folder / "EclipseEnt_Dose.nrrd")),
        dose_of(*_nrrd(folder / "EclipseEnt_Dose_Day2.nrrd")),
    )


@pytest.fixture(scope="module")
def certified(days: tuple[DoseGrid, DoseGrid]) -> GammaMap:
    return gamma_index(*days, CRITERIA, threads=2)


def test_at_voxel_centres_it_is_the_stored_baseline_voxel_by_voxel(
    days: tuple[DoseGrid, DoseGrid], shared_data: Path
) -> None:
    baseline, _ = _nrrd(
        shared_data / "slicerrt_dose" / "GammaVolume_EclipseEnt_Day1Day2_Baseline.nrrd"
    )

    found = gamma_index(*days, CRITERIA, mode=GammaMode.VOXEL_CENTRES)

    counted = gamma_statistics(found)
    evaluated = found.state >= PointState.PASSED
    assert (counted.evaluated, counted.passed_certain) == (VOXELS, 71_292)
    assert counted.pass_percent_certain == pytest.approx(80.895, abs=0.0005)
    # The baseline is float32 from float32 arithmetic.
    assert np.abs(found.gamma - baseline)[evaluated].max() < 1e-6
    # The baseline holds 0, a perfect pass, where nothing was compared; here it is NaN.
    assert np.all(baseline[~evaluated] == 0.0)
    assert np.isnan(found.gamma[~evaluated]).all()


def test_the_continuous_dose_passes_ten_points_more(certified: GammaMap) -> None:
    counted = gamma_statistics(certified)

    assert counted.evaluated == VOXELS
    assert certified.unproven == 0
    # Of an earlier implementation with the same guarantee, apart from its 26 straddling voxels.
    assert counted.pass_percent_certain == pytest.approx(90.716, abs=0.03)
    assert counted.pass_percent_certain == counted.pass_percent_possible
    assert certified.refined_again > 0  # the second search had something to decide


def test_pass_or_fail_alone_agrees_at_every_voxel(
    days: tuple[DoseGrid, DoseGrid], certified: GammaMap
) -> None:
    decided = gamma_index(*days, CRITERIA, mode=GammaMode.PASS_FAIL, threads=2)

    assert np.array_equal(decided.state, certified.state)
