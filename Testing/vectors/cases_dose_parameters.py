"""The parameters of a dose comparison, and what is wrong with others (section 25)."""

from collections.abc import Mapping
from typing import Any

from Testing.vectors.cases_messages import Defects

DOSE = {
    "study_instance_uid": "2.25.10",
    "patient_id": "PABCDEFGHIJKLMNOP",
    "dose_sop_instance_uid": "2.25.11",
    "series_instance_uid": "2.25.14",
    "plan_sop_class_uid": "1.2.840.10008.5.1.4.1.1.481.5",
    "plan_sop_instance_uid": "2.25.12",
    "dose_summation_type": "PLAN",
    "dose_type": "PHYSICAL",
}
GAMMA = {
    "dose_percent": "3.0",
    "distance_mm": "2.0",
    "cutoff_percent": "10.0",
    "normalisation": "global",
    "norm_gy": None,
    "cap": "2.0",
    "either_dose": False,
    "mode": "certified",
}
AGREEMENT = {
    "radius_mm": "10.0",
    "dose_percent": "3.0",
    "distance_mm": "3.0",
    "cutoff_percent": "10.0",
    "norm_gy": "60.0",
}
DVH = {
    "prescription_gy": "60.0",
    "fractions": 30,
    "targets": [4],
    "metrics": ["D95%[Gy]", "V20Gy[cc]", "D2cc[EQD2Gy(a/b=3)]"],
    "end_caps": "half_slice",
    "comparison": {"dose_percent": "1.0", "volume_percent": "1.0"},
}
GOAL = {
    "structure": 4,
    "metric": "D95%[Gy]",
    "relation": ">=",
    "value": "57.0",
    "variation": "55.0",
    "unit": "Gy",
    "priority": 1,
}
LINE = {
    "from_lps_mm": ["-30.0", "0.0", "4.5"],
    "to_lps_mm": ["30.0", "0.0", "4.5"],
    "step_mm": "20.0",
}
PARAMETERS = {
    "schema": "encryptsecurert.dose-compare/1",
    "reference": DOSE,
    "evaluated": {**DOSE, "plan_sop_class_uid": None, "plan_sop_instance_uid": None},
    "registration": None,
    "gamma": GAMMA,
    "difference": True,
    "agreement": AGREEMENT,
    "dvh": DVH,
    "goals": [GOAL],
    "profiles": [LINE],
    "isodoses": ["30.0", "57.0"],
    "tg218": True,
    "reference_measured": False,
    "outputs": ["difference_dicom", "gamma_dicom", "maps", "report_dicom"],
}
_NO = "E_PARAMETERS"
_MATRIX = [*("1.0", "0.0", "0.0", "5.0"), *("0.0", "1.0", "0.0", "0.0")]
_MATRIX += [*("0.0", "0.0", "1.0", "0.0"), *("0.0", "0.0", "0.0", "1.0")]
_NOTHING: dict[str, Any] = {
    **{name: None for name in ("gamma", "agreement", "dvh")},
    **{"difference": False, "goals": [], "tg218": False, "outputs": []},
    **{"profiles": [], "isodoses": []},
}


def with_changes(name: str, part: Mapping[str, Any], **changes: Any) -> dict[str, object]:
    return {name: {**part, **changes}}


PARAMETERS_DEFECTS: Defects = {
    "ok": ({}, "ok", "everything"),
    "ok-difference-only": ({**_NOTHING, "difference": True}, "ok", "the least that can be asked"),
    "ok-registration": ({"registration": _MATRIX}, "ok", "two frames of reference"),
    "nothing-asked": (_NOTHING, _NO, "no comparison at all"),
    "name-of-a-patient": (
        with_changes("reference", DOSE, patient_id="Smith"),
        _NO,
        "pseudonyms only",
    ),
    "uid-not-mapped": (
        with_changes("evaluated", DOSE, study_instance_uid="1.2.3"),
        _NO,
        "mapped UIDs",
    ),
    "plan-without-class": (
        with_changes("evaluated", DOSE, plan_sop_class_uid=None),
        _NO,
        "both or none",
    ),
    "plan-of-no-plan": (
        with_changes("evaluated", DOSE, plan_sop_class_uid="1.2"),
        _NO,
        "no such class",
    ),
    "type-error": (
        with_changes("evaluated", DOSE, dose_type="ERROR"),
        _NO,
        "a difference is no dose",
    ),
    "summation-text": (
        with_changes("evaluated", DOSE, dose_summation_type="ours"),
        _NO,
        "defined terms",
    ),
    "registration-15": ({"registration": _MATRIX[1:]}, _NO, "fifteen numbers"),
    "registration-inf": ({"registration": ["inf", *_MATRIX[1:]]}, _NO, "not finite"),
    "dose-percent-zero": (
        with_changes("gamma", GAMMA, dose_percent="0.0"),
        _NO,
        "a criterion of nothing",
    ),
    "distance-wide": (with_changes("gamma", GAMMA, distance_mm="100.5"), _NO, "above 100 mm"),
    "cap-below-one": (with_changes("gamma", GAMMA, cap="0.5"), _NO, "every point would fail"),
    "norm-zero": (
        with_changes("gamma", GAMMA, norm_gy="0.0"),
        _NO,
        "nothing to take a percentage of",
    ),
    "mode-unknown": (with_changes("gamma", GAMMA, mode="fast"), _NO, "no such mode"),
    "number-as-number": (with_changes("gamma", GAMMA, dose_percent=3), _NO, "fractions are text"),
    "radius-short": (
        with_changes("agreement", AGREEMENT, radius_mm="3.0"),
        _NO,
        "not beyond the criterion",
    ),
    "targets-without-dose": (
        with_changes("dvh", DVH, prescription_gy=None),
        _NO,
        "indices of what",
    ),
    "targets-disorder": (with_changes("dvh", DVH, targets=[5, 4]), _NO, "ascending"),
    "metric-twice": (with_changes("dvh", DVH, metrics=["D95%[Gy]"] * 2), _NO, "told once"),
    "metric-with-space": (with_changes("dvh", DVH, metrics=["D 95%[Gy]"]), _NO, "one word"),
    "metric-without-unit": (
        with_changes("dvh", DVH, metrics=["D95%"]),
        _NO,
        "its unit is part of it",
    ),
    "fractions-none": (with_changes("dvh", DVH, fractions=0), _NO, "one at least"),
    "goals-without-dvh": ({"dvh": None}, _NO, "goals are of histograms"),
    "goal-relation": ({"goals": [{**GOAL, "relation": "=="}]}, _NO, "no such relation"),
    "goal-name": ({"goals": [{**GOAL, "structure": "Liver"}]}, _NO, "numbers, no names"),
    "tg218-without-gamma": ({"gamma": None, "outputs": []}, _NO, "nothing to judge"),
    "ok-profile-only": ({**_NOTHING, "profiles": [LINE]}, "ok", "a line and no more"),
    "ok-isodose-only": ({**_NOTHING, "isodoses": ["20.0"]}, "ok", "a level and no more"),
    "profile-of-a-point": (
        {"profiles": [{**LINE, "to_lps_mm": LINE["from_lps_mm"]}]},
        _NO,
        "it has no length",
    ),
    "profile-of-two-axes": ({"profiles": [{**LINE, "to_lps_mm": ["0.0"] * 2}]}, _NO, "x, y, z"),
    "profile-fine": (
        {"profiles": [{**LINE, "step_mm": "0.002"}]},
        _NO,
        "a step below 0.01 mm",
    ),
    "profiles-long": (
        {"profiles": [{**LINE, "step_mm": "0.01"}] * 4},
        _NO,
        "more than 20000 points in all",
    ),
    "profiles-17": ({"profiles": [LINE] * 17}, _NO, "more than 16"),
    "isodoses-17": ({"isodoses": [f"{n}.0" for n in range(1, 18)]}, _NO, "more than 16"),
    "isodoses-disorder": ({"isodoses": ["57.0", "30.0"]}, _NO, "ascending"),
    "isodose-twice": ({"isodoses": ["30.0", "30.0"]}, _NO, "told once"),
    "isodose-zero": ({"isodoses": ["0.0", "30.0"]}, _NO, "everything has at least 0 Gy"),
    "outputs-disorder": ({"outputs": ["maps", "gamma_dicom"]}, _NO, "ascending"),
    "outputs-unknown": ({"outputs": ["pdf"]}, _NO, "no such output"),
    "map-of-pass-fail": (
        with_changes("gamma", GAMMA, mode="pass_fail"),
        _NO,
        "there is no gamma to write",
    ),
    "unknown-member": ({"comment": "x"}, _NO, "a member that is not known"),
    "missing-member": ({"-": "dvh"}, _NO, "nothing is left out"),
}
