"""What the custodian changes, seen from a worker process and its users."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from Testing.Unit.custodian.real_worker import Worker, with_collateral

from encryptsecurert_protocol.bundles import CaseGrant
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.rights import Operation, Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.changes import (
    with_grant,
    with_lease_s,
    with_rights,
    without_certificate,
)
from EncryptSecureRTLib.custodian.own_home import over_own_channel
from EncryptSecureRTLib.custodian.provision import (
    Provisioning,
    give_lease,
    provision_and_lease,
)
from EncryptSecureRTLib.custodian.site import Site, utc_now
from EncryptSecureRTLib.custodian.site_folder import SiteFolder
from EncryptSecureRTLib.custodian.site_keys import SiteKeys


class AheadClock:
    """The real clock, and what a test adds to it: two leases never have one second."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Tell the time."""
        return utc_now() + self.ahead


@pytest.fixture
def ahead() -> AheadClock:
    return AheadClock()


@pytest.fixture
def site(site_dir: Path, keys: SiteKeys, ahead: AheadClock, worker: Worker) -> Site:
    """Give a site whose policy accepts the worker."""
    site = Site(SiteFolder(site_dir, keys), keys, ahead)
    site.set_policy(worker.release, worker.collateral, True)
    return site


def _provision(site: Site, worker: Worker) -> Provisioning:
    return over_own_channel(
        site.home, worker.url, lambda channel: provision_and_lease(site, channel)
    )


def _enrolled(site: Site, folder: Path, user: str | None = None) -> ClientHome:
    """Return the folder of a new physicist, or of a user's next workstation."""
    home, welcome = ClientHome(folder / "home"), folder / "welcome"
    request = home.enroll().read_bytes()
    if user is None:
        site.add_user(request, [Role.PHYSICIST], out=welcome)
    else:
        site.renew_user(user, request, out=welcome)
    home.accept(welcome)
    return with_collateral(home, site)


def _code(call: Callable[[], object]) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as caught:
        call()
    return caught.value.code


def test_a_second_workstation_is_let_in_beside_the_first_until_the_first_is_lost(
    site: Site, worker: Worker, tmp_path: Path
) -> None:
    first = _enrolled(site, tmp_path / "1")
    user, lost = first.user().user, first.user().fingerprint
    second = _enrolled(site, tmp_path / "2", user)
    _provision(site, worker)
    assert worker.tasks(first)["limits"] == worker.tasks(second)["limits"]

    site.change(lambda state, now: without_certificate(state, user, lost[:8], now))
    _provision(site, worker)

    assert _code(lambda: worker.tasks(first)) is ErrorCode.E_USER_CERTIFICATE
    assert worker.tasks(second)["tasks"]


def test_a_role_that_allows_less_opens_fewer_tasks(
    site: Site, worker: Worker, tmp_path: Path
) -> None:
    home = _enrolled(site, tmp_path / "1")
    _provision(site, worker)
    before = {task["name"] for task in worker.tasks(home)["tasks"]}

    site.change(lambda state, _: with_rights(state, Role.PHYSICIST, [Operation.PROTECT]))
    _provision(site, worker)

    after = {task["name"] for task in worker.tasks(home)["tasks"]}
    assert after < before
    assert after == {"protect"}


def test_a_case_that_was_granted_is_shown_to_its_user(
    site: Site, worker: Worker, tmp_path: Path
) -> None:
    home = _enrolled(site, tmp_path / "1")
    other = _enrolled(site, tmp_path / "2")
    until = site.now + timedelta(days=3)
    grant = CaseGrant(pseudonym="P" + "A" * 16, user=home.user().user, until=until)

    site.change(lambda state, now: with_grant(state, grant, now))
    _provision(site, worker)

    shown = {"pseudonym": grant.pseudonym, "until": time_text(until), "break_glass": False}
    assert worker.tasks(home)["cases"] == [shown]
    assert worker.tasks(other)["cases"] == []


@pytest.mark.parametrize("replace_older", [False, True])
def test_the_custodian_renews_itself_and_still_reaches_every_worker(
    site: Site, ahead: AheadClock, worker: Worker, replace_older: bool
) -> None:
    site.change(lambda state, _: with_lease_s(state, 3600))
    _provision(site, worker)
    first = site.home.user().fingerprint

    ahead.ahead = timedelta(seconds=2)
    renewed = site.renew_own(replace_older=replace_older)
    done = _provision(site, worker)

    assert done.bundle.epoch == renewed.epoch
    assert done.lease is not None
    assert site.home.user().fingerprint == renewed.fingerprint != first
    assert worker.is_ready(site)  # asked with the new certificate


def test_a_worker_is_ready_once_it_has_a_lease_and_takes_the_next_one(
    site: Site, ahead: AheadClock, worker: Worker
) -> None:
    site.change(lambda state, _: with_lease_s(state, 3600))
    with open_channel(site.home, worker.url, allow_unprovisioned=True) as channel:
        message = site.bundle_for(channel.statement).as_json()
        channel.request_json("POST", "/v1/provision", message)
    assert not worker.is_ready(site)

    with open_channel(site.home, worker.url) as channel:
        given = give_lease(site, channel)
    assert worker.is_ready(site)

    ahead.ahead = timedelta(minutes=1)
    with open_channel(site.home, worker.url) as channel:
        assert give_lease(site, channel).not_after > given.not_after
        assert channel.statement.start_id == given.start_id
