"""The custodian's commands against a worker process: its TLS, its SIMULATED evidence."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.cli import main
from EncryptSecureRTLib.custodian.provision import provision
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site

_WORKER = [sys.executable, "-m", "encryptsecurert_worker"]
_WAIT_S = 60


@dataclass(frozen=True)
class Worker:
    """A running worker and what it says of its build."""

    url: str
    release: Release
    collateral: bytes


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    state, out = tmp_path / "worker", tmp_path / "measured"
    simulated = ["--provider", "simulated", "--state", str(state)]
    subprocess.run(
        [*_WORKER, "measure", *simulated, "--out", str(out)], check=True, timeout=_WAIT_S
    )
    with subprocess.Popen(
        [*_WORKER, "serve", *simulated, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        try:
            yield Worker(
                url=ready["url"],
                release=Release.decode((out / "release.json").read_bytes()),
                collateral=(out / "collateral.json").read_bytes(),
            )
        finally:
            process.kill()


def _tasks(home: ClientHome, worker: Worker) -> dict[str, Any]:
    with open_channel(home, worker.url) as channel:
        return channel.request_json("GET", "/v1/tasks", None)


def _health(site: Site, worker: Worker) -> dict[str, Any]:
    with open_channel(site.home, worker.url, allow_unprovisioned=True) as channel:
        return channel.request_json("GET", "/v1/health", None)


def test_a_verified_worker_is_provisioned_and_lets_the_sites_users_in(
    now_site: Site, worker: Worker, tmp_path: Path
) -> None:
    site = now_site
    site.set_policy(worker.release, worker.collateral, True)
    home = ClientHome(tmp_path / "user")
    site.add_user(home.enroll().read_bytes(), [Role.PHYSICIST], out=tmp_path / "welcome")
    home.accept(tmp_path / "welcome")

    with open_channel(site.home, worker.url, allow_unprovisioned=True) as channel:
        name = provision(site, channel)
    with open_channel(site.home, worker.url) as channel:
        again = provision(site, channel)
        assert channel.statement.bundle == name == again == site.current_bundle().name
    assert _tasks(_with_collateral(home, site), worker)["limits"]


def _with_collateral(home: ClientHome, site: Site) -> ClientHome:
    for file in site.home.state_path.glob("collateral-*.json"):
        home.state_path.mkdir(mode=0o700, exist_ok=True)
        (home.state_path / file.name).write_bytes(file.read_bytes())
    return home


def test_a_revoked_user_is_out_once_the_next_bundle_is_there(
    now_site: Site, worker: Worker, tmp_path: Path
) -> None:
    site = now_site
    site.set_policy(worker.release, worker.collateral, True)
    home = ClientHome(tmp_path / "user")
    user = site.add_user(home.enroll().read_bytes(), [Role.PHYSICIST], out=tmp_path / "welcome")
    home.accept(tmp_path / "welcome")
    with open_channel(site.home, worker.url, allow_unprovisioned=True) as channel:
        provision(site, channel)

    site.revoke_user(user.user)
    with open_channel(site.home, worker.url) as channel:
        assert provision(site, channel).epoch == 3

    with pytest.raises(EncryptSecureRTError) as caught:
        _tasks(_with_collateral(home, site), worker)
    assert caught.value.code is ErrorCode.E_USER_CERTIFICATE


@pytest.fixture
def run_provision(
    now_site: Site, worker: Worker, passphrase_file: str, capsys: pytest.CaptureFixture[str]
) -> Callable[[], tuple[int, list[dict[str, Any]]]]:
    """Run the command; return exit code and lines."""

    def run() -> tuple[int, list[dict[str, Any]]]:
        words = ["provision", str(now_site.path), "--url", worker.url]
        code = main([*words, "--passphrase-file", passphrase_file, "--json"])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_a_worker_with_other_code_gets_nothing_and_the_right_one_gets_it(
    now_site: Site,
    worker: Worker,
    release_json: Callable[..., bytes],
    run_provision: Callable[[], tuple[int, list[dict[str, Any]]]],
) -> None:
    same = {name: getattr(worker.release, name) for name in ("fmspc", "root_key_id", "mrsigner")}
    other_code = Release.decode(release_json(**same))
    now_site.set_policy(other_code, worker.collateral, True)

    refused, (error,) = run_provision()

    now_site.set_policy(worker.release, worker.collateral, True)
    assert (refused, error["code"]) == (5, "E_MEASUREMENT")
    assert _health(now_site, worker)["ready"] is False

    accepted, (warning, result) = run_provision()

    assert accepted == 0
    assert "SIMULATED" in warning["warning"]
    assert (result["epoch"], result["site_key_id"]) == (1, now_site.state.site_key_id)
    assert _health(now_site, worker)["ready"] is True
