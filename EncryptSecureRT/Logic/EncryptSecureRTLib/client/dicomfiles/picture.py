"""What group 0028 says of the pixels, and whether uncompressed ones keep to it.

Of the bits that a pixel has room for (Bits Allocated), the picture uses some (Bits Stored, High
Bit; PS3.5 section 8.1.1). In the others overlays were kept once, and anything else may be. They
have to be zeros, or repeat the sign of signed pixels, in the whole file alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from EncryptSecureRTLib.client.dicomfiles.hidden import NUMBERS, SPARE_BITS, hidden

if TYPE_CHECKING:
    import numpy.typing as npt

_SAMPLES, _FRAMES, _ROWS, _COLUMNS = 0x0002, 0x0008, 0x0010, 0x0011
_ALLOCATED, _STORED, _HIGH_BIT, _REPRESENTATION = 0x0100, 0x0101, 0x0102, 0x0103
_COUNT = re.compile(rb" *\+?([0-9]{1,9}) *\Z")
_WORDS: Mapping[int, str] = {8: "<u1", 16: "<u2", 32: "<u4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """How the pixels of one object are stored (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool

    @property
    def size_bits(self) -> int:
        """Of all pixels, without padding."""
        return self.rows * self.columns * self.samples * self.frames * self.bits_allocated


def picture_of(numbers: Mapping[int, bytes]) -> Picture:
    """Return what raw values of group 0028 say (E_HIDDEN_DATA if they say too little)."""
    frames = _COUNT.match(numbers.get(_FRAMES, b"").strip(b" \0") or b"1")
    if frames is None:
        raise hidden(NUMBERS)
    stored, allocated = _number(numbers, _STORED), _number(numbers, _ALLOCATED)
    high_bit = _number(numbers, _HIGH_BIT) if _HIGH_BIT in numbers else stored - 1
    if not 0 < stored <= high_bit + 1 <= allocated:
        raise hidden(NUMBERS)
    return Picture(
        rows=_number(numbers, _ROWS),
        columns=_number(numbers, _COLUMNS),
        samples=_number(numbers, _SAMPLES),
        frames=int(frames[1]),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        is_signed=numbers.get(_REPRESENTATION) == b"\1\0",
    )


def _number(numbers: Mapping[int, bytes], element: int) -> int:
    value = numbers.get(element, b"")
    if len(value) != 2:
        raise hidden(NUMBERS)
    return int.from_bytes(value, "little")


class SpareBits:
    """Looks at the bits of uncompressed pixels that the picture does not use.

    Pieces come in their order; each but the last is a multiple of four octets long.

    Attributes
    ----------
    is_needed : whether there are such bits at all.
    """

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._word = _WORDS.get(picture.bits_allocated)
        self._low_mask = (1 << (picture.high_bit - picture.bits_stored + 1)) - 1
        is_above = picture.high_bit + 1 < picture.bits_allocated
        self._is_word_spare = self._word is not None and (is_above or self._low_mask != 0)
        self.is_needed = self._is_word_spare or picture.size_bits % 8 != 0
        # Either all spare bits are zeros, or all repeat the sign: a choice would be a message.
        self._may_be_zeros = True
        self._may_be_signs = picture.is_signed
        self._bits_left = picture.size_bits

    def see(self, piece: bytes) -> None:
        """Look at the next octets (E_HIDDEN_DATA)."""
        used = min(self._bits_left, 8 * len(piece))
        self._bits_left -= used
        if used % 8 and piece[used // 8] >> (used % 8):
            raise hidden(SPARE_BITS)
        if self._is_word_spare and self._word is not None:
            self._judge(piece, self._word, used // self._picture.bits_allocated)

    def _judge(self, piece: bytes, word: str, count: int) -> None:
        import numpy as np  # slow to load, and only this needs it

        words: npt.NDArray[Any] = np.frombuffer(piece, word, count)
        if not count:
            return
        end = 1 << (self._picture.high_bit + 1)
        signed = words.view(words.dtype.str.replace("u", "i"))
        self._may_be_zeros &= int(words.max()) < end
        self._may_be_signs &= int(signed.min()) >= -end // 2 and int(signed.max()) < end // 2
        is_low_used = self._low_mask and int(np.bitwise_or.reduce(words)) & self._low_mask
        if is_low_used or not (self._may_be_zeros or self._may_be_signs):
            raise hidden(SPARE_BITS)
