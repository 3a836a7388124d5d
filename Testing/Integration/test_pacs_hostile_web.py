"""Web servers that refuse, lie, flood or break off: one error, nothing left, no secret told."""

import json
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from Testing.Integration import hostile_pacs
from Testing.Integration.clinic import Clinic
from Testing.Integration.command_lines import Run
from Testing.Integration.gateway import run_here
from Testing.Integration.hostile_pacs import reply

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.pacs import web_line
from EncryptSecureRTLib.client.pacs.credentials import VARIABLE

JSON = "application/dicom+json"
PARTS = 'multipart/related; type="application/dicom"; boundary=b'
Request = BaseHTTPRequestHandler


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have a temporary folder of the test's own, and look into it afterwards."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def _echo(clinic: Clinic, words: tuple[str, ...]) -> Run:
    home = clinic.people[Role.PHYSICIST]
    return run_here("pacs", "echo", *words, "--timeout", "1", home=home)


def _always(status: int, kind: str, body: bytes, **more: str) -> Any:
    return lambda request: reply(request, status, kind, body, **more)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_always(200, JSON, b"[]"), None),
        (_always(204, JSON, b""), None),
        (_always(200, JSON, b"not json"), "E_PACS_ANSWER"),
        (_always(200, JSON, b"[" * 100_000), "E_PACS_ANSWER"),
        (_always(200, JSON, b'{"no": "list"}'), "E_PACS_ANSWER"),
        (_always(200, JSON, b"[1]"), "E_PACS_ANSWER"),
        (_always(200, "text/html", b"<html>"), "E_PACS_ANSWER"),
        (_always(200, JSON, b"[]", Content_Encoding="gzip"), "E_PACS_ANSWER"),
        (_always(302, JSON, b"", Location="http://127.0.0.1:1/"), "E_PACS_ANSWER"),
        (_always(500, "text/plain", b"CANARY"), "E_PACS_ANSWER"),
        (_always(503, "text/plain", b""), "E_PACS_UNREACHABLE"),
        (_always(401, "text/plain", b""), "E_PACS_REFUSED"),
        (_always(403, "text/plain", b""), "E_PACS_REFUSED"),
        (_always(404, "text/plain", b""), "E_NOT_FOUND"),
    ],
)
def test_an_answer_is_right_or_one_error_without_its_words(
    clinic: Clinic, answer: Any, code: str | None
) -> None:
    with hostile_pacs.web(answer) as words:
        run = _echo(clinic, words)

    assert run.lines[-1].get("code") == code
    assert "CANARY" not in str(run.lines)


def test_an_answer_without_end_is_cut(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_line, "MAX_JSON_BYTES", 100_000)

    def flood(request: Request) -> None:
        request.send_response(200)
        request.send_header("Content-Type", JSON)
        request.end_headers()
        while True:
            request.wfile.write(b" " * 65536)

    with hostile_pacs.web(flood) as words:
        run = _echo(clinic, words)

    assert (run.code, run.error["code"]) == (13, "E_PACS_ANSWER")


def test_silence_ends(clinic: Clinic) -> None:
    def wait(request: Request) -> None:
        request.rfile.read()  # until the client hangs up

    with hostile_pacs.web(wait) as words:
        run = _echo(clinic, words)

    assert (run.code, run.error["code"]) == (3, "E_PACS_UNREACHABLE")


def test_credentials_go_to_the_pacs_and_after_a_redirect_to_nobody(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "bearer secret-token")
    heard: list[tuple[str, str | None]] = []

    def note(name: str, status: int, **more: str) -> Any:
        def answer(request: Request) -> None:
            heard.append((name, request.headers.get("Authorization")))
            reply(request, status, JSON, b"[]", **more)

        return answer

    with (
        hostile_pacs.web(note("other", 200)) as other,
        hostile_pacs.web(note("pacs", 307, Location=f"{other[1]}/studies")) as words,
    ):
        run = _echo(clinic, words)

    assert run.error["code"] == "E_PACS_ANSWER"
    assert heard == [("pacs", "Bearer secret-token")]
    assert "secret-token" not in str(run.lines)


def _holding(clinic: Clinic, parts: bytes, kind: str = PARTS) -> Any:
    """Return a PACS that holds the clinic's original study, and gives these octets for it."""
    study = _study(clinic)

    def answer(request: Request) -> None:
        path = request.path.partition("?")[0]
        if path.endswith(f"/studies/{study}"):
            reply(request, 200, kind, parts)
        elif path.endswith("/studies"):
            row = {"0020000D": {"vr": "UI", "Value": [study]}}
            reply(request, 200, JSON, json.dumps([row]).encode())
        else:
            ct = {"00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]}}
            rows = [ct] * 5 if path.endswith("/instances") else []
            reply(request, 200, JSON, json.dumps(rows).encode())

    return answer


def _study(clinic: Clinic) -> str:
    first = dcmread(next(clinic.original.iterdir()), stop_before_pixels=True)
    return str(first.StudyInstanceUID)


def _parts(paths: list[Path], end: bytes = b"--b--\r\n") -> bytes:
    head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    return b"".join(head + path.read_bytes() + b"\r\n" for path in paths) + end


def _pull(clinic: Clinic, answer: Any, out: Path) -> Run:
    with hostile_pacs.web(answer) as words:
        more = ("--study", _study(clinic), "--out", out, "--url", clinic.hospital.url)
        return run_here("pacs", "pull", *words, *more, home=clinic.people[Role.PHYSICIST])


def test_a_whole_clear_study_comes_protected(clinic: Clinic, tmp_path: Path) -> None:
    """The twin of the refusals below."""
    whole = _parts(sorted(clinic.original.iterdir()))

    run = _pull(clinic, _holding(clinic, whole), tmp_path / "out")

    assert (run.code, run.result["instances"]) == (0, 5), run


@pytest.mark.parametrize(
    ("files", "end", "kind", "code"),
    [
        (5, b"", PARTS, "E_PACS_ANSWER"),
        (4, b"--b--\r\n", PARTS, "E_PACS_INCOMPLETE"),
        (0, b"--b--\r\n", PARTS, "E_PACS_INCOMPLETE"),
        (5, b"--b--\r\n", "application/zip", "E_PACS_ANSWER"),
        (5, b"--b--\r\n", PARTS.replace("=b", "=other"), "E_PACS_ANSWER"),
        (5, b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", PARTS, "E_PACS_ANSWER"),
    ],
)
def test_a_study_that_is_not_whole_or_no_multipart_leaves_nothing(
    clinic: Clinic, tmp_path: Path, files: int, end: bytes, kind: str, code: str
) -> None:
    parts = _parts(sorted(clinic.original.iterdir())[:files], end)

    run = _pull(clinic, _holding(clinic, parts, kind), tmp_path / "out")

    assert run.error["code"] == code
    assert not (tmp_path / "out").exists()


def _push(clinic: Clinic, outcome: Any) -> Run:
    """Push the clinic's protected study to a PACS with a given answer to what was stored."""

    def answer(request: Request) -> None:
        if request.command == "GET":
            reply(request, 200, JSON, b"[]")
            return
        left = int(request.headers["Content-Length"])
        request.rfile.read(left)
        reply(request, 200, JSON, json.dumps(outcome).encode())

    with hostile_pacs.web(answer) as words:
        home = clinic.people[Role.PHYSICIST]
        return run_here("pacs", "push", clinic.study, *words, home=home)


def _instances(clinic: Clinic) -> list[str]:
    return [path.stem for path in clinic.study.rglob("*.dcm")]


def _item(uid: str, **more: int) -> dict[str, Any]:
    reasons = {tag.removeprefix("t"): {"vr": "US", "Value": [code]} for tag, code in more.items()}
    return {"00081155": {"vr": "UI", "Value": [uid]}, **reasons}


def _outcome(stored: list[dict[str, Any]], failed: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "00081199": {"vr": "SQ", "Value": stored},
        "00081198": {"vr": "SQ", "Value": failed},
    }


def test_warnings_and_failures_of_a_store_are_told(clinic: Clinic) -> None:
    first, second, *others = _instances(clinic)
    stored = [_item(first, t00081196=0xB000), *map(_item, others)]

    warned = _push(clinic, _outcome([*stored, _item(second)], []))
    failed = _push(clinic, _outcome(stored, [_item(second, t00081197=0x0110)]))

    assert (warned.code, warned.result["stored"], warned.result["warnings"]["count"]) == (0, 5, 1)
    assert (failed.code, failed.error["code"]) == (11, "E_PACS_INCOMPLETE")
    assert f"{second}: status 0110" in str(failed.lines)


@pytest.mark.parametrize("lie", ["nothing", "less", "twice", "both", "other", "no reason", "list"])
def test_an_outcome_has_to_name_exactly_what_was_sent(clinic: Clinic, lie: str) -> None:
    first, *others = _instances(clinic)
    items = list(map(_item, others))
    outcome: Any = {
        "nothing": {},
        "less": _outcome(items, []),
        "twice": _outcome([*items, _item(first), _item(first)], []),
        "both": _outcome([*items, _item(first)], [_item(first, t00081197=1)]),
        "other": _outcome([*items, _item("1.2.3")], []),
        "no reason": _outcome(items, [_item(first)]),
        "list": [],
    }[lie]

    run = _push(clinic, outcome)

    assert (run.code, run.error["code"]) == (13, "E_PACS_ANSWER")
