"""The commands as they are typed: help, JSON lines, what they import, the worker's, the demo."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from phantom_files import write_ct_series
from protected import series_folder
from Testing.Integration.command_lines import ROOT, run_client
from Testing.Integration.hospital import Hospital, Ward, small_phantom, worker_process

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.custodian.provision import provision

pytestmark = pytest.mark.first

_BIN = Path(sys.executable).parent
_COMMANDS = (
    *("enroll", "check", "verify", "protect", "reveal", "segment"),
    *("jobs", "fetch", "cancel", "tasks", "models", "break-glass"),
)
_KINDS = {
    "hello",
    "stage",
    "sent",
    "count",
    "waiting",
    "job",
    "state",
    "progress",
    "log",
    "end",
    "check",
    "verdicts",
    "result",
    "error",
}
_WORKER = (sys.executable, "-P", "-m", "encryptsecurert_worker")
_FOREIGN = {"click", "rich", "matplotlib"}  # Slicer ships none of them


def _output(*words: str) -> tuple[int, str, str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=200)
    return done.returncode, done.stdout, done.stderr


# ---- help


@pytest.mark.parametrize("command", [(), *((command,) for command in _COMMANDS)])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_of_each_command_names_the_exit_codes(command: tuple[str, ...], flag: str) -> None:
    code, out, err = _output(str(_BIN / "encryptsecurert"), *command, flag)

    assert (code, err) == (0, "")
    assert "exit codes: 0 ok, 2 usage, 3 not reachable" in out
    assert "70 internal" in out
    assert not command or f"  encryptsecurert {command[0]}" in out  # an example of it
    assert out.startswith("usage: encryptsecurert " + "".join(f"{c} " for c in command))


@pytest.mark.parametrize(
    "words",
    [
        ("encryptsecurert-worker", "--help"),
        ("encryptsecurert-worker", "serve", "--help"),
        ("encryptsecurert-worker", "measure", "--help"),
        ("encryptsecurert-admin", "--help"),
        ("encryptsecurert-admin", "provision", "--help"),
        ("encryptsecurert-admin", "user", "add", "--help"),
    ],
    ids=" ".join,
)
def test_help_of_the_other_programs(words: tuple[str, ...]) -> None:
    code, out, err = _output(str(_BIN / words[0]), *words[1:])

    assert (code, err) == (0, "")
    assert out.lower().startswith("usage:")


# ---- JSON lines and imports


def _json_run(words: list[str], *, json_lines: bool) -> tuple[list[str], set[str]]:
    """Return the output lines, and the top names of all modules that were loaded."""
    script = (
        "import sys\nfrom EncryptSecureRTLib.client.cli import main\n"
        "try:\n    main()\nfinally:\n"
        "    print(*{m.split('.')[0] for m in sys.modules}, file=sys.stderr)\n"
    )
    flags = ["--json"] if json_lines else []
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words, *flags],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout.splitlines(), set(done.stderr.split())


def test_json_output_is_lines_and_needs_nothing_that_slicer_lacks(
    ward: Ward, tmp_path: Path
) -> None:
    worker = ["--url", ward.url, "--home", str(ward.physicist.path)]
    out = tmp_path / "out"
    commands = [
        ["enroll", "--home", str(tmp_path / "new")],
        ["check", *worker],
        ["protect", str(ward.original), str(tmp_path / "p"), *worker],
        ["segment", str(ward.protected), "--out", str(out), *worker],
        ["verify", str(out / "receipt.json"), "--home", str(ward.physicist.path)],
        ["check", "--url", "https://127.0.0.1:1", "--home", str(tmp_path / "new")],
    ]
    for words in commands:
        lines, modules = _json_run(words, json_lines=True)
        kinds = [json.loads(line)["kind"] for line in lines]

        assert set(kinds) <= _KINDS
        assert [kind for kind in kinds if kind == "hello"] == kinds[:1]
        assert [kind for kind in kinds if kind in ("result", "error")] == kinds[-1:]
        assert kinds[-1] == ("error" if words is commands[-1] else "result")
        assert modules & _FOREIGN == set()
        assert "encryptsecurert_worker" not in modules
    _, modules = _json_run(commands[1], json_lines=False)
    assert modules & _FOREIGN == set()  # no terminal reads it


def test_check_prints_six_lines_in_order(ward: Ward) -> None:
    run = run_client("check", "--url", ward.url, home=ward.physicist)

    rows = [line for line in run.lines if line["kind"] == "check"]
    order = ["reach", "tls", "attestation", "policy", "provisioned", "version"]
    assert [row["name"] for row in rows] == order
    assert all(row["ok"] is True and row["code"] is None for row in rows)
    assert len(run.result["verdict"]["rows"]) == 19


def test_settings_come_from_flags_then_environment_then_file(ward: Ward, tmp_path: Path) -> None:
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")
    (home.path / "config.json").write_text(json.dumps({"url": ward.url}))
    nobody = "https://127.0.0.1:1"
    base = {**os.environ, "ENCRYPTSECURERT_HOME": str(home.path)}

    def check(environment: dict[str, str], *words: str) -> int:
        command = [str(_BIN / "encryptsecurert"), "check", "--json", *words]
        done = subprocess.run(
            command, env={**base, **environment}, capture_output=True, check=False, timeout=60
        )
        return done.returncode

    assert check({}) == 0
    assert check({"ENCRYPTSECURERT_URL": nobody}) == 3
    assert check({"ENCRYPTSECURERT_URL": nobody}, "--url", ward.url) == 0
    (home.path / "config.json").write_text("{")
    assert check({}) == 2


def test_an_unsigned_policy_works_only_where_it_is_spelled_out(ward: Ward, tmp_path: Path) -> None:
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")
    (home.path / "policy.json.sig").unlink()
    words = ("protect", ward.original, tmp_path / "out", "--url", ward.url)

    silent = run_client(*words, home=home)
    spelled_out = run_client(*words, "--unsafe-allow-simulated", home=home)
    words = ("protect", ward.original, tmp_path / "out", "--url", "https://192.0.2.1:1")
    elsewhere = run_client(*words, "--unsafe-allow-simulated", home=home)

    assert (silent.code, silent.error["code"]) == (6, "E_POLICY_SIGNATURE")
    assert (spelled_out.code, spelled_out.result["simulated"]) == (0, True)
    assert (elsewhere.code, elsewhere.error["code"]) == (5, "E_SIMULATED")  # nothing was asked


# ---- the worker's program


@pytest.mark.alone
def test_a_worker_without_sgx_ends_with_78_and_never_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    start_s = time.monotonic()
    process = subprocess.Popen(
        [*_WORKER, "serve", "--state", str(tmp_path / "state"), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    listened = False
    while process.poll() is None and time.monotonic() - start_s < 20:
        with socket.socket() as probe:
            listened |= probe.connect_ex(("127.0.0.1", port)) == 0
        time.sleep(0.02)
    took_s = time.monotonic() - start_s
    out, err = process.communicate()

    assert (process.returncode, out, listened) == (78, "", False)
    assert err.count("\n") == 1
    assert "E_INTERNAL" in err
    assert took_s < 2.0
    assert not (tmp_path / "state").exists()


def test_an_address_in_use_and_an_unknown_provider_are_told_apart(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        in_use = _output(*_WORKER, "serve", *state, "--port", port, "--provider", "simulated")
    unknown = _output(*_WORKER, "serve", *state, "--provider", "tdx")

    assert in_use[0] == 14
    assert in_use[2].startswith("E_LOCAL_FILE")
    assert unknown[0] == 2


@pytest.mark.alone
def test_a_worker_ends_soon_after_sigterm_although_a_client_idles(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path / "stand")
    home = hospital.user(Role.PHYSICIST)
    with worker_process(hospital) as url:
        with open_channel(hospital.site.home, url, allow_unprovisioned=True) as custodian:
            provision(hospital.site, custodian)
        idle = open_channel(home, url)
        start_s = time.monotonic()
    took_s = time.monotonic() - start_s
    idle.close()

    assert took_s < 4.0
    assert (hospital.folder / "worker.log").read_text().count("Traceback") == 0


# ---- the demo


@pytest.mark.slow
def test_the_demo_shows_the_main_job(tmp_path: Path) -> None:
    phantom = small_phantom()
    write_ct_series(tmp_path / "ct", phantom.hu, phantom.grid)
    out = tmp_path / "out"
    demo = [sys.executable, str(ROOT / "Testing" / "demo" / "demo.py")]
    code, printed, _ = _output(*demo, "--out", str(out), "--ct", str(tmp_path / "ct"))
    summary = json.loads((out / "summary.json").read_text())

    assert code == 0
    assert "SIMULATED - not protected" in printed
    assert summary["simulated"] is True
    assert "Not a medical device" in summary["notice"]
    for name in ("verdict", "certificate_verdict", "receipt_verdict"):
        assert summary[name]["accepted"] is True
        assert [row["number"] for row in summary[name]["rows"]] == list(range(1, 20))
    assert len(summary["receipt_sha256"]) == 64
    assert set(summary["output_sha256"]) == {"rtstruct.dcm", "seg.dcm"}
    truth = {"External": 20357.5, "Lung_L": 1989.8, "Lung_R": 2229.4, "Bone": 516.9}
    for name, volume_cc in truth.items():
        assert summary["volumes_cc"][name] == pytest.approx(volume_cc, rel=0.01)
    assert (out / "preview.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert sorted(path.name for path in (out / "results").iterdir()) == [
        "receipt.json",
        "rtstruct.dcm",
        "seg.dcm",
    ]
    assert len(list(series_folder(out / "protected").iterdir())) == 60
    # What must stay with the custodian and the worker is not in the output.
    names = {path.name for path in out.rglob("*")}
    assert not {name for name in names if "SIMULATED" in name or "sealed" in name}


def test_the_demo_does_not_empty_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    demo = [sys.executable, str(ROOT / "Testing" / "demo" / "demo.py")]

    code, _, err = _output(*demo, "--out", str(tmp_path))

    assert code == 1
    assert "not empty" in err
    assert (tmp_path / "precious").read_text() == "mine"
