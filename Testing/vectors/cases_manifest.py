"""Scenarios of study manifests, and of what `reveal` asks and answers."""

from collections.abc import Iterator

from Testing.vectors.cases_messages import Defects, changed
from Testing.vectors.vector_file import Vector, octet_fields
from Testing.vectors.vector_keys import (
    KeptSealings,
    SigningKey,
    digest,
    key_id,
    manifest_key,
    sign,
    spki,
)

Case = tuple[str, Vector]

_KEY, _OTHER_KEY = manifest_key("present"), manifest_key("other")
_SITE = digest("site")
_ENTRY = {
    "instance": "2.25.10",
    "content_sha256": digest("content"),
    "clear_sha256": digest("clear"),
    "bulk_sha256": [digest("bulk")],
}
_LATER = {**_ENTRY, "instance": "2.25.9", "bulk_sha256": []}
_MANIFEST = {
    "schema": "encryptsecurert.manifest/1",
    "study": "2.25.1",
    "patient": "PABCDEFGH234567AB",
    "algorithm": "protect-ct-1",
    "site_key_id": _SITE,
    "keys": {
        "manifest": key_id(_KEY),
        "recipient": digest("recipient"),
        "escrow": digest("escrow"),
    },
    "instances": [_ENTRY, _LATER],
}
_MANIFEST_DEFECTS: Defects = {
    "ok": ({}, "ok", "two instances, ascending as text"),
    "no-instances": ({"instances": []}, "E_DIGEST", "one at least"),
    "disorder": ({"instances": [_LATER, _ENTRY]}, "E_DIGEST", "ascending by the text"),
    "twice": ({"instances": [_ENTRY, _ENTRY]}, "E_DIGEST", "an instance comes once"),
    "other-schema": ({"schema": "encryptsecurert.manifest/2"}, "E_DIGEST", "a later form"),
    "other-site": ({"site_key_id": digest("other")}, "E_DIGEST", "of another site"),
    "other-key-named": (
        {"keys": {"manifest": key_id(_OTHER_KEY), "recipient": _SITE, "escrow": _SITE}},
        "E_DIGEST",
        "names a key that did not sign",
    ),
    "study-not-mapped": ({"study": "1.2.840.1"}, "E_DIGEST", "UIDs are mapped ones"),
    "patient-short": ({"patient": "P1"}, "E_DIGEST", "not a pseudonym"),
    "digest-short": ({"instances": [{**_ENTRY, "clear_sha256": "00"}]}, "E_DIGEST", "31 missing"),
    "bulk-upper-case": (
        {"instances": [{**_ENTRY, "bulk_sha256": ["A" * 64]}]},
        "E_DIGEST",
        "hex is lower case",
    ),
    "unknown-member": ({"time": "x"}, "E_DIGEST", "a member that is not known"),
    "missing-member": ({"-": "patient"}, "E_DIGEST", "nothing is left out"),
}

_REQUEST = {
    "schema": "encryptsecurert.protected-file/1",
    "size": 110,
    "bulk": [{"offset": 4, "length": 100, "sha256": digest("bulk")}],
    "file_sha256": None,
}
_REQUEST_DEFECTS: Defects = {
    "ok": ({}, "ok", "10 octets of header around 100 of bulk"),
    "schema-of-protect": ({"schema": "encryptsecurert.header/2"}, "E_FORMAT", "of an original"),
    "whole": ({"whole": False}, "E_FORMAT", "a member that only requests of protect have"),
    "gaps": ({"gaps": []}, "E_FORMAT", "a member that only requests of protect have"),
    "size": ({"size": 111}, "E_FORMAT", "header and bulk do not fill the size"),
}
_FILE = {
    "size": 110,
    "bulk": [{"offset": 4, "length": 100, "sha256": digest("bulk")}],
    "gaps": [],
    "file_sha256": digest("file"),
}
_ANSWER = {
    "schema": "encryptsecurert.revealed/2",
    "state": "revealed",
    "code": None,
    "instance": "2.25.2",
    "file": None,
}
_ANSWER_DEFECTS: Defects = {
    "ok": ({}, "ok", "a data set to display"),
    "ok-file": ({"file": _FILE}, "ok", "an original, 10 octets around 100 of bulk"),
    "refused-with-octets": (
        {"state": "refused", "code": "E_CASE", "instance": None},
        "E_FORMAT",
        "a refusal carries no octets",
    ),
    "revealed-with-code": ({"code": "E_CASE"}, "E_FORMAT", "a code without a refusal"),
    "no-instance": ({"instance": None}, "E_FORMAT", "nobody knows of what"),
    "instance-not-mapped": ({"instance": "1.2.3"}, "E_FORMAT", "UIDs are mapped ones"),
    "file-size": ({"file": {**_FILE, "size": 111}}, "E_FORMAT", "octets and bulk do not fill it"),
    "file-without-digest": ({"file": {**_FILE, "file_sha256": None}}, "E_FORMAT", "not provable"),
    "ok-file-gaps": (
        {"file": {**_FILE, "size": 104, "gaps": [14, 2, 100, 4]}},
        "ok",
        "6 of the 10 octets are of gaps",
    ),
    "file-gaps-size": (
        {"file": {**_FILE, "gaps": [14, 2]}},
        "E_FORMAT",
        "octets, bulk and gaps do not fill it",
    ),
    "file-gaps-outside": (
        {"file": {**_FILE, "size": 108, "gaps": [103, 2]}},
        "E_FORMAT",
        "a gap past the bulk's end",
    ),
    "other-schema": ({"schema": "encryptsecurert.revealed/1"}, "E_FORMAT", "an earlier form"),
}
_REFUSALS: Defects = {
    "ok-refused": ({"state": "refused", "code": "E_CASE", "instance": None}, "ok", "the refusal"),
    "refused-with-reason": (
        {"state": "refused", "code": "E_DIGEST", "instance": None},
        "E_FORMAT",
        "one code whatever the reason",
    ),
}


def _signed(octets: bytes, signer: SigningKey, expect: str, comment: str) -> Vector:
    fields = octet_fields(
        {"spki-b64": spki(_KEY), "signature-hex": sign(signer, "manifest", octets)}
    )
    fields["site-key-id"] = _SITE
    return Vector(kind="manifest", expect=expect, comment=comment, fields=fields, payload=octets)


def _part(header: bytes, octets: bytes) -> bytes:
    return len(header).to_bytes(4, "big") + header + octets


def _plain(kind: str, expect: str, comment: str, octets: bytes) -> Vector:
    return Vector(kind=kind, expect=expect, comment=comment, fields={}, payload=octets)


def cases(_kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    for name, (changes, expect, comment) in _MANIFEST_DEFECTS.items():
        octets = changed(_MANIFEST, changes)
        yield f"manifest/{name}", _signed(octets, _KEY, expect, comment)
    octets = changed(_MANIFEST, {})
    yield "manifest/other-signer", _signed(octets, _OTHER_KEY, "E_DIGEST", "of no key of the site")
    for name, (changes, expect, comment) in _REQUEST_DEFECTS.items():
        octets = _part(changed(_REQUEST, changes), b"headertail")
        yield f"protected-file/{name}", _plain("protected-file", expect, comment, octets)
    for defects, tail in ((_ANSWER_DEFECTS, b"headertail"), (_REFUSALS, b"")):
        for name, (changes, expect, comment) in defects.items():
            octets = _part(changed(_ANSWER, changes), tail)
            yield f"revealed/{name}", _plain("revealed", expect, comment, octets)
    yield "revealed/empty", _plain("revealed", "E_FORMAT", "no octets", b"")
