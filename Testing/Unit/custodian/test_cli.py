"""`encryptsecurert-admin` as programs and people use it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from EncryptSecureRTLib.custodian.cli import main
from EncryptSecureRTLib.custodian.site import Site
from EncryptSecureRTLib.custodian.site_keys import SiteKeys

RequestOf = Callable[..., bytes]
ReleaseJson = Callable[..., bytes]
Run = Callable[..., tuple[int, list[dict[str, Any]]]]
_PROGRAM = [sys.executable, "-m", "EncryptSecureRTLib.custodian.cli"]
_PHYSICIST = ("--role", "physicist", "--out")


@pytest.fixture
def release(tmp_path: Path, release_json: ReleaseJson) -> Path:
    path = tmp_path / "release.json"
    path.write_bytes(release_json())
    return path


def test_leases_may_be_asked_for_from_the_start(run: Run, tmp_path: Path) -> None:
    code, (result,) = run("init", tmp_path / "site", "--lease-hours", 48)

    assert (code, result["lease_s"]) == (0, 172_800)
    assert json.loads((tmp_path / "site" / "site.json").read_bytes())["lease_s"] == 172_800


def test_init_makes_a_site(run: Run, tmp_path: Path) -> None:
    code, lines = run("init", tmp_path / "site")

    assert code == 0
    (result,) = lines
    assert (result["kind"], result["command"], result["epoch"]) == ("result", "init", 1)
    assert (
        json.loads((tmp_path / "site" / "site.json").read_bytes())["site_key_id"]
        == (result["site_key_id"])
    )


def test_user_add_writes_what_the_user_needs_and_says_to_provision(
    run: Run, site_dir: Path, csr: Path, release: Path, tmp_path: Path
) -> None:
    run("policy", site_dir, "--release", release, "--allow-simulated")

    code, lines = run("user", "add", site_dir, "--csr", csr, *_PHYSICIST, tmp_path / "w")

    assert code == 0
    (result,) = lines
    assert result["provision_again"] is True
    assert result["epoch"] == 2
    names = sorted(path.name for path in (tmp_path / "w").iterdir())
    assert names == result["files"] == ["policy.json", "policy.json.sig", "site.pub", "user.pem"]


def test_user_add_before_the_policy_warns(
    run: Run, site_dir: Path, csr: Path, tmp_path: Path
) -> None:
    code, lines = run("user", "add", site_dir, "--csr", csr, *_PHYSICIST, tmp_path / "w")

    assert (code, [line["kind"] for line in lines]) == (0, ["warning", "result"])


def test_user_list_and_revoke(run: Run, site_dir: Path, csr: Path, tmp_path: Path) -> None:
    _, added = run(
        *("user", "add", site_dir, "--csr", csr, "--role", "researcher"),
        *_PHYSICIST,
        tmp_path / "w",
    )
    user = added[-1]["user"]

    _, listed = run("user", "list", site_dir)
    code, revoked = run("user", "revoke", site_dir, user)
    _, after = run("user", "list", site_dir)

    assert listed[-1]["users"][1]["user"] == user
    assert listed[-1]["users"][1]["roles"] == ["researcher", "physicist"]
    assert listed[-1]["users"][1]["revoked_at"] is None
    assert (code, revoked[-1]["epoch"]) == (0, 3)
    assert after[-1]["users"][1]["revoked_at"] is not None


def test_a_simulated_policy_needs_the_flag_and_warns_loudly(
    run: Run, site_dir: Path, release: Path
) -> None:
    refused, error = run("policy", site_dir, "--release", release)
    accepted, lines = run("policy", site_dir, "--release", release, "--allow-simulated")

    assert (refused, error[-1]["code"]) == (5, "E_SIMULATED")
    assert accepted == 0
    assert "SIMULATED" in lines[0]["warning"]
    assert (lines[-1]["version"], lines[-1]["simulated"]) == (1, True)


def test_a_hardware_policy_takes_the_custodians_word_and_does_not_warn(
    run: Run, site_dir: Path, tmp_path: Path, release_json: ReleaseJson
) -> None:
    path = tmp_path / "gramine.json"
    path.write_bytes(release_json(kind="gramine", root_key_id=None))
    words = ("policy", site_dir, "--release", path, "--min-tcb-evaluation", 20)

    refused, error = run(*words)
    accepted, lines = run(*words, "--platform", "0a" * 32, "--allow-smt", "--sgx-type", 1)

    assert (refused, error[-1]["code"]) == (6, "E_POLICY")
    assert (accepted, [line["kind"] for line in lines]) == (0, ["result"])
    (worker,) = json.loads((site_dir / "policy.json").read_bytes())["workers"]
    assert (worker["platforms"], worker["smt"], worker["sgx_types"]) == (["0a" * 32], "allow", [1])


def test_a_build_is_withdrawn(
    run: Run, site_dir: Path, release: Path, tmp_path: Path, release_json: ReleaseJson
) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(release_json(mrenclave="0d" * 32))
    for path in (release, other):
        run("policy", site_dir, "--release", path, "--allow-simulated")

    code, lines = run("policy", site_dir, "--withdraw", "01" * 32)

    assert (code, lines[-1]["version"]) == (0, 3)
    assert b"01" * 32 not in (site_dir / "policy.json").read_bytes()


def test_bundle_shows_epoch_digest_and_ids(run: Run, site_dir: Path) -> None:
    code, first = run("bundle", site_dir, "--show")
    _, second = run("bundle", site_dir, "--show")

    assert code == 0
    assert first == second
    named = {"kind", "command", "site_key_id", "epoch", "digest"}
    assert set(first[0]) == named | {"lease_s", "case_grants", "offline", "revoked", "users"}


def test_a_worker_that_is_not_there_is_exit_3(run: Run, site_dir: Path, release: Path) -> None:
    run("policy", site_dir, "--release", release, "--allow-simulated")

    code, lines = run("provision", site_dir, "--url", "https://127.0.0.1:1")

    assert (code, lines[-1]["code"]) == (3, "E_UNREACHABLE")


@pytest.mark.parametrize(
    "words",
    [
        ("user", "add", "SITE"),
        ("user", "add", "SITE", "--csr", "x", "--role", "boss", "--out", "y"),
        ("user", "add", "SITE", "--csr", "x", "--role", "physicist", "--out", "y", "--days", "0"),
        ("policy", "SITE"),
        ("policy", "SITE", "--release", "a", "--withdraw", "b"),
        ("bundle", "SITE"),
        ("provision", "SITE"),
        ("nonsense", "SITE"),
        ("init", "SITE", "--passphrase", "on the command line"),
        ("init", "SITE", "--lease-hours", "745"),
    ],
)
def test_a_wrong_command_line_is_exit_2_and_one_error_line(
    run: Run, site_dir: Path, words: tuple[str, ...]
) -> None:
    code, lines = run(*(site_dir if word == "SITE" else word for word in words))

    assert code == 2
    assert [(line["kind"], line["code"]) for line in lines] == [("error", "E_USAGE")]


def test_a_wrong_passphrase_is_one_clear_error(
    site_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong").write_text("another passphrase\n")

    code = main(["user", "list", str(site_dir), "--passphrase-file", str(tmp_path / "wrong")])

    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert "the passphrase is wrong" in captured.err
    assert "Traceback" not in captured.err
    assert str(tmp_path) not in captured.err


def test_errors_name_no_path(run: Run, tmp_path: Path) -> None:
    code, (error,) = run("user", "list", tmp_path / "absent")

    assert (code, error["code"]) == (14, "E_LOCAL_FILE")
    assert str(tmp_path) not in json.dumps(error)


def _broken(*_: object) -> None:
    raise KeyError("a secret in a message")


def test_something_unexpected_is_exit_70_without_a_traceback(
    run: Run, site_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Site, "current_bundle", _broken)

    code, (error,) = run("bundle", site_dir, "--show")

    assert (code, error["code"]) == (70, "E_INTERNAL")
    assert "secret" not in json.dumps(error)


def test_a_traceback_appears_with_debug(
    site_dir: Path,
    passphrase_file: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Site, "current_bundle", _broken)
    words = ["bundle", str(site_dir), "--show", "--passphrase-file", passphrase_file, "--debug"]

    assert main(words) == 70

    assert "Traceback" in capsys.readouterr().err


def test_people_see_whole_ids(
    site_dir: Path, passphrase_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    user = json.loads((site_dir / "site.json").read_bytes())["home_user"]

    main(["user", "list", str(site_dir), "--passphrase-file", passphrase_file])

    assert user in capsys.readouterr().out


def test_no_command_prints_a_secret(
    run: Run, site_dir: Path, csr: Path, release: Path, tmp_path: Path, keys_text: list[str]
) -> None:
    said = json.dumps(
        [
            run("policy", site_dir, "--release", release, "--allow-simulated"),
            run("user", "add", site_dir, "--csr", csr, *_PHYSICIST, tmp_path / "w"),
            run("user", "list", site_dir),
            run("bundle", site_dir, "--show"),
        ]
    )

    assert not any(text in said for text in keys_text)


@pytest.fixture
def keys_text(keys: SiteKeys) -> list[str]:
    """Secrets in the forms in which a program might print them."""
    octets = [keys.pseudonym, keys.ledger, keys.site_signing.private_bytes_raw()]
    return [form for o in octets for form in (o.hex(), repr(o)[2:-1])] + ["PRIVATE KEY"]


def test_the_passphrase_may_come_from_standard_input(site_dir: Path, passphrase: bytes) -> None:
    answer = subprocess.run(
        [*_PROGRAM, "user", "list", str(site_dir), "--passphrase-file", "-", "--json"],
        input=passphrase,
        capture_output=True,
        check=True,
    )

    assert json.loads(answer.stdout)["command"] == "user-list"


def test_without_terminal_and_file_there_is_no_prompt(site_dir: Path) -> None:
    answer = subprocess.run(
        [*_PROGRAM, "user", "list", str(site_dir), "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )

    assert answer.returncode == 2
    assert "--passphrase-file" in json.loads(answer.stdout)["what"]


def _rest(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so where the other side is closed
        return b""
    finally:
        os.close(terminal)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
def test_a_person_types_the_passphrase_unseen(site_dir: Path, passphrase: bytes) -> None:
    ours, theirs = os.openpty()
    shown = b""
    with subprocess.Popen(
        [*_PROGRAM, "user", "list", str(site_dir)],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        while b"Passphrase" not in shown:  # what is typed before the question is thrown away
            shown += os.read(ours, 4096)
        os.write(ours, passphrase + b"\n")
        out, _ = process.communicate(timeout=30)
    shown += _rest(ours)

    assert passphrase not in shown
    assert process.returncode == 0
    assert b"1 user(s)" in out
