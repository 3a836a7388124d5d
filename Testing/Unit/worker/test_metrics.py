"""What a monitoring system reads: right numbers, closed labels, loopback only, no thread left."""

import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.server.metrics import Metrics


@dataclass(slots=True)
class Still:
    """A worker at which somebody looks."""

    jobs_queued: int = 2
    uploads_open: int = 3
    held_bytes: int = 4096
    journal_bytes: int = 512
    audit_lines: int = 17
    epoch: int = 5
    lease_seconds_left: float = float("inf")
    ready: bool = True


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    made = Metrics(Still())
    yield made
    made.close()


def _read(url: str) -> dict[tuple[str, ...], float]:
    """Scrape; return each value by its name and the values of its labels in the labels' order."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback URL
        text = answer.read().decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def _scrape(metrics: Metrics) -> dict[tuple[str, ...], float]:
    if metrics.url is None:
        metrics.serve(0)
    assert metrics.url is not None
    return _read(metrics.url)


def test_gauges_are_read_at_the_scrape() -> None:
    still = Still()
    metrics = Metrics(still)
    before = _scrape(metrics)
    still.jobs_queued, still.ready, still.lease_seconds_left = 9, False, 1.5
    after = _scrape(metrics)
    metrics.close()

    names = ("jobs_queued", "ready", "lease_seconds_left", "bundle_epoch", "audit_lines")
    rows = [(f"encryptsecurert_{name}",) for name in names]
    assert [before[row] for row in rows] == [2, 1, float("inf"), 5, 17]
    assert [after[row] for row in rows] == [9, 0, 1.5, 5, 17]


def test_jobs_answers_connections_and_grants_are_counted(metrics: Metrics) -> None:
    metrics.job_ended("segment", "done", 3.0)
    metrics.job_ended("segment", "failed", 700.0)
    metrics.request("/v1/jobs/{job}", "ok")
    metrics.request("/v1/jobs/{job}", "E_FORBIDDEN")
    metrics.request("/v1/tasks", "E_FORBIDDEN")
    metrics.refused_connection("stalled")
    metrics.connection_opened()
    metrics.connection_opened()
    metrics.connection_closed()
    metrics.break_glass()

    told = _scrape(metrics)

    assert told["encryptsecurert_jobs_total", "done", "segment"] == 1
    assert told["encryptsecurert_jobs_total", "failed", "segment"] == 1
    assert told["encryptsecurert_job_seconds_bucket", "5.0", "segment"] == 1
    assert told["encryptsecurert_job_seconds_sum", "segment"] == 703
    assert told["encryptsecurert_requests_total", "ok", "/v1/jobs/{job}"] == 1
    assert told["encryptsecurert_requests_total", "E_FORBIDDEN", "/v1/jobs/{job}"] == 1
    assert told["encryptsecurert_refusals_total", "E_FORBIDDEN"] == 2
    assert told["encryptsecurert_connections_refused_total", "stalled"] == 1
    assert told[("encryptsecurert_connections_open",)] == 1
    assert told[("encryptsecurert_break_glass_total",)] == 1


def test_what_is_of_no_closed_set_is_counted_as_other(metrics: Metrics) -> None:
    name_of_a_job = "0123456789abcdef0123456789abcdef"
    metrics.request(f"/v1/jobs/{name_of_a_job}", name_of_a_job)
    metrics.job_ended(name_of_a_job, name_of_a_job, 1.0)
    metrics.refused_connection(name_of_a_job)

    told = _scrape(metrics)

    assert told["encryptsecurert_requests_total", "other", "other"] == 1
    assert told["encryptsecurert_jobs_total", "other", "other"] == 1
    assert told["encryptsecurert_connections_refused_total", "other"] == 1
    assert not [row for row in told if name_of_a_job in row]


def test_the_process_is_measured(metrics: Metrics) -> None:
    told = _scrape(metrics)

    assert told[("process_resident_memory_bytes",)] > 1e6
    assert ("process_cpu_seconds_total",) in told


def test_every_name_of_ours_has_its_prefix_and_a_unit_where_there_is_one(
    metrics: Metrics,
) -> None:
    names = {row[0] for row in _scrape(metrics)}

    ours = {name for name in names if not name.startswith("process_")}
    assert all(re.fullmatch(r"encryptsecurert_[a-z_]+", name) for name in ours)


def test_nothing_is_served_unless_asked_for(metrics: Metrics) -> None:
    assert metrics.url is None


def test_only_loopback_is_listened_on(metrics: Metrics) -> None:
    metrics.serve(0)

    assert metrics.url is not None
    assert metrics.url.startswith("http://127.0.0.1:")
    assert metrics._server is not None
    assert metrics._server.socket.getsockname()[0] == "127.0.0.1"


def test_after_close_no_thread_and_no_socket_is_left(metrics: Metrics) -> None:
    before = set(threading.enumerate())
    metrics.serve(0)
    _scrape(metrics)
    server = metrics._server
    metrics.close()

    assert server is not None
    assert server.socket.fileno() == -1
    assert "metrics" not in {t.name for t in set(threading.enumerate()) - before}
    assert metrics.url is None


def test_a_scrape_that_hangs_does_not_hold_up_the_end(metrics: Metrics) -> None:
    metrics.serve(0)
    server = metrics._server
    assert server is not None
    with socket.create_connection(("127.0.0.1", server.server_port)) as slow:
        slow.sendall(b"GET /metr")
        while server._talking is None:
            threading.Event().wait(0.01)
        metrics.close()

    assert server.socket.fileno() == -1


def test_a_port_in_use_is_refused(metrics: Metrics) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(EncryptSecureRTError) as refusal:
            metrics.serve(taken.getsockname()[1])

    assert refusal.value.code is ErrorCode.E_LOCAL_FILE
    assert metrics.url is None


def test_two_workers_in_one_process_count_for_themselves(metrics: Metrics) -> None:
    other = Metrics(Still())
    other.break_glass()

    assert _scrape(metrics)[("encryptsecurert_break_glass_total",)] == 0


def test_every_name_and_its_labels_are_in_the_document_and_no_other(metrics: Metrics) -> None:
    text = (Path(__file__).parents[3] / "docs" / "operation.md").read_text("utf-8")
    section = text.partition("\n## Monitoring\n")[2].partition("\nBeside them")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \|([^|]*)\|", section, re.MULTILINE)

    told = {name: set(re.findall(r"`([a-z]+)`", labels)) for name, labels in rows}

    metrics.job_ended("segment", "done", 1.0)
    metrics.request("/v1/tasks", "E_FORBIDDEN")
    metrics.refused_connection("stalled")
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        if not family.name.startswith("process_"):
            name = family.name.removeprefix("encryptsecurert_")
            name += "_total" if family.type == "counter" else ""
            found[name] = {key for s in family.samples for key in s.labels} - {"le"}
    assert told == found
