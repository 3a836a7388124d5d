"""Scenarios of the reports of `protect` (docs/protocol.md, section 25)."""

from collections.abc import Iterator, Mapping
from typing import Any

from Testing.vectors.cases_messages import Defects, changed
from Testing.vectors.vector_file import Vector
from Testing.vectors.vector_keys import KeptSealings

Case = tuple[str, Vector]

_CLASSES = "identity demographics dates staff text labels device private uids".split()
_NUMBER = {
    "tags": ["00280010"],
    "path": ["Rows"],
    "action": "keep, if it is a number",
    "reason": None,
    "table": None,
    "instances": 2,
}
_NAME = {
    "tags": ["00100010"],
    "path": ["PatientName"],
    "action": "replace by the patient's pseudonym, always",
    "reason": "Z/D: replaced by a keyed pseudonym",
    "table": "Z",
    "instances": 2,
}
_NESTED = {
    **_NUMBER,
    "tags": ["30060020", "30060022"],
    "path": ["StructureSetROISequence", "ROINumber"],
}
_SEALED = {name: {"attributes": 3, "nested": 0} for name in _CLASSES}
_KIND = {
    "sop_class": "1.2.840.10008.5.1.4.1.1.2",
    "name": "CT image",
    "instances": 2,
    "vouched": 0,
    "attributes": [_NAME, _NUMBER, _NESTED],
    "sealed": _SEALED,
}
_REPORT = {
    "schema": "encryptsecurert.protection-report/1",
    "profile": "EncryptSecureRT profile 1",
    "algorithm": "protect-3",
    "options": {"dates": "remove", "pixels": "judged"},
    "studies": ["2.25.1"],
    "kinds": [_KIND],
    "refused": [{"code": "E_BURNED_IN", "instances": 1}],
    "not_covered": ["Pixels stand in clear."],
}


def _kind(**changes: Any) -> Mapping[str, Any]:
    return {"kinds": [{**_KIND, **changes}]}


def _attribute(**changes: Any) -> Mapping[str, Any]:
    return _kind(attributes=[{**_NUMBER, **changes}])


_DEFECTS: Defects = {
    "ok": ({}, "ok", "two instances, a nested attribute, one refusal"),
    "ok-nothing-protected": ({"studies": [], "kinds": []}, "ok", "every instance was refused"),
    "other-schema": ({"schema": "encryptsecurert.protection-report/2"}, "E_FORMAT", "a later form"),
    "study-not-mapped": ({"studies": ["1.2.3"]}, "E_FORMAT", "UIDs are mapped ones"),
    "studies-disorder": ({"studies": ["2.25.2", "2.25.1"]}, "E_FORMAT", "ascending"),
    "kind-twice": ({"kinds": [_KIND, _KIND]}, "E_FORMAT", "a SOP class comes once"),
    "more-than-all": (_attribute(instances=3), "E_FORMAT", "in more instances than there are"),
    "vouched-more-than-all": (_kind(vouched=3), "E_FORMAT", "more than there are"),
    "in-no-instance": (_attribute(instances=0), "E_FORMAT", "then it is not listed"),
    "attributes-disorder": (_kind(attributes=[_NUMBER, _NAME]), "E_FORMAT", "ascending by tags"),
    "path-short": (
        _kind(attributes=[{**_NESTED, "path": ["ROINumber"]}]),
        "E_FORMAT",
        "a keyword for each tag",
    ),
    "keyword-with-markup": (_attribute(path=["<b>Rows"]), "E_FORMAT", "keywords are letters"),
    "action-with-control": (_attribute(action="keep\u0007"), "E_FORMAT", "one printable line"),
    "table-word": (_attribute(table="remove"), "E_FORMAT", "letters of the standard"),
    "class-missing": (
        _kind(sealed={name: _SEALED[name] for name in _CLASSES[1:]}),
        "E_FORMAT",
        "all classes are told",
    ),
    "class-negative": (
        _kind(sealed={**_SEALED, "dates": {"attributes": -1, "nested": 0}}),
        "E_FORMAT",
        "a count is none below nought",
    ),
    "option-not-a-word": ({"options": {"dates": "Shift them"}}, "E_FORMAT", "words"),
    "refusal-twice": (
        {"refused": [{"code": "E_DICOM", "instances": 1}] * 2},
        "E_FORMAT",
        "a code comes once",
    ),
    "unknown-member": ({"patient": "x"}, "E_FORMAT", "a member that is not known"),
    "missing-member": ({"-": "refused"}, "E_FORMAT", "nothing is left out"),
}


def cases(_kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    for name, (changes, expect, comment) in _DEFECTS.items():
        yield (
            f"protection-report/{name}",
            Vector(
                kind="protection-report",
                expect=expect,
                comment=comment,
                fields={},
                payload=changed(_REPORT, changes),
            ),
        )
