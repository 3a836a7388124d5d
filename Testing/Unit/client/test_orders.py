"""Orders on disk: private, whole, one job's and one user's, and gone when the job is."""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from Testing.Unit.client.people import URL, enrolled, order_of, refusal_of

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.client import orders
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.orders import (
    forget_order,
    open_order,
    opened_here,
    prune_orders,
    write_order,
)

Damage = Callable[[bytes], bytes]


@pytest.fixture
def home(tmp_path: Path) -> ClientHome:
    return enrolled(tmp_path / "home")


def _path(home: ClientHome, job: str) -> Path:
    return home.jobs_path / job / "order.json"


def test_an_order_comes_back_with_the_key_that_opens_its_results(home: ClientHome) -> None:
    order = order_of(home)
    write_order(home, order)

    again = open_order(home, order.job)

    assert again == order
    assert again.digest == order.digest
    assert again.result_key.secret_octets == order.result_key.secret_octets
    assert order.result_key.secret_octets.hex() not in repr(again)


def test_an_order_can_be_read_by_its_user_only(home: ClientHome) -> None:
    order = order_of(home)
    write_order(home, order)

    assert _path(home, order.job).stat().st_mode & 0o777 == 0o600
    assert _path(home, order.job).parent.stat().st_mode & 0o077 == 0
    assert [path.name for path in _path(home, order.job).parent.iterdir()] == ["order.json"]


@pytest.mark.parametrize("job", ["ab" * 16, "", "..", "AB" * 16, "ab" * 16 + "\n", "../../x"])
def test_a_job_that_was_not_ordered_here_is_not_found(home: ClientHome, job: str) -> None:
    assert refusal_of(open_order, home, job) is ErrorCode.E_NOT_FOUND


def _changed(**members: object) -> Damage:
    return lambda octets: canonical.encode({**canonical.decode(octets), **members})


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda octets: b"", id="empty"),
        pytest.param(lambda octets: octets[:-1], id="cut"),
        pytest.param(lambda octets: octets + b"\n", id="longer"),
        pytest.param(lambda octets: bytes(70_000), id="too long"),
        pytest.param(_changed(schema="encryptsecurert.order/2"), id="other schema"),
        pytest.param(_changed(more=1), id="unknown member"),
        pytest.param(_changed(secret=""), id="no secret"),
        pytest.param(_changed(secret="A" * 43 + "="), id="another secret"),
        pytest.param(_changed(header="e30="), id="no header"),
        pytest.param(_changed(url="http://worker"), id="address without TLS"),
    ],
)
def test_a_damaged_order_is_refused(home: ClientHome, damage: Damage) -> None:
    order = order_of(home)
    write_order(home, order)
    path = _path(home, order.job)
    path.write_bytes(damage(path.read_bytes()))

    assert refusal_of(open_order, home, order.job) is ErrorCode.E_LOCAL_FILE
    assert opened_here(home) == frozenset()


def test_an_order_under_another_jobs_name_is_refused(home: ClientHome) -> None:
    order = order_of(home)
    write_order(home, order)
    shutil.copytree(_path(home, order.job).parent, home.jobs_path / ("ab" * 16))

    assert refusal_of(open_order, home, "ab" * 16) is ErrorCode.E_LOCAL_FILE
    assert opened_here(home) == {order.job}


def test_an_order_of_another_user_is_refused(home: ClientHome, tmp_path: Path) -> None:
    other = enrolled(tmp_path / "other")
    order = order_of(other)
    write_order(home, order)

    assert refusal_of(open_order, home, order.job) is ErrorCode.E_LOCAL_FILE
    write_order(other, order)
    assert open_order(other, order.job) == order


@pytest.mark.parametrize("suite", list(HpkeSuite))
def test_a_key_of_each_suite_is_kept(home: ClientHome, suite: HpkeSuite) -> None:
    key = HpkeKeyPair.generate(suite)
    public = order_of(home).header.result_key
    changed = type(public)(suite=suite, public=key.public)
    order = order_of(home, result_key=changed)
    order = type(order)(header=order.header, result_key=key, url=URL)
    write_order(home, order)

    assert open_order(home, order.job).result_key == key


def test_orders_are_kept_for_eight_days(home: ClientHome) -> None:
    order = order_of(home)
    write_order(home, order)
    end = order.header.created + timedelta(days=8)

    prune_orders(home, end - timedelta(seconds=1))
    kept = opened_here(home)
    prune_orders(home, end)

    assert kept == {order.job}
    assert opened_here(home) == frozenset()
    assert list(home.jobs_path.iterdir()) == []


def test_an_order_that_its_worker_does_not_know_goes_once_it_can_be_taken_no_more(
    home: ClientHome,
) -> None:
    known, lost, elsewhere = (order_of(home, url=url) for url in (URL, URL, URL + "0"))
    for order in (known, lost, elsewhere):
        write_order(home, order)

    prune_orders(home, lost.header.expires - timedelta(seconds=1), url=URL, held={known.job})
    before = opened_here(home)
    prune_orders(home, lost.header.expires, url=URL, held={known.job})

    assert before == {known.job, lost.job, elsewhere.job}
    assert opened_here(home) == {known.job, elsewhere.job}


def test_a_young_order_is_not_read_to_be_pruned_and_an_old_one_is(
    home: ClientHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of(home)
    write_order(home, order)
    read: list[Path] = []

    def reading(path: Path, most_bytes: int) -> bytes | None:
        read.append(path)
        return read_whole(path, most_bytes)

    monkeypatch.setattr(orders, "read_whole", reading)
    created = order.header.created
    prune_orders(home, created + timedelta(days=6))
    young = list(read)
    prune_orders(home, created + timedelta(days=9))

    assert young == []
    assert read == [_path(home, order.job)]
    assert not _path(home, order.job).exists()


@pytest.mark.parametrize("modified_s", [0, 2**40])
def test_an_order_whose_file_tells_another_time_is_kept_and_goes_by_what_it_says(
    home: ClientHome, modified_s: int
) -> None:
    order = order_of(home)
    write_order(home, order)
    os.utime(_path(home, order.job), (modified_s, modified_s))

    prune_orders(home, order.header.created + timedelta(days=7, hours=23))

    assert opened_here(home) == {order.job}


def test_what_is_no_order_is_left_alone(home: ClientHome) -> None:
    order = order_of(home)
    write_order(home, order)
    (home.jobs_path / "notes.txt").write_text("mine")
    damaged = _path(home, "ab" * 16)
    damaged.parent.mkdir()
    damaged.write_text("{")

    prune_orders(home, order.header.created + timedelta(days=9))

    assert sorted(path.name for path in home.jobs_path.iterdir()) == ["ab" * 16, "notes.txt"]


def test_forgetting_what_is_not_there_is_no_error(home: ClientHome) -> None:
    forget_order(home, "ab" * 16)

    assert opened_here(home) == frozenset()
