"""The task `dose_compare` by itself: modes, planes, threads, work, progress, what it describes."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from Testing.Integration.dose_orders import (
    BALL,
    DIFFERENCE_ONLY,
    EVALUATED,
    EVERYTHING,
    GAMMA,
    GRID,
    REFERENCE,
    blob,
    dose_octets,
    facts,
    structure_octets,
)
from Testing.Unit.worker.contexts import task_context

from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.dose_options import GammaMode
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_rt.dose.gamma import gamma_index
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_worker.tasks import dose_compare, dose_comparing, dose_maps
from encryptsecurert_worker.tasks.dose_compare import DoseCompareTask

_PAIR = (dose_octets(REFERENCE), dose_octets(EVALUATED))


def run(
    asked: DoseCompareParameters, *contents: bytes, threads: int = 1, **context: Any
) -> Mapping[str, bytes]:
    """Run the task over octets; return its results by name."""
    inputs = [memoryview(octets) for octets in contents or _PAIR]
    task = DoseCompareTask(threads=threads)
    return dict(task.run(inputs, asked.as_json(), task_context(**context)).results)


def compared(asked: DoseCompareParameters, *contents: bytes) -> DoseComparison:
    return DoseComparison.decode(run(asked, *contents)["comparison"])


def gamma_only(**changes: Any) -> DoseCompareParameters:
    return dataclasses.replace(
        DIFFERENCE_ONLY, difference=False, gamma=dataclasses.replace(GAMMA, **changes)
    )


def test_it_takes_two_volumes_and_perhaps_structures_and_describes_its_choices() -> None:
    task = DoseCompareTask(threads=1)

    assert task.input_kinds == (ObjectKind.VOLUME, ObjectKind.VOLUME)
    assert task.optional_kinds == (ObjectKind.STRUCTURES,)
    described = task.describe()
    assert described["schema"] == "encryptsecurert.dose-compare/1"
    assert described["modes"] == ["certified", "pass_fail", "voxel_centres"]
    task.check(EVERYTHING.as_json())


def test_any_number_of_threads_gives_the_same_octets() -> None:
    contents = (*_PAIR, structure_octets())

    assert run(EVERYTHING, *contents, threads=1) == run(EVERYTHING, *contents, threads=3)


def test_pass_and_fail_alone_have_the_same_rate_and_no_values() -> None:
    full = compared(gamma_only()).gamma
    quick = compared(gamma_only(mode=GammaMode.PASS_FAIL)).gamma

    assert full is not None
    assert quick is not None
    assert quick.whole.evaluated == full.whole.evaluated
    assert quick.whole.pass_percent_certain == full.whole.pass_percent_certain
    assert (quick.whole.mean, quick.whole.maximum, quick.histogram) == (None, None, None)


def test_voxel_centres_never_pass_more_than_the_continuous_search() -> None:
    centres = compared(gamma_only(mode=GammaMode.VOXEL_CENTRES, distance_mm=1.0, dose_percent=1.0))
    certified = compared(gamma_only(distance_mm=1.0, dose_percent=1.0))

    assert centres.gamma is not None
    assert certified.gamma is not None
    assert centres.gamma.eps == 0.0
    assert centres.algorithms == ("gamma-voxel-centres-1",)
    assert centres.gamma.whole.passed_certain <= certified.gamma.whole.passed_possible


def test_a_plane_is_compared_with_a_volume() -> None:
    plane = DoseGrid(
        dose_gy=np.ascontiguousarray(REFERENCE.dose_gy[9:10]),
        grid=dataclasses.replace(
            GRID, shape=(1, *GRID.shape[1:]), origin_lps_mm=(-28.75, -28.75, -1.5)
        ),
    )
    asked = dataclasses.replace(
        gamma_only(), difference=True, outputs=("difference_dicom", "gamma_dicom", "maps")
    )
    results = run(asked, dose_octets(plane), _PAIR[0])

    found = DoseComparison.decode(results["comparison"])
    assert found.difference is not None
    assert (found.difference.whole.minimum_gy, found.difference.whole.maximum_gy) == (0.0, 0.0)
    assert found.reference.shape == (1, 24, 24)
    assert set(results) == {"comparison", "gamma", "difference", "gamma.dcm", "difference.dcm"}


def test_points_outside_are_counted_and_warned_of() -> None:
    half = DoseGrid(
        dose_gy=np.ascontiguousarray(EVALUATED.dose_gy[:10]),
        grid=dataclasses.replace(GRID, shape=(10, *GRID.shape[1:])),
    )
    found = compared(DIFFERENCE_ONLY, _PAIR[0], dose_octets(half))

    assert found.difference is not None
    assert found.difference.whole.outside == found.difference.whole.points == 10 * 24 * 24
    assert found.warnings == ("partly_outside_evaluated",)


def test_doses_of_other_kinds_are_compared_with_warnings() -> None:
    other = facts(2, dose_summation_type="FRACTION", dose_type="EFFECTIVE")
    found = compared(dataclasses.replace(DIFFERENCE_ONLY, evaluated=other))

    assert found.warnings == ("other_summation_type", "other_dose_type")


def test_nothing_above_the_cutoff_gives_no_rate_at_all() -> None:
    found = compared(gamma_only(norm_gy=1000.0, cutoff_percent=50.0))

    assert found.gamma is not None
    assert (found.gamma.whole.evaluated, found.gamma.whole.pass_percent_certain) == (0, None)
    assert found.warnings == ("gamma_nothing_evaluated",)
    assert "1000 Gy, stated" in found.gamma.words


def test_a_verdict_that_is_undecided_is_looked_for_once_more_and_finer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched: list[float] = []

    def undecided_at_first(*doses: Any, eps: float, **options: Any) -> Any:
        found = gamma_index(*doses, eps=eps, **options)
        searched.append(eps)
        if len(searched) == 1:  # as if the work had run out at every point
            found.state[found.state >= 4] = 6
        return found

    monkeypatch.setattr(dose_maps, "gamma_index", undecided_at_first)
    found = compared(dataclasses.replace(gamma_only(), tg218=True))

    assert searched == [0.001, 0.0001]
    assert found.tg218 is not None
    assert found.tg218.verdict == "within_tolerance"
    assert found.tg218.eps == 0.0001


def test_a_comparison_that_would_take_hours_is_refused_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("it has begun")

    monkeypatch.setattr(dose_compare, "_MOST_SECONDS", 0.0)
    monkeypatch.setattr(dose_maps, "gamma_index", never)
    with pytest.raises(EncryptSecureRTError) as refused:
        run(gamma_only())

    assert refused.value.code is ErrorCode.E_WORK


def test_curves_of_more_points_than_there_is_room_for_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contents = (*_PAIR, structure_octets())
    assert "curves" in run(EVERYTHING, *contents)

    monkeypatch.setattr(dose_comparing, "MOST_CURVE_POINTS", 1000)
    with pytest.raises(EncryptSecureRTError) as refused:
        run(EVERYTHING, *contents)

    assert refused.value.code is ErrorCode.E_TOO_LARGE


def test_progress_never_goes_back_and_can_stop_at_every_stage() -> None:
    contents = (*_PAIR, structure_octets())
    heard: list[tuple[str, float]] = []
    run(EVERYTHING, *contents, progress=lambda stage, fraction: heard.append((stage, fraction)))

    fractions = [fraction for _, fraction in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] <= 0.97  # sealing comes after
    stages = dict.fromkeys(stage for stage, _ in heard)
    assert list(stages) == [
        *("reading", "isodose_volumes", "profiles", "gamma", "difference", "agreement"),
        *("isodoses", "structures"),
        *("gamma_dicom", "difference_dicom", "report_dicom"),
    ]
    for wanted in stages:

        def stop(stage: str, fraction: float, wanted: str = wanted) -> None:
            if stage == wanted:
                raise EncryptSecureRTError(ErrorCode.E_CANCELLED)

        with pytest.raises(EncryptSecureRTError) as stopped:
            run(EVERYTHING, *contents, progress=stop)
        assert stopped.value.code is ErrorCode.E_CANCELLED


def test_a_structure_that_holds_no_voxel_centre_has_counts_of_none_and_no_rate() -> None:
    mask = np.zeros(GRID.shape, np.bool_)
    mask[11, 13, 13] = True  # between the centres of the coarser dose
    coarse = blob(dataclasses.replace(GRID, shape=(9, 11, 11), spacing_mm=(6.0, 5.0, 5.0)))
    asked = dataclasses.replace(EVERYTHING, outputs=(), goals=())
    found = compared(asked, dose_octets(coarse), dose_octets(coarse), structure_octets(mask=mask))

    assert found.gamma is not None
    assert found.difference is not None
    figures = {one.number: one.figures for one in found.gamma.structures}
    assert figures[BALL].evaluated > 0
    empty = next(f for n, f in figures.items() if n != BALL)
    assert (empty.evaluated, empty.pass_percent_certain, empty.maximum) == (0, None, None)
