"""Scenarios of plan checks: plans, records and logs (section 8), and what is found (section 25)."""

import struct
from collections.abc import Iterator
from typing import Any

from Testing.Unit.protocol.second_implementation import frame
from Testing.vectors.cases_messages import Changes, Defects, changed
from Testing.vectors.vector_file import Vector
from Testing.vectors.vector_keys import KeptSealings

Case = tuple[str, Vector]
_COLUMNS = 17
_NAN = float("nan")

_BEAM: dict[str, Any] = {
    "number": 1,
    "fraction": None,
    "final_weight": "1.0",
    "delivered": None,
    "words": {"radiation": "PHOTON", "unit": "MU"},
    "counts": {"wedges": 1, "blocks": 0},
    "wedges": [[1, "15.0", None]],
    "points": 2,
    "devices": [["asymx", 1, False], ["mlcx", 2, True]],
    "spots": None,
}
_PLAN: dict[str, Any] = {
    "schema": "encryptsecurert.plans/1",
    "form": "plan",
    "sop_instance_uids": ["2.25.7"],
    "plan_uids": [],
    "frame_of_reference": "2.25.1",
    "groups": [{"number": 1, "fractions": 25, "metersets": [[1, "97.5"], [2, None]]}],
    "beams": [_BEAM],
}
_TABLE = [0.0, _NAN, *[float(n) for n in range(15)]] + [1.0] * 17
_JAWS = [-50.0, 50.0] * 2
_LEAVES = [-10.0, 0.0, 10.0] + [-5.0, -5.0, 5.0, 5.0] * 2
_NUMBERS = struct.pack("<49d", *_TABLE, *_JAWS, *_LEAVES)
_RECORD: Changes = {
    "form": "record",
    "plan_uids": ["2.25.8"],
    "frame_of_reference": None,
    "groups": [],
    "beams": [
        {
            **_BEAM,
            "fraction": 3,
            "final_weight": None,
            "delivered": "97.4",
            "words": {"termination": "NORMAL"},
            "devices": [],
        }
    ],
}
_SCANNED: Changes = {"beams": [{**_BEAM, "devices": [], "spots": [2, 0]}]}
_LOG: Changes = {
    "form": "log",
    "sop_instance_uids": [],
    "frame_of_reference": None,
    "groups": [],
    "beams": [
        {**_BEAM, "final_weight": None, "words": {}, "counts": {}, "wedges": [], "devices": []}
    ],
}
_BARE = struct.pack("<34d", *_TABLE)


def _beam(**changes: object) -> Changes:
    return {"beams": [{**_BEAM, **changes}]}


_PLAN_DEFECTS: dict[str, tuple[Changes, bytes, str, str]] = {
    "ok": ({}, _NUMBERS, "ok", "a beam with jaws and two pairs of leaves; NaN is unknown"),
    "ok-record": (_RECORD, _BARE, "ok", "one delivery, of a plan that the record names"),
    "ok-record-of-no-plan": ({**_RECORD, "plan_uids": [None]}, _BARE, "ok", "it names no plan"),
    "ok-log": (_LOG, _BARE, "ok", "a log is of no instance and has no plan's facts"),
    "ok-spots": (_SCANNED, _BARE + struct.pack("<6d", *range(6)), "ok", "two spots, then none"),
    "short": ({}, _NUMBERS[:-1], "E_FORMAT", "an octet too few"),
    "long": ({}, _NUMBERS + b"\0", "E_FORMAT", "an octet too many"),
    "other-form": ({"form": "arc"}, _NUMBERS, "E_FORMAT", "no such form"),
    "plan-of-two": ({"sop_instance_uids": ["2.25.7", "2.25.8"]}, _NUMBERS, "E_FORMAT", "one plan"),
    "plan-of-none": ({"sop_instance_uids": []}, _NUMBERS, "E_FORMAT", "a plan is an instance"),
    "plan-that-names-plans": ({"plan_uids": ["2.25.8"]}, _NUMBERS, "E_FORMAT", "only records do"),
    "record-short-of-plans": (
        {**_RECORD, "plan_uids": []},
        _BARE,
        "E_FORMAT",
        "one for each instance of the record, null if it names none",
    ),
    "record-with-groups": (
        {**_RECORD, "groups": _PLAN["groups"]},
        _BARE,
        "E_FORMAT",
        "fraction groups are a plan's",
    ),
    "log-of-an-instance": (
        {**_LOG, "sop_instance_uids": ["2.25.7"]},
        _BARE,
        "E_FORMAT",
        "a log is no DICOM object",
    ),
    "uid-not-mapped": ({"sop_instance_uids": ["1.2.3"]}, _NUMBERS, "E_FORMAT", "not below 2.25"),
    "no-beams": ({"beams": []}, b"", "E_FORMAT", "nothing to compare"),
    "with-a-name": (_beam(name="x"), _NUMBERS, "E_FORMAT", "names never travel"),
    "word-free": (_beam(words={"radiation": "x"}), _NUMBERS, "E_FORMAT", "a defined term"),
    "word-other": (_beam(words={"label": "MU"}), _NUMBERS, "E_FORMAT", "no such word"),
    "count-other": (_beam(counts={"bolts": 1}), _NUMBERS, "E_FORMAT", "no such count"),
    "count-true": (_beam(counts={"wedges": True}), _NUMBERS, "E_FORMAT", "true is not 1"),
    "device-other": (
        _beam(devices=[["asymz", 1, False]]),
        _NUMBERS,
        "E_FORMAT",
        "no such device",
    ),
    "device-twice": (
        _beam(devices=[["asymx", 1, False]] * 2),
        _BARE + bytes(64),
        "E_FORMAT",
        "a device is there once",
    ),
    "jaws-of-two-pairs": (
        _beam(devices=[["asymx", 2, False]]),
        _BARE + bytes(64),
        "E_FORMAT",
        "jaws are one pair",
    ),
    "pairs-257": (_beam(devices=[["mlcx", 257, False]]), _NUMBERS, "E_FORMAT", "too many leaves"),
    "points-zero": (_beam(points=0), b"", "E_FORMAT", "no control point"),
    "spots-short": (_beam(devices=[], spots=[1]), _BARE, "E_FORMAT", "one for each control point"),
    "weight-number": (_beam(final_weight=1), _NUMBERS, "E_FORMAT", "fractions are text"),
    "weight-nan": (_beam(final_weight="nan"), _NUMBERS, "E_FORMAT", "unknown is null"),
    "too-large": (
        _beam(points=2**18, devices=[["mlcx", 80, False]]),
        b"",
        "E_TOO_LARGE",
        "362 MiB of numbers",
    ),
}

_ROW: dict[str, Any] = {
    "what": "leaves.mlcx",
    "unit": "mm",
    "verdict": "beyond",
    "beam": 1,
    "group": None,
    "fraction": None,
    "point": 4,
    "bank": 2,
    "leaf": 7,
    "expected": "-12.5",
    "found": "-11.0",
    "difference": "1.5",
    "tolerance": "0.1",
    "compared": 480,
    "not_compared": 0,
    "beyond": 1,
}
_WORD = {
    **_ROW,
    "what": "fluence",
    "unit": "word",
    "expected": "STANDARD",
    "found": "NON_STANDARD",
    "difference": None,
    "tolerance": None,
}
_NAMES = (
    "meterset meterset_percent weight_percent gantry_deg collimator_deg couch_deg energy dose_rate "
    "isocenter_mm table_mm snout_mm wedge_deg jaw_mm leaf_mm leaf_rms_mm leaf_p95_mm spot_mm"
)
_TOLERANCES = {name: "0.1" for name in _NAMES.split()} | {"dose_rate": None}
_CHECK: dict[str, Any] = {
    "schema": "encryptsecurert.plan-comparison/1",
    "form": "plan",
    "algorithm": "plan-check-1",
    "matching": "number",
    "tolerances": _TOLERANCES,
    "verdict": "beyond",
    "counts": {"within": 0, "beyond": 2, "told": 0, "not_compared": 0},
    "rows": [_ROW, _WORD],
    "points": [_ROW],
    "points_left_out": 0,
}


def _row(**changes: object) -> Changes:
    return {"rows": [{**_ROW, **changes}, _WORD]}


_CHECK_DEFECTS: Defects = {
    "ok": ({}, "ok", "a leaf that is off, and the flattening filter that is not there"),
    "ok-unknown": (_row(expected=None, found=None, difference=None), "ok", "null is unknown"),
    "counts-wrong": (
        {"counts": {"within": 1, "beyond": 1, "told": 0, "not_compared": 0}},
        "E_FORMAT",
        "counts are those of the rows",
    ),
    "counts-missing": ({"counts": {"beyond": 2}}, "E_FORMAT", "each verdict is counted"),
    "tolerance-missing": (
        {"tolerances": {k: v for k, v in _TOLERANCES.items() if k != "leaf_mm"}},
        "E_FORMAT",
        "every tolerance is told",
    ),
    "other-verdict": (_row(verdict="fine"), "E_FORMAT", "no such verdict"),
    "free-text": (_row(what="Left Breast"), "E_FORMAT", "a fixed word"),
    "word-free": ({"rows": [_ROW, {**_WORD, "found": "x"}]}, "E_FORMAT", "a defined term"),
    "number-as-number": (_row(difference=1), "E_FORMAT", "fractions are text"),
    "bank-3": (_row(bank=3), "E_FORMAT", "there are two banks"),
    "member-missing": (
        {"rows": [{k: v for k, v in _ROW.items() if k != "unit"}, _WORD]},
        "E_FORMAT",
        "nothing is left out",
    ),
    "other-form": ({"form": "dose"}, "E_FORMAT", "no such form"),
    "other-matching": ({"matching": "name"}, "E_FORMAT", "there are no names"),
}


def cases(_kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    for name, (changes, payload, expect, comment) in _PLAN_DEFECTS.items():
        octets = frame(b"ESRTPLN1", changed(_PLAN, changes), payload)
        yield f"plans/{name}", _vector("plans", expect, comment, octets)
    octets = frame(b"ESRTPLN2", changed(_PLAN, {}), _NUMBERS)
    yield "plans/other-magic", _vector("plans", "E_FORMAT", "a later version", octets)
    for name, (changes, expect, comment) in _CHECK_DEFECTS.items():
        octets = changed(_CHECK, changes)
        yield f"plan-comparison/{name}", _vector("plan-comparison", expect, comment, octets)


def _vector(kind: str, expect: str, comment: str, payload: bytes) -> Vector:
    return Vector(kind=kind, expect=expect, comment=comment, fields={}, payload=payload)
