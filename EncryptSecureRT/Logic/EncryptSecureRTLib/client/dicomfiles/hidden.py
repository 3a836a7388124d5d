"""The one refusal of pixel data in which text may hide, with its fixed words."""

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

NUMBERS = "rows, columns or bits of the pixels are missing or impossible"
SPARE_BITS = "bits beside those of the pixels are used"
FRAME = "a compressed frame is not as its standard says"
SEGMENT = "a compressed frame has a segment that is not known"
TABLES = "a compressed frame has tables that it does not use"
SHAPE = "a compressed frame has another size than the header says"
FRAMES = "there are more compressed frames than the header says"
OFFSETS = "the offset table does not lead to the frames"
TOO_MANY = "more comments in the compressed frames than can be masked"


def hidden(words: str) -> EncryptSecureRTError:
    """Return E_HIDDEN_DATA with one of the words above."""
    return EncryptSecureRTError(ErrorCode.E_HIDDEN_DATA, words)
