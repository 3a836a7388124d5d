"""The custodian renews its own certificate and is never locked out, whatever a worker lists."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from encryptsecurert_protocol.bundles import BundleCore
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian import own_home, site_folder
from EncryptSecureRTLib.custodian.certificates import end_of
from EncryptSecureRTLib.custodian.changes import without_certificate
from EncryptSecureRTLib.custodian.own_home import PreviousHome, over_own_channel
from EncryptSecureRTLib.custodian.site import Site

RequestOf = Callable[..., bytes]
Reopen = Callable[[], Site]
_URL = "https://127.0.0.1:1"


def _fingerprints(site: Site) -> tuple[str, str]:
    """Return those of the newest and the previous identity."""
    return site.home.user().fingerprint, PreviousHome(site.home.path).user().fingerprint


def _listed(site: Site) -> tuple[str, ...]:
    (entry,) = BundleCore.decode(site.current_bundle().core).roles.users
    return entry.certificates


def test_the_folder_gets_a_new_key_and_keeps_the_one_before(site: Site) -> None:
    first = site.home.user()

    renewed = site.renew_own()

    assert _fingerprints(site) == (renewed.fingerprint, first.fingerprint)
    assert site.home.user().user == first.user == site.state.home_user
    assert site.home.user().key.public_key() != first.key.public_key()
    assert _listed(site) == (first.fingerprint, renewed.fingerprint)
    assert site.state.epoch == 2


def test_it_lasts_as_long_as_the_user_authority(site: Site, pass_time: Callable[..., None]) -> None:
    pass_time(days=1000)

    assert site.renew_own().not_after == end_of(site.state.user_ca)


def test_files_with_keys_stay_private(site: Site) -> None:
    site.renew_own()

    modes = {path.name: path.stat().st_mode & 0o777 for path in site.home.path.glob("*.key")}
    assert modes == {"user.key": 0o600, "previous.key": 0o600, "dedup.key": 0o600}


def test_replacing_revokes_the_one_before_and_still_keeps_it_for_the_way(site: Site) -> None:
    first = site.home.user()

    renewed = site.renew_own(replace_older=True)

    assert _listed(site) == (renewed.fingerprint,)
    assert _fingerprints(site)[1] == first.fingerprint


def test_a_renewal_that_was_cut_short_leaves_the_listed_identity_in_reach(
    site: Site, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.home.user()

    def full(*_: object) -> None:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)

    monkeypatch.setattr(site_folder.SiteFolder, "commit", full)
    with pytest.raises(EncryptSecureRTError):
        site.renew_own()
    monkeypatch.undo()
    assert reopen().state.epoch == 1
    assert _fingerprints(site)[1] == first.fingerprint

    again = reopen().renew_own()

    assert _fingerprints(site) == (again.fingerprint, first.fingerprint)


def test_the_custodian_may_have_a_certificate_on_another_computer(
    site: Site, tmp_path: Path, request_of: RequestOf
) -> None:
    own = site.home.user()

    other = site.renew_user(site.state.home_user, request_of(), out=tmp_path / "other")

    assert site.home.user().fingerprint == own.fingerprint
    assert _listed(site) == (own.fingerprint, other.fingerprint)


def test_the_custodians_last_certificate_is_not_revoked(site: Site) -> None:
    own = site.home.user().fingerprint
    user = site.state.home_user

    with pytest.raises(EncryptSecureRTError) as caught:
        site.change(lambda state, now: without_certificate(state, user, own, now))

    assert caught.value.code is ErrorCode.E_USAGE


class _Worker:
    """Opens channels for the fingerprints it lists; `action` may change the list."""

    def __init__(self, *listed: str) -> None:
        self.listed = set(listed)
        self.tried: list[str] = []

    def open(self, home: ClientHome, _url: str, **_options: object) -> Any:
        """Stand in for `open_channel`."""
        fingerprint = home.user().fingerprint
        self.tried.append(fingerprint)
        if fingerprint not in self.listed:
            raise EncryptSecureRTError(ErrorCode.E_USER_CERTIFICATE)
        return nullcontext(fingerprint)


def _over(
    site: Site,
    worker: _Worker,
    monkeypatch: pytest.MonkeyPatch,
    action: Callable[[Any], Any] = lambda channel: channel,
) -> Any:
    monkeypatch.setattr(own_home, "open_channel", worker.open)
    return over_own_channel(site.home, _URL, action)


def test_the_newest_certificate_is_used_where_it_is_listed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = site.renew_own().fingerprint
    worker = _Worker(newest)

    assert _over(site, worker, monkeypatch) == newest
    assert worker.tried == [newest]


def test_a_worker_that_lists_only_the_earlier_one_is_reached_with_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.home.user().fingerprint
    site.renew_own()

    assert _over(site, _Worker(first), monkeypatch) == first


def test_a_bundle_that_revokes_the_certificate_it_came_with_is_followed_by_the_newest(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.home.user().fingerprint
    newest = site.renew_own(replace_older=True).fingerprint
    worker = _Worker(first)

    def bundle_then_lease(channel: str) -> str:
        worker.listed = {newest}
        if channel not in worker.listed:
            raise EncryptSecureRTError(ErrorCode.E_USER_CERTIFICATE)
        return channel

    assert _over(site, worker, monkeypatch, bundle_then_lease) == newest
    assert worker.tried == [newest, first, newest]


def test_a_pair_that_does_not_fit_is_passed_over(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site.home.user().fingerprint
    key = site.home.key_path.read_bytes()
    site.renew_own()
    site.home.key_path.write_bytes(key)

    assert _over(site, _Worker(first), monkeypatch) == first


@pytest.mark.parametrize("renewed", [False, True])
def test_a_worker_that_lists_neither_refuses(
    site: Site, monkeypatch: pytest.MonkeyPatch, renewed: bool
) -> None:
    if renewed:
        site.renew_own()

    with pytest.raises(EncryptSecureRTError) as caught:
        _over(site, _Worker(), monkeypatch)

    assert caught.value.code is ErrorCode.E_USER_CERTIFICATE


def test_any_other_refusal_is_final(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = site.renew_own().fingerprint
    worker = _Worker(newest)

    def refuse(_: object) -> datetime:
        raise EncryptSecureRTError(ErrorCode.E_REPLAY)

    with pytest.raises(EncryptSecureRTError) as caught:
        _over(site, worker, monkeypatch, refuse)

    assert caught.value.code is ErrorCode.E_REPLAY
    assert worker.tried == [newest]
