"""What a `protect` job tells a data protection officer: what stands in clear, why, how often.

    report  {schema, profile, algorithm, options, studies, kinds, refused, not_covered}
    kind    {sop_class, name, instances, vouched, attributes: [...],
             sealed: {class: {attributes, nested}}}
    attribute  {tags, path, action, reason, table, instances}

It holds no value of anybody, and of what was sealed numbers by class only: that an attribute was
there at all may be a secret. Numbers count instances, so its size follows from the allow-lists
and not from the study. Reports of several batches become one by `merged`.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import MAX_INTEGER, Fields
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_protocol.volumes import MAPPED_UID

REPORT_SCHEMA = "encryptsecurert.protection-report/1"
REPORT_NAME = "report"
# The allow-lists of all kinds together have less than 4000 rows, of some 300 octets each.
MAX_REPORT_BYTES = 4 * MIB

_MEMBERS = (
    *("schema", "profile", "algorithm", "options", "studies", "kinds", "refused", "not_covered"),
)
_KIND = ("sop_class", "name", "instances", "vouched", "attributes", "sealed")
_ATTRIBUTE = ("tags", "path", "action", "reason", "table", "instances")
_COUNTS = ("attributes", "nested")
_MAX_KINDS, _MAX_ATTRIBUTES, _MAX_OPTIONS, _MAX_SENTENCES, _MAX_DEPTH = 256, 8192, 16, 32, 16
_WORD = r"[a-z0-9][a-z0-9_.-]{0,63}"
_LINE = r"[ -~]{1,400}"  # one line of printable ASCII
_TABLE = r"[A-Z](?:/[A-Z])*\*?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearAttribute:
    """An attribute that stands in clear in at least one instance of a kind.

    Attributes
    ----------
    tags, path : from the outermost sequence to the attribute itself: 8 hex digits, keywords.
    action : what happens to it, in words.
    reason : why it may stand in clear although Table E.1-1 of PS3.15 lists it; else None.
    table : what that table does by default, in its letters; None if it does not list it.
    instances : in how many it is, at this path, however often in each.
    """

    tags: tuple[str, ...]
    path: tuple[str, ...]
    action: str
    reason: str | None
    table: str | None
    instances: int

    def __post_init__(self) -> None:
        if len(self.tags) != len(self.path):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    def as_json(self) -> dict[str, Any]:
        """Return the attribute's members."""
        return {
            "tags": list(self.tags),
            "path": list(self.path),
            "action": self.action,
            "reason": self.reason,
            "table": self.table,
            "instances": self.instances,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCount:
    """How many sealed attributes a class has, over all instances.

    Attributes
    ----------
    attributes : of the data sets themselves.
    nested : inside sequences that are sealed, which are sealed with all that is in them.
    """

    attributes: int = 0
    nested: int = 0

    def __add__(self, other: "SealedCount") -> "SealedCount":
        return SealedCount(
            attributes=self.attributes + other.attributes, nested=self.nested + other.nested
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KindReport:
    """The instances of one SOP class.

    Attributes
    ----------
    vouched : of how many the user said that no pixel shows text.
    attributes : ascending by tags, none twice.
    sealed : by class, all classes.
    """

    sop_class: str
    name: str
    instances: int
    vouched: int
    attributes: tuple[ClearAttribute, ...]
    sealed: Mapping[RevealClass, SealedCount]

    def __post_init__(self) -> None:
        places = [one.tags for one in self.attributes]
        if set(self.sealed) != set(RevealClass) or not _ascends(places):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        counts = (self.vouched, *(one.instances for one in self.attributes))
        if max(counts) > self.instances:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    def as_json(self) -> dict[str, Any]:
        """Return the kind's members."""
        return {
            "sop_class": self.sop_class,
            "name": self.name,
            "instances": self.instances,
            "vouched": self.vouched,
            "attributes": [one.as_json() for one in self.attributes],
            "sealed": {
                kind.value: {"attributes": count.attributes, "nested": count.nested}
                for kind, count in self.sealed.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionReport:
    """What one or several `protect` jobs did.

    Attributes
    ----------
    profile : as protected files name it.
    options : what was chosen for the job, its parameters without their schema.
    studies : mapped StudyInstanceUIDs, ascending.
    kinds : ascending by SOP class.
    refused : (code, instances), ascending.
    not_covered : sentences on what protection does not mean.
    """

    profile: str
    algorithm: str
    options: Mapping[str, str]
    studies: tuple[str, ...]
    kinds: tuple[KindReport, ...]
    refused: tuple[tuple[str, int], ...]
    not_covered: tuple[str, ...]

    def __post_init__(self) -> None:
        names: tuple[Sequence[object], ...] = (
            self.studies,
            [kind.sop_class for kind in self.kinds],
            [code for code, _ in self.refused],
        )
        if not all(map(_ascends, names)):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)

    @property
    def instances(self) -> int:
        """How many instances were protected."""
        return sum(kind.instances for kind in self.kinds)

    def as_json(self) -> dict[str, Any]:
        """Return the report's members."""
        return {
            "schema": REPORT_SCHEMA,
            "profile": self.profile,
            "algorithm": self.algorithm,
            "options": dict(self.options),
            "studies": list(self.studies),
            "kinds": [kind.as_json() for kind in self.kinds],
            "refused": [{"code": code, "instances": count} for code, count in self.refused],
            "not_covered": list(self.not_covered),
        }

    def encode(self) -> bytes:
        """Return the canonical octets (E_TOO_LARGE)."""
        octets = canonical.encode(self.as_json())
        if len(octets) > MAX_REPORT_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        return octets

    @classmethod
    def decode(cls, octets: bytes) -> "ProtectionReport":
        """Read a report strictly (E_FORMAT, E_TOO_LARGE)."""
        return cls.from_json(canonical.decode(octets, MAX_REPORT_BYTES))

    @classmethod
    def from_json(cls, value: object) -> "ProtectionReport":
        """Read the members strictly (E_FORMAT)."""
        fields = Fields(value, _MEMBERS)
        fields.constant("schema", REPORT_SCHEMA)
        return cls(
            profile=fields.text("profile", _LINE, 64),
            algorithm=fields.text("algorithm", r"[A-Za-z0-9_.+-]{1,64}"),
            options=_options(fields.object("options")),
            studies=_texts(fields.items("studies", LIMITS.batch_instances), MAPPED_UID),
            kinds=tuple(_kind(item) for item in fields.items("kinds", _MAX_KINDS)),
            refused=tuple(_refused(item) for item in fields.items("refused", len(ErrorCode))),
            not_covered=_texts(fields.items("not_covered", _MAX_SENTENCES), _LINE),
        )


def _ascends(values: Sequence[Any]) -> bool:
    return all(one < other for one, other in itertools.pairwise(values))


def _texts(items: Iterable[object], pattern: str) -> tuple[str, ...]:
    return tuple(Fields({"t": item}, ("t",)).text("t", pattern, 400) for item in items)


def _options(value: Mapping[str, Any]) -> dict[str, str]:
    if len(value) > _MAX_OPTIONS:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    fields = Fields(value, value)
    return {name: fields.text(name, _WORD) for name in value}


def _refused(item: object) -> tuple[str, int]:
    fields = Fields(item, ("code", "instances"))
    return fields.text("code", r"E_[A-Z_]{1,40}"), fields.integer("instances", 1, MAX_INTEGER)


def _kind(item: object) -> KindReport:
    fields = Fields(item, _KIND)
    sealed = fields.child("sealed", [kind.value for kind in RevealClass])
    return KindReport(
        sop_class=fields.text("sop_class", r"[0-9.]{1,64}"),
        name=fields.text("name", _LINE, 64),
        instances=fields.integer("instances", 1, MAX_INTEGER),
        vouched=fields.integer("vouched", 0, MAX_INTEGER),
        attributes=tuple(_attribute(one) for one in fields.items("attributes", _MAX_ATTRIBUTES)),
        sealed={kind: _count(sealed.child(kind.value, _COUNTS)) for kind in RevealClass},
    )


def _count(fields: Fields) -> SealedCount:
    return SealedCount(
        attributes=fields.integer("attributes", 0, MAX_INTEGER),
        nested=fields.integer("nested", 0, MAX_INTEGER),
    )


def _attribute(item: object) -> ClearAttribute:
    fields = Fields(item, _ATTRIBUTE)
    return ClearAttribute(
        tags=_texts(fields.items("tags", _MAX_DEPTH, 1), r"[0-9A-F]{8}"),
        path=_texts(fields.items("path", _MAX_DEPTH, 1), r"[A-Za-z][A-Za-z0-9]{0,63}"),
        action=fields.text("action", _LINE, 400),
        reason=None if fields.is_null("reason") else fields.text("reason", _LINE, 400),
        table=None if fields.is_null("table") else fields.text("table", _TABLE),
        instances=fields.integer("instances", 1, MAX_INTEGER),
    )


def merged(reports: Sequence[ProtectionReport]) -> ProtectionReport:
    """Return one report for several batches of a call: numbers are added.

    Raises
    ------
    EncryptSecureRTError
        E_DIGEST if they differ in anything but what was counted: they are not of one call.
    """
    first = reports[0]
    said = [(one.profile, one.algorithm, one.options, one.not_covered) for one in reports]
    if any(other != said[0] for other in said):
        raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    kinds: dict[str, list[KindReport]] = {}
    refused: dict[str, int] = {}
    for report in reports:
        for kind in report.kinds:
            kinds.setdefault(kind.sop_class, []).append(kind)
        for code, count in report.refused:
            refused[code] = refused.get(code, 0) + count
    return ProtectionReport(
        profile=first.profile,
        algorithm=first.algorithm,
        options=first.options,
        studies=tuple(sorted({study for report in reports for study in report.studies})),
        kinds=tuple(_one_kind(kinds[sop_class]) for sop_class in sorted(kinds)),
        refused=tuple(sorted(refused.items())),
        not_covered=first.not_covered,
    )


def _one_kind(kinds: Sequence[KindReport]) -> KindReport:
    """Return the sum of what several reports say of one SOP class (E_DIGEST)."""
    first = kinds[0]
    if any(kind.name != first.name for kind in kinds):
        raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    attributes: dict[tuple[str, ...], ClearAttribute] = {}
    for one in itertools.chain.from_iterable(kind.attributes for kind in kinds):
        known = attributes.get(one.tags)
        attributes[one.tags] = one if known is None else _one_attribute(known, one)
    return KindReport(
        sop_class=first.sop_class,
        name=first.name,
        instances=sum(kind.instances for kind in kinds),
        vouched=sum(kind.vouched for kind in kinds),
        attributes=tuple(attributes[tags] for tags in sorted(attributes)),
        sealed={
            one: sum((kind.sealed[one] for kind in kinds), SealedCount()) for one in RevealClass
        },
    )


def _one_attribute(one: ClearAttribute, other: ClearAttribute) -> ClearAttribute:
    added = replace(one, instances=one.instances + other.instances)
    if replace(other, instances=added.instances) != added:
        raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    return added
