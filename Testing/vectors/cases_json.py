"""Scenarios of the lowest layer: canonical JSON, fractions, times, signatures, derived values."""

import hashlib
from collections.abc import Iterator

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from Testing.Unit.protocol.second_implementation import object_name, report_data, sub_key
from Testing.vectors.vector_file import Vector, octet_fields
from Testing.vectors.vector_keys import (
    DEDUP_KEY,
    P256_ORDER,
    SITE_KEY,
    USER_KEY,
    KeptSealings,
    seed,
    sign,
    spki,
)

Case = tuple[str, Vector]
_DEEP_16 = b'{"a":' * 15 + b"{}" + b"}" * 15

_CANONICAL_GOOD = {
    "empty-object": (b"{}", "the smallest object"),
    "all-types": (
        b'{"a":[1,-1,0,true,false,null,"x"],"b":{"c":{}},"d":[]}',
        "every type that there is",
    ),
    "key-order": (b'{"0":0,"_":1,"a":2,"a0":3,"a_":4}', "keys sort by octets"),
    "text": (
        '{"a":"Gr\u00fc\u00dfe \u65e5 \U0001f600 / \' \x7f"}'.encode(),
        "only quotation mark, backslash and controls below U+0020 are escaped",
    ),
    "escapes": (
        rb'{"a":"\b\t\n\f\r\"\\\u0000\u001f"}',
        "short escapes where there are some, lower-case hex otherwise",
    ),
    "largest-integers": (
        b'{"a":9007199254740991,"b":-9007199254740991}',
        "the largest magnitude is 2^53 - 1",
    ),
    "depth-16": (_DEEP_16, "sixteen levels, the object itself is the first"),
}
_CANONICAL_BAD = {
    "space": (b'{"a": 1}', "white space"),
    "key-order-wrong": (b'{"b":1,"a":2}', "keys not sorted"),
    "doubled-key": (b'{"a":1,"a":1}', "a key twice, even with one value"),
    "fraction": (b'{"a":1.5}', "a number with a point travels as text"),
    "whole-fraction": (b'{"a":1.0}', "also if it is whole"),
    "exponent": (b'{"a":1e3}', "an exponent"),
    "exponent-overflow": (b'{"a":1e999}', "an exponent that overflows"),
    "minus-zero": (b'{"a":-0}', "zero has one form"),
    "leading-zero": (b'{"a":01}', "not JSON"),
    "integer-too-large": (b'{"a":9007199254740992}', "2^53"),
    "integer-5000-digits": (b'{"a":' + b"7" * 5000 + b"}", "must not reach the number parser"),
    "nan": (b'{"a":NaN}', "not JSON, though some parsers take it"),
    "upper-case-key": (b'{"A":1}', "keys are a to z, 0 to 9 and underscore"),
    "empty-key": (b'{"":1}', "a key has a character at least"),
    "not-nfc": ('{"a":"e\u0301"}'.encode(), "text is NFC"),
    "lone-surrogate": (rb'{"a":"\ud800"}', "half a character"),
    "needless-escape": (rb'{"a":"\u0041"}', "a character that has a plain form"),
    "escaped-slash": (rb'{"a":"\/"}', "a slash is not escaped"),
    "upper-case-escape": (rb'{"a":"\u001F"}', "escapes are in lower case"),
    "raw-control": (b'{"a":"\x01"}', "a control character that is not escaped"),
    "bom": (b"\xef\xbb\xbf{}", "a byte order mark"),
    "final-newline": (b"{}\n", "an octet after the object"),
    "two-objects": (b"{}{}", "two objects"),
    "array": (b"[]", "the outermost value is an object"),
    "depth-17": (b'{"a":' + _DEEP_16 + b"}", "one level too many"),
    "depth-arrays": (b'{"a":' + b"[" * 2000, "must not recurse"),
    "utf8-invalid": (b'{"a":"\xff"}', "not UTF-8"),
    "utf8-overlong": (b'{"a":"\xc0\xaf"}', "a longer form than needed"),
    "cut": (b'{"a":1', "cut off"),
    "nothing": (b"", "no octets at all"),
}
_FRACTIONS_GOOD = {
    "one": "1.0",
    "tenth": "0.1",
    "zero": "0.0",
    "negative": "-2.5",
    "small": "1e-05",
    "large": "1e+16",
    "largest": "1.7976931348623157e+308",
    "smallest": "5e-324",
}
_FRACTIONS_BAD = {
    "integer": ("1", "a point is always there"),
    "minus-zero": ("-0.0", "zero has one form"),
    "trailing-zero": ("1.50", "the shortest digits only"),
    "too-many-digits": ("0.1000000000000000055511151231257827", "the shortest digits only"),
    "nan": ("nan", "not a number"),
    "infinity": ("inf", "not finite"),
    "overflow": ("1e+999", "not finite"),
    "upper-case": ("1E-05", "the exponent letter is lower case"),
    "no-exponent-zeros": ("1e-5", "two exponent digits at least"),
    "plain-large": ("10000000000000000.0", "1e+16 is the shortest form"),
    "space": ("1.0\u00a0", "a space at the end"),
    "underscore": ("1_0.0", "no separators"),
    "other-digits": ("\u0661.0", "ASCII digits only"),
}
_TIMES_GOOD = {
    "ordinary": ("2026-01-31T23:59:59Z", 1769903999),
    "leap-day": ("2028-02-29T00:00:00Z", 1835395200),
    "year-below-1000": ("0999-12-31T00:00:00Z", -30610310400),
}
_TIMES_BAD = {
    "no-such-day": ("2026-02-30T00:00:00Z", "the day does not exist"),
    "offset": ("2026-01-31T00:00:00+00:00", "an offset"),
    "lower-case": ("2026-01-31t00:00:00z", "lower case"),
    "fraction": ("2026-01-31T00:00:00.0Z", "parts of a second"),
    "hour-24": ("2026-01-31T24:00:00Z", "hour 24"),
    "leap-second": ("2026-06-30T23:59:60Z", "second 60"),
    "no-zone": ("2026-01-31T00:00:00", "no zone"),
    "year-zero": ("0000-01-01T00:00:00Z", "years begin at 1"),
    "short": ("2026-1-31T00:00:00Z", "two digits each"),
}


def _simple(kind: str, expect: str, comment: str, payload: bytes, **fields: str) -> Vector:
    return Vector(kind=kind, expect=expect, comment=comment, fields=fields, payload=payload)


def _texts() -> Iterator[Case]:
    for name, (payload, comment) in _CANONICAL_GOOD.items():
        yield f"canonical/ok-{name}", _simple("canonical", "ok", comment, payload)
    for name, (payload, comment) in _CANONICAL_BAD.items():
        yield f"canonical/{name}", _simple("canonical", "E_FORMAT", comment, payload)
    for name, text in _FRACTIONS_GOOD.items():
        number = {"value-c99": float(text).hex()}
        vector = _simple(
            "fraction",
            "ok",
            "value-c99 is the number in the hexadecimal form of C99",
            text.encode(),
            **number,
        )
        yield f"fraction/ok-{name}", vector
    for name, (text, comment) in _FRACTIONS_BAD.items():
        yield f"fraction/{name}", _simple("fraction", "E_FORMAT", comment, text.encode())
    for name, (text, unix) in _TIMES_GOOD.items():
        fields = {"unix-seconds": str(unix)}
        yield f"time/ok-{name}", _simple("time", "ok", name, text.encode(), **fields)
    for name, (text, comment) in _TIMES_BAD.items():
        yield f"time/{name}", _simple("time", "E_FORMAT", comment, text.encode())


def _signatures() -> Iterator[Case]:
    octets = b"octets as they were sent"
    compressed = USER_KEY.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    algorithm = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
    short_spki = b"\x30\x39" + algorithm + b"\x03\x22\x00" + compressed
    p384 = ec.derive_private_key(int.from_bytes(seed("p384"), "big"), ec.SECP384R1())
    good = sign(USER_KEY, "job", octets)
    rows = {
        "ok-ed25519": (spki(SITE_KEY), sign(SITE_KEY, "policy", octets), "policy", "64 octets"),
        "ok-p256": (spki(USER_KEY), good, "job", "r || s with low s"),
        "high-s": (spki(USER_KEY), sign(USER_KEY, "job", octets, high_s=True), "job", "s > n / 2"),
        "s-zero": (spki(USER_KEY), good[:32] + bytes(32), "job", "s = 0"),
        "r-order": (
            spki(USER_KEY),
            P256_ORDER.to_bytes(32, "big") + good[32:],
            "job",
            "r = n",
        ),
        "other-label": (spki(SITE_KEY), sign(SITE_KEY, "job", octets), "policy", "of another use"),
        "other-key": (spki(SITE_KEY), sign(USER_KEY, "job", octets), "job", "of another key"),
        "other-octets": (spki(USER_KEY), sign(USER_KEY, "job", octets + b"."), "job", "of others"),
        "short": (spki(SITE_KEY), sign(SITE_KEY, "job", octets)[:63], "job", "63 octets"),
        "p256-compressed": (short_spki, good, "job", "the key's point is compressed"),
        "p384": (spki(p384), good, "job", "a key of another curve"),
        "not-a-key": (b"\x30\x00", good, "job", "no SubjectPublicKeyInfo"),
    }
    for name, (key, signature, label, comment) in rows.items():
        fields = {"label": label, **octet_fields({"spki-b64": key, "signature-hex": signature})}
        expect = "ok" if name.startswith("ok-") else "E_FORMAT"
        yield f"signature/{name}", _simple("signature", expect, comment, octets, **fields)


def _derived() -> Iterator[Case]:
    key, spki_octets, nonce = seed("pseudonym key"), spki(USER_KEY), seed("nonce")
    for label in ("uid/v1", "pid/v1", "dateshift/v1", "label/v1", "storage/v1"):
        fields = {"function": "sub-key", "key-hex": key.hex(), "label": label}
        name = label.partition("/")[0]
        vector = _simple("derive", "ok", "HKDF without salt", sub_key(key, label), **fields)
        yield f"derive/ok-sub-key-{name}", vector
    job = hashlib.sha256(b"EncryptSecureRT/receipt-nonce/v1\x00" + seed("job digest")).digest()
    fields = {"function": "receipt-nonce", "job-sha256-hex": seed("job digest").hex()}
    yield "derive/ok-receipt-nonce", _simple("derive", "ok", "nonce of a receipt", job, **fields)
    data = report_data(spki_octets, nonce, b"{}")
    fields = {"function": "report-data", "nonce-hex": nonce.hex(), "statement-hex": b"{}".hex()}
    fields |= octet_fields({"spki-b64": spki_octets})
    yield "derive/ok-report-data", _simple("derive", "ok", "of a fresh quote", data, **fields)
    key_id = hashlib.sha256(spki_octets).digest()
    fields = {"function": "key-id", **octet_fields({"spki-b64": spki_octets})}
    yield "derive/ok-key-id", _simple("derive", "ok", "SHA-256 of the key", key_id, **fields)
    fields = {"function": "object-name", "key-hex": DEDUP_KEY.hex(), "object-kind": "volume"}
    fields["sha256-hex"] = hashlib.sha256(b"voxels").hexdigest()
    name_octets = bytes.fromhex(object_name(DEDUP_KEY, "volume", b"voxels"))
    yield "derive/ok-object-name", _simple("derive", "ok", "a keyed name", name_octets, **fields)


def cases(_kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    yield from _texts()
    yield from _signatures()
    yield from _derived()
