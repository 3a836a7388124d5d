"""The gamma index of one dose against another, on any two grids."""

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dose.gamma.kernel import Count, make_job
from encryptsecurert_rt.dose.gamma.types import GammaCriteria, GammaMap, GammaMode, PointState
from encryptsecurert_rt.dose.gamma.work import tile_voxels
from encryptsecurert_rt.dose.grid import BoolArray, DoseGrid, RigidTransform
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.native.tiles import run_tiles
from encryptsecurert_rt.progress import Progress, no_progress

STAGE = "gamma"
NO_OVERLAP = "the doses do not overlap where the reference is to be evaluated"
# A tile takes about this long, so that stopping takes a second at most, and holds no more voxels
# than that, so that there is progress to tell.
_TILE_SECONDS = 0.1
_VOXELS_A_TILE = 16_384


def gamma_index(  # noqa: PLR0913 - two doses, how to compare, and how to compute
    reference: DoseGrid,
    evaluated: DoseGrid,
    criteria: GammaCriteria,
    *,
    mask: BoolArray | None = None,
    reference_to_evaluated: RigidTransform | None = None,
    mode: GammaMode = GammaMode.CERTIFIED,
    eps: float = 0.001,
    threads: int = 1,
    progress: Progress = no_progress,
) -> GammaMap:
    """Return gamma at each voxel centre of `reference`, searched for in `evaluated`.

    gamma(r) is the least of sqrt(|p - r|^2 / distance^2 + (De(p) - Dr(r))^2 / dose^2) over all
    points p of the support of the evaluated dose De, which is trilinear between voxel centres.

    Parameters
    ----------
    reference, evaluated : DoseGrid
        Any two grids. Gamma is not symmetric: the reference is usually the measured dose, or the
        trusted calculation.
    criteria : GammaCriteria
    mask : bool (k, j, i), optional
        On the grid of `reference`; voxels outside of it are not evaluated.
    reference_to_evaluated : RigidTransform, optional
        Takes LPS points of the reference's frame to the evaluated dose's.
    mode : GammaMode
    eps : float
        Certified: a value may be above the truth by this, never below it. 1e-5 to 0.1.
    threads : int
        The result is the same for any number of them.
    progress : Progress
        Called at least once a second with `STAGE`.

    Raises
    ------
    InvalidInput
        If a parameter is out of range, the mask does not fit or is empty, the reference dose is
        zero everywhere, or no point to be evaluated lies within the evaluated dose.
    Cancelled
        By `progress`.

    Notes
    -----
    Low et al. 1998 (definition), AAPM TG-218 (normalisation, cutoff). A dose against itself gives
    0 at every point, exactly.
    """
    job = make_job(
        reference,
        evaluated,
        criteria,
        mask=mask,
        reference_to_evaluated=reference_to_evaluated,
        mode=mode,
        eps=eps,
    )
    voxels = job.state.size
    size = tile_voxels(job, _TILE_SECONDS, _VOXELS_A_TILE)

    def work(tile: int) -> npt.NDArray[np.int64]:
        return job.run(tile * size, min((tile + 1) * size, voxels))

    tiles = run_tiles(-(-voxels // size), work, threads=threads, progress=progress, stage=STAGE)
    counts = np.sum(tiles, axis=0)
    if counts[Count.POINTS] == 0 and bool((job.state == PointState.OUTSIDE).any()):
        raise InvalidInput(NO_OVERLAP)
    return GammaMap(
        gamma=np.full(job.state.shape, np.nan, np.float32) if job.gamma is None else job.gamma,
        state=job.state,
        criteria=criteria,
        norm_gy=job.norm_gy,
        mode=mode,
        eps=0.0 if mode is GammaMode.VOXEL_CENTRES else eps,
        refined_again=int(counts[Count.AGAIN]),
        unproven=int(counts[Count.UNPROVEN]),
        work=int(counts[Count.CELLS] + counts[Count.BOXES]),
    )
