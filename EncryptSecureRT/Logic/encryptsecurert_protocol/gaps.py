"""Gaps in the bulk: octets inside it that go with the header and are zeros in the protected file.

    bulk     |—— kept ——| gap |———— kept ————| gap |— kept —|
    header   ... before the bulk | gap | gap | behind it ...

A comment in a compressed frame lies among the pixels, but is none of them. It travels as header,
is sealed with it, and zeros of the same length keep every offset true. The digest of a bulk range
is that of its octets as the protected file has them: with zeros in the gaps.

>>> gaps = ((14, 2), (20, 4))
>>> read_gaps(gaps_json(gaps), [(10, 20)]) == gaps
True
>>> kept_pieces((10, 20), gaps)
[(10, 4), (16, 4), (24, 6)]
"""

from collections.abc import Sequence
from itertools import pairwise

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

MAX_GAPS = 8192
_NOWHERE = 2**64  # behind every octet of a file

Place = tuple[int, int]
"""Where octets lie in a file: (offset, length)."""


def check_gaps(gaps: Sequence[Place], ranges: Sequence[Place]) -> None:
    """Refuse gaps that are empty, not ascending and apart, or not inside one range each.

    `ranges` ascend; it takes one pass over both, however many a message lists.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT; E_TOO_LARGE if there are more than `MAX_GAPS`.
    """
    if len(gaps) > MAX_GAPS:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    if any(length < 1 for _, length in gaps):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    if any(start + length >= after for (start, length), (after, _) in pairwise(gaps)):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    borders = iter([(offset, offset + length) for offset, length in ranges])
    first, end = 0, 0
    for start, length in gaps:
        while end <= start:
            first, end = next(borders, (_NOWHERE, _NOWHERE))
        if start < first or start + length > end:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)


def gaps_inside(one: Place, gaps: Sequence[Place]) -> list[Place]:
    """Return the gaps that lie inside a range."""
    start, end = one[0], one[0] + one[1]
    return [gap for gap in gaps if start <= gap[0] and gap[0] + gap[1] <= end]


def kept_pieces(one: Place, gaps: Sequence[Place]) -> list[Place]:
    """Return what the gaps leave of a range, in its order."""
    position, end = one[0], one[0] + one[1]
    pieces: list[Place] = []
    for start, length in gaps_inside(one, gaps):
        pieces.append((position, start - position))
        position = start + length
    pieces.append((position, end - position))
    return [piece for piece in pieces if piece[1]]


def gaps_json(gaps: Sequence[Place]) -> list[int]:
    """Return gaps as messages list them: offset, length, offset, length and so on."""
    return [number for gap in gaps for number in gap]


def read_gaps(value: object, ranges: Sequence[Place]) -> tuple[Place, ...]:
    """Return the gaps that a message lists, inside these ranges (E_FORMAT, E_TOO_LARGE)."""
    if not isinstance(value, list) or len(value) % 2:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    if len(value) > 2 * MAX_GAPS:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    if any(not isinstance(one, int) or isinstance(one, bool) or one < 0 for one in value):
        raise EncryptSecureRTError(ErrorCode.E_FORMAT)
    gaps = tuple(zip(value[::2], value[1::2], strict=True))
    check_gaps(gaps, ranges)
    return gaps
