"""Scenarios of a dose comparison: structures, the comparison, curves (section 25)."""

import struct
from collections.abc import Iterator

from Testing.Unit.protocol.second_implementation import frame
from Testing.vectors.cases_dose_parameters import (
    AGREEMENT,
    DOSE,
    DVH,
    GAMMA,
    GOAL,
    LINE,
    PARAMETERS,
    PARAMETERS_DEFECTS,
    with_changes,
)
from Testing.vectors.cases_messages import Changes, Defects, changed
from Testing.vectors.vector_file import Vector
from Testing.vectors.vector_keys import KeptSealings, digest

Case = tuple[str, Vector]

_AXES = ["1.0", "0.0", "0.0", "0.0", "1.0", "0.0", "0.0", "0.0", "1.0"]
_GRID = {
    "shape": [1, 2, 5],
    "spacing_mm": ["3.0", "2.5", "2.5"],
    "origin_mm": ["-5.0", "-5.0", "0.0"],
    "direction": _AXES,
}
_CONTOURS = {"number": 4, "form": "contours", "points": [3, 4]}
_MASK = {"number": 7, "form": "mask", "points": None}
_STRUCTURES = {
    "schema": "encryptsecurert.structures/1",
    "frame_of_reference": "2.25.1",
    "structure_set": "2.25.2",
    "grid": _GRID,
    "structures": [_CONTOURS, _MASK],
}
_POINTS = struct.pack("<21d", *(float(n) for n in range(21)))
_BITS = b"\x11\x02"  # 10 voxels
_WITHOUT_MASK: Changes = {"grid": None, "structures": [_CONTOURS]}


def _contours(*points: object, number: object = 4) -> dict[str, object]:
    structure = {"number": number, "form": "contours", "points": list(points)}
    return {"grid": None, "structures": [structure]}


_STRUCTURES_DEFECTS: dict[str, tuple[Changes, bytes, str, str]] = {
    "ok": ({}, _POINTS + _BITS, "ok", "two contours, then a mask of ten voxels"),
    "ok-contours": (_WITHOUT_MASK, _POINTS, "ok", "no mask, no grid"),
    "ok-no-set": ({"structure_set": None}, _POINTS + _BITS, "ok", "of no structure set"),
    "short": ({}, _POINTS + _BITS[:1], "E_FORMAT", "an octet too few"),
    "long": ({}, _POINTS + _BITS + b"\0", "E_FORMAT", "an octet too many"),
    "spare-bits": ({}, _POINTS + b"\x11\x06", "E_FORMAT", "a bit beyond the last voxel"),
    "grid-missing": ({"grid": None}, _POINTS + _BITS, "E_FORMAT", "a mask without a grid"),
    "grid-idle": (
        {"structures": [_CONTOURS]},
        _POINTS,
        "E_FORMAT",
        "a grid of no mask: one thing has one encoding",
    ),
    "points-of-a-mask": (
        {"structures": [{**_MASK, "points": [3]}]},
        _BITS,
        "E_FORMAT",
        "a mask has no points",
    ),
    "no-contour": (_contours(), b"", "E_FORMAT", "a structure of nothing"),
    "two-points": (_contours(2), bytes(48), "E_FORMAT", "two points bound no area"),
    "points-true": (_contours(True), bytes(24), "E_FORMAT", "true is not 1"),
    "points-beyond": (_contours(1_000_001), bytes(24), "E_FORMAT", "more than a contour has"),
    "number-zero": (_contours(3, number=0), bytes(72), "E_FORMAT", "numbers begin at 1"),
    "number-twice": (
        {"grid": None, "structures": [_CONTOURS, _CONTOURS]},
        _POINTS + _POINTS,
        "E_FORMAT",
        "a number names one structure",
    ),
    "none": ({"grid": None, "structures": []}, b"", "E_FORMAT", "no structure"),
    "with-a-name": (
        {"grid": None, "structures": [{**_CONTOURS, "name": "x"}]},
        _POINTS,
        "E_FORMAT",
        "names never travel",
    ),
    "too-many-contours": (
        {
            "grid": None,
            "structures": [
                {"number": n, "form": "contours", "points": [3] * 32769} for n in (1, 2)
            ],
        },
        b"",
        "E_TOO_LARGE",
        "65538 contours",
    ),
    "uid-not-mapped": ({"frame_of_reference": "1.2.3"}, _POINTS + _BITS, "E_FORMAT", "mapped UIDs"),
    "set-not-mapped": ({"structure_set": "1.2.3"}, _POINTS + _BITS, "E_FORMAT", "mapped UIDs"),
    "spacing-fine": (
        {"grid": {**_GRID, "spacing_mm": ["0.04", "1.0", "1.0"]}},
        _POINTS + _BITS,
        "E_FORMAT",
        "below 0.05",
    ),
}

_GAMMA_FIGURES = {
    "evaluated": 100,
    "passed_certain": 95,
    "passed_possible": 96,
    "pass_percent_certain": "95.0",
    "pass_percent_possible": "96.0",
    "below_cutoff": 20,
    "outside": 3,
    "undefined": 0,
    "capped": 1,
    "mean": "0.4",
    "maximum": "2.0",
    "p99": "1.4",
    "above_1_5_percent": "1.0",
}
_WORDS = "gamma 3 %/2 mm, global (62.61 Gy, reference maximum), cutoff 10 %, cap 2"
_GAMMA_PART = {
    "options": GAMMA,
    "norm_gy": "62.61",
    "norm_source": "reference_maximum",
    "words": _WORDS,
    "eps": "0.001",
    "refined_again": 0,
    "unproven": 0,
    "whole": _GAMMA_FIGURES,
    "histogram": {"edges": ["0.0", "1.0", "2.0"], "counts": [95, 5]},
    "structures": [{"number": 4, "figures": _GAMMA_FIGURES}],
}
_DIFFERENCE = {
    **{"points": 10, "outside": 0, "mean_gy": "-0.1", "sd_gy": "0.2", "rms_gy": "0.3"},
    **{"minimum_gy": "-1.0", "maximum_gy": "1.0", "p2_gy": "-0.9", "p98_gy": "0.9"},
}
_NO_DIFFERENCE = {**dict.fromkeys(_DIFFERENCE), "points": 0, "outside": 10}
_DISTANCES = {
    **{"evaluated": 10, "found": 8, "unfinished": 0, "passed_certain": 8, "passed_possible": 9},
    **{"mean_mm": "0.5", "p95_mm": "2.0", "maximum_mm": "3.0"},
    **{"pass_percent_certain": "80.0", "pass_percent_possible": "90.0"},
}
_SUMMARY = {
    **{"volume_cc": "12.5", "covered_fraction": "1.0"},
    **{"minimum_gy": "50.0", "maximum_gy": "63.0", "mean_gy": "60.1"},
}
_ONE_DOSE = {
    "summary": _SUMMARY,
    "metrics": [
        {"metric": "D95%[Gy]", "unit": "Gy", "value": "57.5"},
        {"metric": "D20cc[Gy]", "unit": "Gy", "value": None},
    ],
}
_FIELD: dict[str, object] = {
    **{"axis_mm": "30.0", "axis_gy": "60.0", "left_mm": "10.0", "right_mm": "50.0"},
    **{"field_size_mm": "40.0", "centre_mm": "30.0"},
    **{"penumbra_left_mm": "12.0", "penumbra_right_mm": None, "flattened_mm": None},
    **{"flatness_percent": None, "symmetry_percent": None},
}
_PROFILE = {
    **{"line": LINE, "position_mm": ["0.0", "20.0", "40.0", "60.0"]},
    **{"reference_gy": ["0.0", "60.0", "60.0", "0.0"]},
    **{"evaluated_gy": [None, "59.0", "60.0", None]},
    **{"reference_field": _FIELD, "evaluated_field": None},
}
_ISODOSE = {
    **{"level_gy": "57.0", "unit": "cc", "reference": "101.0", "evaluated": "99.0"},
    **{"common_reference": "100.0", "common_evaluated": "99.0", "both": "98.0", "dice": "0.98"},
}
_NOWHERE = {**dict.fromkeys(_ISODOSE, "0.0"), "level_gy": "70.0", "unit": "cm2", "dice": None}
_COMPARED = {"shape": [2, 3, 4], "spacing_mm": ["3.0", "2.5", "2.5"], "maximum_gy": "62.61"}
_COMPARISON = {
    "schema": "encryptsecurert.dose-comparison/1",
    "algorithms": ["dvh-1", "gamma-1"],
    "kernels_sha256": digest("kernels"),
    "reference": {**_COMPARED, "facts": DOSE},
    "evaluated": {**_COMPARED, "facts": DOSE},
    "registration": None,
    "structure_set": "2.25.2",
    "gamma": _GAMMA_PART,
    "difference": {
        **{"whole": _DIFFERENCE, "histogram": {"edges": ["-1.0", "1.0"], "counts": [10]}},
        "structures": [{"number": 4, "figures": _NO_DIFFERENCE}],
    },
    "agreement": {
        **{"options": AGREEMENT, "norm_gy": "60.0", "norm_source": "stated", "words": "3 %/3 mm"},
        **{"whole": _DISTANCES, "structures": []},
    },
    "dvh": [
        {
            **{"number": 4, "reference": _ONE_DOSE, "evaluated": _ONE_DOSE},
            "comparison": {
                **{"criteria": DVH["comparison"], "norm_gy": "63.0"},
                **{"agreement_percent": "100.0", "worst": "0.0"},
                **{"reverse_agreement_percent": "99.0", "reverse_worst": None},
            },
            "indices": [{"name": "homogeneity", "reference": "0.1", "evaluated": None}],
        }
    ],
    "goals": [
        {
            **{"goal": GOAL, "reference_value": "57.5", "reference_state": "met"},
            **{"reference_reason": None, "evaluated_reason": "not_covered"},
            **{"evaluated_value": None, "evaluated_state": "not_evaluable"},
        }
    ],
    "profiles": [_PROFILE],
    "isodoses": [_ISODOSE, _NOWHERE],
    "tg218": {
        **{"verdict": "within_tolerance", "departures": ["cutoff not 10 %"], "eps": "0.001"},
        **{"tolerance_percent": "95.0", "action_percent": "90.0"},
    },
    "unusable": [5],
    "warnings": ["structure_unusable.5", "covered.4"],
}
_COMPARISON_DEFECTS: Defects = {
    "ok": ({}, "ok", "everything"),
    "ok-little": (
        {
            **dict.fromkeys(("gamma", "agreement", "dvh", "tg218")),
            **{name: [] for name in ("goals", "profiles", "isodoses", "unusable", "warnings")},
        },
        "ok",
        "a difference only",
    ),
    "evaluated-negative": (
        with_changes("gamma", _GAMMA_PART, whole={**_GAMMA_FIGURES, "evaluated": -1}),
        "E_FORMAT",
        "a count",
    ),
    "figure-missing": (
        with_changes(
            "gamma", _GAMMA_PART, whole={k: v for k, v in _GAMMA_FIGURES.items() if k != "p99"}
        ),
        "E_FORMAT",
        "nothing is left out",
    ),
    "count-null": (
        with_changes("gamma", _GAMMA_PART, whole={**_GAMMA_FIGURES, "capped": None}),
        "E_FORMAT",
        "a count is never null",
    ),
    "histogram-uneven": (
        with_changes("gamma", _GAMMA_PART, histogram={"edges": ["0.0", "1.0"], "counts": [1, 2]}),
        "E_FORMAT",
        "one edge more than counts",
    ),
    "options-spoiled": (
        with_changes("gamma", _GAMMA_PART, options={**GAMMA, "cap": "0.0"}),
        "E_FORMAT",
        "what is E_PARAMETERS in parameters is a malformed message here",
    ),
    "verdict-own": (
        with_changes("tg218", _COMPARISON["tg218"], verdict="acceptable"),  # type: ignore[arg-type]
        "E_FORMAT",
        "no such verdict",
    ),
    "profile-uneven": (
        {"profiles": [{**_PROFILE, "evaluated_gy": [None, "59.0"]}]},
        "E_FORMAT",
        "a dose for each position",
    ),
    "profile-backwards": (
        {"profiles": [{**_PROFILE, "position_mm": ["0.0", "40.0", "20.0", "60.0"]}]},
        "E_FORMAT",
        "positions ascend",
    ),
    "profile-line-spoiled": (
        {"profiles": [{**_PROFILE, "line": {**LINE, "step_mm": "0.0"}}]},
        "E_FORMAT",
        "what is E_PARAMETERS in parameters is a malformed message here",
    ),
    "isodose-unit": (
        {"isodoses": [{**_ISODOSE, "unit": "ml"}]},
        "E_FORMAT",
        "one unit of volume",
    ),
    "isodose-dice": ({"isodoses": [{**_ISODOSE, "dice": "1.5"}]}, "E_FORMAT", "at most 1"),
    "unusable-zero": ({"unusable": [0]}, "E_FORMAT", "numbers begin at 1"),
    "warning-as-text": ({"warnings": ["Structure x is not covered"]}, "E_FORMAT", "fixed words"),
    "dvh-empty": ({"dvh": []}, "E_FORMAT", "null, if it was not asked for"),
    "other-schema": ({"schema": "encryptsecurert.dose-comparison/2"}, "E_FORMAT", "a later form"),
    "unknown-member": ({"seconds": "1.0"}, "E_FORMAT", "no clock, no duration"),
}

_CURVES = {
    "schema": "encryptsecurert.dvh-curves/1",
    "curves": [
        {"number": 4, "dose": "reference", "points": 2},
        {"number": 4, "dose": "evaluated", "points": 3},
    ],
}
_NUMBERS = struct.pack("<10d", 0.0, 60.0, 1.0, 0.0, 0.0, 30.0, 61.0, 1.0, 0.5, 0.0)
_TWICE = [{"number": 4, "dose": "reference", "points": 2}] * 2
_CURVES_DEFECTS: dict[str, tuple[Changes, bytes, str, str]] = {
    "ok": ({}, _NUMBERS, "ok", "two curves of one structure"),
    "ok-none": ({"curves": []}, b"", "ok", "no structure is covered"),
    "short": ({}, _NUMBERS[:-8], "E_FORMAT", "a number too few"),
    "long": ({}, _NUMBERS + bytes(8), "E_FORMAT", "a number too many"),
    "twice": ({"curves": _TWICE}, bytes(64), "E_FORMAT", "two curves under one dose"),
    "no-points": (
        {"curves": [{"number": 4, "dose": "reference", "points": 0}]},
        b"",
        "E_FORMAT",
        "a curve of nothing",
    ),
}


def cases(_kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    framed = (
        ("structures", b"ESRTSTR1", _STRUCTURES, _STRUCTURES_DEFECTS),
        ("dvh-curves", b"ESRTCUR1", _CURVES, _CURVES_DEFECTS),
    )
    for kind, magic, good, rows in framed:
        for name, (changes, payload, expect, comment) in rows.items():
            yield _case(kind, name, expect, comment, frame(magic, changed(good, changes), payload))
    plain = (
        ("dose-compare", PARAMETERS, PARAMETERS_DEFECTS),
        ("dose-comparison", _COMPARISON, _COMPARISON_DEFECTS),
    )
    for kind, message, defects in plain:
        for name, (changes, expect, comment) in defects.items():
            yield _case(kind, name, expect, comment, changed(message, changes))


def _case(kind: str, name: str, expect: str, comment: str, payload: bytes) -> Case:
    vector = Vector(kind=kind, expect=expect, comment=comment, fields={}, payload=payload)
    return f"{kind}/{name}", vector
