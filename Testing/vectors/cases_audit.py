"""Scenarios of the audit chain: lines, their sealing to the auditor, pages."""

from collections.abc import Iterator

from Testing.Unit.protocol.second_implementation import (
    audit_genesis,
    audit_head,
    audit_info,
    b64,
    canonical,
)
from Testing.vectors.cases_messages import Defects, changed
from Testing.vectors.vector_file import Vector, octet_fields
from Testing.vectors.vector_keys import WORKER_2, KeptSealings, digest, identifier, seed

Case = tuple[str, Vector]
_AUDITOR = WORKER_2  # any key of suite 2
_INSTANCE = identifier("instance")
_LINE = {
    "n": 1,
    "prev": audit_genesis(_INSTANCE),
    "time": "2026-05-04T03:02:01Z",
    "start_id": identifier("start"),
    "event": "started",
    "user": "",
    "job": "",
    "epoch": 7,
    "code": "",
    "digest": digest("bundle"),
    "case": "",
    "note": "",
}
_BREAK_GLASS = {
    "n": 3,
    "event": "break-glass",
    "user": identifier("user"),
    "job": identifier("job"),
    "digest": digest("job"),
    "case": "PABCDEFGH234567AB",
    "note": "Notfall, Pr\u00e4sentation um 5",
}
_REVEALED = {**_BREAK_GLASS, "event": "revealed", "note": "display dates identity: 20"}
_NOT_REVEALED = {**_REVEALED, "event": "reveal-refused", "code": "E_CASE", "case": ""}
_VOUCHED = {**_BREAK_GLASS, "event": "vouched", "case": "", "note": "files: 3"}
_REFUSED = {
    "n": 2,
    "event": "job-refused",
    "user": identifier("user"),
    "job": identifier("job"),
    "digest": digest("job"),
    "code": "E_CASE",
}
_EVENTS = (
    "stopped provisioned leased job-submitted job-started job-finished job-ended job-cancel "
    "job-requeued result-fetched audit-read"
).split()
_LINE_DEFECTS: Defects = {
    "ok": ({}, "ok", "the first line"),
    "ok-refused": (_REFUSED, "ok", "a refusal"),
    "ok-break-glass": (_BREAK_GLASS, "ok", "case and reason"),
    "ok-revealed": (_REVEALED, "ok", "case, classes and number of files"),
    "ok-reveal-refused": (_NOT_REVEALED, "ok", "of a file that no manifest names"),
    "ok-vouched": (_VOUCHED, "ok", "number of files"),
    **{f"ok-{event}": ({"event": event}, "ok", "an event") for event in _EVENTS},
    "ok-no-bundle": ({"epoch": 0, "digest": ""}, "ok", "members that do not apply are empty"),
    "ok-long-note": ({**_BREAK_GLASS, "note": "x" * 500}, "ok", "500 characters"),
    "long-note": ({**_BREAK_GLASS, "note": "x" * 501}, "E_FORMAT", "501 characters"),
    "note-of-two-lines": ({**_BREAK_GLASS, "note": "a\nb"}, "E_FORMAT", "a control character"),
    "note-not-nfc": ({**_BREAK_GLASS, "note": "a\u0308"}, "E_FORMAT", "text is in form C"),
    "n-zero": ({"n": 0}, "E_FORMAT", "lines begin at 1"),
    "n-true": ({"n": True}, "E_FORMAT", "true is not 1"),
    "epoch-negative": ({"epoch": -1}, "E_FORMAT", "0 or an epoch"),
    "other-event": ({"event": "started-again"}, "E_FORMAT", "no such event"),
    "user-null": ({"user": None}, "E_FORMAT", "what does not apply is empty text"),
    "user-name": ({"user": "someone"}, "E_FORMAT", "users are random ids"),
    "code-word": ({**_REFUSED, "code": "failed"}, "E_FORMAT", "no code"),
    "case-short": ({**_BREAK_GLASS, "case": "P1"}, "E_FORMAT", "not a pseudonym"),
    "prev-short": ({"prev": digest("x")[:62]}, "E_FORMAT", "31 octets"),
    "unknown-member": ({"path": "x"}, "E_FORMAT", "a member that is not known"),
    "missing-member": ({"-": "note"}, "E_FORMAT", "empty is written out"),
}
_PAGE = {
    "schema": "encryptsecurert.auditpage/1",
    "instance_id": _INSTANCE,
    "start_id": identifier("start"),
    "n": 9,
    "head": digest("audit"),
    "lines": [b64(seed("sealed 1", 1200)), b64(seed("sealed 2", 1300))],
}
_LARGEST = b64(bytes(16 * 1024))
_PAGE_DEFECTS: Defects = {
    "ok": ({}, "ok", "two lines of nine"),
    "ok-nothing-new": ({"lines": []}, "ok", "no line after that number"),
    "ok-no-line": (
        {"n": 0, "head": audit_genesis(_INSTANCE), "lines": []},
        "ok",
        "a chain without a line",
    ),
    "ok-256-lines": ({"n": 256, "lines": [b64(b"x")] * 256}, "ok", "as many as a page holds"),
    "ok-largest-line": ({"lines": [_LARGEST]}, "ok", "16 KiB"),
    "257-lines": ({"n": 257, "lines": [b64(b"x")] * 257}, "E_FORMAT", "one too many"),
    "line-too-large": ({"lines": [b64(bytes(16 * 1024 + 1))]}, "E_FORMAT", "16 KiB and an octet"),
    "line-not-base64": ({"lines": ["#"]}, "E_FORMAT", "not base64"),
    "line-number": ({"lines": [1]}, "E_FORMAT", "lines are text"),
    "lines-null": ({"lines": None}, "E_FORMAT", "no line is an empty list"),
    "n-negative": ({"n": -1}, "E_FORMAT", "0 or a line"),
    "head-short": ({"head": digest("audit")[:62]}, "E_FORMAT", "31 octets"),
    "instance-short": ({"instance_id": _INSTANCE[:30]}, "E_FORMAT", "15 octets"),
    "schema-2": ({"schema": "encryptsecurert.auditpage/2"}, "E_FORMAT", "a later schema"),
    "unknown-member": ({"next": 3}, "E_FORMAT", "a member that is not known"),
    "missing-member": ({"-": "head"}, "E_FORMAT", "a member is missing"),
}


def _lines() -> Iterator[Case]:
    for name, (changes, expect, comment) in _LINE_DEFECTS.items():
        payload = changed(_LINE, changes)
        fields = {"head": audit_head(payload)} if expect == "ok" else {}
        yield (
            f"audit-line/{name}",
            Vector(
                kind="audit-line", expect=expect, comment=comment, fields=fields, payload=payload
            ),
        )


def _pages() -> Iterator[Case]:
    for name, (changes, expect, comment) in _PAGE_DEFECTS.items():
        payload = changed(_PAGE, changes)
        yield (
            f"audit-page/{name}",
            Vector(kind="audit-page", expect=expect, comment=comment, fields={}, payload=payload),
        )


def _sealed(kept: KeptSealings) -> Iterator[Case]:
    line = canonical(_LINE)
    sealed = kept.seal("audit line 1", 2, _AUDITOR, audit_info(_INSTANCE, 1), line)
    rows = {
        "ok": (sealed, 1, _INSTANCE, _AUDITOR, "line 1"),
        "other-number": (sealed, 2, _INSTANCE, _AUDITOR, "offered as line 2"),
        "other-instance": (sealed, 1, identifier("x"), _AUDITOR, "of another worker's folder"),
        "other-auditor": (sealed, 1, _INSTANCE, seed("other", 96), "sealed to somebody else"),
        "cut": (sealed[:-1], 1, _INSTANCE, _AUDITOR, "last octet missing"),
    }
    for name, (octets, n, instance, secret, comment) in rows.items():
        fields = {
            "n": str(n),
            "instance-id": instance,
            **octet_fields({"secret-b64": secret, "line-b64": line}),
        }
        expect = "ok" if name == "ok" else "E_SEAL"
        yield (
            f"audit-sealed/{name}",
            Vector(
                kind="audit-sealed", expect=expect, comment=comment, fields=fields, payload=octets
            ),
        )


def _genesis() -> Case:
    return (
        "derive/ok-audit-genesis",
        Vector(
            kind="derive",
            expect="ok",
            comment="what line 1 names as the line before",
            fields={"function": "audit-genesis", "instance-id": _INSTANCE},
            payload=bytes.fromhex(audit_genesis(_INSTANCE)),
        ),
    )


def cases(kept: KeptSealings) -> Iterator[Case]:
    """Yield (path without suffix, vector)."""
    yield from _lines()
    yield from _pages()
    yield from _sealed(kept)
    yield _genesis()
