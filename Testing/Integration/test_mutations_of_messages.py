"""Spoiled messages of each kind: a code for each, and a worker that is as it was.

Ten thousand of each in full, see `effort`.
"""

import asyncio
import gc
import random
import resource
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from effort import times
from shown import SHOWN, Show
from Testing.Integration import heads
from Testing.Integration.inside import Ask, Inside, Told
from Testing.Integration.mutated import Bench
from Testing.Integration.served import answer_of, raw_connection, wait_until
from Testing.Integration.small_jobs import patient, run_small, small_volume

import encryptsecurert_protocol
import encryptsecurert_worker
from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.audit import AuditPage
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import decode_event
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.limits import KIB, LIMITS, MIB
from encryptsecurert_worker.server import provisioning
from encryptsecurert_worker.server.building import utc_now

pytestmark = pytest.mark.first

MUTATIONS = times(10_000, 4_000)
OVER_A_SOCKET = 1_000
TRACED = 2_000
SEED = "20261126"
# What the worker's own code may hold in the end that it did not in the beginning: lines of its
# log that wait to be sealed, and what it was told to keep.
_SETTLING = 30  # looks, a tenth of a second apart
_HELD_BYTES, _HELD_BYTES_EACH = 128 * KIB, 4 * KIB
_RSS_BYTES = 32 * MIB
_SOURCES = "".join(
    path.read_text("utf-8")
    for package in (encryptsecurert_protocol, encryptsecurert_worker)
    for path in Path(package.__path__[0]).rglob("*.py")
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    # An accepted bundle's answer is not waited for before connections are looked at.
    with patch.object(provisioning, "_ANSWER_LEAVES_S", 0):
        opened = Bench(tmp_path_factory.mktemp("bench") / "stand")
        yield opened
        opened.stand.stop()


@dataclass
class Tally:
    """What came of the mutations of one message."""

    message: str
    answers: Counter[str] = field(default_factory=Counter)
    held_bytes: int = 0
    rss_bytes: int = 0
    cpu_s: float = 0.0

    def row(self) -> str:
        """Return one line of the table."""
        codes = ", ".join(f"{code} {count}" for code, count in self.answers.most_common())
        held, rss = self.held_bytes / KIB, self.rss_bytes / MIB
        numbers = f"{self.answers.total():6} {self.cpu_s:5.1f} s {held:6.1f} KiB {rss:5.1f} MiB"
        return f"{self.message:14} {numbers}  {codes}"


def _rss_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def _allocated_by_the_worker() -> int:
    gc.collect()
    mine = tracemalloc.Filter(True, "*/encryptsecurert_worker/*")
    traces = tracemalloc.take_snapshot().filter_traces([mine])
    return sum(statistic.size for statistic in traces.statistics("filename"))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class _Watch:
    """Sees whether what the worker holds grows with the messages that it is sent.

    Allocations are traced for the last messages only, since tracing makes all of them slow: what
    each message leaves behind shows there as well.
    """

    def __init__(self, bench: Bench, message: str) -> None:
        self.tally = Tally(message)
        self._book, self._store = bench.core.book, bench.core.objects
        self._connections = bench.stand.service._server.server_state.connections
        self._uploads = self._store.open_uploads
        self._rss_bytes, self._cpu_s = _rss_bytes(), _cpu_s()
        self._kept = 0

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Trace what is sent within; afterwards nothing may have grown that need not."""
        kept = self._kept_by_order
        tracemalloc.start()
        held = _allocated_by_the_worker()
        try:
            yield
            wait_until(lambda: not self._book._going() and not self._connections)
            self._kept = self._kept_by_order - kept
            self._settle(held)
        finally:
            tracemalloc.stop()
        self.tally.cpu_s = _cpu_s() - self._cpu_s
        self.tally.rss_bytes = _rss_bytes() - self._rss_bytes

    def _settle(self, before: int) -> None:
        """Note what is held; a thread that got no core yet still has the last message."""
        for _ in range(_SETTLING):
            self.tally.held_bytes = _allocated_by_the_worker() - before
            if self.tally.held_bytes <= self._may_hold:
                return
            time.sleep(0.1)

    @property
    def _may_hold(self) -> int:
        return _HELD_BYTES + self._kept * _HELD_BYTES_EACH

    @property
    def _kept_by_order(self) -> int:
        """How much more the worker was told to keep."""
        jobs = self.tally.answers["ok"] if self.tally.message == "job" else 0
        return self._store.open_uploads - self._uploads + jobs

    def require_nothing_left(self) -> None:
        """See that tables and memory have grown by what was accepted, and no more."""
        if self.tally.message != "object":
            assert self._store.open_uploads == self._uploads
        assert self._store.open_uploads <= LIMITS.open_uploads_per_user
        assert self.tally.held_bytes <= self._may_hold
        assert self.tally.rss_bytes <= _RSS_BYTES
        assert not self.tally.answers["E_INTERNAL"]


def _does_a_right_job(bench: Bench, series: int) -> None:
    with patient(bench.colleague, bench.stand.url) as channel:
        run_small(channel, bench.colleague, small_volume(series=series), 0)


def _members(told: Told, *forms: str) -> None:
    assert told.status == 200
    assert " ".join(canonical.decode(told.body)) in forms


def _is_empty(told: Told) -> None:
    assert (told.status, told.body) == (204, b"")


# message: what a right answer to it is
_RIGHT: dict[str, Callable[[Told], object]] = {
    "audit query": lambda told: AuditPage.decode(told.body),
    "events query": lambda told: [decode_event(line) for line in told.body.splitlines()],
    "evidence query": lambda told: EvidenceAnswer.decode(told.body),
    "object": lambda told: _members(told, "next_chunk upload", "have"),
    "chunk": _is_empty,
    "job": lambda told: _members(told, "job state"),
    "bundle": lambda told: _members(told, "digest epoch site_key_id"),
    "lease": lambda told: _members(told, "epoch not_after start_id"),
}


def _random(name: str) -> random.Random:
    return random.Random(SEED + name)  # noqa: S311 - repeatable mutations, not keys


async def _mutate(bench: Bench, tally: Tally, rng: random.Random, count: int) -> None:
    inside, mutation = Inside(bench.stand.service), bench.mutations()[tally.message]
    for _ in range(count):
        told = await inside.ask(mutation(rng))
        error = told.error()
        if error is None:
            _RIGHT[tally.message](told)
        else:
            assert not error.detail or f'"{error.detail}"' in _SOURCES
        tally.answers["ok" if error is None else error.code.name] += 1
        if tally.message == "bundle" and error is None:
            await _bring_back_everybody(bench, inside)


async def _bring_back_everybody(bench: Bench, inside: Inside) -> None:
    """Bring the site's own bundle after one in which a member was another, whoever it lets in."""
    asked = Ask(method="GET", target=b"/v1/tasks", certificate=bench.certificate(bench.physicist))
    refusal = (await inside.ask(asked)).error()
    assert refusal is None or refusal.code is ErrorCode.E_USER_CERTIFICATE
    keys = bench.core.identity.ring.keys
    assert bench.core.site.provision(bench.good_bundle(), keys, utc_now())


@pytest.mark.parametrize("message", _RIGHT)
def test_each_spoiled_message_is_answered_by_code_and_leaves_nothing(
    bench: Bench, record_property: Show, message: str
) -> None:
    watch, rng = _Watch(bench, message), _random(message)
    asyncio.run(_mutate(bench, watch.tally, rng, MUTATIONS - TRACED))
    with watch.traced():
        asyncio.run(_mutate(bench, watch.tally, rng, TRACED))
    if message == "bundle":  # the worker waits for a lease under the newest of them
        lease = asyncio.run(Inside(bench.stand.service).ask(bench.good_lease()))
        _members(lease, "epoch not_after start_id")

    record_property(SHOWN, watch.tally.row())
    assert watch.tally.answers.total() == MUTATIONS
    watch.require_nothing_left()
    _does_a_right_job(bench, list(_RIGHT).index(message))


async def _feed(bench: Bench, tally: Tally, rng: random.Random, count: int) -> None:
    wire = heads.Wire(bench.stand.service, bench.certificate(bench.physicist))
    for _ in range(count):
        tally.answers.update(heads.answers(await wire.send(heads.mutation(rng)))[:1])


def test_each_spoiled_head_is_answered_by_code_and_leaves_nothing(
    bench: Bench, record_property: Show
) -> None:
    watch, rng = _Watch(bench, "head"), _random("head")
    asyncio.run(_feed(bench, watch.tally, rng, MUTATIONS - OVER_A_SOCKET - TRACED))
    with watch.traced():
        asyncio.run(_feed(bench, watch.tally, rng, TRACED))

    record_property(SHOWN, watch.tally.row())
    assert watch.tally.answers.total() == MUTATIONS - OVER_A_SOCKET
    watch.require_nothing_left()
    _does_a_right_job(bench, 100)


def _send(bench: Bench, tally: Tally, rng: random.Random, count: int) -> None:
    for _ in range(count):
        octets = heads.mutation(rng)
        with closing(raw_connection(bench.stand.url, bench.physicist)) as connection:
            connection.sendall(octets)
            answer = answer_of(connection) if heads.has_one_answer(octets) else b""
        tally.answers.update(heads.answers(answer)[:1])


def test_each_spoiled_head_on_a_socket_is_answered_by_code_and_leaves_nothing(
    bench: Bench, record_property: Show
) -> None:
    watch, rng = _Watch(bench, "head, socket"), _random("head, socket")
    _send(bench, watch.tally, rng, OVER_A_SOCKET * 4 // 5)
    with watch.traced():
        _send(bench, watch.tally, rng, OVER_A_SOCKET // 5)

    record_property(SHOWN, watch.tally.row())
    assert watch.tally.answers.total() == OVER_A_SOCKET
    watch.require_nothing_left()
    _does_a_right_job(bench, 101)
