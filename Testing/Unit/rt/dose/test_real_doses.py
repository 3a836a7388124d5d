"""Real doses: two plans of a head and neck, and a proton plan that is the sum of its beams."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import SimpleITK
from dose_fields import grid_of

from encryptsecurert_rt.dose.agreement import (
    AgreementSearch,
    AgreementState,
    distance_to_agreement,
)
from encryptsecurert_rt.dose.difference import DifferenceScale, dose_difference
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.isodose import compare_isodoses
from encryptsecurert_rt.dose.statistics import difference_statistics
from encryptsecurert_rt.geometry import ImageGrid

pytestmark = pytest.mark.real_data


def _nrrd(path: Path) -> DoseGrid:
    image: Any = SimpleITK.ReadImage(str(path))
    dose_gy = SimpleITK.GetArrayFromImage(image).astype(np.float64)
    grid = ImageGrid(
        shape=dose_gy.shape,
        spacing_mm=tuple(reversed(image.GetSpacing())),
        origin_lps_mm=image.GetOrigin(),
        direction=image.GetDirection(),
    )
    return DoseGrid(dose_gy=np.ascontiguousarray(dose_gy), grid=grid)


@pytest.fixture(scope="module")
def ent(shared_data: Path) -> tuple[DoseGrid, DoseGrid]:
    folder = shared_data / "slicerrt_dose"
    return _nrrd(folder / "EclipseEnt_Dose.nrrd"), _nrrd(folder / "EclipseEnt_Dose_Day2.nrrd")


def test_two_days_differ_as_plain_numpy_says(ent: tuple[DoseGrid, DoseGrid]) -> None:
    day1, day2 = ent
    mask = day1.dose_gy >= 0.1 * day1.maximum_gy

    statistics = difference_statistics(dose_difference(day1, day2, threads=2), mask)

    # Origins differ in the ninth digit only: the grids are the same, and no voxel is outside.
    plain = (day2.dose_gy - day1.dose_gy)[mask]
    assert (statistics.counted, statistics.outside) == (88_129, 0)
    assert statistics.values is not None
    assert statistics.values.mean == pytest.approx(plain.mean(), abs=1e-6)
    assert statistics.values.sd == pytest.approx(plain.std(), abs=1e-6)
    assert statistics.values.minimum == pytest.approx(plain.min(), abs=1e-5)
    assert statistics.values.maximum == pytest.approx(plain.max(), abs=1e-5)
    assert statistics.values.percentile_98 == pytest.approx(np.percentile(plain, 98), abs=1e-5)
    # As the data pack's description says.
    whole = difference_statistics(dose_difference(day1, day2)).values
    assert whole is not None
    assert (whole.minimum, whole.maximum) == pytest.approx((-26.50, 24.53), abs=0.01)
    percent = difference_statistics(
        dose_difference(day1, day2), mask, scale=DifferenceScale.PERCENT_OF_REFERENCE_MAXIMUM
    ).values
    assert percent is not None
    assert percent.rms == pytest.approx(statistics.values.rms * 100.0 / 62.6128, rel=1e-4)


def test_distances_between_two_days_are_of_points_that_have_the_dose(
    ent: tuple[DoseGrid, DoseGrid],
) -> None:
    day1, day2 = ent
    rng = np.random.default_rng(1)
    mask = (day1.dose_gy >= 0.1 * day1.maximum_gy) & (rng.random(day1.grid.shape) < 0.02)

    found = distance_to_agreement(day1, day2, mask=mask)
    fine = distance_to_agreement(day1, day2, mask=mask, search=AgreementSearch(tolerance_mm=1e-4))

    asked = found.distance_mm[mask]
    assert found.count(AgreementState.UNFINISHED) == found.count(AgreementState.OUTSIDE) == 0
    assert np.array_equal(np.isinf(asked), np.isinf(fine.distance_mm[mask]))
    finite = np.isfinite(asked)
    excess = asked[finite] - fine.distance_mm[mask][finite]
    assert -1e-4 <= excess.min()
    assert excess.max() <= AgreementSearch().tolerance_mm
    # Never beyond the nearest pair of neighbouring voxel centres between which the dose is passed.
    upper = _nearest_passing_edge(day1, day2, np.argwhere(mask)[:200])
    told = asked[:200]
    known = np.isfinite(upper)
    assert (told[known] <= upper[known] + 0.01).all()


def _nearest_passing_edge(
    day1: DoseGrid, day2: DoseGrid, voxels: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the least distance to a crossing on an edge of the grid within 3 voxels, (n,)."""
    least = np.full(len(voxels), np.inf)
    dose = np.pad(day2.dose_gy, 4, constant_values=np.nan)
    for number, voxel in enumerate(voxels):
        block = dose[tuple(slice(v + 1, v + 8) for v in voxel)] - day1.dose_gy[tuple(voxel)]
        for axis in range(3):
            first, last = (np.delete(block, end, axis) for end in (-1, 0))
            at = np.argwhere((first <= 0.0) != (last <= 0.0))
            at = at[np.isfinite((first + last)[tuple(at.T)])]
            t = first[tuple(at.T)] / (first - last)[tuple(at.T)]
            offset = at - 3.0
            offset[:, axis] += t
            if len(at):
                least[number] = min(least[number], 2.5 * np.linalg.norm(offset, axis=1).min())
    return least


def test_isodoses_of_two_days_are_those_of_counted_voxels_nearly(
    ent: tuple[DoseGrid, DoseGrid],
) -> None:
    day1, day2 = ent

    (measure,) = compare_isodoses(day1, day2, [30.0])

    counts = [(dose.dose_gy >= 30.0).sum() * dose.grid.voxel_volume_cc for dose in ent]
    # Counting voxels is off by their number on the surface, either way.
    assert measure.reference == pytest.approx(counts[0], rel=0.01)
    assert measure.evaluated == pytest.approx(counts[1], rel=0.01)
    assert measure.dice is not None
    assert 0.5 < measure.dice < 1.0


def _rtdose(path: Path) -> DoseGrid:
    dataset = pydicom.dcmread(path)
    dose_gy = dataset.pixel_array.astype(np.float64) * float(dataset.DoseGridScaling)
    row_mm, column_mm = (float(x) for x in dataset.PixelSpacing)
    x, y, z = (float(value) for value in dataset.ImagePositionPatient)
    offsets = [float(x) for x in dataset.GridFrameOffsetVector]
    grid = grid_of(
        dose_gy.shape,
        (offsets[1] - offsets[0], row_mm, column_mm),
        (x, y, z),
    )
    return DoseGrid(dose_gy=dose_gy, grid=grid)


def test_a_plan_is_the_sum_of_its_beams_to_rounding(shared_data: Path) -> None:
    files = sorted((shared_data / "proton_phantom_dose").glob("*.dcm"))
    plan, one, other = (_rtdose(path) for path in files)
    both = DoseGrid(dose_gy=one.dose_gy + other.dose_gy, grid=plan.grid)

    difference = difference_statistics(dose_difference(plan, both))

    assert plan.grid == one.grid == other.grid
    assert difference.values is not None
    assert difference.outside == 0
    # 16 bits: half a step of each of the three files.
    steps = [dose.maximum_gy / 65535.0 for dose in (plan, one, other)]
    assert max(-difference.values.minimum, difference.values.maximum) <= 0.5 * sum(steps) * 1.05


def test_the_same_dose_moved_by_a_voxel_agrees_within_it(shared_data: Path) -> None:
    path = sorted((shared_data / "proton_phantom_dose").glob("*.dcm"))[0]
    plan = _rtdose(path)
    part = (slice(40, 44), slice(40, 60), slice(40, 60))
    x, y, z = plan.grid.origin_lps_mm
    grid = grid_of((4, 20, 20), plan.grid.spacing_mm, (x + 2.0 * 42, y + 2.0 * 40, z + 2.0 * 40))
    moved = DoseGrid(dose_gy=np.ascontiguousarray(plan.dose_gy[part]), grid=grid)  # by 4 mm in x

    found = distance_to_agreement(moved, plan)

    assert found.distance_mm.max() <= 4.0 + 1e-9
