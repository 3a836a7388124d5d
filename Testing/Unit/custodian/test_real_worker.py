"""The custodian's commands against a worker process: its TLS, its SIMULATED evidence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.custodian.real_worker import Worker, with_collateral

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.cli import main
from EncryptSecureRTLib.custodian.provision import provision
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site


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
    assert worker.tasks(with_collateral(home, site))["limits"]


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
        worker.tasks(with_collateral(home, site))
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
    assert worker.is_ready(now_site) is False

    accepted, (warning, result) = run_provision()

    assert accepted == 0
    assert "SIMULATED" in warning["warning"]
    assert (result["epoch"], result["site_key_id"]) == (1, now_site.state.site_key_id)
    assert worker.is_ready(now_site) is True
