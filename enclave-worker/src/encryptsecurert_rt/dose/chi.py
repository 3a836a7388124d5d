"""The chi index, which is not gamma: a dose difference scaled by the local gradient.

chi(r) = (De(r) - Dr(r)) / sqrt(DD^2 + (|grad Dr(r)| DTA)^2)

Bakai, Alber and Nuesslin 2003. It is gamma only where the dose is linear over the distance
criterion; it keeps the sign, and needs no search. Results must be told as chi.
"""

import numpy as np

from encryptsecurert_rt.dose.difference import DifferenceMap
from encryptsecurert_rt.dose.grid import DoseGrid, FloatArray
from encryptsecurert_rt.errors import InvalidInput


def dose_gradient(dose: DoseGrid) -> FloatArray:
    """Return |grad D| in Gy/mm at the voxel centres, float64 (k, j, i).

    Central differences, one-sided at the border: exact for a linear dose. An axis with one voxel
    has no gradient.
    """
    square = np.zeros(dose.grid.shape)
    for axis, (size, spacing_mm) in enumerate(
        zip(dose.grid.shape, dose.grid.spacing_mm, strict=True)
    ):
        if size > 1:
            square += np.gradient(dose.dose_gy, spacing_mm, axis=axis) ** 2
    return np.asarray(np.sqrt(square))


def chi_index(difference: DifferenceMap, *, dose_gy: float, distance_mm: float) -> FloatArray:
    """Return chi at each voxel of the reference; |chi| <= 1 passes.

    Parameters
    ----------
    difference : DifferenceMap
    dose_gy, distance_mm : the criteria, above 0.

    Returns
    -------
    FloatArray
        float64 (k, j, i), no unit, with the sign of evaluated minus reference; NaN outside.
    """
    if not (
        np.isfinite(dose_gy) and dose_gy > 0.0 and np.isfinite(distance_mm) and distance_mm > 0
    ):
        raise InvalidInput("criteria must be above 0")
    gradient = dose_gradient(difference.reference)
    return np.asarray(difference.difference_gy / np.hypot(dose_gy, gradient * distance_mm))
