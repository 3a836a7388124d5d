"""Places are counted: in all, for each caller, and some are kept for custodians."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from Testing.Integration.hospital import Hospital
from Testing.Integration.orders import refusal_of
from Testing.Integration.served import (
    WAIT_S,
    Served,
    answer_of,
    raw_connection,
    rest_of,
    served,
    wait_until,
)

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.rights import Role
from encryptsecurert_worker.server.door import Bounds, seat_of
from encryptsecurert_worker.server.listener import MOST_WITHOUT_TLS
from encryptsecurert_worker.server.tls import AttestedProtocol
from EncryptSecureRTLib.client.home import ClientHome

ASK = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
BUSY = b'{"detail":"","error":"E_BUSY"}'


def _fill(worker: Served, stack: ExitStack, *sources: str) -> None:
    for count, source in enumerate(sources, 1):
        stack.enter_context(worker.connect(source))
        worker.wait_open(count)


def test_one_more_than_all_places_hears_busy_once_and_is_closed() -> None:
    with served(connections=3) as worker, ExitStack() as stack:
        _fill(worker, stack, "127.0.0.1", "127.0.0.2", "127.0.0.3")

        with worker.connect() as excess:
            excess.sendall(ASK)
            answer = rest_of(excess)

        assert answer.startswith(b"HTTP/1.1 503")
        assert answer.endswith(BUSY)
        assert worker.refused("all-places") == 1


def test_one_more_than_a_callers_places_hears_busy_and_another_caller_does_not() -> None:
    with served(per_caller=2) as worker, ExitStack() as stack:
        _fill(worker, stack, "127.0.0.1", "127.0.0.1")

        with worker.connect() as excess, worker.connect("127.0.0.2") as other:
            excess.sendall(ASK)
            other.sendall(ASK)
            answers = rest_of(excess)[:12], answer_of(other)[:12]

        assert answers == (b"HTTP/1.1 503", b"HTTP/1.1 200")
        assert worker.refused("callers-places") == 1


def test_a_place_that_was_left_is_free_again() -> None:
    with served(per_caller=1) as worker:
        with worker.connect():
            worker.wait_open(1)
        worker.wait_open(0)

        with worker.connect() as next_one:
            next_one.sendall(ASK)

            assert answer_of(next_one).startswith(b"HTTP/1.1 200")


def test_who_is_told_to_wait_in_the_midst_of_a_chunk_still_hears_it() -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048592\r\n\r\n"
    with served(connections=1) as worker, ExitStack() as stack:
        _fill(worker, stack, "127.0.0.1")

        with worker.connect() as excess:
            excess.sendall(head + bytes(1048592))

            assert rest_of(excess).endswith(BUSY)


def test_beyond_those_who_wait_for_an_answer_nobody_gets_one() -> None:
    with served(connections=1, waiting=2) as worker, ExitStack() as stack:
        _fill(worker, stack, "127.0.0.1", "127.0.0.1", "127.0.0.1")

        with worker.connect() as excess:
            assert rest_of(excess) == b""

        assert worker.refused("overflow") == 1


def test_callers_are_told_apart_by_certificate_and_else_by_address() -> None:
    seats = {
        seat_of(b"one", "127.0.0.1"),
        seat_of(b"two", "127.0.0.1"),
        seat_of(None, "127.0.0.1"),
        seat_of(None, "127.0.0.2"),
    }

    assert len(seats) == 4
    assert seat_of(b"one", "127.0.0.1") == seat_of(b"one", "127.0.0.2")
    assert all(len(seat) == hashlib.sha256().digest_size for seat in seats)


# ---- with certificates


@contextmanager
def _bounded(folder: Path, bounds: Bounds) -> Iterator[tuple[Hospital, ClientHome, ClientHome]]:
    with patch.object(AttestedProtocol, "bounds", bounds), Hospital(folder) as hospital:
        users = hospital.users([Role.PHYSICIST, Role.PHYSICIST])
        hospital.provision()
        wait_until(lambda: _open(hospital) == 0)
        yield hospital, users[0], users[1]


def _open(hospital: Hospital) -> float:
    registry = hospital.service.metrics.registry
    return registry.get_sample_value("encryptsecurert_connections_open") or 0.0


def _take(hospital: Hospital, home: ClientHome, stack: ExitStack, count: int) -> None:
    for _ in range(count):
        before = _open(hospital)
        stack.enter_context(raw_connection(hospital.url, home))
        wait_until(lambda: _open(hospital) == before + 1)  # noqa: B023 - called at once


def test_a_user_with_all_places_of_one_keeps_nobody_else_out(tmp_path: Path) -> None:
    bounds = Bounds(per_caller=3)
    with _bounded(tmp_path, bounds) as (hospital, first, second), ExitStack() as stack:
        _take(hospital, first, stack, 3)

        assert refusal_of(hospital.channel, first) is ErrorCode.E_BUSY
        hospital.channel(second).close()


def test_a_custodian_gets_in_when_all_places_are_taken(tmp_path: Path) -> None:
    bounds = Bounds(connections=4, kept=2)
    with _bounded(tmp_path, bounds) as (hospital, first, second), ExitStack() as stack:
        _take(hospital, first, stack, 4)

        assert refusal_of(hospital.channel, second) is ErrorCode.E_BUSY
        hospital.provision()
        assert refusal_of(hospital.channel, second) is ErrorCode.E_BUSY


def test_kept_places_end_as_well(tmp_path: Path) -> None:
    bounds = Bounds(connections=1, kept=1)
    with _bounded(tmp_path, bounds) as (hospital, first, _), ExitStack() as stack:
        _take(hospital, first, stack, 1)
        _take(hospital, hospital.site.home, stack, 1)

        assert refusal_of(hospital.channel, hospital.site.home) is ErrorCode.E_BUSY


# ---- before TLS


@contextmanager
def _crowd(hospital: Hospital, count: int) -> Iterator[list[socket.socket]]:
    """Open connections that say nothing at all, not even a handshake."""
    parts = urlsplit(hospital.url)
    with ExitStack() as stack:
        address = parts.hostname or "", parts.port or 0
        yield [stack.enter_context(socket.create_connection(address, WAIT_S)) for _ in range(count)]


def _driven_out(hospital: Hospital) -> float:
    registry = hospital.service.metrics.registry
    labels = {"reason": "no-tls"}
    name = "encryptsecurert_connections_refused_total"
    return registry.get_sample_value(name, labels) or 0.0


def test_one_too_many_without_tls_drives_out_the_oldest_of_them(tmp_path: Path) -> None:
    with Hospital(tmp_path) as hospital, _crowd(hospital, MOST_WITHOUT_TLS + 1) as crowd:
        assert rest_of(crowd[0]) == b""
        wait_until(lambda: _driven_out(hospital) == 1)

        crowd[1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            crowd[1].recv(1)


def test_a_crowd_without_tls_keeps_nobody_out_and_drives_nobody_out(tmp_path: Path) -> None:
    with Hospital(tmp_path) as hospital:
        user = hospital.user(Role.PHYSICIST)
        hospital.provision()
        with hospital.channel(user) as before, _crowd(hospital, 2 * MOST_WITHOUT_TLS):
            hospital.channel(user).close()

            assert before.request_json("GET", "/v1/tasks")["tasks"]


def test_connections_that_came_through_tls_are_not_counted_among_those_without(
    tmp_path: Path,
) -> None:
    with Hospital(tmp_path) as hospital, patch.object(hospital.service._socket, "_most", 2):
        user = hospital.user(Role.PHYSICIST)
        hospital.provision()
        with ExitStack() as stack:
            _take(hospital, user, stack, 8)

            assert _driven_out(hospital) == 0
