"""How the tables are written: one call for attributes that are treated alike.

    numbers(ONE, "Rows", "Columns")                       kept, if they are numbers
    term(TWO, "DoseType", "PHYSICAL EFFECTIVE ERROR")     kept, if it is one of these
    items(THREE, "ROIContourSequence", ...)               kept, as far as the rows inside say

Tag, VR and multiplicity come from PS3.6, so a row only says what happens and of which type the
attribute is. Each call gives a tuple of rules; a table is the sum of its calls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain

from encryptsecurert_worker.dicom.protect.dictionary import attribute_of
from encryptsecurert_worker.dicom.protect.rules import Action, Kind, Rule

ONE, ONE_IF = Kind.REQUIRED, Kind.REQUIRED_IF
TWO, TWO_IF, THREE = Kind.MAY_BE_EMPTY, Kind.MAY_BE_EMPTY_IF, Kind.OPTIONAL
MANY = 2**22

MAPPED = "U: mapped with the site's key, so that references stay whole"
EMPTIED = "Z: written empty"
FIXED = "D: the same for everybody"
CODED = "Z/D: replaced by a keyed pseudonym"
NUMBERED = "D: replaced by a label with the number of its item"
CLEANED = "C/X/Z/D/U: of its items only references, mapped, numbers and terms stay"
SEALED = "X: sealed"
MOVED = "; moved by whole days where that is chosen"
ANY_DATE, ANY_TIME, ANY_DATE_TIME = "19000101", "000000", "19000101000000"
_NO_DATES: Mapping[tuple[bytes, ...], str] = {
    (b"DA",): ANY_DATE,
    (b"TM",): ANY_TIME,
    (b"DT",): ANY_DATE_TIME,
}

Rows = tuple[Rule, ...]


def _rule(kind: Kind, action: Action, keyword: str) -> Rule:
    tag, vrs, multiplicity = attribute_of(keyword)
    # A value of OF is many floats, and counts as one in PS3.6.
    count = (1, MANY) if vrs == (b"OF",) else _count(multiplicity)
    return Rule(tag=tag, keyword=keyword, vrs=vrs, kind=kind, action=action, count=count)


def _count(multiplicity: str) -> tuple[int, int]:
    """Return the bounds of '1', '1-2', '1-n' and '3-3n'; that these come in threes is left."""
    least, _, most = multiplicity.partition("-")
    if not most:
        return int(least), int(least)
    return int(least), MANY if most.endswith("n") else int(most)


def _rules(kind: Kind, action: Action, keywords: Iterable[str]) -> Rows:
    return tuple(_rule(kind, action, keyword) for keyword in keywords)


def table(*groups: Rows) -> Rows:
    """Return the rows of all groups; a later row takes the place of an earlier one."""
    return tuple({rule.tag: rule for rule in chain.from_iterable(groups)}.values())


def because(reason: str, rows: Rows) -> Rows:
    """Give rows the reason why they stand in clear although Table E.1-1 lists them."""
    return tuple(replace(rule, reason=reason) for rule in rows)


def numbers(kind: Kind, *keywords: str) -> Rows:
    """Keep numbers: DS, IS and the binary VRs."""
    return _rules(kind, Action.KEEP_NUMBER, keywords)


def tags(kind: Kind, *keywords: str) -> Rows:
    """Keep pointers to attributes, if the standard has these."""
    return _rules(kind, Action.KEEP_TAG, keywords)


def pointers(kind: Kind, keyword: str, *targets: str) -> Rows:
    """Keep pointers to attributes, if they point to those alone, which a table has as well."""
    known = frozenset(_octets_of(attribute_of(target)[0]) for target in targets)
    return tuple(replace(rule, terms=known) for rule in tags(kind, keyword))


def _octets_of(tag: int) -> bytes:
    return (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")


def term(
    kind: Kind, keyword: str, words: str | frozenset[bytes], fallback: str | None = None
) -> Rows:
    """Keep a value if each of its parts is one of the words."""
    terms = frozenset(words.encode("ascii").split()) if isinstance(words, str) else words
    rule = _rule(kind, Action.KEEP_TERM, keyword)
    return (
        replace(rule, terms=terms, fallback=None if fallback is None else fallback.encode("ascii")),
    )


def terms(kind: Kind, keywords: str, words: str) -> Rows:
    """Keep several attributes that have the same defined terms."""
    return tuple(chain.from_iterable(term(kind, keyword, words) for keyword in keywords.split()))


def or_else(rows: Rows, value: str) -> Rows:
    """Write that value in every file whose original has none that is kept."""
    octets = value.encode("ascii")
    return tuple(replace(rule, fallback=octets, always=True) for rule in rows)


def selecting(keyword: str, words: str) -> Rows:
    """Keep a term; an item whose term is not one of the words is left out as a whole."""
    return tuple(replace(rule, selects=True) for rule in term(ONE, keyword, words))


def uids(kind: Kind, *keywords: str) -> Rows:
    """Replace UIDs by the site's keyed ones."""
    return because(MAPPED, _rules(kind, Action.MAP_UID, keywords))


def frames_of_reference(kind: Kind, *keywords: str) -> Rows:
    """Replace UIDs by the site's keyed ones, unless they are well known."""
    return because(MAPPED, _rules(kind, Action.MAP_UID_UNLESS_REGISTERED, keywords))


def classes(kind: Kind, *keywords: str) -> Rows:
    """Keep UIDs that PS3.6 registers; no others."""
    return _rules(kind, Action.KEEP_CLASS, keywords)


def codes(kind: Kind, keyword: str, fallback: tuple[str, str] | None = None) -> Rows:
    """Keep the codes that PS3.16 lists; `fallback` is (value, scheme) where none is left."""
    rule = _rule(kind, Action.KEEP_CODES, keyword)
    octets = None if fallback is None else "\\".join(fallback).encode("ascii")
    return (replace(rule, fallback=octets, reason=CLEANED),)


def empty(kind: Kind, *keywords: str) -> Rows:
    """Write empty: in every file if of type 2, else if the original has the attribute."""
    return because(EMPTIED, _rules(kind, Action.EMPTY, keywords))


def fixed(kind: Kind, keyword: str, value: str) -> Rows:
    """Write the same for everybody: in every file if of type 1 or 2, else if it was there."""
    rule = _rule(kind, Action.FIXED, keyword)
    return (replace(rule, fallback=value.encode("ascii"), reason=FIXED),)


def moving(rows: Rows) -> Rows:
    """Let dates and times stand in clear moved, where that is chosen (PS3.15 section E.3.6)."""
    return tuple(replace(rule, moves=True, reason=rule.reason + MOVED) for rule in rows)


def dates(kind: Kind, *keywords: str) -> Rows:
    """Move dates where that is chosen; else write empty what is of type 2, and seal the rest."""
    if kind in (Kind.MAY_BE_EMPTY, Kind.MAY_BE_EMPTY_IF):
        return moving(empty(kind, *keywords))
    return moving(because(SEALED, _rules(kind, Action.SEAL, keywords)))


def fixed_dates(kind: Kind, *keywords: str) -> Rows:
    """Move dates that an object must have where that is chosen; else write the one of nobody."""
    rules = _rules(kind, Action.FIXED, keywords)
    return moving(
        because(
            FIXED,
            tuple(replace(rule, fallback=_NO_DATES[rule.vrs].encode("ascii")) for rule in rules),
        )
    )


def pseudonym(kind: Kind, *keywords: str) -> Rows:
    """Replace values by the patient's pseudonym, in every file."""
    return because(CODED, _rules(kind, Action.PSEUDONYM, keywords))


def label(kind: Kind, keyword: str, prefix: str, number: str) -> Rows:
    """Replace a name by ``<prefix>_<number>``, the number being that of another attribute."""
    rule = _rule(kind, Action.LABEL, keyword)
    return (
        replace(
            rule,
            fallback=prefix.encode("ascii"),
            number_tag=attribute_of(number)[0],
            reason=NUMBERED,
        ),
    )


def items(kind: Kind, keyword: str, *groups: Rows) -> Rows:
    """Keep of each item of a sequence what the rows given here keep."""
    rule = _rule(kind, Action.ITEMS, keyword)
    return (replace(rule, items=table(*groups), reason=CLEANED),)
