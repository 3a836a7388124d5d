"""The sealed part: Encrypted Attributes Sequence with one full item (PS3.15 section E.1.1).

    (0400,0500) item { (0400,0510) Explicit VR LE, (0400,0520) CMS of
        (0400,0550) item { originals, and our private block } , (FFFC,FFFC) padding }

The items of offline recipients, if there are any, stand behind it (see `class_items`): programs
that open one item open the first.

The private block of group 0EEF, creator ``ENCRYPTSECURERT 1``, holds what an exact file needs
beyond its attributes: all header octets as they were, with those in gaps of the bulk, and where
the bulk goes between them.
The group is odd, as those of private elements must be (PS3.5 section 7.8).
"""

from collections.abc import Iterable, Sequence

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.gaps import gaps_json
from encryptsecurert_protocol.headers import HeaderRequest
from encryptsecurert_worker.dicom.protect.elements import EXPLICIT_VR_LITTLE_ENDIAN
from encryptsecurert_worker.dicom.protect.envelope import Envelope
from encryptsecurert_worker.dicom.protect.writing import write_element, write_head, write_sequence

ENCRYPTED_ATTRIBUTES = 0x04000500
PRIVATE_GROUP = 0x0EEF
PRIVATE_CREATOR = b"ENCRYPTSECURERT 1"
RAW_HEADER, SPLICE_LIST = 0x01, 0x02
SPLICE_SCHEMA = "encryptsecurert.splice/2"
BUCKET_BYTES = 4096

_SYNTAX, _CONTENT, _MODIFIED_ATTRIBUTES = 0x04000510, 0x04000520, 0x04000550
_TRAILING_PADDING = 0xFFFCFFFC
_PADDING_HEAD_BYTES = 12


def sealed_sequence(
    envelope: Envelope,
    request: HeaderRequest,
    originals: Iterable[tuple[int, bytes]],
    study: bytes,
    others: Sequence[bytes] = (),
) -> bytes:
    """Return (0400,0500) with everything that does not stand in clear.

    Parameters
    ----------
    envelope : Envelope
        For the recipients of the full item.
    request : HeaderRequest
        Its header octets and bulk list go in as they are.
    originals : iterable of (tag, octets)
        Original top-level elements in Explicit VR Little Endian, in any order.
    study : bytes
        UID of the study, whose items of this job share a key.
    others : sequence of bytes
        Items of `sealed_item` that follow the full one.
    """
    elements = dict(originals)
    elements.update(_private_block(request, set(elements)))
    full = sealed_item(envelope, b"".join(elements[tag] for tag in sorted(elements)), study)
    return write_sequence(ENCRYPTED_ATTRIBUTES, [full, *others])


def sealed_item(envelope: Envelope, attributes: bytes, study: bytes) -> bytes:
    """Return the elements of one item of (0400,0500), given those that are sealed in it."""
    plaintext = pad(write_sequence(_MODIFIED_ATTRIBUTES, [attributes]))
    return write_element(_SYNTAX, b"UI", EXPLICIT_VR_LITTLE_ENDIAN) + write_element(
        _CONTENT, b"OB", envelope.seal(plaintext, study)
    )


def pad(plaintext: bytes) -> bytes:
    """Fill with Data Set Trailing Padding up to a multiple of 4096 octets.

    What is left over may be too small for the padding's own head; then one bucket more.
    """
    gap = -len(plaintext) % BUCKET_BYTES
    if gap == 0:
        return plaintext
    if gap < _PADDING_HEAD_BYTES:
        gap += BUCKET_BYTES
    length = gap - _PADDING_HEAD_BYTES
    return plaintext + write_head(_TRAILING_PADDING, b"OB", length) + bytes(length)


def _private_block(request: HeaderRequest, taken: set[int]) -> list[tuple[int, bytes]]:
    block = _free_block(taken)
    base = PRIVATE_GROUP << 16 | block << 8
    creator = PRIVATE_GROUP << 16 | block
    return [
        (creator, write_element(creator, b"LO", PRIVATE_CREATOR)),
        (base | RAW_HEADER, write_element(base | RAW_HEADER, b"OB", bytes(request.header))),
        (base | SPLICE_LIST, write_element(base | SPLICE_LIST, b"OB", _splice_list(request))),
    ]


def _free_block(taken: set[int]) -> int:
    """Return the private block (PS3.5 section 7.8.1) after all that the original has used.

    An original may hold a block that looks like ours; ours is the last one, and so it is found.
    """
    used = {
        tag & 0xFF if tag & 0xFFFF <= 0xFF else tag >> 8 & 0xFF
        for tag in taken
        if tag >> 16 == PRIVATE_GROUP
    }
    block = max(used | {0x0F}) + 1
    if block > 0xFF:
        raise EncryptSecureRTError(ErrorCode.E_DICOM)
    return block


def _splice_list(request: HeaderRequest) -> bytes:
    """Return canonical JSON; an odd one is padded by a zero octet, which ends no JSON."""
    return canonical.encode(
        {
            "schema": SPLICE_SCHEMA,
            "size": request.size,
            "file_sha256": request.file_sha256,
            "bulk": [one.as_json() for one in request.bulk],
            "gaps": gaps_json(request.gaps),
        }
    )
