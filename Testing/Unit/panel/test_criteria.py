"""Criteria of a comparison: what the client reads of a request is what was chosen in the panel."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol.dose_options import GammaMode, Normalisation
from EncryptSecureRTLib.client.dose_asked import DoseAsked
from EncryptSecureRTLib.panel.criteria import (
    DTA_BOUNDS_MM,
    MODES,
    MOST_GY,
    PERCENT_BOUNDS,
    PRESETS,
    Criteria,
)

_DECIMALS = 3  # of the widgets at most
_GY = st.none() | st.floats(0.001, MOST_GY).map(lambda gy: round(gy, _DECIMALS))


def _numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda value: round(value, _DECIMALS))


@given(
    criteria=st.builds(
        Criteria,
        dose_percent=_numbers(*PERCENT_BOUNDS),
        dta_mm=_numbers(*DTA_BOUNDS_MM),
        threshold_percent=_numbers(0.0, 100.0),
        local=st.booleans(),
        norm_gy=_GY,
        mode=st.sampled_from(MODES),
        dvh=st.booleans(),
        prescription_gy=_GY,
    )
)
def test_the_client_reads_what_was_chosen(criteria: Criteria) -> None:
    asked = DoseAsked.take({**criteria.request(), "dose_structures_object": "a file"})

    gamma, dvh = asked.gamma_options(), asked.dvh_options()

    assert criteria.problems() == []
    assert gamma is not None
    assert (gamma.dose_percent, gamma.distance_mm) == (criteria.dose_percent, criteria.dta_mm)
    assert (gamma.cutoff_percent, gamma.norm_gy) == (criteria.threshold_percent, criteria.norm_gy)
    assert (gamma.normalisation is Normalisation.LOCAL) is criteria.local
    assert gamma.mode is (
        GammaMode.CERTIFIED if criteria.mode == "certified" else GammaMode.PASS_FAIL
    )
    assert (dvh is not None) is criteria.dvh
    if dvh is not None:
        assert dvh.prescription_gy == criteria.prescription_gy


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"dose_percent": 0.0}, "dose difference"),
        ({"dose_percent": float("nan")}, "dose difference"),
        ({"dta_mm": 51.0}, "distance"),
        ({"threshold_percent": -1.0}, "threshold"),
        ({"norm_gy": 0.0}, "above 0"),
        ({"prescription_gy": 20_000.0}, "above 0"),
        ({"mode": "voxel-centres"}, "mode"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_sentence(
    members: dict[str, Any], word: str
) -> None:
    (sentence,) = Criteria(**members).problems()

    assert word in sentence
    assert sentence.endswith(".")


def test_the_usual_criteria_are_those_of_tg_218() -> None:
    assert Criteria().preset() == 0
    assert PRESETS[0].title.startswith("TG-218: 3 %/2 mm")


@pytest.mark.parametrize("changed", [{"local": True}, {"norm_gy": 60.0}, {"dta_mm": 2.5}])
def test_what_differs_from_every_preset_is_none_of_them(changed: dict[str, Any]) -> None:
    assert Criteria(**changed).preset() is None
