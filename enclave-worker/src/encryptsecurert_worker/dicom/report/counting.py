"""Counts of one kind of object: clear attributes by path, sealed ones by class.

Counting is for every attribute of every slice, and must cost little beside sealing it. So sets of
tags are counted, of which the slices of a series have the same, and an element is looked at only
where it may be a sequence. What is kept follows from the allow-lists, however many instances
there are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.protection_reports import ClearAttribute, SealedCount
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_worker.dicom.protect.dictionary import is_sequence, is_standard_tag, vr_of
from encryptsecurert_worker.dicom.protect.elements import Element, Header
from encryptsecurert_worker.dicom.report.rows import Row, Rows
from encryptsecurert_worker.dicom.report.table_e1_1 import default_action
from encryptsecurert_worker.dicom.reveal.classes import class_of, named_class

_TAG, _ITEMS = itemgetter(0), itemgetter(6)
_MOST_SETS, _MOST_TAGS = 64, 4096
Item = Sequence[Element]
Tags = tuple[int, ...] | frozenset[int]


class TagCount:
    """How often each tag was in a set of tags; few sets, or what they come to, are kept."""

    def __init__(self) -> None:
        self._sets: dict[Tags, int] = {}
        self._counts: Counter[int] = Counter()

    def add(self, tags: Tags) -> None:
        """Count each of the tags, none of which is there twice."""
        self._sets[tags] = self._sets.get(tags, 0) + 1
        if len(self._sets) > _MOST_SETS:
            self._fold()

    def counts(self) -> Mapping[int, int]:
        """Return the number of each tag."""
        self._fold()
        return self._counts

    def _fold(self) -> None:
        for tags, times in self._sets.items():
            for tag in tags:
                self._counts[tag] += times
        self._sets.clear()


class ClearCount:
    """In how many instances each attribute stands in clear, at the paths of some rows.

    Only rows of sequences have rows below them, and only below these is anything looked for: what
    is written in clear has the VR of its row.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._tags = TagCount()
        self._below = {tag: ClearCount(row.below) for tag, row in rows.items() if row.below}

    def add(self, header: Header) -> None:
        """Count one instance, given its protected file as it was walked."""
        elements = header.elements
        self._tags.add((*header.meta, *elements))
        for tag, below in self._below.items():
            if tag in elements:
                below._add_items(elements[tag].items or ())

    def _add_items(self, items: Iterable[Item]) -> None:
        """Count one instance, given the items of all its sequences of this path."""
        if not self._below:
            self._tags.add(frozenset(map(_TAG, chain.from_iterable(items))))
            return
        elements = list(chain.from_iterable(items))
        self._tags.add(frozenset(map(_TAG, elements)))
        for tag, below in self._below.items():
            inner = [item for one in elements if one[0] == tag for item in one.items or ()]
            if inner:
                below._add_items(inner)

    def attributes(self) -> tuple[ClearAttribute, ...]:
        """Return what was there, ascending by tags.

        Raises
        ------
        EncryptSecureRTError
            E_INTERNAL if there was an attribute that no row has.
        """
        return tuple(self._each((), ()))

    def _each(self, tags: tuple[str, ...], path: tuple[str, ...]) -> Iterator[ClearAttribute]:
        for tag, instances in sorted(self._tags.counts().items()):
            row = self._rows.get(tag)
            if row is None:
                raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "a clear attribute has no row")
            at, called = (*tags, f"{tag:08X}"), (*path, row.keyword)
            yield _attribute(row, at, called, default_action(tag), instances)
            if tag in self._below:
                yield from self._below[tag]._each(at, called)


def _attribute(
    row: Row, tags: tuple[str, ...], path: tuple[str, ...], table: str | None, instances: int
) -> ClearAttribute:
    return ClearAttribute(
        tags=tags,
        path=path,
        action=row.action,
        reason=row.reason,
        table=table,
        instances=instances,
    )


class SealedTally:
    """How many sealed attributes each class has: of the data sets, and nested in sequences.

    An attribute's class is that of its tag, under the VR that PS3.6 has for it. Sequences are those
    of PS3.6, and private or unknown ones.
    """

    def __init__(self) -> None:
        self._attributes = TagCount()
        self._nested: Counter[RevealClass] = Counter()
        self._nested_tags: Counter[int] = Counter()  # of those whose class follows from their tag

    def add(self, tags: tuple[int, ...], elements: Mapping[int, Element]) -> None:
        """Count the sealed attributes of one instance, given their tags and all its elements."""
        self._attributes.add(tags)
        for tag in _sequence_tags(tags):
            items = elements[tag].items
            if items:
                self._add_nested(items, named_class(tag))
        if len(self._nested_tags) > _MOST_TAGS:
            self._fold()

    def _add_nested(self, items: Iterable[Item], inside: RevealClass | None) -> None:
        """Count what is in items, all `inside` a sequence that the classes name, if any."""
        elements = list(chain.from_iterable(items))
        if inside is None:
            self._nested_tags.update(map(_TAG, elements))
        else:
            self._nested[inside] += len(elements)
        deeper: dict[RevealClass | None, list[Item]] = {}
        for one in filter(_ITEMS, elements):
            deeper.setdefault(inside or named_class(one.tag), []).extend(one.items or ())
        for kind, below in deeper.items():
            self._add_nested(below, kind)

    def counts(self) -> dict[RevealClass, SealedCount]:
        """Return the counts of all classes."""
        self._fold()
        attributes = _by_class(self._attributes.counts())
        return {
            kind: SealedCount(attributes=attributes[kind], nested=self._nested[kind])
            for kind in RevealClass
        }

    def _fold(self) -> None:
        self._nested += _by_class(self._nested_tags)
        self._nested_tags.clear()


def _by_class(counts: Mapping[int, int]) -> Counter[RevealClass]:
    found: Counter[RevealClass] = Counter()
    for tag, times in counts.items():
        found[class_of(tag, vr_of(tag, signed_pixels=False))] += times
    return found


@lru_cache(maxsize=_MOST_SETS)
def _sequence_tags(tags: tuple[int, ...]) -> tuple[int, ...]:
    """Return the tags that may be of sequences."""
    return tuple(tag for tag in tags if is_sequence(tag) or not is_standard_tag(tag))
