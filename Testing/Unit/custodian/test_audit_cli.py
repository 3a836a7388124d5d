"""`encryptsecurert-admin audit` against a worker without a network."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.custodian.audit_made import (
    AUDITOR,
    AUDITOR_USER,
    NOW,
    OTHER_INSTANCE,
    USER,
    FakeWorker,
    MadeChain,
    archive,
    note_of,
    put_note,
)

from encryptsecurert_protocol.audit import AuditEvent
from EncryptSecureRTLib.custodian import cli_audit
from EncryptSecureRTLib.custodian.audit_judge import signed_body
from EncryptSecureRTLib.custodian.cli import main
from EncryptSecureRTLib.custodian.founding import AUDITOR_CONTENT
from EncryptSecureRTLib.custodian.passphrase import open_file, seal_file

Run = Callable[..., tuple[int, list[dict[str, Any]]]]
_CASE = "P" + "A" * 16


@pytest.fixture(scope="session")
def sealed_key() -> bytes:
    return seal_file(b"correct horse battery", AUDITOR_CONTENT, AUDITOR.secret_octets)


@pytest.fixture
def key(tmp_path: Path, sealed_key: bytes) -> Path:
    path = tmp_path / "auditor.key.sealed"
    path.write_bytes(sealed_key)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with --json; return exit code and lines."""

    def run_it(*words: object) -> tuple[int, list[dict[str, Any]]]:
        code = main(["audit", *[str(word) for word in words], "--json"])
        captured = capsys.readouterr()
        assert captured.err == ""
        return code, [json.loads(line) for line in captured.out.splitlines()]

    return run_it


@pytest.fixture
def access(
    tmp_path: Path, key: Path, passphrase_file: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[MadeChain], list[object]]:
    """Make a chain the worker's; return the words that reach it, and the log."""

    def serve(chain: MadeChain) -> list[object]:
        worker = FakeWorker(chain)
        monkeypatch.setattr(cli_audit, "open_channel", lambda _home, _url: worker)
        reach = ["--url", "https://worker:1", "--home", tmp_path / "home", "--key", key]
        return [*reach, "--passphrase-file", passphrase_file, "--log", tmp_path / "log"]

    return serve


Access = Callable[[MadeChain], list[object]]


def _broken_glass(chain: MadeChain) -> None:
    reason = "unconscious patient"
    chain.add(AuditEvent.BREAK_GLASS, user=USER, case=_CASE, note=reason)


def test_fetch_says_intact_and_how_far(run: Run, access: Access) -> None:
    chain = MadeChain().run(1, 2)

    code, (result,) = run("fetch", *access(chain))

    assert code == 0
    assert (result["kind"], result["command"], result["new_lines"]) == ("result", "audit-fetch", 5)
    assert (result["lines"], result["head"]) == (5, chain.head)
    assert [finding["finding"] for finding in result["findings"]] == ["intact"]


def test_fetch_tells_of_new_lines_only(run: Run, access: Access) -> None:
    chain = MadeChain().run(1, 2)
    _broken_glass(chain)
    run("fetch", *access(chain))
    chain.job()

    _, (result,) = run("fetch", *access(chain))

    assert (result["new_lines"], result["break_glass"]) == (2, 0)


def test_a_rollback_ends_with_the_audit_error_after_the_result(run: Run, access: Access) -> None:
    chain = MadeChain().run(1, 2)
    run("fetch", *access(chain))

    code, (warning, result, error) = run("fetch", *access(chain.copy(3).run(2, 0)))

    assert (code, error["code"], error["detail"]) == (13, "E_AUDIT", "rolled-back")
    assert warning["warning"].startswith("rolled-back: The worker went back to line 3")
    (finding,) = result["findings"]
    assert (finding["common"], finding["left_behind"], finding["wrote"]) == (3, 2, 1)
    assert result["new_lines"] == 1


def test_a_reset_is_told_at_every_fetch_until_a_new_log_is_begun(run: Run, access: Access) -> None:
    run("fetch", *access(MadeChain().run(1, 1)))
    other = MadeChain(OTHER_INSTANCE).run(2, 1)

    codes = [run("fetch", *access(other))[0] for _ in range(2)]

    assert codes == [13, 13]


def test_broken_glass_is_told_first(run: Run, access: Access) -> None:
    chain = MadeChain().run(1, 1)
    _broken_glass(chain)

    code, lines = run("fetch", *access(chain))

    assert code == 0
    assert lines[0]["warning"].startswith("BREAK-GLASS: line 4")
    assert "unconscious patient" in lines[0]["warning"]
    result = lines[-1]
    assert list(result)[2:4] == ["break_glass", "break_glass_lines"]
    assert next(iter(result["events"].items())) == ("break-glass", 1)


def test_the_wrong_passphrase_does_not_open_the_key(
    run: Run, access: Access, tmp_path: Path
) -> None:
    words = access(MadeChain().run(1, 1))
    (tmp_path / "passphrase").write_bytes(b"another one that is long")

    code, (error,) = run("fetch", *words)

    assert (code, error["code"]) == (2, "E_USAGE")


def test_verify_offline_bears_out_receipts(run: Run, access: Access, tmp_path: Path) -> None:
    chain = MadeChain().start(1)
    archived = archive(tmp_path / "r", chain.job(), chain.job())
    run("fetch", *access(chain))

    code, (result,) = run("verify", "--log", tmp_path / "log", "--receipts", archived)

    assert (code, result["receipts"], result["compared_with_worker"]) == (0, 2, False)


def test_verify_with_the_worker_fetches_first(
    run: Run, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_audit, "attested_body", lambda _home: signed_body)
    chain = MadeChain().start(1)
    run("fetch", *access(chain))
    lost = chain.copy().job(8)
    kept = chain.job(9)
    archived = archive(tmp_path / "r", kept)

    code, (result,) = run("verify", *access(chain), "--receipts", archived)
    later, lines = run("verify", *access(chain), "--receipts", archive(archived, lost))

    assert (code, result["lines"], result["compared_with_worker"]) == (0, 3, True)
    assert (later, lines[-1]["detail"]) == (13, "forked")


def test_verify_with_a_client_folder_judges_the_evidence_of_receipts(
    run: Run, access: Access, tmp_path: Path
) -> None:
    chain = MadeChain().start(1)
    archived = archive(tmp_path / "r", chain.job())  # its quote is none

    code, lines = run("verify", *access(chain), "--receipts", archived)

    assert (code, lines[-1]["detail"]) == (13, "bad-receipt")


def test_verify_of_a_log_that_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    code, (error,) = run("verify", "--log", tmp_path / "log")

    assert (code, error["code"]) == (14, "E_LOCAL_FILE")


def test_verify_with_an_address_needs_home_and_key(run: Run, tmp_path: Path) -> None:
    code, (error,) = run("verify", "--log", tmp_path / "log", "--url", "https://worker:1")

    assert (code, error["code"]) == (2, "E_USAGE")


def test_verify_names_a_lost_receipt(run: Run, access: Access, tmp_path: Path) -> None:
    chain = MadeChain().run(1, 1)
    lost = chain.copy().job()
    run("fetch", *access(chain.run(2, 0)))

    archived = archive(tmp_path / "r", lost)
    code, lines = run("verify", "--log", tmp_path / "log", "--receipts", archived)

    assert (code, lines[-1]["detail"]) == (13, "forked")


def test_verify_offline_finds_the_receipt_that_the_last_fetch_should_have_met(
    run: Run, access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = MadeChain().run(1, 1)
    other = chain.copy()
    other.now += timedelta(days=30)  # so that by the times of the lines it is newer
    lost = other.start(2).job()
    archived = archive(tmp_path / "r", lost)
    put_note(archived, lost, note_of(lost, NOW))
    verify = ("verify", "--log", tmp_path / "log", "--receipts", archived)

    results = []
    for minutes in (0, 10):
        moment = NOW + timedelta(minutes=minutes)
        monkeypatch.setattr(cli_audit, "utc_now", lambda moment=moment: moment)
        run("fetch", *access(chain))
        results.append(run(*verify))

    (before, _), (after, lines) = results
    assert (before, after, lines[-1]["detail"]) == (0, 13, "forked")


@pytest.fixture
def shown(run: Run, access: Access, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Fetch a small history; return what `show` lists with some options."""
    chain = MadeChain().run(1, 2)
    _broken_glass(chain)
    chain.add(AuditEvent.RESULT_FETCHED, user=AUDITOR_USER, job=f"{2:032x}")
    run("fetch", *access(chain))

    def show(*words: str) -> list[dict[str, Any]]:
        code, lines = run("show", "--log", tmp_path / "log", *words)
        assert code == 0
        rows: list[dict[str, Any]] = lines[-1]["lines"]
        return rows

    return show


Shown = Callable[..., list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), [1, 2, 3, 4, 5, 6, 7]),
        (("--event", "break-glass"), [6]),
        (("--user", AUDITOR_USER), [7]),
        (("--job", f"{2:032x}"), [4, 5, 7]),
        (("--job", f"{2:032x}", "--user", USER), [4, 5]),
        (("--since", "2026-03-02T08:00:06Z"), [6, 7]),
        (("--since", "2026-03-02"), [1, 2, 3, 4, 5, 6, 7]),
        (("--since", "2026-03-03"), []),
    ],
)
def test_show_picks_lines(shown: Shown, words: tuple[str, ...], expected: list[int]) -> None:
    assert [row["n"] for row in shown(*words)] == expected


def test_show_says_in_words_who_fetched_what_when(shown: Shown) -> None:
    (row,) = shown("--user", AUDITOR_USER)

    assert (row["said"], row["time"]) == ("fetched a result", "2026-03-02T08:00:07Z")
    assert row["job"] == f"{2:032x}"


def test_show_lists_what_was_left_behind_once_and_says_where(
    run: Run, access: Access, tmp_path: Path
) -> None:
    chain = MadeChain().run(1, 2)
    restored = chain.copy(3).run(2, 0)
    run("fetch", *access(chain))
    run("fetch", *access(restored))

    _, (result,) = run("show", "--log", tmp_path / "log")

    assert [row["n"] for row in result["lines"]] == [1, 2, 3, 4, 5, 4]
    assert len({row["chain"] for row in result["lines"]}) == 2


def test_a_time_that_is_none_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    code, _ = run("show", "--log", tmp_path / "log", "--since", "yesterday")

    assert code == 2


def test_people_read_a_table_in_which_nothing_moves(
    access: Access, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = MadeChain().start(1)
    chain.add(AuditEvent.BREAK_GLASS, user=USER, case=_CASE, note="up\u202edown")
    run("fetch", *access(chain))

    code = main(["audit", "show", "--log", str(tmp_path / "log")])

    captured = capsys.readouterr()
    assert code == 0
    assert "opened a case without a grant" in captured.out
    assert captured.err.startswith("WARNING  BREAK-GLASS")
    assert "\u202e" not in captured.out + captured.err


def test_rekey_gives_the_auditor_a_passphrase_of_their_own(
    run: Run, key: Path, passphrase_file: str, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.write_bytes(b"the auditor's own words\n")
    old = ["--key", key, "--passphrase-file", passphrase_file]

    code, _ = run("rekey", *old, "--new-passphrase-file", new, "--out", tmp_path / "mine")

    octets = (tmp_path / "mine" / key.name).read_bytes()
    assert code == 0
    assert open_file(b"the auditor's own words", AUDITOR_CONTENT, octets) == AUDITOR.secret_octets
