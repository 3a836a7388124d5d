"""Doses that do the same: BED, EQD2 and equivalent uniform doses.

The linear-quadratic model without a time factor (Fowler, Br J Radiol 62 (1989) 679): a fraction of
d Gy does what d (1 + d / ab) Gy in infinitely small ones do, its BED; EQD2 is the dose in fractions
of 2 Gy with the same BED, so EQD2 = BED / (1 + 2 / ab).

Doses of several fractions or plans are converted each, and then added (`eqd2_of_fractions_gy`):
the square does not add, so converting a sum is wrong, and there is no function for it here. `ab`
belongs to a tissue: it has no default.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.dvh.histogram import Histogram, PointHistogram
from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]

MAX_FRACTIONS = 1000
MAX_EXPONENT = 1000.0  # of gEUD: beyond, it is the maximum or the minimum to all digits of a dose
_PARALLEL_POINTS = 16  # between two points of a curve when its dose axis is bent


def bed_gy(dose_gy: npt.ArrayLike, *, fractions: int, alpha_beta_gy: float) -> FloatArray:
    """Return the biologically effective dose of a total dose in equal fractions.

    Parameters
    ----------
    dose_gy : total dose in Gy at each point, any shape, finite and not negative.
    fractions : number of equal fractions, 1 to 1000.
    alpha_beta_gy : alpha / beta of the tissue in Gy, > 0.

    Returns
    -------
    float64 of the same shape: D (1 + (D / n) / ab), Gy.
    """
    dose = _dose(dose_gy)
    _check(fractions, alpha_beta_gy)
    return np.asarray(dose * (1.0 + dose / fractions / alpha_beta_gy))


def eqd2_gy(dose_gy: npt.ArrayLike, *, fractions: int, alpha_beta_gy: float) -> FloatArray:
    """Return the dose in fractions of 2 Gy that does what a total dose in equal fractions does.

    Parameters as of `bed_gy`. Returns float64 of the same shape: D (D / n + ab) / (2 + ab), Gy.
    60 Gy in 20 fractions are 65 Gy for ab = 10 Gy and 72 Gy for ab = 3 Gy.
    """
    dose = _dose(dose_gy)
    _check(fractions, alpha_beta_gy)
    return np.asarray(dose * (dose / fractions + alpha_beta_gy) / (2.0 + alpha_beta_gy))


def eqd2_of_fractions_gy(
    fraction_doses_gy: Sequence[npt.ArrayLike], *, alpha_beta_gy: float
) -> FloatArray:
    """Return the EQD2 of fractions that differ: each converted, then added.

    Parameters
    ----------
    fraction_doses_gy : the dose of each fraction in Gy at the same points, all of one shape.
    alpha_beta_gy : alpha / beta of the tissue in Gy, > 0.

    Returns
    -------
    float64 of that shape: the sum of d (d + ab) / (2 + ab), Gy.
    """
    if not 1 <= len(fraction_doses_gy) <= MAX_FRACTIONS:
        raise InvalidInput("there must be 1 to 1000 fractions")
    total = np.zeros_like(_dose(fraction_doses_gy[0]))
    for dose_gy in fraction_doses_gy:
        one = eqd2_gy(dose_gy, fractions=1, alpha_beta_gy=alpha_beta_gy)
        if one.shape != total.shape:
            raise InvalidInput("all fractions must have the same points")
        total = np.asarray(total + one)
    return total


def dose_of_eqd2_gy(eqd2: npt.ArrayLike, *, fractions: int, alpha_beta_gy: float) -> FloatArray:
    """Return the total dose in equal fractions that has a given EQD2: the inverse of `eqd2_gy`."""
    wanted = _dose(eqd2)
    _check(fractions, alpha_beta_gy)
    scaled = fractions * (2.0 + alpha_beta_gy) * wanted
    half = fractions * alpha_beta_gy / 2.0
    # D^2 + n ab D = n (2 + ab) EQD2; this form of the root loses no digits where D is small.
    return np.asarray(scaled / (half + np.sqrt(half**2 + scaled)))


def geud_gy(
    dose_gy: npt.ArrayLike, exponent: float, *, weights: npt.ArrayLike | None = None
) -> float:
    """Return the generalised equivalent uniform dose: (mean D^a)^(1/a).

    Parameters
    ----------
    dose_gy : doses in Gy of parts of a structure, any shape, not empty.
    exponent : a, -1000 to 1000 and not 0: 1 is the mean; large ones weigh hot spots (serial
        organs), negative ones cold spots (targets). With a < 0 any part without dose makes it 0.
    weights : volumes of the parts, same shape; equal if not given.

    Notes
    -----
    Niemierko, Med Phys 26 (1999) 1100 (abstract).
    """
    dose = _dose(dose_gy).ravel()
    share = _shares(dose, weights)
    _check_exponent(exponent)
    dose = dose[share > 0.0]
    scale = float(dose.max() if exponent > 0.0 else dose.min())
    if scale == 0.0:  # no dose at all, or a part without dose and a < 0
        return 0.0
    powers = (dose / scale) ** exponent  # 0 to 1: nothing overflows
    return scale * _root(float(powers @ share[share > 0.0]), exponent)


def geud_of_histogram_gy(histogram: Histogram, exponent: float) -> float:
    """Return the gEUD of a histogram, exact for straight lines between its points.

    Along a line the volume is spread evenly over the doses, so its part of the mean of D^a is an
    integral with a closed form; what has exactly one dose is a step.
    """
    _check_exponent(exponent)
    dose, volume = histogram.curve_points()
    share = -np.diff(volume)
    low, high = dose[:-1], dose[1:]
    keep = share > 0.0
    low, high, share = low[keep], high[keep], share[keep]
    low = np.append(low, dose[-1:])  # what is left has the last dose
    high = np.append(high, dose[-1:])
    share = np.append(share, volume[-1:]) / volume[0]
    kept = share > 0.0
    low, high, share = low[kept], high[kept], share[kept]
    scale = float(high.max() if exponent > 0.0 else low.min())
    if scale == 0.0 and -1.0 < exponent < 0.0 and (high > 0.0).all():
        scale = float(high.max())  # so few parts have almost no dose that the integral is finite
    if scale == 0.0:
        return 0.0
    mean = float(_mean_power(low / scale, high / scale, exponent) @ share)
    return scale * _root(mean, exponent)


def eud_gy(
    dose_gy: npt.ArrayLike, *, survival_at_2gy: float, weights: npt.ArrayLike | None = None
) -> float:
    """Return the uniform dose in fractions of 2 Gy that leaves as many cells alive.

    Parameters
    ----------
    dose_gy : EQD2 of parts of a target in Gy, any shape, not empty.
    survival_at_2gy : share of the clonogens that survive 2 Gy, between 0 and 1.
    weights : volumes of the parts, same shape; equal if not given.

    Notes
    -----
    Niemierko, Med Phys 24 (1997) 103: 2 Gy ln(mean SF2^(D / 2 Gy)) / ln SF2.
    """
    if not 0.0 < survival_at_2gy < 1.0:
        raise InvalidInput("the surviving share must be between 0 and 1")
    dose = _dose(dose_gy).ravel()
    share = _shares(dose, weights)
    dose, share = dose[share > 0.0], share[share > 0.0]
    least = float(dose.min())  # taken out of the sum, which so cannot vanish
    alive = survival_at_2gy ** ((dose - least) / 2.0)
    return least + 2.0 * float(np.log(alive @ share) / np.log(survival_at_2gy))


def eqd2_histogram(histogram: Histogram, *, fractions: int, alpha_beta_gy: float) -> PointHistogram:
    """Return a histogram with its dose axis in EQD2.

    EQD2 rises with dose, so V stays what it is at the converted dose. A straight line becomes a
    bent one: points are put in so that the lines between them stay within 1/16^2 of the bend.
    """
    dose, volume = histogram.curve_points()
    steps = np.linspace(0.0, 1.0, _PARALLEL_POINTS, endpoint=False)
    fine_gy = (dose[:-1, None] + np.diff(dose)[:, None] * steps).ravel()
    fine = (volume[:-1, None] + np.diff(volume)[:, None] * steps).ravel()
    return PointHistogram(
        dose_gy=eqd2_gy(
            np.append(fine_gy, dose[-1]), fractions=fractions, alpha_beta_gy=alpha_beta_gy
        ),
        volume_fraction=np.append(fine, volume[-1]),
        volume_cc=histogram.volume_cc,
        covered_fraction=histogram.covered_fraction,
    )


def _root(mean: float, exponent: float) -> float:
    return float(np.power(mean, 1.0 / exponent))


def _mean_power(low: FloatArray, high: FloatArray, exponent: float) -> FloatArray:
    """Mean of x^a for x spread evenly from low to high."""
    width = high - low
    middle = (low + high) / 2.0
    flat = width <= 1e-6 * high  # the integral would lose its digits; the middle is as good
    if exponent == -1.0:
        with np.errstate(divide="ignore", invalid="ignore"):
            integral = np.log(high / low) / width
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            integral = (high ** (exponent + 1.0) - low ** (exponent + 1.0)) / (
                (exponent + 1.0) * width
            )
    return np.asarray(np.where(flat, middle**exponent, integral))


def _dose(dose_gy: npt.ArrayLike) -> FloatArray:
    dose = np.asarray(dose_gy, dtype=np.float64)
    if dose.size == 0 or not np.isfinite(dose).all() or float(dose.min()) < 0.0:
        raise InvalidInput("doses must be finite and not negative")
    return dose


def _shares(dose: FloatArray, weights: npt.ArrayLike | None) -> FloatArray:
    if weights is None:
        return np.full(dose.size, 1.0 / dose.size)
    share = np.asarray(weights, dtype=np.float64).ravel()
    if share.shape != dose.shape or not np.isfinite(share).all() or float(share.min()) < 0.0:
        raise InvalidInput("each dose needs a volume that is not negative")
    total = float(share.sum())
    if total <= 0.0:
        raise InvalidInput("the volumes must not all be zero")
    return np.asarray(share / total)


def _check(fractions: int, alpha_beta_gy: float) -> None:
    if not 1 <= fractions <= MAX_FRACTIONS:
        raise InvalidInput("there must be 1 to 1000 fractions")
    if not 0.0 < alpha_beta_gy < np.inf:
        raise InvalidInput("alpha/beta must be a dose above 0 Gy")


def _check_exponent(exponent: float) -> None:
    if exponent == 0.0 or not abs(exponent) <= MAX_EXPONENT:
        raise InvalidInput("the exponent must be -1000 to 1000 and not 0")
