"""The escrow key's file: a PEM that any tool opens, under the passphrase.

It must still open when this program is gone, so it is PKCS #8 (RFC 5958) under PBES2 (RFC 8018)
with scrypt (RFC 7914) and AES-256-CBC, which `openssl pkey` reads:

    EncryptedPrivateKeyInfo ::= SEQUENCE {
      SEQUENCE { pbes2, SEQUENCE {
        SEQUENCE { scrypt, SEQUENCE { salt OCTET STRING, N, r, p INTEGER } }
        SEQUENCE { aes256-cbc, iv OCTET STRING } } }
      encrypted OCTET STRING }

The encryption that the cryptography package writes by itself is PBKDF2 with 2048 rounds. Since the
same passphrase protects the site's keys, that would be the weakest place to guess it. OpenSSL takes
32 MiB for scrypt at most, hence N = 2**14 and p = 8 here in place of N = 2**17.
"""

import base64
import hashlib
import textwrap

from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from encryptsecurert_protocol.sealing import KEY_BYTES, random_octets
from EncryptSecureRTLib.custodian.passphrase import check_passphrase

ESCROW_KEY, ESCROW_CERTIFICATE = "escrow.key", "escrow.pem"
_N, _R, _P = 2**14, 8, 8
_MEMORY_BYTES = 2 * 128 * _N * _R
_SALT_BYTES = 32
_BLOCK_BYTES = 16
_SEQUENCE, _INTEGER, _OCTETS, _OID = 0x30, 0x02, 0x04, 0x06
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_AES256_CBC = bytes.fromhex("60864801650304012a")


def _tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def _integer(value: int) -> bytes:
    return _tlv(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    padder = padding.PKCS7(8 * _BLOCK_BYTES).padder()
    padded = padder.update(plaintext) + padder.finalize()
    # CBC is what the file format has; nothing of the protocol is sealed in this way.
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def escrow_pem(private_key: rsa.RSAPrivateKey, passphrase: bytes) -> bytes:
    """Return the PEM file of an RSA key, encrypted under the passphrase."""
    plaintext = private_key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    salt, iv = random_octets(_SALT_BYTES), random_octets(_BLOCK_BYTES)
    key = hashlib.scrypt(
        check_passphrase(passphrase),
        salt=salt,
        n=_N,
        r=_R,
        p=_P,
        maxmem=_MEMORY_BYTES,
        dklen=KEY_BYTES,
    )
    numbers = _tlv(_SEQUENCE, _tlv(_OCTETS, salt), *(_integer(n) for n in (_N, _R, _P)))
    kdf = _tlv(_SEQUENCE, _tlv(_OID, _SCRYPT), numbers)
    cipher = _tlv(_SEQUENCE, _tlv(_OID, _AES256_CBC), _tlv(_OCTETS, iv))
    algorithm = _tlv(_SEQUENCE, _tlv(_OID, _PBES2), _tlv(_SEQUENCE, kdf, cipher))
    der = _tlv(_SEQUENCE, algorithm, _tlv(_OCTETS, _encrypt(key, iv, plaintext)))
    lines = textwrap.wrap(base64.b64encode(der).decode("ascii"), 64)
    label = "ENCRYPTED PRIVATE KEY"
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()
