"""What lies on the custodian's disk under a passphrase.

    file = canonical JSON {schema, content, kdf {name, n, r, p, salt}, sealed}
    key  = scrypt(passphrase, salt)                 sealed = record (see protocol.sealing)
    aad  = canonical JSON of all members but `sealed`

The numbers of scrypt are constants and checked, so that a changed file can neither ask for all the
memory nor for a weaker key.
"""

import hashlib
import unicodedata

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import Fields, base64_text
from encryptsecurert_protocol.sealing import KEY_BYTES, open_record, random_octets, seal_record

MIN_CHARACTERS = 12
_MAX_CHARACTERS = 1024
_SCHEMA = "encryptsecurert.sealedfile/1"
# About 0.3 s and 128 MiB for each guess.
_N, _R, _P = 2**17, 8, 1
_MEMORY_BYTES = 2 * 128 * _N * _R
_SALT_BYTES = 32
MAX_SEALED_FILE_BYTES = 256 * 1024


def check_passphrase(octets: bytes) -> bytes:
    """Return the passphrase in its one form (UTF-8, NFC), as it was typed or read from a file.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE if it is shorter than 12 characters, longer than 1024 or not UTF-8.
    """
    try:
        text = unicodedata.normalize("NFC", octets.decode("utf-8"))
    except UnicodeDecodeError:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "the passphrase is not UTF-8") from None
    if len(text) < MIN_CHARACTERS:
        detail = f"the passphrase is shorter than {MIN_CHARACTERS} characters"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    if len(text) > _MAX_CHARACTERS:
        detail = f"the passphrase is longer than {_MAX_CHARACTERS} characters"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    return text.encode("utf-8")


def _key(passphrase: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(
        check_passphrase(passphrase),
        salt=salt,
        n=_N,
        r=_R,
        p=_P,
        maxmem=_MEMORY_BYTES,
        dklen=KEY_BYTES,
    )


def _open_part(content: str, salt: bytes) -> dict[str, object]:
    kdf = {"name": "scrypt", "n": _N, "r": _R, "p": _P, "salt": base64_text(salt)}
    return {"schema": _SCHEMA, "content": content, "kdf": kdf}


def seal_file(passphrase: bytes, content: str, plaintext: bytes) -> bytes:
    """Return the octets of a file that holds `plaintext` under the passphrase.

    `content` is a word that says what is inside; the same word is needed to open it.
    """
    salt = random_octets(_SALT_BYTES)
    part = _open_part(content, salt)
    sealed = seal_record(_key(passphrase, salt), canonical.encode(part), plaintext)
    return canonical.encode({**part, "sealed": base64_text(sealed)})


def open_file(passphrase: bytes, content: str, octets: bytes) -> bytes:
    """Return what a file of `seal_file` holds.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if this is no such file; E_USAGE, without a reason, if the passphrase does not
        open it: a wrong passphrase and a changed file look the same.
    """
    code = ErrorCode.E_LOCAL_FILE
    try:
        value = canonical.decode(octets, MAX_SEALED_FILE_BYTES)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(code, "not a sealed key file") from None
    fields = Fields(value, ("schema", "content", "kdf", "sealed"), code)
    fields.constant("schema", _SCHEMA)
    fields.constant("content", content)
    kdf = fields.child("kdf", ("name", "n", "r", "p", "salt"))
    for name, expected in (("name", "scrypt"), ("n", _N), ("r", _R), ("p", _P)):
        kdf.constant(name, expected)
    salt = kdf.octets("salt", _SALT_BYTES, _SALT_BYTES)
    sealed = fields.octets("sealed", MAX_SEALED_FILE_BYTES)
    key = _key(passphrase, salt)
    try:
        return open_record(key, canonical.encode(_open_part(content, salt)), sealed)
    except EncryptSecureRTError:
        detail = "the passphrase is wrong, or the key file was changed"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail) from None
