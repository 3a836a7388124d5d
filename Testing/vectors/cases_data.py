"""Scenarios of volumes, batches, headers of `protect` and events."""

from collections.abc import Iterator

from Testing.Unit.protocol.second_implementation import batch, canonical, frame
from Testing.vectors.cases_messages import Changes, Defects, changed
from Testing.vectors.vector_file import Vector
from Testing.vectors.vector_keys import KeptSealings, digest, seed

Case = tuple[str, Vector]

_VOLUME = {
    "shape": [2, 3, 4],
    "dtype": "int16",
    "spacing_mm": ["2.5", "0.9765625", "0.9765625"],
    "origin_mm": ["-250.0", "-250.0", "0.0"],
    "direction": ["1.0", "0.0", "0.0", "0.0", "1.0", "0.0", "0.0", "0.0", "1.0"],
    "quantity": "ct_number",
    "unit": "HU",
    "frame_of_reference": "2.25.1",
    "slice_uids": ["2.25.10", "2.25.11"],
}
_VOXELS = 48
_DOSE = {"quantity": "dose", "unit": "Gy", "dtype": "float64"}
_GAMMA = {"quantity": "gamma", "unit": "1", "dtype": "float32"}
_VOLUME_DEFECTS: dict[str, tuple[Changes, int, str, str]] = {
    "ok": ({}, _VOXELS, "ok", "2 x 3 x 4 voxels of 2 octets"),
    "ok-dose": (_DOSE, 192, "ok", "dose is float64"),
    "ok-label": ({"quantity": "label", "unit": "1", "dtype": "uint8"}, 24, "ok", "a mask"),
    "ok-gamma": (_GAMMA, 96, "ok", "gamma is float32 without a unit"),
    "ok-difference": (
        {"quantity": "dose_difference", "unit": "Gy", "dtype": "float64"},
        192,
        "ok",
        "a difference of doses is float64",
    ),
    "gamma-float64": ({**_GAMMA, "dtype": "float64"}, 192, "E_FORMAT", "gamma is float32"),
    "gamma-in-gy": ({**_GAMMA, "unit": "Gy"}, 96, "E_FORMAT", "gamma is no dose"),
    "short": ({}, _VOXELS - 1, "E_FORMAT", "an octet too few"),
    "long": ({}, _VOXELS + 1, "E_FORMAT", "an octet too many"),
    "dose-float32": ({**_DOSE, "dtype": "float32"}, 96, "E_FORMAT", "dose is float64"),
    "other-unit": ({**_DOSE, "unit": "HU"}, 192, "E_FORMAT", "unit and quantity do not fit"),
    "other-dtype": ({"dtype": "int32"}, 96, "E_FORMAT", "no such type"),
    "edge-zero": ({"shape": [2, 0, 4]}, 0, "E_FORMAT", "an edge of 0"),
    "edge-4097": ({"shape": [2, 4097, 4]}, _VOXELS, "E_FORMAT", "an edge of 4097"),
    "edge-true": ({"shape": [2, True, 4]}, 16, "E_FORMAT", "true is not 1"),
    "spacing-zero": ({"spacing_mm": ["0.0", "1.0", "1.0"]}, _VOXELS, "E_FORMAT", "spacing 0"),
    "ok-widest": (
        {"spacing_mm": ["0.05", "100.0", "1.0"], "origin_mm": ["-1000000.0", "1000000.0", "0.0"]},
        _VOXELS,
        "ok",
        "spacing and origin at their bounds",
    ),
    "spacing-fine": ({"spacing_mm": ["0.049", "1.0", "1.0"]}, _VOXELS, "E_FORMAT", "below 0.05"),
    "spacing-wide": ({"spacing_mm": ["1.0", "1.0", "100.1"]}, _VOXELS, "E_FORMAT", "above 100"),
    "origin-far": ({"origin_mm": ["0.0", "0.0", "1000000.5"]}, _VOXELS, "E_FORMAT", "too far"),
    "spacing-nan": ({"spacing_mm": ["nan", "1.0", "1.0"]}, _VOXELS, "E_FORMAT", "not finite"),
    "spacing-number": ({"spacing_mm": [1, 1, 1]}, _VOXELS, "E_FORMAT", "fractions are text"),
    "direction-8": ({"direction": ["1.0"] * 8}, _VOXELS, "E_FORMAT", "eight numbers"),
    "too-few-uids": ({"slice_uids": ["2.25.10"]}, _VOXELS, "E_FORMAT", "one UID for two slices"),
    "uid-not-mapped": ({"frame_of_reference": "1.2.840.1"}, _VOXELS, "E_FORMAT", "not below 2.25"),
    "free-text": ({"comment": "x"}, _VOXELS, "E_FORMAT", "no member is free text"),
}

_EVENTS: dict[str, tuple[bytes, str, str]] = {
    "ok-state": (b'{"kind":"state","n":1,"place":256,"state":"queued"}', "ok", "256 before it"),
    "ok-progress": (b'{"fraction":"0.5","kind":"progress","n":2,"stage":"body"}', "ok", "half"),
    "ok-log": (b'{"entry":"voxels","kind":"log","n":3,"value":"12.0"}', "ok", "a number"),
    "ok-end": (
        b'{"error":null,"kind":"end","n":4,"results":[["mask",9000]],"state":"done"}',
        "ok",
        "results by name and octets",
    ),
    "ok-failed": (
        b'{"error":"E_TASK","kind":"end","n":4,"results":[],"state":"failed"}',
        "ok",
        "an error code",
    ),
    "n-zero": (b'{"kind":"state","n":0,"place":0,"state":"queued"}', "E_FORMAT", "n begins at 1"),
    "place-257": (b'{"kind":"state","n":1,"place":257,"state":"queued"}', "E_FORMAT", "too many"),
    "fraction-above-one": (
        b'{"fraction":"1.5","kind":"progress","n":2,"stage":"body"}',
        "E_FORMAT",
        "a fraction is at most 1",
    ),
    "stage-text": (
        b'{"fraction":"0.5","kind":"progress","n":2,"stage":"Two words"}',
        "E_FORMAT",
        "a stage is a fixed word",
    ),
    "end-not-ended": (
        b'{"error":null,"kind":"end","n":4,"results":[],"state":"running"}',
        "E_FORMAT",
        "an end with a state that goes on",
    ),
    "done-with-error": (
        b'{"error":"E_TASK","kind":"end","n":4,"results":[],"state":"done"}',
        "E_FORMAT",
        "done has no error",
    ),
    "failed-without-error": (
        b'{"error":null,"kind":"end","n":4,"results":[],"state":"failed"}',
        "E_FORMAT",
        "failed has an error",
    ),
    "other-kind": (b'{"kind":"note","n":1}', "E_FORMAT", "no such kind"),
    "two-lines": (b'{"kind":"note","n":1}\n{}', "E_FORMAT", "a line break inside"),
}

_DIGEST = digest("bulk")
_REQUEST = {
    "schema": "encryptsecurert.header/2",
    "size": 110,
    "bulk": [{"offset": 4, "length": 100, "sha256": _DIGEST}],
    "gaps": [],
    "file_sha256": digest("file"),
    "whole": False,
}
_REQUEST_DEFECTS: Defects = {
    "ok": ({}, "ok", "10 octets of header around 100 of bulk"),
    "ok-no-bulk": ({"size": 10, "bulk": [], "file_sha256": None}, "ok", "a file without bulk"),
    "ok-whole": ({"size": 10, "bulk": [], "whole": True}, "ok", "a file to be sealed as one"),
    "ok-gaps": ({"size": 104, "gaps": [14, 2, 100, 4]}, "ok", "6 of the 10 octets are of gaps"),
    "gaps-missing": ({"-": "gaps"}, "E_FORMAT", "nothing is left out"),
    "gaps-odd": ({"size": 108, "gaps": [14, 2, 20]}, "E_FORMAT", "a gap without length"),
    "gaps-not-apart": ({"size": 106, "gaps": [14, 2, 16, 2]}, "E_FORMAT", "gaps that touch"),
    "gaps-in-disorder": ({"size": 106, "gaps": [20, 2, 14, 2]}, "E_FORMAT", "not ascending"),
    "gaps-empty": ({"gaps": [14, 0]}, "E_FORMAT", "a gap of nothing"),
    "gaps-outside": ({"size": 108, "gaps": [103, 2]}, "E_FORMAT", "a gap past the bulk's end"),
    "gaps-without-bulk": (
        {"size": 10, "bulk": [], "gaps": [4, 2]},
        "E_FORMAT",
        "there is nothing for it to be in",
    ),
    "gaps-size": ({"gaps": [14, 2]}, "E_FORMAT", "header, bulk and gaps do not fill the size"),
    "gaps-of-a-whole-file": (
        {"size": 10, "bulk": [], "whole": True, "gaps": [4, 2]},
        "E_FORMAT",
        "no octet stays behind, so there is no gap",
    ),
    "whole-with-bulk": ({"whole": True}, "E_FORMAT", "of a whole file no octet stays behind"),
    "whole-number": ({"size": 10, "bulk": [], "whole": 1}, "E_FORMAT", "1 is not true"),
    "whole-missing": ({"-": "whole"}, "E_FORMAT", "nothing is left out"),
    "other-schema": ({"schema": "encryptsecurert.header/1"}, "E_FORMAT", "an earlier form"),
    "size": ({"size": 111}, "E_FORMAT", "header and bulk do not fill the size"),
    "bulk-after-end": (
        {"bulk": [{"offset": 11, "length": 100, "sha256": _DIGEST}]},
        "E_FORMAT",
        "a range past the end",
    ),
    "bulk-overlap": (
        {
            "bulk": [
                {"offset": 0, "length": 50, "sha256": _DIGEST},
                {"offset": 49, "length": 50, "sha256": _DIGEST},
            ]
        },
        "E_FORMAT",
        "ranges overlap",
    ),
    "size-true": ({"size": True}, "E_FORMAT", "true is not 1"),
    "unknown-member": ({"name": "x"}, "E_FORMAT", "a member that is not known"),
}
_ANSWER = {
    "schema": "encryptsecurert.protected-header/1",
    "state": "protected",
    "code": None,
    "name": "2.25.1/2.25.2.dcm",
    "bulk": [{"at": 10, "length": 100, "sha256": _DIGEST}],
}
_ANSWER_DEFECTS: Defects = {
    "ok": ({}, "ok", "bulk goes to the end"),
    "refused-with-header": (
        {"state": "refused", "code": "E_MODALITY", "name": None, "bulk": []},
        "E_FORMAT",
        "a refusal carries no octets",
    ),
    "protected-with-code": ({"code": "E_MODALITY"}, "E_FORMAT", "a code without a refusal"),
    "path": ({"name": "../2.25.2.dcm"}, "E_FORMAT", "a name is two mapped UIDs"),
    "other-code": ({"code": "E_NONE_SUCH"}, "E_FORMAT", "no such code"),
}


def _vector(kind: str, expect: str, comment: str, payload: bytes, **fields: str) -> Vector:
    return Vector(kind=kind, expect=expect, comment=comment, fields=fields, payload=payload)


def _volumes() -> Iterator[Case]:
    for name, (changes, size, expect, comment) in _VOLUME_DEFECTS.items():
        octets = frame(b"ESRTVOL1", changed(_VOLUME, changes), seed("voxels", size))
        yield f"volume/{name}", _vector("volume", expect, comment, octets)
    octets = frame(b"ESRTVOL2", canonical(_VOLUME), seed("voxels", _VOXELS))
    yield "volume/other-magic", _vector("volume", "E_FORMAT", "a later version", octets)


def _batches() -> Iterator[Case]:
    items = [b"one", b"", b"three"]
    fields = {"items-hex": " ".join(item.hex() or "-" for item in items)}
    yield "batch/ok", _vector("batch", "ok", "an item may be empty", batch(items), **fields)
    one = {"items-hex": b"x".hex()}
    yield "batch/ok-one-item", _vector("batch", "ok", "the least", batch([b"x"]), **one)
    rows: dict[str, tuple[bytes, str]] = {
        "no-items": (b'{"lengths":[]}', "one item at least"),
        "lengths-short": (b'{"lengths":[3,4]}', "lengths do not fill the octets"),
        "lengths-long": (b'{"lengths":[3,6]}', "lengths pass the end"),
        "length-negative": (b'{"lengths":[9,-1]}', "a negative length"),
        "length-true": (b'{"lengths":[7,true]}', "true is not 1"),
        "lengths-number": (b'{"lengths":8}', "a list is needed"),
        "unknown-member": (b'{"lengths":[8],"names":[]}', "a member that is not known"),
    }
    for name, (header, comment) in rows.items():
        octets = frame(b"ESRTBAT1", header, b"onethree")
        yield f"batch/{name}", _vector("batch", "E_FORMAT", comment, octets)
    good = batch([b"x"])
    yield "batch/cut", _vector("batch", "E_FORMAT", "ends in the length", good[:11])
    long = good[:8] + b"\x7f\xff\xff\xff" + good[12:]
    yield "batch/long-header", _vector("batch", "E_FORMAT", "header length 2^31 - 1", long)
    many = frame(b"ESRTBAT1", canonical({"lengths": [0] * 2001}), b"")
    yield "batch/2001-items", _vector("batch", "E_TOO_LARGE", "one item too many", many)


def _protect() -> Iterator[Case]:
    messages = (
        ("header-request", _REQUEST, _REQUEST_DEFECTS),
        ("header-answer", _ANSWER, _ANSWER_DEFECTS),
    )
    for kind, good, defects in messages:
        for name, (changes, expect, comment) in defects.items():
            header = changed(good, changes)
            octets = len(header).to_bytes(4, "big") + header + b"headertail"
            yield f"{kind}/{name}", _vector(kind, expect, comment, octets)
    refusal: Changes = {"state": "refused", "code": "E_MODALITY", "name": None, "bulk": []}
    header = changed(_ANSWER, refusal)
    octets = len(header).to_bytes(4, "big") + header
    yield "header-answer/ok-refused", _vector("header-answer", "ok", "a refusal", octets)
    yield "header-request/empty", _vector("header-request", "E_FORMAT", "no octets", b"")


def cases(_kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    yield from _volumes()
    yield from _batches()
    yield from _protect()
    for name, (line, expect, comment) in _EVENTS.items():
        yield f"event/{name}", _vector("event", expect, comment, line)
