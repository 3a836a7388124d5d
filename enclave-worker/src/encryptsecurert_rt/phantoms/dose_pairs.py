"""Pairs of dose grids, from a seed, that a gamma search finds hard or easy.

A smooth random dose inside a round envelope, and the same dose moved by a smooth random field,
with smooth noise. On the hard pair some voxels fail, so tools that search badly tell themselves
apart; on the easy one every voxel passes, and a search may stop early nearly everywhere.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from encryptsecurert_rt.dose.grid import DoseGrid, FloatArray
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid

_EDGE_FRACTION = 0.15  # of the half width: how far the envelope takes to fall from 1 to 0
_RADIUS_FRACTION = 0.96
_SHIFT_LENGTH_MM, _NOISE_LENGTH_MM = 24.0, 12.0  # smoother than the dose itself


@dataclass(frozen=True, slots=True, kw_only=True)
class DosePairKind:
    """How a pair is made.

    Attributes
    ----------
    correlation_mm : standard deviation of the Gaussian that smooths the random dose.
    shift_mm : the largest shift along each axis.
    noise_fraction : standard deviation of the noise as a fraction of the largest dose.
    """

    correlation_mm: float
    shift_mm: float
    noise_fraction: float

    def __post_init__(self) -> None:
        if not (0 < self.correlation_mm <= 100 and 0 <= self.shift_mm <= 50):
            raise InvalidInput("a pair's lengths must be in mm")
        if not 0 <= self.noise_fraction < 1:
            raise InvalidInput("a pair's noise must be a fraction")


HARD_PAIR = DosePairKind(correlation_mm=9.0, shift_mm=5.0, noise_fraction=0.03)
EASY_PAIR = DosePairKind(correlation_mm=10.0, shift_mm=1.6, noise_fraction=0.012)


def dose_pair(
    kind: DosePairKind,
    *,
    shape: tuple[int, int, int] = (100, 100, 100),
    spacing_mm: float = 2.0,
    maximum_gy: float = 60.0,
    seed: int = 20180101,
) -> tuple[DoseGrid, DoseGrid]:
    """Return (reference, evaluated) on the same grid, both float64 (k, j, i) in Gy.

    The largest dose of the reference is `maximum_gy`. The same arguments give the same octets.
    """
    random = np.random.default_rng(seed)
    k, j, i = (-spacing_mm * (n - 1) / 2 for n in shape)
    grid = ImageGrid(
        shape=shape,
        spacing_mm=(spacing_mm, spacing_mm, spacing_mm),
        origin_lps_mm=(i, j, k),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    dose = _smooth(random, shape, kind.correlation_mm / spacing_mm)
    dose = (dose - dose.min()) * _envelope(shape)
    dose *= maximum_gy / dose.max()
    shifts = np.stack([_smooth(random, shape, _SHIFT_LENGTH_MM / spacing_mm) for _ in range(3)])
    shifts *= kind.shift_mm / spacing_mm / np.abs(shifts).max(axis=(1, 2, 3), keepdims=True)
    places = np.indices(shape, dtype=np.float64) + shifts
    moved = ndimage.map_coordinates(dose, places, order=3, mode="nearest")
    noise = _smooth(random, shape, _NOISE_LENGTH_MM / spacing_mm)
    moved += np.where(moved > 0.0, noise * (kind.noise_fraction * maximum_gy / noise.std()), 0.0)
    evaluated = np.ascontiguousarray(np.clip(moved, 0.0, None))
    return DoseGrid(dose_gy=dose, grid=grid), DoseGrid(dose_gy=evaluated, grid=grid)


def _smooth(random: np.random.Generator, shape: tuple[int, int, int], sigma: float) -> FloatArray:
    field = ndimage.gaussian_filter(random.standard_normal(shape), sigma, mode="nearest")
    return np.asarray(field)


def _envelope(shape: tuple[int, int, int]) -> FloatArray:
    axes = [(2.0 * np.arange(n) - (n - 1)) / n for n in shape]
    radius = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    ramp = np.clip((_RADIUS_FRACTION - radius) / _EDGE_FRACTION, 0.0, 1.0)
    return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp))
