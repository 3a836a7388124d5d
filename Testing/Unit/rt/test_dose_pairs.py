"""Pairs of dose grids from a seed."""

import hashlib

import numpy as np
import pytest

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.phantoms.dose_pairs import EASY_PAIR, HARD_PAIR, DosePairKind, dose_pair

SMALL = (20, 24, 28)


def test_the_same_seed_gives_the_same_octets_and_another_seed_others() -> None:
    def digest(seed: int) -> str:
        pair = dose_pair(HARD_PAIR, shape=SMALL, seed=seed)
        return hashlib.sha256(pair[0].dose_gy.tobytes() + pair[1].dose_gy.tobytes()).hexdigest()

    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_the_reference_has_its_maximum_and_no_dose_at_the_corners() -> None:
    reference, evaluated = dose_pair(EASY_PAIR, shape=SMALL, maximum_gy=60.0)

    assert reference.maximum_gy == 60.0
    assert reference.dose_gy[0, 0, 0] == 0.0
    assert evaluated.dose_gy.min() >= 0.0
    assert reference.grid == evaluated.grid


def test_the_centre_of_the_grid_is_the_origin_of_the_patient() -> None:
    reference, _ = dose_pair(EASY_PAIR, shape=SMALL, spacing_mm=2.0)

    middle = (np.array(SMALL[::-1]) - 1) / 2
    assert np.allclose(reference.grid.ijk_to_lps @ (*middle, 1.0), (0, 0, 0, 1))


def test_without_shift_and_noise_both_doses_are_one() -> None:
    still = DosePairKind(correlation_mm=9.0, shift_mm=0.0, noise_fraction=0.0)

    reference, evaluated = dose_pair(still, shape=SMALL)

    # A cubic spline gives back its nodes to rounding.
    assert np.abs(reference.dose_gy - evaluated.dose_gy).max() < 1e-9


def test_the_hard_pair_differs_more_than_the_easy_one() -> None:
    def worst(kind: DosePairKind) -> float:
        reference, evaluated = dose_pair(kind, shape=SMALL)
        return float(np.abs(reference.dose_gy - evaluated.dose_gy).max())

    assert worst(HARD_PAIR) > 2 * worst(EASY_PAIR)


@pytest.mark.parametrize(
    "wrong", [{"correlation_mm": 0.0}, {"shift_mm": -1.0}, {"noise_fraction": 1.0}]
)
def test_a_kind_of_pair_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    numbers = {"correlation_mm": 9.0, "shift_mm": 5.0, "noise_fraction": 0.03}

    with pytest.raises(InvalidInput):
        DosePairKind(**{**numbers, **wrong})
