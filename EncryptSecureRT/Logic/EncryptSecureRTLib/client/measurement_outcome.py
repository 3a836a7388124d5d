"""What a finished `measurement_compare` job brought: figures, the measured plane and its maps."""

from dataclasses import dataclass

import numpy as np

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.measurement_results import (
    COMPARISON_NAME,
    DIFFERENCE_NAME,
    GAMMA_NAME,
    MEASURED_NAME,
    MeasurementComparison,
)
from EncryptSecureRTLib.client.dose_outcome import DoseMap, MadeBy, maker_of, map_of
from EncryptSecureRTLib.client.dose_scene import Floats
from EncryptSecureRTLib.client.grid import VoxelGrid
from EncryptSecureRTLib.client.jobs import Finished


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredMaps:
    """A measured plane and what was found on it.

    Attributes
    ----------
    measured_gy, difference_gy : float64 (rows, columns); calculated - measured, NaN outside.
    gamma : float32 (rows, columns), NaN where not evaluated; None if there is no such map.
    """

    grid: VoxelGrid
    measured_gy: Floats
    difference_gy: Floats
    gamma: Floats | None

    @property
    def calculated_gy(self) -> Floats:
        """The calculated dose where it was compared: nothing is interpolated here."""
        return np.asarray(self.measured_gy + self.difference_gy)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasurementOutcome:
    """All that one comparison found, and from whom it is; `maps` is None of points."""

    comparison: MeasurementComparison
    maps: MeasuredMaps | None
    made_by: MadeBy


def measurement_outcome_of(finished: Finished) -> MeasurementOutcome:
    """Return what is in the results of a job (E_RESULT if they cannot be read)."""
    results = finished.results
    if not set(results) <= {COMPARISON_NAME, MEASURED_NAME, GAMMA_NAME, DIFFERENCE_NAME}:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    try:
        comparison = MeasurementComparison.decode(results.get(COMPARISON_NAME, b""))
        measured = map_of(results.get(MEASURED_NAME), "dose")
        difference = map_of(results.get(DIFFERENCE_NAME), "dose_difference")
        gamma = map_of(results.get(GAMMA_NAME), "gamma")
        maps = maps_of(comparison, measured, difference, gamma)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_RESULT) from None
    return MeasurementOutcome(comparison=comparison, maps=maps, made_by=maker_of(finished))


def maps_of(
    comparison: MeasurementComparison,
    measured: DoseMap | None,
    difference: DoseMap | None,
    gamma: DoseMap | None,
) -> MeasuredMaps | None:
    """Return the maps of a plane, None of points (E_RESULT if they do not belong together)."""
    shape = comparison.measured.shape
    if shape is None and measured is difference is gamma is None:
        return None
    if shape is None or measured is None or difference is None:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    grids = {one.grid for one in (measured, difference, gamma) if one is not None}
    if len(grids) != 1 or measured.grid.shape != (1, *shape):
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    if gamma is not None and comparison.gamma is None:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    return MeasuredMaps(
        grid=measured.grid,
        measured_gy=measured.values[0],
        difference_gy=difference.values[0],
        gamma=None if gamma is None else gamma.values[0],
    )
