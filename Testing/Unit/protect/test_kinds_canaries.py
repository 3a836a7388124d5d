"""Canaries in every text-like element of real files of every kind: none stands in clear.

Each value is overwritten where it lies, octet for octet, so that files keep their form: nested,
private, in file meta and preamble. Only what would have the file refused, and so written nowhere,
is left: the numbers and terms without which an object is none.
"""

import base64
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from leakforms import exact_forms, lower_forms
from Testing.Unit.protect.kinds import Kept, outcomes

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.headers import HeaderRequest, encode_answer
from encryptsecurert_worker.dicom.protect.dictionary import vr_of
from encryptsecurert_worker.dicom.protect.elements import PIXEL_TAGS, Element, read_header
from encryptsecurert_worker.dicom.protect.iods import Iod
from encryptsecurert_worker.dicom.protect.rules import Action, Kind, Rule
from EncryptSecureRTLib.client.dicomfiles import header_request, split_file

pytestmark = pytest.mark.real_data

TEXT_LIKE = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UN UR UT OB".split())
LEAST = 6  # shorter ones turn up in random octets by themselves
IN_ALL_FORMS = 12  # of a file's canaries; the others are looked for as they are
# Burned In Annotation, Conversion Type, Photometric Interpretation, Number of Frames: another
# value has the file refused.
DECIDING = {0x00280301, 0x00080064, 0x00280004, 0x00280008}


class Planted(NamedTuple):
    """A file with canaries: the request for it, and what to look for."""

    request: HeaderRequest
    needles: list[str]

    def found_in(self, clear: bytes) -> list[str]:
        """Return the canaries that stand there, some of them looked for in all forms."""
        found = [one for one in self.needles if one.encode() in clear]
        lower = clear.lower()
        for needle in self.needles[:: max(1, len(self.needles) // IN_ALL_FORMS)]:
            if any(form in lower for form in lower_forms(needle)):
                found.append(needle)
            elif any(form in clear for form in exact_forms(needle)):
                found.append(needle)
        return found


def _is_spared(tag: int, rule: Rule | None) -> bool:
    if tag in DECIDING or tag == 0x00080016:
        return True
    # What must be right, and what has an item left out as a whole.
    keeps = rule is not None and rule.action in (
        Action.KEEP_NUMBER,
        Action.KEEP_TERM,
        Action.KEEP_CLASS,
    )
    return keeps and rule is not None and rule.kind is Kind.REQUIRED and rule.fallback is None


def _leaves(
    elements: tuple[Element, ...], rules: Mapping[int, Rule]
) -> Iterator[tuple[Element, bytes]]:
    for element in elements:
        rule = rules.get(element.tag)
        if element.items is not None:
            for item in element.items:
                yield from _leaves(item, rule.by_tag if rule is not None else {})
            continue
        vr = element.vr or vr_of(element.tag, signed_pixels=False)
        if vr in TEXT_LIKE and element.tag not in PIXEL_TAGS and not _is_spared(element.tag, rule):
            yield element, vr


def _canary(dice: random.Random, vr: bytes, length: int) -> str:
    if vr == b"UI":
        digits = "".join(dice.choices("123456789", k=min(length, 60) - 2))
        return "2." + digits
    text = base64.b32encode(dice.randbytes(length)).decode()[: min(length, 40)]
    return "Q" + text[1:]


def planted_in(request: HeaderRequest, iod: Iod, seed: str) -> Planted:
    """Return the request with canaries wherever the kind's list lets a file go through."""
    header = read_header(request)
    octets = bytearray(header.octets)
    dice = random.Random(seed)  # noqa: S311 - test data
    needles: list[str] = []
    meta = tuple(one for one in header.meta.values() if one.tag not in (0x00020000, 0x00020010))
    places = [*_leaves(meta, {}), *_leaves(tuple(header.elements.values()), iod.by_tag)]
    for element, vr in places:
        length = element.value_end - element.value
        if length >= LEAST:
            canary = _canary(dice, vr, length)
            octets[element.value : element.value_end] = canary.encode().ljust(length, b"\0")
            needles.append(canary)
    preamble = _canary(dice, b"LO", 32)
    octets[:128] = preamble.encode().ljust(128, b"\0")
    changed = replace(request, header=bytes(octets))
    return Planted(changed, [*needles, preamble])


@pytest.fixture(scope="module")
def found(site: Any) -> tuple[list[Kept], Counter[ErrorCode]]:
    kept: list[Kept] = []
    refused: Counter[ErrorCode] = Counter()
    for _, outcome in outcomes(site.protector):
        if isinstance(outcome, Kept):
            kept.append(outcome)
        else:
            refused[outcome] += 1
    return kept, refused


def test_every_file_is_protected_or_refused_with_its_reason(
    found: tuple[list[Kept], Counter[ErrorCode]],
) -> None:
    kept, refused = found

    assert len(kept) >= 120
    assert len({one.iod.name for one in kept}) >= 11
    assert set(refused) == {
        ErrorCode.E_BURNED_IN,
        ErrorCode.E_DICOM,
        ErrorCode.E_HIDDEN_DATA,
        ErrorCode.E_MISSING_UID,
        ErrorCode.E_MODALITY,
        ErrorCode.E_TRANSFER_SYNTAX,
    }


def test_no_canary_of_a_real_file_stands_in_clear(
    site: Any, found: tuple[list[Kept], Counter[ErrorCode]]
) -> None:
    planted_in_all = protected = 0
    for kept in found[0]:
        request = header_request(split_file(kept.original))
        planted = planted_in(request, kept.iod, kept.original.name)
        octets = bytes(planted.request.header)
        assert all(needle.encode() in octets for needle in planted.needles)
        planted_in_all += len(planted.needles)

        answer = site.protector.answer(planted.request)

        protected += answer.code is None
        assert planted.found_in(encode_answer(answer)) == [], kept.original.name
    assert planted_in_all > 10_000
    # All are protected in spite of what they say, so there was something to search.
    assert protected == len(found[0])
