"""The worker as a process: what it says when it listens, what it measures, how it ends."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand import ProcessStand
from Testing.Integration.small_jobs import run_small, small_volume

from encryptsecurert_protocol.rights import Role
from encryptsecurert_worker import __version__
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome

SERVE = [sys.executable, "-P", "-m", "encryptsecurert_worker", "serve", "--port", "0"]
_ID = re.compile(r"[0-9a-f]{16}|\b\d+\.\d+\.\d+\.\d|\d{1,3}\.\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessStand]:
    folder = tmp_path_factory.mktemp("served")
    configuration = folder / "worker.toml"
    configuration.write_text("metrics_port = 0\nmemory_mib = 1024\nthreads = 1\nport = 1\n")
    with ProcessStand(folder, "--config", str(configuration)) as running:
        yield running


@pytest.fixture(scope="module")
def user(stand: ProcessStand) -> ClientHome:
    home = stand.user(Role.PHYSICIST)
    stand.provision()
    return home


def _scrape(stand: ProcessStand) -> str:
    with urllib.request.urlopen(stand.ready["metrics"], timeout=10) as answer:  # noqa: S310 - loopback
        text: str = answer.read().decode()
    return text


def test_a_new_worker_says_where_it_listens_and_what_it_is(stand: ProcessStand) -> None:
    assert set(stand.ready) == {
        "event",
        "url",
        "metrics",
        "provider",
        "measurement",
        "version",
        "state",
        "epoch",
        "warning",
    }
    assert stand.ready["event"] == "listening"
    assert stand.ready["metrics"].startswith("http://127.0.0.1:")
    assert stand.ready["provider"] == "simulated"
    assert stand.ready["measurement"] == stand.provider.measurement
    assert stand.ready["version"] == __version__
    assert (stand.ready["state"], stand.ready["epoch"]) == ("new", None)
    assert "SIMULATED" in stand.ready["warning"]


def test_after_real_jobs_the_metrics_tell_of_them_and_hold_no_id(
    stand: ProcessStand, user: ClientHome
) -> None:
    content = small_volume()
    with open_channel(user, stand.url) as channel:
        finished = run_small(channel, user, content, 0)
        told = _scrape(stand)

    labels = re.findall(r"\{(.*?)\} ", told)
    bounds = [label for label in labels if "le=" in label]
    assert 'encryptsecurert_jobs_total{end="done",task="segment"} 1.0' in told
    assert "encryptsecurert_connections_open 1.0" in told
    assert "encryptsecurert_ready 1.0" in told
    assert [label for label in labels if _ID.search(label) and label not in bounds] == []
    secrets = (user.user().user, finished.body.job_sha256, stand.site.state.site_key_id)
    assert [value for value in secrets if value in told] == []
    assert _ID.search(f'job="{finished.body.job_sha256}"')  # the probe sees one where one is


def test_the_log_of_real_jobs_has_no_id_but_the_jobs(stand: ProcessStand, user: ClientHome) -> None:
    log = (stand.folder / "worker.log").read_text()

    lines = [json.loads(line) for line in log.splitlines()]
    assert {"provisioned", "job-done"} <= {line["event"] for line in lines}
    assert user.user().user not in log
    assert str(stand.folder) not in log


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="limits cannot be read here")
def test_memory_is_bounded_and_core_dumps_are_off(stand: ProcessStand) -> None:
    limits = Path(f"/proc/{stand.worker_pid}/limits").read_text()

    core = re.search(r"^Max core file size +(\S+) ", limits, re.MULTILINE)
    data = re.search(r"^Max data size +(\d+) ", limits, re.MULTILINE)
    assert core is not None
    assert core.group(1) == "0"
    assert data is not None
    assert 2 * 2**30 < int(data.group(1)) < 4 * 2**30


def test_a_worker_that_starts_again_says_what_it_found(
    stand: ProcessStand, user: ClientHome
) -> None:
    stand.stop()
    stand.start()

    assert stand.ready["state"] == "restored"
    assert stand.ready["epoch"] == stand.site.state.epoch


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_worker_with_0_and_in_silence(
    tmp_path: Path, number: signal.Signals
) -> None:
    options = ["--provider", "simulated", "--state", str(tmp_path / "state")]
    with subprocess.Popen(
        [*SERVE, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (0, "", "")


def test_a_terminal_gets_a_table_in_place_of_json(tmp_path: Path) -> None:
    options = ["--provider", "simulated", "--state", str(tmp_path / "state")]
    ours, theirs = pty.openpty()
    with subprocess.Popen([*SERVE, *options], stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = ""
        while "Ctrl-C" not in shown:
            shown += os.read(ours, 4096).decode()
        process.terminate()
    os.close(ours)

    assert "url  https://127.0.0.1:" in shown
    assert "SIMULATED - this worker protects nothing" in shown
    assert "none yet: provision it" in shown
    assert "{" not in shown


def test_a_metrics_port_in_use_ends_the_start_with_14(tmp_path: Path, stand: ProcessStand) -> None:
    port = stand.ready["metrics"].rsplit(":", 1)[1].removesuffix("/metrics")
    options = ["--provider", "simulated", "--state", str(tmp_path / "s"), "--metrics-port", port]

    done = subprocess.run([*SERVE, *options], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (14, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("E_LOCAL_FILE")
