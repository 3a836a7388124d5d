"""What a search will cost, from a sample of its points, before it is begun.

The sample is spread over the grid by the golden ratio, the same for the same input. What is counted
is work (cells looked at, boxes split), and a table of seconds makes a time of it: so the estimate
does not depend on what else the machine does, and the size of tiles may rest on it.
"""

from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.dose.gamma.kernel import Count, KernelJob, make_job
from encryptsecurert_rt.dose.gamma.types import GammaCriteria, GammaMode
from encryptsecurert_rt.dose.grid import BoolArray, DoseGrid, RigidTransform

# Seconds of one core for a unit of each count, on a server processor at 2 GHz with AVX2.
_SECONDS = {
    Count.POINTS: 30e-9,
    Count.OFFSETS: 15e-9,
    Count.CELLS: 100e-9,
    Count.BOXES: 250e-9,
}
_SECONDS_A_VOXEL = 6e-9  # to see that it is below the cutoff
_RUN = 16  # neighbouring voxels, which the kernel takes four at a time
_RUNS = 256
_SAMPLE_SECONDS = 0.1  # of work by the table: then the sample is enough
_GOLDEN = (5.0**0.5 - 1.0) / 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkEstimate:
    """What a search is expected to cost.

    Attributes
    ----------
    seconds : of one core; a machine may well be half or twice as fast. Divide by the threads.
    seconds_a_voxel : the same for one voxel of the reference grid, searched or not.
    sampled : voxels that were tried.
    """

    seconds: float
    seconds_a_voxel: float
    sampled: int


def estimate_work(  # noqa: PLR0913 - as `gamma_index`
    reference: DoseGrid,
    evaluated: DoseGrid,
    criteria: GammaCriteria,
    *,
    mask: BoolArray | None = None,
    reference_to_evaluated: RigidTransform | None = None,
    mode: GammaMode = GammaMode.CERTIFIED,
    eps: float = 0.001,
) -> WorkEstimate:
    """Return what `gamma_index` would cost with the same arguments, within a second.

    Raises
    ------
    InvalidInput
        As `gamma_index`, but for grids that do not overlap: a sample cannot tell.
    """
    return estimate(
        make_job(
            reference,
            evaluated,
            criteria,
            mask=mask,
            reference_to_evaluated=reference_to_evaluated,
            mode=mode,
            eps=eps,
        )
    )


def estimate(job: KernelJob) -> WorkEstimate:
    """Return what a job costs; writes into its arrays what the search will write again."""
    voxels = job.state.size
    spent, sampled = 0.0, 0
    for number in range(min(_RUNS, -(-voxels // _RUN))):
        first = int((number * _GOLDEN) % 1.0 * max(voxels - _RUN, 1))
        counts = job.run(first, min(first + _RUN, voxels))
        spent += sum(cost * float(counts[count]) for count, cost in _SECONDS.items())
        sampled += min(_RUN, voxels - first)
        if spent > _SAMPLE_SECONDS:
            break
    each = spent / sampled + _SECONDS_A_VOXEL
    return WorkEstimate(seconds=each * voxels, seconds_a_voxel=each, sampled=sampled)


def tile_voxels(job: KernelJob, seconds: float, most: int) -> int:
    """Return how many voxels take about `seconds`, from 16 to `most`; only the input decides."""
    return int(np.clip(seconds / estimate(job).seconds_a_voxel, 16, most))
