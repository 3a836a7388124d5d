"""What a peer owes us it owes for a time, and what it sends beside a body has a size."""

import threading

import pytest
from Testing.Integration.served import Served, answer_of, rest_of, served

_SHORT_S, _LONG_S = 0.3, 60.0
HEAD = b"GET /echo HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


def _drip(worker: Served, octets: bytes, piece: bytes) -> bytes:
    """Send octets, then a piece again and again, until the server has had enough."""
    with worker.connect() as connection:
        stop = threading.Event()

        def send() -> None:
            try:
                connection.sendall(octets)
                while not stop.wait(0.02):
                    connection.sendall(piece)
            except OSError:
                return

        thread = threading.Thread(target=send)
        thread.start()
        try:
            return rest_of(connection)
        finally:
            stop.set()
            thread.join()


def test_a_dripping_head_is_cut_though_octets_go_on_coming() -> None:
    with served(idle_s=_SHORT_S) as worker:
        answer = _drip(worker, HEAD + b"X-Slow: ", b"a")

        assert answer == b""
        assert worker.refused("slow-head") == 1


def test_empty_lines_before_a_head_do_not_win_time() -> None:
    with served(idle_s=_SHORT_S) as worker:
        assert _drip(worker, b"", b"\r\n") == b""

        assert worker.refused("slow-head") == 1


def test_a_dripping_second_head_is_cut_like_the_first() -> None:
    with served(idle_s=_SHORT_S) as worker:
        answer = _drip(worker, HEAD + b"\r\n" + HEAD + b"X-Slow: ", b"a")

        assert answer.count(b"HTTP/1.1 200") == 1
        assert worker.refused("slow-head") == 1


def test_a_dripping_body_is_cut_after_its_time_and_not_before() -> None:
    with served(idle_s=_SHORT_S, body_s=4 * _SHORT_S) as worker:
        answer = _drip(worker, POST % 10_000_000, b"a")

        assert answer == b""
        assert (worker.refused("slow-body"), worker.refused("slow-head")) == (1, 0)


def test_a_slow_body_within_its_time_is_answered() -> None:
    with served(idle_s=_SHORT_S, body_s=_LONG_S) as worker, worker.connect() as connection:
        connection.sendall(POST % 30)
        for _ in range(30):
            connection.sendall(b"a")
            threading.Event().wait(0.02)

        assert answer_of(connection).startswith(b"HTTP/1.1 200")
        assert worker.refused("slow-body") == 0


@pytest.mark.parametrize("octets", [b"", HEAD, POST % 9 + b"12345678"])
def test_a_silent_peer_is_cut(octets: bytes) -> None:
    with served(idle_s=_SHORT_S, body_s=_LONG_S) as worker, worker.connect() as connection:
        connection.sendall(octets)

        assert rest_of(connection) == b""
        assert worker.refused("silent") + worker.refused("slow-head") == 1
        worker.wait_open(0)


def test_a_peer_that_reads_an_endless_answer_is_not_cut_though_it_says_nothing() -> None:
    with served(idle_s=_SHORT_S, stalled_s=_SHORT_S) as worker, worker.connect() as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        enough = threading.Event()
        threading.Timer(4 * _SHORT_S, enough.set).start()
        while not enough.is_set():
            assert connection.recv(1 << 20)

        assert (worker.refused("silent"), worker.refused("stalled")) == (0, 0)


def test_a_peer_that_never_reads_is_cut() -> None:
    with served(stalled_s=_SHORT_S) as worker, worker.connect() as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        worker.wait_open(1)
        worker.wait_open(0)

        assert worker.refused("stalled") == 1


def test_a_head_without_end_is_cut() -> None:
    with served(head_bytes=4096) as worker:
        answer = _drip(worker, HEAD + b"X-Long: ", b"a" * 512)

        assert answer == b""
        assert worker.refused("long-head") == 1


def test_a_trailer_without_end_is_cut() -> None:
    chunked = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with served(head_bytes=4096) as worker:
        answer = _drip(worker, chunked + b"1\r\na\r\n0\r\nX-Long: ", b"a" * 512)

        assert answer == b""
        assert worker.refused("long-head") == 1


def test_a_large_body_is_not_taken_for_a_head() -> None:
    with served(head_bytes=4096) as worker, worker.connect() as connection:
        connection.sendall(POST % 1_000_000 + bytes(1_000_000))

        assert answer_of(connection).endswith(b"1000000")
        assert worker.refused("long-head") == 0


@pytest.mark.parametrize(("count", "status"), [(6, b"400"), (5, b"200")])
def test_headers_have_a_number(count: int, status: bytes) -> None:
    more = b"".join(b"X-%d: a\r\n" % number for number in range(count - 1))
    with served(headers=5) as worker, worker.connect() as connection:
        connection.sendall(HEAD + more + b"\r\n")

        assert answer_of(connection).startswith(b"HTTP/1.1 " + status)
        assert worker.refused("many-headers") == (status == b"400")


def test_what_is_no_http_is_counted() -> None:
    with served() as worker, worker.connect() as connection:
        connection.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")

        assert rest_of(connection).startswith(b"HTTP/1.1 400")
        assert worker.refused("malformed") == 1
        worker.wait_open(0)
