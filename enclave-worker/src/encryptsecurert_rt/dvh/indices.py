"""Indices of how well a dose fits a target: conformity, homogeneity, gradient.

None stands for what is not defined or cannot be known: a quotient with 0 below, a target that the
dose grid does not cover. A number is never made up in its place.
"""

from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.dvh.histogram import Histogram
from encryptsecurert_rt.errors import InvalidInput

MIN_COVERED = 0.995  # of a structure inside the dose grid; below, its histogram is of another body
_NEAR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformity:
    """How the volume inside the prescription isodose lies to a target.

    Attributes
    ----------
    prescription_gy : the isodose.
    target_cc : TV, volume of the target.
    isodose_cc : PIV, volume with at least the prescription, of everything.
    target_isodose_cc : TV_PIV, that part of it in the target.
    coverage_percent : TV_PIV / TV.
    rtog : PIV / TV (Shaw et al., Int J Radiat Oncol Biol Phys 27 (1993) 1231). It says nothing of
        where the isodose lies.
    paddick : TV_PIV^2 / (TV PIV), 0 to 1 (Paddick, J Neurosurg 93 Suppl 3 (2000) 219).
    gradient_index : volume with at least half the prescription / PIV (Paddick and Lippitz,
        J Neurosurg 105 Suppl (2006) 194).
    """

    prescription_gy: float
    target_cc: float
    isodose_cc: float
    target_isodose_cc: float
    coverage_percent: float
    rtog: float
    paddick: float | None
    gradient_index: float | None


def conformity(
    target: Histogram, everything: Histogram, prescription_gy: float
) -> Conformity | None:
    """Compare a target with the prescription isodose.

    Parameters
    ----------
    target : Histogram of the target.
    everything : Histogram of the region in which the isodose is looked for, in the same dose: the
        external contour of the patient, or the whole dose grid. The target lies in it.
    prescription_gy : dose of the isodose, > 0.

    Returns
    -------
    Conformity, or None if less than 99.5 % of the target is in the dose grid.

    Raises
    ------
    InvalidInput
        If the prescription is no dose, or the target is not in `everything`.
    """
    if not 0.0 < prescription_gy < np.inf:
        raise InvalidInput("a prescription must be a dose above 0 Gy")
    if target.covered_fraction < MIN_COVERED:
        return None
    isodose_cc = everything.volume_cc_at(prescription_gy)
    both_cc = target.volume_cc_at(prescription_gy)
    half_cc = everything.volume_cc_at(prescription_gy / 2.0)
    if target.volume_cc > everything.volume_cc * (1.0 + _NEAR):
        raise InvalidInput("the isodose must be looked for in a region that holds the target")
    return Conformity(
        prescription_gy=prescription_gy,
        target_cc=target.volume_cc,
        isodose_cc=isodose_cc,
        target_isodose_cc=both_cc,
        coverage_percent=100.0 * both_cc / target.volume_cc,
        rtog=isodose_cc / target.volume_cc,
        paddick=both_cc**2 / (target.volume_cc * isodose_cc) if isodose_cc > 0.0 else None,
        gradient_index=half_cc / isodose_cc if isodose_cc > 0.0 else None,
    )


def homogeneity(target: Histogram) -> float | None:
    """Return (D2% - D98%) / D50%: 0 for a uniform dose (ICRU 83, 3.7.1).

    None if D50% is 0, or if less than 99.5 % of the target is in the dose grid.
    """
    if target.covered_fraction < MIN_COVERED:
        return None
    d2, d50, d98 = (target.dose_at_percent(percent) for percent in (2.0, 50.0, 98.0))
    if d2 is None or d50 is None or d98 is None or d50 <= 0.0:
        return None
    return (d2 - d98) / d50
