"""An operator's file: what it may hold, what goes before it, and how its mistakes are told."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.server.config import MAX_FILE_BYTES, WorkerConfig

EXAMPLE = Path(__file__).parents[3] / "enclave-worker" / "encryptsecurert-worker.example.toml"
SERVE = [sys.executable, "-P", "-m", "encryptsecurert_worker", "serve"]


def _refusal(path: Path, **flags: Any) -> str:
    with pytest.raises(EncryptSecureRTError) as refusal:
        WorkerConfig.from_toml(path, flags)
    assert refusal.value.code is ErrorCode.E_USAGE
    assert refusal.value.exit_code == 2
    return refusal.value.detail


def _file(folder: Path, text: str) -> Path:
    path = folder / "worker.toml"
    path.write_text(text, "utf-8")
    return path


def test_every_key_of_a_file_is_taken(tmp_path: Path) -> None:
    text = (
        'host = "::1"\nport = 9000\nmetrics_port = 9001\nstate = "s"\nprovider = "simulated"\n'
        "threads = 3\nmemory_mib = 1024\nstop_s = 7\n"
    )

    config = WorkerConfig.from_toml(_file(tmp_path, text), {})

    assert config == WorkerConfig(
        host="::1",
        port=9000,
        metrics_port=9001,
        state=Path("s"),
        provider="simulated",
        threads=3,
        memory_mib=1024,
        stop_s=7,
    )
    assert config.memory_bytes == 2**30


def test_a_file_may_leave_out_all_but_the_state(tmp_path: Path) -> None:
    config = WorkerConfig.from_toml(_file(tmp_path, 'state = "s"'), {})

    assert config == WorkerConfig(state=Path("s"))
    assert (config.host, config.port, config.metrics_port) == ("127.0.0.1", 8443, None)
    assert (config.provider, config.memory_mib, config.stop_s) == ("gramine", 8192, 20)


def test_a_flag_goes_before_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, 'state = "s"\nport = 9000\n')

    config = WorkerConfig.from_toml(path, {"port": 9001, "threads": 4})

    assert (config.port, config.threads, config.state) == (9001, 4, Path("s"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("colour = 1", "an unknown key"),
        ("[worker]\nport = 1", "an unknown key"),
        ('port = "8443"', "port must be a whole number from 0 to 65535"),
        ("port = 8443.0", "port must be"),
        ("port = true", "port must be"),
        ("port = 65536", "port must be"),
        ("port = -1", "port must be"),
        ("metrics_port = 70000", "metrics_port must be"),
        ("threads = 0", "threads must be a whole number from 1 to 64"),
        ("memory_mib = 511", "memory_mib must be"),
        ("stop_s = 0", "stop_s must be a whole number from 1 to 20"),
        ("stop_s = 21", "stop_s must be"),
        ('host = ""', "host must be an address"),
        ('host = "a b"', "host must be an address"),
        ("host = 1", "host must be an address"),
        ("state = 1", "state must be a folder"),
        ('state = ""', "state is not given"),
        ('provider = "tdx"', "provider must be gramine or simulated"),
        ("provider = 1", "provider must be"),
        ("port = = 1", "the configuration file is not TOML, line 2"),
        ("port = 1\nport = 2", "the configuration file is not TOML"),
    ],
)
def test_a_mistake_in_a_file_is_told_in_fixed_words(tmp_path: Path, text: str, told: str) -> None:
    state = "" if text.startswith("state") else 'state = "s"\n'

    assert _refusal(_file(tmp_path, state + text)).startswith(told)


def test_what_stands_in_a_file_is_never_in_the_refusal(tmp_path: Path) -> None:
    for text in ('hunter2 = "x"', 'host = "hunter2 "', "x = hunter2"):
        assert "hunter2" not in _refusal(_file(tmp_path, f'state = "s"\n{text}\n'))


def test_a_file_that_is_missing_too_long_or_no_text_is_refused(tmp_path: Path) -> None:
    long = _file(tmp_path, "#" * (MAX_FILE_BYTES + 1))
    octets = tmp_path / "octets"
    octets.write_bytes(b"\xff\xfe")

    assert _refusal(tmp_path / "no.toml") == "the configuration file cannot be read"
    assert _refusal(tmp_path) == "the configuration file cannot be read"
    assert _refusal(long) == "the configuration file is too large"
    assert _refusal(octets) == "the configuration file is not TOML"


def test_a_wrong_flag_is_refused_as_in_a_file() -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        WorkerConfig.from_values({"state": Path("s"), "port": 65536})

    assert refusal.value.code is ErrorCode.E_USAGE


def test_the_example_is_valid_and_shows_every_key() -> None:
    text = EXAMPLE.read_text("utf-8")

    config = WorkerConfig.from_toml(EXAMPLE, {})

    assert config.provider == "gramine"
    for name in WorkerConfig.__dataclass_fields__:
        assert f"\n{name} = " in text


@pytest.mark.parametrize("text", ["colour = 1", "port = ", None])
def test_the_program_ends_with_2_one_line_and_no_traceback(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "worker.toml"
    if text is not None:
        path.write_text(text)

    done = subprocess.run(
        [*SERVE, "--config", str(path)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("E_USAGE: ")
    assert str(tmp_path) not in done.stderr


def test_flags_alone_are_a_configuration_and_need_a_state() -> None:
    done = subprocess.run([*SERVE, "--port", "0"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "state is not given" in done.stderr
    assert done.stdout == ""
