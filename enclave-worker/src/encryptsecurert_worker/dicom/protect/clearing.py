"""The clear part of a data set or of an item: what a table of rules leaves of it.

    clearing.part(elements, rules) -> clear elements by tag, tags whose originals are sealed

The same for the top level and for the items of a named sequence, down to the last one. A
sequence of which anything is changed is sealed as a whole beside its clear form, since a
re-identifier moves whole top-level attributes back (PS3.15 section E.1.1).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.dicom.protect.codes import meaning_of
from encryptsecurert_worker.dicom.protect.dates import moved
from encryptsecurert_worker.dicom.protect.dictionary import is_registered_uid, vr_of
from encryptsecurert_worker.dicom.protect.elements import PIXEL_TAGS, Element, Header
from encryptsecurert_worker.dicom.protect.identity import plain_uid
from encryptsecurert_worker.dicom.protect.rules import (
    Action,
    Rule,
    clear_value,
    without_value,
)
from encryptsecurert_worker.dicom.protect.writing import (
    is_signed,
    value_of,
    write_element,
    write_item,
)

_CODE_VALUE, _CODING_SCHEME, _CODE_MEANING = 0x00080100, 0x00080102, 0x00080104
_APART = PIXEL_TAGS | {0xFFFCFFFC}
_NUMBER = re.compile(rb" *\+?0*([0-9]{1,6}) *\Z")
_BY_VALUE = frozenset(
    [Action.KEEP_NUMBER, Action.KEEP_TERM, Action.KEEP_TAG, Action.IMAGE_TYPE, Action.KEEP_CLASS]
)
"""What these make of an attribute follows from its rule, its VR and its value alone."""

_LONGEST_KEPT = 256

LastValues = dict[int, tuple[bytes, bytes, bytes | None, bool]]
"""By tag: VR, value, the clear element if there is one, and whether it says all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """Clears the elements of one header.

    Attributes
    ----------
    header : whose elements are cleared.
    pseudonym : what the patient is called in clear.
    map_uid : gives the site's keyed UID for one of the original.
    days : by how many days dates are moved; None if they are removed.
    last : of top-level attributes of the instance before, of the same kind: most values of a slice
        are those of its neighbour.
    """

    header: Header
    pseudonym: bytes
    map_uid: Callable[[bytes], bytes]
    days: int | None = None
    last: LastValues = field(default_factory=dict)

    def data_set(
        self, elements: Mapping[int, Element], rules: Mapping[int, Rule]
    ) -> tuple[dict[int, bytes], list[int]]:
        """Return `part` of the top level."""
        return self.part(elements, rules, self.last)

    def part(
        self,
        elements: Mapping[int, Element],
        rules: Mapping[int, Rule],
        last: LastValues | None = None,
    ) -> tuple[dict[int, bytes], list[int]]:
        """Return the clear elements by tag, and the tags of those that are not kept as they are.

        Raises
        ------
        EncryptSecureRTError
            E_DICOM if something required is not what it must be and nothing can stand for it.
        """
        clear: dict[int, bytes] = {}
        changed: list[int] = []
        for tag, element in elements.items():
            # Group lengths and trailing padding would be wrong elsewhere: the raw header has them.
            if not tag & 0xFFFF or tag in _APART:
                continue
            rule = rules.get(tag)
            if rule is None:
                changed.append(tag)
                continue
            before = None if last is None else last.get(tag)
            if (
                before is not None
                and before[0] == element.vr
                and before[1] == self._octets(element)
            ):
                _, _, octets, is_all = before
                if octets is not None:
                    clear[tag] = octets
            else:
                is_all = self._keep(element, rule, elements, clear)
                if last is not None and self._is_by_value(element, rule):
                    value = self._octets(element)
                    last[tag] = (element.vr, value, clear.get(tag), is_all)
            if not is_all:
                changed.append(tag)
        return clear, changed

    def _is_by_value(self, element: Element, rule: Rule) -> bool:
        """Tell whether the same VR and value come to the same in every instance of the kind."""
        has_one_vr = bool(element.vr) or len(rule.vrs) == 1
        is_short = element.value_end - element.value <= _LONGEST_KEPT
        return rule.action in _BY_VALUE and has_one_vr and is_short and not rule.moves

    def always(self, rule: Rule) -> bytes:
        """Return the octets of a rule that is written whatever the original has."""
        if rule.constant is not None:
            return rule.constant
        value = self.pseudonym if rule.action is Action.PSEUDONYM else rule.fallback or b""
        return write_element(rule.tag, rule.vrs[0], value)

    def _keep(
        self,
        element: Element,
        rule: Rule,
        siblings: Mapping[int, Element],
        clear: dict[int, bytes],
    ) -> bool:
        """Write one attribute into `clear`; return whether that says all the original said."""
        vr = element.vr or (rule.vrs[0] if len(rule.vrs) == 1 else self._implied_vr(rule))
        octets = rule.constant
        if rule.moves and self.days is not None:
            octets = self._moved(element, rule, vr, self.days) or octets
        if octets is None:
            value = self._value(element, rule, vr, siblings)
            if value is None:
                return False
            octets = write_element(rule.tag, vr if vr in rule.vrs else rule.vrs[0], value)
        clear[rule.tag] = octets
        return octets[4:6] == vr and value_of(octets) == self._octets(element)

    def _moved(self, element: Element, rule: Rule, vr: bytes, days: int) -> bytes | None:
        """Return the element of a date or time that is moved; None if it is none."""
        value = moved(vr, self._octets(element), days) if vr in rule.vrs else None
        return None if value is None else write_element(rule.tag, vr, value)

    def _value(
        self, element: Element, rule: Rule, vr: bytes, siblings: Mapping[int, Element]
    ) -> bytes | None:
        action = rule.action
        # The usual ones first: this is asked for every attribute of every slice.
        if action is Action.KEEP_NUMBER or action is Action.KEEP_TERM:
            return clear_value(rule, vr, self._octets(element))
        if action is Action.ITEMS:
            return self._items(element, rule)
        if action is Action.KEEP_CODES:
            return self._codes(element, rule)
        if action is Action.LABEL:
            return self._label(rule, siblings)
        if action is Action.SEAL:
            return None
        if action is Action.PSEUDONYM:
            return self.pseudonym
        original = self._octets(element)
        if action is Action.MAP_UID or action is Action.MAP_UID_UNLESS_REGISTERED:
            if not original.strip(b" \0"):
                return b""
            uid = plain_uid(original)
            keeps = action is Action.MAP_UID_UNLESS_REGISTERED and is_registered_uid(uid)
            return uid if keeps else self.map_uid(uid)
        if action is Action.KEEP_CLASS:
            uid = original.strip(b" \0")
            return uid if not uid or is_registered_uid(uid) else without_value(rule)
        return clear_value(rule, vr, original)

    def _items(self, element: Element, rule: Rule) -> bytes | None:
        if element.items is None:
            # Nothing that can be looked into: UN of defined length, or another VR altogether.
            return b"" if not self._octets(element) else without_value(rule)
        written: list[bytes] = []
        for item in element.items:
            elements = {child.tag: child for child in item}
            if self._is_selected(elements, rule.items):
                clear, _ = self.part(elements, rule.by_tag)
                written.append(write_item(clear[tag] for tag in sorted(clear)))
        if element.items and not written:
            return without_value(rule)
        return b"".join(written)

    def _is_selected(self, elements: Mapping[int, Element], rules: Iterable[Rule]) -> bool:
        return all(
            rule.tag in elements and self._octets(elements[rule.tag]).strip(b" \0") in rule.terms
            for rule in rules
            if rule.selects
        )

    def _codes(self, element: Element, rule: Rule) -> bytes | None:
        codes = [
            (self._text(item, _CODE_VALUE), self._text(item, _CODING_SCHEME))
            for item in element.items or ()
        ]
        written = [_code_item(*code) for code in codes if meaning_of(*code) is not None]
        if not written and rule.fallback is not None:
            value, scheme = rule.fallback.split(b"\\")
            written = [_code_item(value, scheme)]
        if not written and codes:
            return without_value(rule)
        return b"".join(written)

    def _text(self, item: Iterable[Element], tag: int) -> bytes:
        return next((self._octets(one) for one in item if one.tag == tag), b"").strip(b" \0")

    def _label(self, rule: Rule, siblings: Mapping[int, Element]) -> bytes:
        prefix = rule.fallback or b""
        numbered = siblings.get(rule.number_tag)
        if numbered is None:
            return prefix
        octets = self._octets(numbered)
        if vr_of(rule.number_tag, signed_pixels=False) == b"US":
            return b"%s_%d" % (prefix, int.from_bytes(octets, "little"))
        match = _NUMBER.match(octets.rstrip(b"\0"))
        return prefix if match is None else b"%s_%s" % (prefix, match[1])

    def _octets(self, element: Element) -> bytes:
        return self.header.octets[element.value : element.value_end]

    def _implied_vr(self, rule: Rule) -> bytes:
        return vr_of(rule.tag, signed_pixels=is_signed(self.header))


def _code_item(value: bytes, scheme: bytes) -> bytes:
    meaning = meaning_of(value, scheme)
    if meaning is None:
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    return write_item(
        (
            write_element(_CODE_VALUE, b"SH", value),
            write_element(_CODING_SCHEME, b"SH", scheme),
            write_element(_CODE_MEANING, b"LO", meaning),
        )
    )
