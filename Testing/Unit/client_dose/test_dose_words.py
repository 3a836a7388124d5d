"""The words of `dose-compare`: criteria with units, presets, and what cannot be meant together."""

from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.dose_options import GammaMode, Normalisation
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.arguments import Invocation, parse
from EncryptSecureRTLib.client.dose_asked import DoseAsked
from EncryptSecureRTLib.client.dose_criteria import figures

PAIR = ("ref.dcm", "eval.dcm")


def asked(*words: str) -> DoseAsked:
    """Return what words ask for."""
    return parse(["dose-compare", *PAIR, *words]).dose


def detail_of(**members: Any) -> str:
    """Return why a request cannot be meant."""
    with pytest.raises(EncryptSecureRTError) as refusal:
        DoseAsked(**members).refuse_contradictions()
    assert refusal.value.code is ErrorCode.E_USAGE
    return refusal.value.detail


def test_nothing_said_is_tg_218() -> None:
    gamma = asked().gamma_options()

    assert gamma is not None
    assert (gamma.dose_percent, gamma.distance_mm, gamma.cutoff_percent) == (3.0, 2.0, 10.0)
    assert gamma.normalisation is Normalisation.GLOBAL
    assert (gamma.norm_gy, gamma.cap, gamma.either_dose) == (None, 2.0, False)
    assert gamma.mode is GammaMode.CERTIFIED


def test_every_criterion_can_be_said() -> None:
    words = "--gamma 2.5%/1.5mm --local --norm 60Gy --cutoff 20% --cap 3 --either-dose".split()

    gamma = asked(*words, "--mode", "voxel-centres").gamma_options()

    assert gamma is not None
    assert (gamma.dose_percent, gamma.distance_mm, gamma.cutoff_percent) == (2.5, 1.5, 20.0)
    assert (gamma.norm_gy, gamma.cap, gamma.either_dose) == (60.0, 3.0, True)
    assert (gamma.normalisation, gamma.mode) == (Normalisation.LOCAL, GammaMode.VOXEL_CENTRES)
    assert asked("--no-gamma").gamma_options() is None
    assert asked("--gamma", "classic").gamma_options() == asked("--gamma", "3%/3mm").gamma_options()


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("--gamma", "3/3"),
        ("--gamma", "3mm/3%"),
        ("--gamma", "0%/2mm"),
        ("--gamma", "3%/200mm"),
        ("--gamma", "-3%/2mm"),
        ("--norm", "0Gy"),
        ("--norm", "60cGy"),
        ("--norm", "all"),
        ("--cutoff", "10"),
        ("--cutoff", "101%"),
        ("--cap", "0.5"),
        ("--cap", "11"),
        ("--cap", "nan"),
        ("--cap", "x"),
    ],
)
def test_criteria_without_a_unit_or_out_of_bounds_are_refused(word: str, value: str) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        asked(f"{word}={value}").gamma_options()

    assert refusal.value.code is ErrorCode.E_USAGE
    assert refusal.value.detail


def test_distance_to_agreement_takes_the_criteria_of_gamma() -> None:
    agreement = asked("--dta", "--gamma", "3%/12mm", "--norm", "60Gy").agreement_options()

    assert agreement is not None
    assert (agreement.dose_percent, agreement.distance_mm) == (3.0, 12.0)
    assert agreement.radius_mm >= agreement.distance_mm
    assert agreement.norm_gy == 60.0
    assert asked().agreement_options() is None


def test_dvhs_come_with_structures() -> None:
    words = ("--structures", "rs.dcm", "--prescription", "60Gy", "--targets", "9", "3")
    metrics = ("--metrics", "D95%[Gy]", "V20Gy[%]", "--dvh-agreement", "1%/2%")

    dvh = asked(*words, *metrics).dvh_options()

    assert dvh is not None
    assert (dvh.prescription_gy, dvh.targets) == (60.0, (3, 9))
    assert dvh.metrics == ("D95%[Gy]", "V20Gy[%]")
    assert dvh.comparison is not None
    assert (dvh.comparison.dose_percent, dvh.comparison.volume_percent) == (1.0, 2.0)
    assert asked().dvh_options() is None
    assert asked(*words, "--no-dvh").dvh_options() is None


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"structures": Path("a"), "structures_object": Path("b")}, "one file"),
        ({"goals": Path("a")}, "--goals needs structures"),
        ({"goals": Path("a"), "structures": Path("b"), "no_dvh": True}, "--goals needs"),
        ({"only": [1]}, "--only"),
        ({"targets": [1]}, "--prescription"),
        ({"with_names": True}, "--with-names needs --names"),
        ({"pdf": True, "no_report": True}, "--pdf"),
        ({"dta": True, "no_gamma": True}, "--dta"),
    ],
)
def test_what_cannot_be_meant_together_is_refused(members: dict[str, Any], words: str) -> None:
    assert words in detail_of(**members)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"reference": Path("a")},
        {"reference": Path("a"), "evaluated_volume": Path("b")},
        {"reference": Path("a"), "evaluated": Path("b"), "reference_volume": Path("c")},
    ],
)
def test_two_doses_of_one_kind_are_needed(members: dict[str, Any]) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        DoseAsked(**members).pair()

    assert refusal.value.code is ErrorCode.E_USAGE


def test_words_reach_the_command() -> None:
    found: Invocation = parse(["dose-compare", *PAIR, "--pdf", "--out", "results"])

    assert found.command == "dose-compare"
    assert found.dose.pair() == (Path("ref.dcm"), Path("eval.dcm"), False)
    assert (found.dose.pdf, found.out) == (True, Path("results"))


@pytest.mark.parametrize(
    ("value", "text"), [(62.61299896, "62.613"), (0.0, "0"), (1e-9, "0.000000001"), (7.0, "7")]
)
def test_figures_have_no_exponent(value: float, text: str) -> None:
    assert figures(value) == text
