"""What an allow-list says of one attribute, and when a value may stand in clear.

    Rule(tag, keyword, vrs, kind, action, ...)    one row of a table, see `iods/`
    clear_value(rule, vr, value)                  the octets to write in clear, or None

Anything without a rule is sealed. A rule does not trust the value either: a decimal string that
holds a name is no decimal string, and a defined term that the standard does not define is text.
What fails is sealed; what stands in its place then follows from the attribute's type. Rules of
sequences hold the rules of their items: nothing nested is reached but through a named sequence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.dicom.protect.dictionary import is_standard_tag
from encryptsecurert_worker.dicom.protect.numbers import BINARY_VRS, is_number
from encryptsecurert_worker.dicom.protect.writing import write_element


class Kind(Enum):
    """Attribute type (PS3.5 section 7.4), with conditional types under their plain one."""

    REQUIRED = "1"
    REQUIRED_IF = "1C"
    MAY_BE_EMPTY = "2"
    MAY_BE_EMPTY_IF = "2C"
    OPTIONAL = "3"


class Action(Enum):
    """What happens to an attribute that has a rule."""

    KEEP_NUMBER = "keep, if it is a number"
    KEEP_TERM = "keep, if it is a defined term"
    KEEP_TAG = "keep, if it names attributes of the standard"
    KEEP_CLASS = "keep, if PS3.6 registers it"
    KEEP_CODES = "keep codes that PS3.16 lists, with its meanings"
    IMAGE_TYPE = "keep values 1 to 4, as far as they are defined terms"
    ITEMS = "keep what the rules of its items keep"
    MAP_UID = "replace by the site's keyed UID"
    MAP_UID_UNLESS_REGISTERED = "replace by the site's keyed UID, unless PS3.6 has it"
    EMPTY = "write empty, always"
    FIXED = "write the same for everybody, always"
    LABEL = "replace by a label with its item's number"
    PSEUDONYM = "replace by the patient's pseudonym, always"
    SEAL = "seal; a row that says more only where dates are moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of an allow-list.

    `vrs` are the VRs under which the value may come; the first is written where none of them
    did. `count` is the least and the most number of values. `terms` and `fallback` are octets as
    written, those of a pointer the tags that it may name; the fallback of a label is what stands
    before its number, that of codes is value and scheme. `items` are the rules of a sequence's
    items, `number_tag` is where a label has its number from. `selects`: an item whose term is
    another is left out as a whole. `moves`: whatever the action, a date or time stands in clear
    moved, if that is chosen. `always`: the fallback is written where the original has nothing.
    `reason` says why the attribute may stand in clear although Table E.1-1 of PS3.15 lists it; it
    is empty where the table does not. `by_tag` are the items' rules by tag, `constant` is the whole
    element where that is always the same.
    """

    tag: int
    keyword: str
    vrs: tuple[bytes, ...]
    kind: Kind
    action: Action
    count: tuple[int, int] = (1, 1)
    terms: frozenset[bytes] = frozenset()
    fallback: bytes | None = None
    items: "tuple[Rule, ...]" = ()
    number_tag: int = 0
    selects: bool = False
    moves: bool = False
    always: bool = False
    reason: str = ""
    by_tag: "Mapping[int, Rule]" = field(init=False, compare=False, repr=False)
    constant: bytes | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        octets = None
        if self.action in (Action.EMPTY, Action.FIXED):
            octets = write_element(self.tag, self.vrs[0], self.fallback or b"")
        object.__setattr__(self, "constant", octets)
        object.__setattr__(self, "by_tag", {rule.tag: rule for rule in self.items})

    @property
    def is_always_written(self) -> bool:
        """Whether the attribute is in every protected file, whatever the original has."""
        return self.always or (
            self.action in (Action.EMPTY, Action.FIXED, Action.PSEUDONYM)
            and self.kind in (Kind.REQUIRED, Kind.MAY_BE_EMPTY)
        )


def clear_value(rule: Rule, vr: bytes, value: bytes) -> bytes | None:
    """Return what a KEEP or IMAGE_TYPE rule writes in clear for a value; None writes nothing.

    Parameters
    ----------
    rule : Rule
        With one of the actions that keep a value.
    vr : bytes
        VR of the element as it came.
    value : bytes
        Raw octets of the original.

    Raises
    ------
    EncryptSecureRTError
        E_DICOM if the attribute must have a value, has a wrong one and there is no default.
    """
    kept = _kept(rule, vr, value)
    return without_value(rule) if kept is None else kept


def without_value(rule: Rule) -> bytes | None:
    """Return what stands in place of a value that is not kept; None writes nothing.

    Raises
    ------
    EncryptSecureRTError
        E_DICOM if the attribute must have a value and there is no default.
    """
    if rule.fallback is not None:
        return rule.fallback
    if rule.kind is Kind.REQUIRED:
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "a required number or term is not one")
    return b"" if rule.kind in (Kind.MAY_BE_EMPTY, Kind.MAY_BE_EMPTY_IF) else None


def _kept(rule: Rule, vr: bytes, value: bytes) -> bytes | None:
    if vr not in rule.vrs:
        return None
    if not (value if vr in BINARY_VRS else value.strip(b" \0")):
        # Empty holds nothing; a required attribute that came empty is no worse for staying so.
        return b"" if rule.kind is not Kind.REQUIRED_IF and not rule.always else None
    if rule.action is Action.KEEP_NUMBER:
        return is_number(vr, value, rule.count)
    if rule.action is Action.IMAGE_TYPE:
        return _image_type(rule, value)
    if rule.action is Action.KEEP_TAG:
        return _tags(rule, value)
    return _terms(rule, value)


def _terms(rule: Rule, value: bytes) -> bytes | None:
    least, most = rule.count
    parts = [part.strip(b" \0") for part in value.split(b"\\")]
    if not least <= len(parts) <= most or not all(part in rule.terms for part in parts):
        return None
    return b"\\".join(parts)


def _tags(rule: Rule, value: bytes) -> bytes | None:
    least, most = rule.count
    if len(value) % 4 or not least <= len(value) // 4 <= most:
        return None
    for place in range(0, len(value), 4):
        octets = value[place : place + 4]
        tag = int.from_bytes(octets[:2], "little") << 16 | int.from_bytes(octets[2:], "little")
        if not is_standard_tag(tag) or (rule.terms and octets not in rule.terms):
            return None
    return value


def _image_type(rule: Rule, value: bytes) -> bytes | None:
    """Keep values 1 and 2 if both are defined, then 3 and 4 as long as they are (PS3.3 C.7.6.1)."""
    parts = [part.strip(b" \0") for part in value.split(b"\\")]
    if len(parts) < 2 or parts[0] not in (b"ORIGINAL", b"DERIVED", b"MIXED"):
        return None
    if parts[1] not in (b"PRIMARY", b"SECONDARY"):
        return None
    kept = parts[:2]
    for part in parts[2:4]:
        if part not in rule.terms:
            break
        kept.append(part)
    # Some kinds must have three or four values: the default's stand for what is not defined.
    kept += (rule.fallback or b"").split(b"\\")[len(kept) : rule.count[0]]
    return b"\\".join(kept)
