"""The gamma index of two doses on any two grids, with a proof of each value.

>>> import numpy as np
>>> from encryptsecurert_rt.dose.grid import DoseGrid
>>> from encryptsecurert_rt.geometry import ImageGrid
>>> grid = ImageGrid(
...     shape=(8, 8, 8), spacing_mm=(2.0, 2.0, 2.0), origin_lps_mm=(0.0, 0.0, 0.0),
...     direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
... )
>>> reference = DoseGrid(dose_gy=np.full(grid.shape, 50.0), grid=grid)
>>> evaluated = DoseGrid(dose_gy=np.full(grid.shape, 51.0), grid=grid)
>>> criteria = GammaCriteria(
...     dose_percent=4.0, distance_mm=3.0, cutoff_percent=10.0, normalisation=Normalisation.GLOBAL
... )
>>> found = gamma_index(reference, evaluated, criteria)
>>> float(found.gamma.max()), gamma_statistics(found).pass_percent_certain
(0.5, 100.0)
"""

from encryptsecurert_rt.dose.gamma.index import NO_OVERLAP, STAGE, gamma_index
from encryptsecurert_rt.dose.gamma.statistics import (
    HISTOGRAM_BINS,
    GammaStatistics,
    gamma_statistics,
)
from encryptsecurert_rt.dose.gamma.types import (
    GammaCriteria,
    GammaMap,
    GammaMode,
    Normalisation,
    PointState,
)
from encryptsecurert_rt.dose.gamma.work import WorkEstimate, estimate_work

__all__ = [
    "HISTOGRAM_BINS",
    "NO_OVERLAP",
    "STAGE",
    "GammaCriteria",
    "GammaMap",
    "GammaMode",
    "GammaStatistics",
    "Normalisation",
    "PointState",
    "WorkEstimate",
    "estimate_work",
    "gamma_index",
    "gamma_statistics",
]
