"""Only times that the site key signed move the worker's time; clocks that jump delete nothing."""

from datetime import timedelta
from pathlib import Path

from Testing.Unit.worker.kept import Kept
from Testing.Unit.worker.made import NOW

from encryptsecurert_worker.evidence.simulated import SimulatedProvider
from encryptsecurert_worker.server.building import build_core
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.vault.sealing_keys import SimulatedSealingKey
from encryptsecurert_worker.vault.time import COUNTED_EACH_S

DAY = timedelta(days=1)


def test_the_workers_time_is_the_hosts_until_a_signed_time_is_later(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.time.now() == NOW

    kept.time.signed(NOW + DAY)

    assert kept.time.now() == NOW + DAY
    kept.clocks.host = NOW + 2 * DAY
    assert kept.time.now() == NOW + 2 * DAY
    kept.clocks.host = NOW - 900 * DAY
    assert kept.time.now() == NOW + DAY


def test_the_hosts_clock_never_raises_the_floor(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.clocks.host = NOW + 900 * DAY
    assert kept.time.now() == NOW + 900 * DAY

    kept.clocks.host = NOW

    assert kept.time.now() == NOW


def test_the_floor_outlives_a_start(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.ledger.write([kept.time.signed(NOW + DAY)])
    kept.ledger.write([kept.time.signed(NOW)])

    assert kept.again().time.now() == NOW + DAY


def test_seconds_served_add_up_over_starts_whatever_the_clocks_do(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.clocks.monotonic_s += 100
    kept.clocks.host = NOW + 900 * DAY
    kept.ledger.write([kept.time.service_fact()])

    again = kept.again()
    again.clocks.monotonic_s += 10

    assert again.time.service_s() == 100 + COUNTED_EACH_S + 10


def test_days_are_counted_from_the_lease_where_there_is_one(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.time.leased(NOW)
    kept.clocks.host = NOW + 30 * DAY
    assert kept.time.today() == "2026-11-24"

    kept.clocks.monotonic_s += DAY.total_seconds()

    assert kept.time.today() == "2026-11-25"


def test_days_are_the_workers_where_there_is_no_lease(tmp_path: Path) -> None:
    kept = Kept(tmp_path)

    kept.clocks.host = NOW + DAY

    assert kept.time.today() == "2026-11-25"


def test_a_host_that_kills_every_start_does_not_stop_time(tmp_path: Path) -> None:
    served_s = []
    for _ in range(3):  # none of them lives until it counts again
        config = WorkerConfig(state=tmp_path / "state", port=0, provider="simulated")
        provider = SimulatedProvider(tmp_path / "tee", bytes(32), lambda: NOW)
        sealing = SimulatedSealingKey(tmp_path, provider.measurement)
        core = build_core(config, provider, sealing, lambda: NOW)
        served_s.append(core.time.service_s())
        core.close()

    assert served_s[2] >= served_s[0] + 2 * COUNTED_EACH_S
