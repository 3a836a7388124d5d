"""Opens a sealed item with the site's recipient key: the one place where that key is used.

CMS by RSA PKCS#1 v1.5 and CBC tells whoever may try octets on it something about the key and the
plaintext (Bleichenbacher, padding). So `open` is for octets alone that a signed manifest names:
then they are what this site sealed, and opening them tells nothing new. Items of one batch have one
content key (see `envelope`), which is decrypted once and kept as long as the opener.
"""

from collections.abc import Callable
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_private_key

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, MAX_INTEGER, Fields
from encryptsecurert_protocol.gaps import MAX_GAPS, read_gaps
from encryptsecurert_protocol.headers import MAX_BULK_RANGES, HeaderRequest, bulk_ranges
from encryptsecurert_worker.dicom.cms import BLOCK_BYTES, Enveloped, read_enveloped, recipient_name
from encryptsecurert_worker.dicom.protect.elements import Element, Header, read_sealed
from encryptsecurert_worker.dicom.protect.sealed import (
    PRIVATE_CREATOR,
    PRIVATE_GROUP,
    RAW_HEADER,
    SPLICE_LIST,
    SPLICE_SCHEMA,
)

_MODIFIED_ATTRIBUTES = 0x04000550
_CONTENT_KEY_BYTES = 32
_KEYS_KEPT = 64  # of a study's batches; files that were sealed one by one are decrypted one by one


def _refusal() -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_SEAL)


class Opener:
    """Opens sealed items of one site.

    Parameters
    ----------
    recipient_key : PKCS #8 DER of the RSA key.
    certificate : DER of the certificate that sealed items name.

    Raises
    ------
    EncryptSecureRTError
        E_BUNDLE if they cannot be used.
    """

    def __init__(self, recipient_key: bytes, certificate: bytes) -> None:
        try:
            # To see that its numbers are primes takes as long as to open a hundred files; the
            # custodian made the key, and a wrong one opens nothing.
            key = load_der_private_key(recipient_key, None, unsafe_skip_rsa_key_validation=True)
            named = x509.load_der_x509_certificate(certificate)
        except (ValueError, TypeError):
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE) from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
        if key.public_key() != named.public_key():
            raise EncryptSecureRTError(ErrorCode.E_BUNDLE)
        self._name = recipient_name(named)
        self._content_key: Callable[[bytes], bytes] = lru_cache(_KEYS_KEPT)(
            lambda wrapped: decrypted_key(key, wrapped)
        )

    def open(self, content: bytes) -> HeaderRequest:
        """Return the original without its bulk, as it once came to be protected (E_SEAL).

        Parameters
        ----------
        content : DER octets whose digest a signed manifest names.
        """
        enveloped = read_enveloped(content)
        wrapped = enveloped.keys.get(self._name)
        if wrapped is None:
            raise _refusal()
        return original_of(_plaintext(enveloped, self._content_key(wrapped)))


def decrypted_key(key: rsa.RSAPrivateKey, wrapped: bytes) -> bytes:
    """Return a content key: the one use of the recipient key (E_SEAL)."""
    try:
        content_key = key.decrypt(wrapped, padding.PKCS1v15())
    except ValueError:
        raise _refusal() from None
    if len(content_key) != _CONTENT_KEY_BYTES:
        raise _refusal()
    return content_key


def _plaintext(enveloped: Enveloped, content_key: bytes) -> bytes:
    """Return what is in an item, without the octets that fill up its last block."""
    cipher = Cipher(algorithms.AES256(content_key), modes.CBC(enveloped.iv))
    padded = cipher.decryptor().update(enveloped.encrypted)
    gap = padded[-1]
    if not 1 <= gap <= BLOCK_BYTES or padded[-gap:] != bytes((gap,)) * gap:
        raise _refusal()
    return padded[:-gap]


def original_of(plaintext: bytes) -> HeaderRequest:
    """Return the original in an opened item, without its bulk (E_SEAL)."""
    try:
        return _original(read_sealed(plaintext))
    except EncryptSecureRTError:
        raise _refusal() from None


def _original(header: Header) -> HeaderRequest:
    modified = header.elements.get(_MODIFIED_ATTRIBUTES)
    if modified is None or modified.items is None or len(modified.items) != 1:
        raise _refusal()
    raw, splices = _private_block(header, modified.items[0])
    text = splices.removesuffix(b"\0")
    fields = Fields(canonical.decode(text), ("schema", "size", "file_sha256", "bulk", "gaps"))
    fields.constant("schema", SPLICE_SCHEMA)
    size = fields.integer("size", 1, MAX_INTEGER)
    bulk = bulk_ranges(fields.items("bulk", MAX_BULK_RANGES))
    gaps = read_gaps(fields.items("gaps", 2 * MAX_GAPS), [one.place for one in bulk])
    length = size - sum(one.length for one in bulk) + sum(length for _, length in gaps)
    if not 0 <= len(raw) - length <= 1:  # an odd one was padded
        raise _refusal()
    return HeaderRequest(
        size=size,
        bulk=bulk,
        header=raw[:length],
        file_sha256=None
        if fields.is_null("file_sha256")
        else fields.hex("file_sha256", DIGEST_BYTES),
        gaps=gaps,
        whole=not bulk,  # if there are pixels, they are inside
    )


def _private_block(header: Header, item: tuple[Element, ...]) -> tuple[bytes, bytes]:
    """Return raw header and splices of the last block that is ours: an original may hold one."""
    ours = {
        element.tag: header.octets[element.value : element.value_end]
        for element in item
        if element.tag >> 16 == PRIVATE_GROUP
    }
    blocks = [tag & 0xFF for tag, value in ours.items() if value.rstrip(b" ") == PRIVATE_CREATOR]
    for block in reversed(blocks):
        base = PRIVATE_GROUP << 16 | block << 8
        raw, splices = ours.get(base | RAW_HEADER), ours.get(base | SPLICE_LIST)
        if raw is not None and splices is not None:
            return raw, splices
    raise _refusal()
