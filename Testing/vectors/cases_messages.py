"""Scenarios of the JSON messages: one good message of each kind, then one defect at a time."""

from collections.abc import Iterator, Mapping
from typing import Any

from Testing.Unit.protocol.second_hpke import public_octets
from Testing.Unit.protocol.second_implementation import b64, canonical, report_data
from Testing.vectors.vector_file import Vector, octet_fields
from Testing.vectors.vector_keys import (
    RECEIPT_KEY,
    RESULT_1,
    RESULT_2,
    SITE_KEY,
    USER_KEY,
    WORKER_1,
    WORKER_2,
    KeptSealings,
    digest,
    identifier,
    seed,
    sign,
    spki,
)

Case = tuple[str, Vector]
Changes = Mapping[str, object]
# name: (what is changed, the expected code, comment); under "-" stands a member to leave out
Defects = Mapping[str, tuple[Changes, str, str]]

_OBJECT_HEADER = {
    "schema": "encryptsecurert.object/1",
    "object": digest("object"),
    "kind": "volume",
    "chunks": 3,
    "last_size": 8192,
    "prefix": b64(seed("prefix", 7)),
    "suite": 2,
    "worker": digest("worker"),
}
_OBJECT_HEADER_DEFECTS: Defects = {
    "ok-manifests": ({"kind": "manifests"}, "ok", "a batch of manifests"),
    "ok-most-chunks": ({"chunks": 4096, "last_size": 1048576}, "ok", "exactly 4 GiB"),
    "chunks-4097": ({"chunks": 4097}, "E_FORMAT", "more than 4 GiB"),
    "chunks-zero": ({"chunks": 0}, "E_FORMAT", "one chunk at least"),
    "last-size-step": ({"last_size": 4097}, "E_SEAL", "not a multiple of 4 KiB"),
    "last-size-zero": ({"last_size": 0}, "E_FORMAT", "4 KiB at least"),
    "last-size-large": ({"last_size": 1048576 + 4096}, "E_FORMAT", "more than 1 MiB"),
    "chunks-true": ({"chunks": True}, "E_FORMAT", "true is not 1"),
    "chunks-text": ({"chunks": "3"}, "E_FORMAT", "text is not a number"),
    "prefix-short": ({"prefix": b64(seed("prefix", 6))}, "E_FORMAT", "6 octets"),
    "prefix-unpadded": (
        {"prefix": b64(seed("prefix", 7)).rstrip("=")},
        "E_FORMAT",
        "base64 without padding",
    ),
    "prefix-loose-bits": ({"prefix": "AAAAAAAAAB=="}, "E_FORMAT", "unused bits that are not zero"),
    "prefix-url-letters": ({"prefix": "-_AAAAAAAA=="}, "E_FORMAT", "the other base64 alphabet"),
    "suite-3": ({"suite": 3}, "E_FORMAT", "no such suite"),
    "other-kind": ({"kind": "model"}, "E_FORMAT", "no such kind"),
    "upper-case-hex": ({"worker": digest("worker").upper()}, "E_FORMAT", "hex is lower case"),
    "short-hex": ({"object": digest("object")[:62]}, "E_FORMAT", "31 octets"),
    "schema-2": ({"schema": "encryptsecurert.object/2"}, "E_FORMAT", "a later schema"),
    "unknown-member": ({"note": "x"}, "E_FORMAT", "a member that is not known"),
    "missing-member": ({"-": "worker"}, "E_FORMAT", "a member is missing"),
}

_STATEMENT = {
    "protocol": "encryptsecurert/2",
    "worker_version": "0.1.0",
    "kind": "simulated",
    "measurement": digest("measurement"),
    "profile": "both",
    "hpke": {"suite": 2, "public_key": b64(public_octets(2, WORKER_2))},
    "receipt_key": b64(spki(RECEIPT_KEY)),
    "bundle": {"site_key_id": digest("site"), "epoch": 7, "digest": digest("bundle")},
    "instance_id": identifier("instance"),
    "start_id": identifier("start"),
    "audit_head": digest("audit"),
    "started_at": "2026-05-04T03:02:01Z",
}
_STATEMENT_DEFECTS: Defects = {
    "ok-not-provisioned": ({"bundle": None}, "ok", "a fresh worker"),
    "ok-suite-1": (
        {"hpke": {"suite": 1, "public_key": b64(public_octets(1, WORKER_1))}},
        "ok",
        "only where the policy lists it",
    ),
    "other-protocol": ({"protocol": "encryptsecurert/3"}, "E_VERSION", "a later protocol"),
    "protocol-number": ({"protocol": 1}, "E_STATEMENT", "the protocol is text"),
    "other-kind": ({"kind": "sev"}, "E_STATEMENT", "no such kind"),
    "key-of-other-suite": (
        {"hpke": {"suite": 2, "public_key": b64(public_octets(1, WORKER_1))}},
        "E_STATEMENT",
        "32 octets for suite 2",
    ),
    "epoch-zero": (
        {"bundle": {"site_key_id": digest("site"), "epoch": 0, "digest": digest("bundle")}},
        "E_STATEMENT",
        "epochs begin at 1",
    ),
    "bundle-missing": ({"-": "bundle"}, "E_STATEMENT", "null is written out"),
    "unknown-member": ({"debug": False}, "E_STATEMENT", "a member that is not known"),
    "version-text": ({"worker_version": "one two"}, "E_STATEMENT", "a space in the version"),
}

_JOB = {
    "schema": "encryptsecurert.job/1",
    "job": identifier("job"),
    "user": identifier("user"),
    "certificate": digest("certificate"),
    "task": "segment_thorax",
    "inputs": [digest("object")],
    "parameters": digest("parameters"),
    "result_key": {"suite": 2, "public_key": b64(public_octets(2, RESULT_2))},
    "created": "2026-05-04T03:02:01Z",
    "expires": "2026-05-05T03:02:01Z",
    "site_key_id": digest("site"),
    "min_epoch": 7,
    "policy": digest("policy"),
    "worker": digest("worker"),
}
_JOB_DEFECTS: Defects = {
    "ok-64-inputs": ({"inputs": [digest(f"{n}") for n in range(64)]}, "ok", "as many as may be"),
    "ok-no-input": ({"inputs": []}, "ok", "the task decides how many it needs"),
    "ok-suite-1": (
        {"result_key": {"suite": 1, "public_key": b64(public_octets(1, RESULT_1))}},
        "ok",
        "a result key of suite 1",
    ),
    "inputs-65": ({"inputs": [digest(f"{n}") for n in range(65)]}, "E_FORMAT", "one too many"),
    "life-too-long": ({"expires": "2026-05-05T03:02:02Z"}, "E_FORMAT", "24 h and a second"),
    "life-zero": ({"expires": "2026-05-04T03:02:01Z"}, "E_FORMAT", "expires = created"),
    "from-the-future": (
        {"created": "2026-05-04T03:17:02Z"},
        "E_REPLAY",
        "created 301 s after now",
    ),
    "ok-clock-skew": ({"created": "2026-05-04T03:17:01Z"}, "ok", "created 300 s after now"),
    "ended": ({"expires": "2026-05-04T03:12:01Z"}, "E_REPLAY", "expires = now"),
    "task-path": ({"task": "../segment"}, "E_FORMAT", "a task is one word"),
    "epoch-zero": ({"min_epoch": 0}, "E_FORMAT", "epochs begin at 1"),
    "user-name": ({"user": "someone"}, "E_FORMAT", "users are random ids"),
    "result-key-short": (
        {"result_key": {"suite": 2, "public_key": b64(seed("short"))}},
        "E_FORMAT",
        "32 octets for suite 2",
    ),
    "created-null": ({"created": None}, "E_FORMAT", "no time"),
    "unknown-member": ({"priority": 1}, "E_FORMAT", "a member that is not known"),
}

_BODY = {
    "schema": "encryptsecurert.receipt/1",
    "job_sha256": digest("job"),
    "task": "segment_thorax",
    "algorithm": "thorax-1.0",
    "parameters": {"structures": ["lung_left", "lung_right"]},
    "inputs": [[digest("object"), digest("plaintext")], [digest("parameters"), digest("p")]],
    "outputs": [["mask", digest("mask")], ["rtstruct", digest("rtstruct")]],
    "models": [],
    "numbers": [["lung_left_cc", "1234.5"], ["lung_right_cc", "0.0"]],
    "warnings": ["lung_right_empty"],
    "user": identifier("user"),
    "certificate": digest("certificate"),
    "site_key_id": digest("site"),
    "epoch": 7,
    "instance_id": identifier("instance"),
    "start_id": identifier("start"),
    "audit_head": digest("audit"),
    "time_claimed": "2026-05-04T03:12:01Z",
}
_SAME = [digest("object"), digest("plaintext")]
_BODY_DEFECTS: Defects = {
    "ok-input-twice": ({"inputs": [_SAME, _SAME]}, "ok", "an image against itself"),
    "ok-65-inputs": (
        {"inputs": [[digest(f"{n}"), digest(f"p{n}")] for n in range(65)]},
        "ok",
        "64 inputs and the parameters",
    ),
    "inputs-66": (
        {"inputs": [[digest(f"{n}"), digest(f"p{n}")] for n in range(66)]},
        "E_RECEIPT",
        "one too many",
    ),
    "two-digests": (
        {"outputs": [["mask", digest("mask")], ["mask", digest("other")]]},
        "E_RECEIPT",
        "one name, two digests",
    ),
    "number-form": ({"numbers": [["cc", "1.50"]]}, "E_RECEIPT", "not the shortest form"),
    "number-nonsense": ({"numbers": [["cc", "1e"]]}, "E_RECEIPT", "not a number"),
    "number-bare": ({"numbers": [["cc", 3]]}, "E_RECEIPT", "numbers travel as text"),
    "triple": ({"outputs": [["mask", digest("mask"), "x"]]}, "E_RECEIPT", "pairs have two items"),
    "free-text": ({"warnings": ["two words"]}, "E_RECEIPT", "warnings are fixed words"),
    "unknown-member": ({"simulated": False}, "E_RECEIPT", "that comes from the quote's root only"),
    "missing-member": ({"-": "audit_head"}, "E_RECEIPT", "a member is missing"),
}

_EVIDENCE = {"statement": b64(b"{}"), "quote": b64(seed("quote", 64)), "collateral": None}
_EVIDENCE_DEFECTS: Defects = {
    "ok-collateral": ({"collateral": b64(b"{}")}, "ok", "with collateral"),
    "collateral-missing": ({"-": "collateral"}, "E_STATEMENT", "null is written out"),
    "quote-not-base64": ({"quote": "#"}, "E_STATEMENT", "not base64"),
    "unknown-member": ({"verdict": "accepted"}, "E_STATEMENT", "a member that is not known"),
}


def changed(message: Mapping[str, Any], changes: Changes) -> bytes:
    """Return the canonical octets of a message with changes; `-` names a member to leave out."""
    members = {**message, **{k: v for k, v in changes.items() if k != "-"}}
    members.pop(str(changes.get("-")), None)
    return canonical(members)


def _plain(kind: str, good: Mapping[str, Any], defects: Defects) -> Iterator[Case]:
    rows: Defects = {"ok": ({}, "ok", "an ordinary one"), **defects}
    for name, (changes, expect, comment) in rows.items():
        payload = changed(good, changes)
        vector = Vector(kind=kind, expect=expect, comment=comment, fields={}, payload=payload)
        yield f"{kind}/{name}", vector


def _statements() -> Iterator[Case]:
    for path, vector in _plain("statement", _STATEMENT, _STATEMENT_DEFECTS):
        fields: dict[str, str] = {}
        if vector.expect == "ok":
            key, nonce = spki(USER_KEY), seed("nonce")
            data = report_data(key, nonce, vector.payload)
            fields = octet_fields({"spki-b64": key, "nonce-hex": nonce, "report-data-hex": data})
        yield (
            path,
            Vector(
                kind="statement",
                expect=vector.expect,
                comment=vector.comment,
                fields=fields,
                payload=vector.payload,
            ),
        )


def _jobs() -> Iterator[Case]:
    rows: dict[str, tuple[bytes, str, str]] = {
        name: (changed(_JOB, changes), expect, comment)
        for name, (changes, expect, comment) in {
            "ok": ({}, "ok", "an ordinary one"),
            **_JOB_DEFECTS,
        }.items()
    }
    refused = "E_USER_CERTIFICATE"
    rows["other-label"] = (canonical(_JOB), refused, "signed for another use")
    rows["high-s"] = (canonical(_JOB), refused, "signature in its other form")
    for name, (payload, expect, comment) in rows.items():
        label = "receipt" if name == "other-label" else "job"
        signature = sign(USER_KEY, label, payload, high_s=name == "high-s")
        octets = {"spki-b64": spki(USER_KEY), "signature-hex": signature}
        fields = {"now": "2026-05-04T03:12:01Z", **octet_fields(octets)}
        vector = Vector(kind="job", expect=expect, comment=comment, fields=fields, payload=payload)
        yield f"job/{name}", vector


def _receipts() -> Iterator[Case]:
    body = canonical(_BODY)
    good = {
        "body": b64(body),
        "signature": b64(sign(RECEIPT_KEY, "receipt", body)),
        "statement": b64(canonical(_STATEMENT)),
        "quote": b64(seed("quote", 64)),
        "nonce": b64(seed("nonce")),
        "spki": b64(spki(USER_KEY)),
        "collateral": b64(b"{}"),
        "policy_sha256": digest("policy"),
    }
    defects: Defects = {
        "other-label": (
            {"signature": b64(sign(RECEIPT_KEY, "job", body))},
            "E_RECEIPT",
            "signed for another use",
        ),
        "other-key": (
            {"signature": b64(sign(SITE_KEY, "receipt", body))},
            "E_RECEIPT",
            "by others",
        ),
        "signature-short": (
            {"signature": b64(sign(RECEIPT_KEY, "receipt", body)[:63])},
            "E_RECEIPT",
            "63 octets",
        ),
        "nonce-short": ({"nonce": b64(seed("nonce", 31))}, "E_RECEIPT", "31 octets"),
        "unknown-member": ({"note": "x"}, "E_RECEIPT", "a member that is not known"),
    }
    for path, vector in _plain("receipt", good, defects):
        fields = octet_fields({"receipt-key-b64": spki(RECEIPT_KEY)})
        changed_vector = Vector(
            kind="receipt",
            expect=vector.expect,
            comment=vector.comment,
            fields=fields,
            payload=vector.payload,
        )
        yield path, changed_vector


def cases(_kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    yield from _plain("object-header", _OBJECT_HEADER, _OBJECT_HEADER_DEFECTS)
    yield from _statements()
    yield from _jobs()
    yield from _plain("receipt-body", _BODY, _BODY_DEFECTS)
    yield from _receipts()
    yield from _plain("evidence", _EVIDENCE, _EVIDENCE_DEFECTS)
