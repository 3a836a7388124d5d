"""The systemd unit is well-formed, hardened, and patient enough for a stop."""

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from encryptsecurert_worker.server.config import WorkerConfig

UNIT = Path(__file__).parents[3] / "enclave-worker" / "encryptsecurert-worker.service"


def _entries() -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in UNIT.read_text("ascii").splitlines():
        if line and not line.startswith(("#", "[")):
            name, equals, value = line.partition("=")
            assert equals, line
            found[name].append(value)
    return dict(found)


def test_the_unit_waits_longer_than_a_stop_may_take() -> None:
    entries = _entries()

    assert entries["KillSignal"] == ["SIGTERM"]
    assert int(entries["TimeoutStopSec"][0]) > WorkerConfig(state=Path("s"), stop_s=20).stop_s


def test_the_unit_starts_the_worker_again_but_not_after_what_stays_wrong() -> None:
    entries = _entries()

    assert entries["Restart"] == ["on-failure"]
    assert entries["RestartPreventExitStatus"] == ["2 14 78"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("LimitCORE", "0"),
        ("DevicePolicy", "closed"),
        ("SystemCallFilter", "@system-service"),
    ],
)
def test_the_unit_is_hardened(name: str, value: str) -> None:
    assert _entries()[name] == [value]


def test_the_unit_opens_the_two_devices_of_sgx_and_no_other() -> None:
    assert _entries()["DeviceAllow"] == ["/dev/sgx_enclave rw", "/dev/sgx_provision rw"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize(("old", "new"), [("", ""), ("ProtectHome", "ProtectHouse")])
def test_systemd_takes_the_unit_and_complains_of_a_wrong_one(
    tmp_path: Path, old: str, new: str
) -> None:
    text = re.sub("^ExecStart=.*$", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE)
    path = tmp_path / UNIT.name
    path.write_text(text.replace(old, new) if old else text)

    done = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )

    # Other units of the machine may be complained of as well.
    assert (UNIT.name in done.stderr) is bool(old)
