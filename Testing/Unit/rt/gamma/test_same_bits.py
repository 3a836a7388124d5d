"""The same input gives the same bits: for any number of threads, size of tiles and processor."""

from dataclasses import replace

import numpy as np
import pytest
from dose_fields import grid_of
from gamma_cases import criteria_of, grid_about, smooth_dose, turned

from encryptsecurert_rt.dose.gamma import GammaCriteria, GammaMode, gamma_index
from encryptsecurert_rt.dose.gamma.kernel import make_job
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.errors import Cancelled, KernelFault


def _pair(kind: str) -> tuple[DoseGrid, DoseGrid, GammaCriteria]:
    random = np.random.default_rng(9)
    grid = grid_of((9, 12, 35))
    voxels = 0.4 if kind == "noise" else 1.5  # noise has cells split
    one, other = smooth_dose(random, grid, voxels), smooth_dose(random, grid, voxels)
    if kind == "turned":
        axes = turned(random)
        other = smooth_dose(
            random, grid_about((14, 14, 30), (2.3, 2.0, 2.5), np.array([34.0, 11.0, 8.0]), axes)
        )
    return one, other, criteria_of(3.0, 2.0, cap=2.0)


@pytest.mark.parametrize("kind", ["same", "turned", "noise"])
@pytest.mark.parametrize("mode", list(GammaMode))
def test_threads_do_not_matter(kind: str, mode: GammaMode, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, criteria = _pair(kind)
    monkeypatch.setattr("encryptsecurert_rt.dose.gamma.index._VOXELS_A_TILE", 300)

    alone, two, three = (
        gamma_index(one, other, criteria, mode=mode, threads=threads) for threads in (1, 2, 3)
    )

    for others in (two, three):
        assert alone.gamma.tobytes() == others.gamma.tobytes()
        assert alone.state.tobytes() == others.state.tobytes()
        assert (alone.work, alone.refined_again) == (others.work, others.refined_again)


@pytest.mark.parametrize("kind", ["same", "turned", "noise"])
@pytest.mark.parametrize("mode", list(GammaMode))
def test_neither_wide_instructions_nor_tiles_matter(kind: str, mode: GammaMode) -> None:
    one, other, criteria = _pair(kind)

    def job(plain: bool) -> bytes:
        made = make_job(
            one, other, criteria, mask=None, reference_to_evaluated=None, mode=mode, eps=0.001
        )
        made = replace(made, plain=plain)
        size, tile = made.state.size, 777 if plain else 5000
        for first in range(0, size, tile):
            made.run(first, min(first + tile, size))
        return made.state.tobytes() + (b"" if made.gamma is None else made.gamma.tobytes())

    assert job(plain=True) == job(plain=False)


def test_progress_is_told_and_stops_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, criteria = _pair("same")
    monkeypatch.setattr("encryptsecurert_rt.dose.gamma.index._VOXELS_A_TILE", 300)
    told: list[tuple[str, float]] = []

    def stop(stage: str, fraction: float) -> None:
        told.append((stage, fraction))
        if fraction > 0.3:
            raise Cancelled

    gamma_index(one, other, criteria, progress=lambda stage, part: told.append((stage, part)))
    assert told[-1] == ("gamma", 1.0)
    assert [part for _, part in told] == sorted(part for _, part in told)

    told.clear()
    with pytest.raises(Cancelled):
        gamma_index(one, other, criteria, progress=stop)
    assert 0.3 < told[-1][1] < 0.5


def test_a_kernel_that_refuses_is_told() -> None:
    one, other, criteria = _pair("same")
    job = make_job(
        one,
        other,
        criteria,
        mask=None,
        reference_to_evaluated=None,
        mode=GammaMode.CERTIFIED,
        eps=0.001,
    )

    with pytest.raises(KernelFault):
        job.run(0, job.state.size + 1)
    with pytest.raises(KernelFault):
        replace(job, state=job.state[:-1]).run(0, 10)
