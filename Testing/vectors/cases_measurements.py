"""Scenarios of comparisons with a measurement: parameters, and what is found (section 25)."""

from collections.abc import Iterator
from typing import Any

from Testing.vectors.cases_messages import Defects, changed
from Testing.vectors.vector_file import Vector
from Testing.vectors.vector_keys import KeptSealings, digest

Case = tuple[str, Vector]

_FACTS: dict[str, Any] = {
    "study_instance_uid": "2.25.50",
    "series_instance_uid": "2.25.60",
    "patient_id": "PABCDEFGHIJ234567",
    "dose_sop_instance_uid": "2.25.70",
    "plan_sop_class_uid": None,
    "plan_sop_instance_uid": None,
    "dose_summation_type": "PLAN",
    "dose_type": "PHYSICAL",
}
_GAMMA: dict[str, Any] = {
    "dose_percent": "3.0",
    "distance_mm": "2.0",
    "cutoff_percent": "10.0",
    "normalisation": "global",
    "norm_gy": None,
    "cap": "2.0",
    "either_dose": False,
    "mode": "certified",
}
_AGREEMENT: dict[str, Any] = {
    "radius_mm": "10.0",
    "dose_percent": "3.0",
    "distance_mm": "2.0",
    "cutoff_percent": "10.0",
    "norm_gy": None,
}
_SHIFT: dict[str, Any] = {
    "within_mm": "3.0",
    "step_mm": "1.0",
    "objective": "rms",
    "along_normal": False,
}
_PARAMETERS: dict[str, Any] = {
    "schema": "encryptsecurert.measurement-compare/1",
    "measured": None,
    "calculated": _FACTS,
    "points_as_plane": False,
    "gamma": _GAMMA,
    "agreement": _AGREEMENT,
    "shift": _SHIFT,
    "tg218": True,
    "earlier_pass_percent": ["98.5"] * 20,
}
_BARE: dict[str, Any] = {"gamma": None, "shift": None, "tg218": False, "earlier_pass_percent": []}
_PARAMETER_DEFECTS: Defects = {
    "ok": ({}, "ok", "a text, with a shift and local limits"),
    "ok-rtdose": ({"measured": _FACTS}, "ok", "a measured RTDOSE has facts"),
    "ok-bare": (_BARE, "ok", "differences and distances alone"),
    "ok-points": ({**_BARE, "points_as_plane": True}, "ok", "points are to be made a plane"),
    "other-schema": ({"schema": "encryptsecurert.measurement-compare/2"}, "E_PARAMETERS", "later"),
    "member-more": ({"dates": ["2026-03-14"]}, "E_PARAMETERS", "no date travels"),
    "agreement-missing": ({"agreement": None}, "E_PARAMETERS", "every comparison has it"),
    "tg218-alone": ({**_BARE, "tg218": True}, "E_PARAMETERS", "TG-218 judges gamma"),
    "earlier-alone": ({"tg218": False}, "E_PARAMETERS", "local limits are limits of TG-218"),
    "earlier-19": ({"earlier_pass_percent": ["98.5"] * 19}, "E_PARAMETERS", "too few for limits"),
    "earlier-1001": ({"earlier_pass_percent": ["98.5"] * 1001}, "E_PARAMETERS", "too many"),
    "earlier-over": (
        {"earlier_pass_percent": ["100.5"] * 20},
        "E_PARAMETERS",
        "more than all points",
    ),
    "shift-too-far": ({"shift": {**_SHIFT, "within_mm": "20.5"}}, "E_PARAMETERS", "beyond 20 mm"),
    "shift-step": (
        {"shift": {**_SHIFT, "step_mm": "3.5"}},
        "E_PARAMETERS",
        "a step beyond the box",
    ),
    "shift-nodes": ({"shift": {**_SHIFT, "step_mm": "0.09"}}, "E_PARAMETERS", "67 x 67 nodes"),
    "shift-normal-nodes": (
        {"shift": {**_SHIFT, "within_mm": "8.0", "along_normal": True}},
        "E_PARAMETERS",
        "17 x 17 x 17 nodes",
    ),
    "shift-by-gamma": (
        {**_BARE, "shift": {**_SHIFT, "objective": "gamma"}},
        "E_PARAMETERS",
        "no gamma to be best in",
    ),
    "rtdose-as-plane": (
        {"measured": _FACTS, "points_as_plane": True},
        "E_PARAMETERS",
        "it is a plane already",
    ),
}

_FIGURES: dict[str, Any] = {
    "evaluated": 2,
    "passed_certain": 1,
    "passed_possible": 1,
    "pass_percent_certain": "50.0",
    "pass_percent_possible": "50.0",
    "below_cutoff": 2,
    "outside": 0,
    "undefined": 0,
    "capped": 0,
    "mean": "0.75",
    "maximum": "1.25",
    "p99": "1.245",
    "above_1_5_percent": "0.0",
}
_GAMMA_PART: dict[str, Any] = {
    "options": _GAMMA,
    "norm_gy": "2.0",
    "norm_source": "reference_maximum",
    "words": "gamma 3 %/2 mm, global (2 Gy, reference maximum), cutoff 10 % of it, cap 2",
    "eps": "0.001",
    "refined_again": 0,
    "unproven": 0,
    "whole": _FIGURES,
    "histogram": {"edges": ["0.0", "1.0", "2.0"], "counts": [1, 1]},
    "structures": [],
}
_DIFFERENCE: dict[str, Any] = {
    "whole": {
        "points": 4,
        "outside": 0,
        "mean_gy": "0.0",
        "sd_gy": "0.25",
        "rms_gy": "0.25",
        "minimum_gy": "-0.25",
        "maximum_gy": "0.25",
        "p2_gy": "-0.25",
        "p98_gy": "0.25",
    },
    "histogram": None,
    "structures": [],
}
_AGREEMENT_PART: dict[str, Any] = {
    "options": _AGREEMENT,
    "norm_gy": "2.0",
    "norm_source": "reference_maximum",
    "words": "difference <= 3 % (2 Gy, reference maximum) or distance <= 2 mm",
    "whole": {
        "evaluated": 2,
        "found": 1,
        "unfinished": 0,
        "mean_mm": "1.5",
        "p95_mm": "1.5",
        "maximum_mm": "1.5",
        "passed_certain": 1,
        "passed_possible": 1,
        "pass_percent_certain": "50.0",
        "pass_percent_possible": "50.0",
    },
    "structures": [],
}
_AT = {"rms_gy": "0.25", "pass_percent_certain": "50.0", "pass_percent_possible": "50.0"}
_SHIFT_PART: dict[str, Any] = {
    "state": "not applied",
    "options": _SHIFT,
    "cutoff_percent": "10.0",
    "x_mm": "1.25",
    "y_mm": "0.0",
    "z_mm": "-0.5",
    "points": 2,
    "at_limit": False,
    "before": _AT,
    "after": {"rms_gy": "0.0", "pass_percent_certain": None, "pass_percent_possible": None},
}
_PROCESS: dict[str, Any] = {
    "results": 20,
    "centre_line_percent": "98.5",
    "mean_moving_range_percent": "0.5",
    "standard_deviation_percent": "0.75",
    "tolerance_percent": "97.25",
    "action_percent": "94.5",
    "beyond_tolerance": [7],
    "used": True,
}
_ROW: dict[str, Any] = {
    "x_mm": "10.0",
    "y_mm": "0.0",
    "z_mm": "-35.5",
    "measured_gy": "0.5",
    "calculated_gy": "0.75",
    "difference_gy": "0.25",
    "difference_percent": "50.0",
    "distance_mm": "1.5",
    "state": "found",
    "verdict": "within",
}
_OUTSIDE = {
    **_ROW,
    **dict.fromkeys(("calculated_gy", "difference_gy", "difference_percent", "distance_mm")),
    "state": "outside",
    "verdict": "not_judged",
}
_COMPARISON: dict[str, Any] = {
    "schema": "encryptsecurert.measurement-comparison/1",
    "algorithms": ["best-shift-1", "gamma-certified-1"],
    "kernels_sha256": digest("kernels"),
    "measured": {
        "form": "matrix",
        "facts": None,
        "points": 4,
        "shape": [2, 2],
        "spacing_mm": ["7.0", "5.0"],
        "maximum_gy": "2.0",
    },
    "calculated": {
        "facts": _FACTS,
        "shape": [10, 20, 30],
        "spacing_mm": ["2.0", "2.5", "2.5"],
        "maximum_gy": "2.25",
    },
    "gamma": _GAMMA_PART,
    "difference": _DIFFERENCE,
    "agreement": _AGREEMENT_PART,
    "points": None,
    "tg218": {
        "verdict": "beyond_action",
        "departures": [],
        "tolerance_percent": "97.25",
        "action_percent": "94.5",
        "eps": "0.001",
    },
    "process": _PROCESS,
    "shift": _SHIFT_PART,
    "warnings": ["process_not_in_control"],
}
_OF_POINTS: dict[str, Any] = {
    "measured": {**_COMPARISON["measured"], "form": "points", "shape": None, "spacing_mm": None},
    "gamma": None,
    "points": {"rows": [_ROW, _OUTSIDE], "left_out": 2},
    "tg218": None,
    "process": None,
    "shift": None,
}


def _measured(**changes: object) -> dict[str, object]:
    return {"measured": {**_COMPARISON["measured"], **changes}}


def _rows(*rows: dict[str, Any]) -> dict[str, object]:
    return {**_OF_POINTS, "points": {"rows": list(rows), "left_out": 0}}


_COMPARISON_DEFECTS: Defects = {
    "ok": ({}, "ok", "a plane with a shift and local limits"),
    "ok-points": (_OF_POINTS, "ok", "two of four points; null where nothing was compared"),
    "ok-rtdose": (_measured(form="rtdose", facts=_FACTS), "ok", "an RTDOSE says what it is"),
    "ok-points-as-plane": (_measured(form="points"), "ok", "points that were made a plane"),
    "other-form": (_measured(form="film"), "E_FORMAT", "no such form"),
    "rtdose-of-nobody": (_measured(form="rtdose"), "E_FORMAT", "an RTDOSE has facts"),
    "matrix-of-somebody": (_measured(facts=_FACTS), "E_FORMAT", "a text has none"),
    "matrix-without-shape": (
        {**_OF_POINTS, **_measured(shape=None, spacing_mm=None)},
        "E_FORMAT",
        "a matrix is a plane",
    ),
    "points-of-a-plane": ({"points": _OF_POINTS["points"]}, "E_FORMAT", "a plane has maps instead"),
    "points-missing": ({**_OF_POINTS, "points": None}, "E_FORMAT", "points are told"),
    "row-short": (
        _rows({k: v for k, v in _ROW.items() if k != "distance_mm"}),
        "E_FORMAT",
        "nothing is left out",
    ),
    "row-named": (_rows({**_ROW, "name": "x"}), "E_FORMAT", "points have no names"),
    "row-verdict": (_rows({**_ROW, "verdict": "fine"}), "E_FORMAT", "no such verdict"),
    "row-number": (_rows({**_ROW, "measured_gy": 1}), "E_FORMAT", "fractions are text"),
    "shift-applied": (
        {"shift": {**_SHIFT_PART, "state": "applied"}},
        "E_FORMAT",
        "a proposal is never applied",
    ),
    "shift-rms-missing": (
        {"shift": {**_SHIFT_PART, "after": {**_AT, "rms_gy": None}}},
        "E_FORMAT",
        "every shift has an RMS difference",
    ),
    "agreement-missing": ({"agreement": None}, "E_FORMAT", "every comparison has it"),
    "process-results": ({"process": {**_PROCESS, "results": 0}}, "E_FORMAT", "limits of nothing"),
    "warning-free-text": ({"warnings": ["Left Breast"]}, "E_FORMAT", "a fixed word"),
}


def cases(_kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    for kind, good, defects in (
        ("measurement-compare", _PARAMETERS, _PARAMETER_DEFECTS),
        ("measurement-comparison", _COMPARISON, _COMPARISON_DEFECTS),
    ):
        for name, (changes, expect, comment) in defects.items():
            octets = changed(good, changes)
            vector = Vector(kind=kind, expect=expect, comment=comment, fields={}, payload=octets)
            yield f"{kind}/{name}", vector
