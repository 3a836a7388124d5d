"""What is waited for, for how long, and what a restarted worker must prove again."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pytest
from Testing.Unit.client.answers import Body, answer, code_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.patience import PASSING, Patience, PatientChannel, Waiter

_DOWN = ErrorCode.E_UNREACHABLE


class _Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.heard: list[tuple[str, int, float]] = []

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def waiter(self, stopped: Callable[[], bool] = lambda: False) -> Waiter:
        return Waiter(
            waiting=lambda *words: self.heard.append(words),
            stopped=stopped,
            clock_s=lambda: self.now_s,
            sleep=self.sleep,
        )


class _Line:
    """A line to one start of a worker, which answers with errors first."""

    def __init__(self, name: str, *errors: ErrorCode) -> None:
        self.name = name
        self.errors = list(errors)
        self.closed = False
        self.asked = 0

    @property
    def statement(self) -> str:
        return self.name

    def _answer(self) -> None:
        self.asked += 1
        if self.errors:
            raise EncryptSecureRTError(self.errors.pop(0))

    def request_json(self, *_: object) -> dict[str, Any]:
        self._answer()
        return {"from": self.name}

    def put(self, *_: object) -> None:
        self._answer()

    def close(self) -> None:
        self.closed = True


class _Factory:
    """Opens one prepared line after the other; an error code is raised instead."""

    def __init__(self, *lines: "_Line | ErrorCode") -> None:
        self.lines = list(lines)

    def __call__(self) -> Line:
        line = self.lines.pop(0)
        if isinstance(line, ErrorCode):
            raise EncryptSecureRTError(line)
        return cast(Line, line)


def _ask(channel: PatientChannel) -> object:
    return channel.request_json("GET", "/v1/tasks")["from"]


def _by_name(codes: Iterable[ErrorCode]) -> list[ErrorCode]:
    return sorted(codes, key=lambda code: code.name)


def test_pauses_grow_up_to_the_longest() -> None:
    patience = Patience()

    pauses = [patience.pause_s(attempt) for attempt in range(1, 9)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


@pytest.mark.parametrize(
    "wrong", [{"total_s": -1.0}, {"first_pause_s": 0.0}, {"longest_s": 0.1}, {"factor": 0.5}]
)
def test_a_patience_that_makes_no_sense_cannot_be_made(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="pauses"):
        Patience(**wrong)


@pytest.mark.parametrize("code", _by_name(PASSING))
def test_what_passes_is_waited_for_and_told(code: ErrorCode) -> None:
    clock, line = _Clock(), _Line("first", code, code)
    channel = PatientChannel(_Factory(line), waiter=clock.waiter())

    assert _ask(channel) == "first"
    assert clock.heard == [(code.name, 1, 0.5), (code.name, 2, 1.0)]
    assert clock.now_s == pytest.approx(1.5)


def test_the_last_error_is_raised_when_the_time_is_used_up_and_not_before() -> None:
    clock, line = _Clock(), _Line("first", *[ErrorCode.E_TIMEOUT] * 4, *[_DOWN] * 96)
    channel = PatientChannel(_Factory(line), Patience(total_s=20), clock.waiter())

    assert code_of(lambda: _ask(channel)) is _DOWN
    assert clock.now_s == pytest.approx(20)
    assert [pause_s for _, _, pause_s in clock.heard] == pytest.approx([0.5, 1, 2, 4, 8, 4.5])
    assert line.asked == 7


def test_each_call_has_its_own_time() -> None:
    clock, line = _Clock(), _Line("first", *[_DOWN] * 4)
    channel = PatientChannel(_Factory(line), Patience(total_s=10), clock.waiter())
    _ask(channel)
    line.errors = [_DOWN] * 4

    assert _ask(channel) == "first"


@pytest.mark.parametrize("code", _by_name(set(ErrorCode) - PASSING))
def test_every_other_error_is_final_at_once(code: ErrorCode) -> None:
    clock = _Clock()
    channel = PatientChannel(_Factory(_Line("first", code), code), waiter=clock.waiter())

    assert code_of(lambda: _ask(channel)) is code
    assert clock.heard == []


def test_another_start_of_the_worker_is_attested_anew_once() -> None:
    first, second = _Line("first", _DOWN, ErrorCode.E_SESSION), _Line("second")
    channel = PatientChannel(_Factory(first, second), waiter=_Clock().waiter())

    assert _ask(channel) == "second"
    assert (first.closed, second.closed) == (True, False)
    assert cast(str, channel.statement) == "second"


def test_a_new_channel_that_leads_to_yet_another_worker_is_final() -> None:
    first, second = _Line("first", ErrorCode.E_SESSION), _Line("second", ErrorCode.E_SESSION)
    channel = PatientChannel(_Factory(first, second, _Line("third")), waiter=_Clock().waiter())

    assert code_of(lambda: _ask(channel)) is ErrorCode.E_SESSION


@pytest.mark.parametrize(
    "code", [ErrorCode.E_MEASUREMENT, ErrorCode.E_SITE, ErrorCode.E_NOT_PROVISIONED]
)
def test_what_the_new_attestation_refuses_is_final_and_gets_no_octet(code: ErrorCode) -> None:
    clock, first = _Clock(), _Line("first", ErrorCode.E_SESSION)
    channel = PatientChannel(_Factory(first, code), waiter=clock.waiter())

    assert code_of(lambda: _ask(channel)) is code
    assert clock.heard == []


def test_a_worker_that_dies_while_it_is_attested_anew_is_waited_for() -> None:
    clock, second = _Clock(), _Line("second")
    first = _Line("first", ErrorCode.E_SESSION, ErrorCode.E_SESSION)
    channel = PatientChannel(_Factory(first, _DOWN, second), waiter=clock.waiter())

    assert _ask(channel) == "second"
    assert clock.heard == [(_DOWN.name, 1, 0.5)]


def test_a_stop_ends_the_wait() -> None:
    clock, line = _Clock(), _Line("first", *[_DOWN] * 9)
    channel = PatientChannel(_Factory(line), waiter=clock.waiter(lambda: clock.now_s > 1))

    assert code_of(lambda: _ask(channel)) is ErrorCode.E_CANCELLED
    assert clock.now_s < 1.5


def test_a_stop_that_was_asked_for_does_not_keep_the_worker_from_being_told() -> None:
    channel = PatientChannel(_Factory(_Line("first")), waiter=_Clock().waiter(lambda: True))

    assert _ask(channel) == "first"


def test_the_first_opening_is_not_patient() -> None:
    clock = _Clock()

    code = code_of(lambda: PatientChannel(_Factory(_DOWN, _Line("x")), waiter=clock.waiter()))
    assert code is _DOWN
    assert clock.heard == []


def test_threads_that_fail_together_wait_once_and_open_one_channel() -> None:
    together = threading.Barrier(3)

    class Gone(_Line):
        """Fails all three threads at once, then each with another start's key."""

        def put(self, *_: object) -> None:
            if self.asked < 3:
                self.asked += 1
                together.wait(10)
                raise EncryptSecureRTError(_DOWN)
            raise EncryptSecureRTError(ErrorCode.E_SESSION)

    clock, second = _Clock(), _Line("second")
    factory = _Factory(Gone("first"), second)
    channel = PatientChannel(factory, waiter=clock.waiter())

    threads = [threading.Thread(target=channel.put, args=("/x", b"")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert second.asked == 3
    assert factory.lines == []
    assert clock.heard == [(_DOWN.name, 1, 0.5)]


def test_threads_that_meet_another_start_together_open_one_channel() -> None:
    together = threading.Barrier(3)

    class Replaced(_Line):
        def put(self, *_: object) -> None:
            together.wait(10)
            raise EncryptSecureRTError(ErrorCode.E_SESSION)

    second, third = _Line("second"), _Line("third")
    factory = _Factory(Replaced("first"), second, third)
    channel = PatientChannel(factory, waiter=_Clock().waiter())

    threads = [threading.Thread(target=channel.put, args=("/x", b"")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert factory.lines == [third]
    assert (second.asked, second.closed) == (3, False)


class _Streams(_Line):
    """Gives prepared streams of lines; an error code ends one."""

    def __init__(self, *streams: list[bytes | ErrorCode]) -> None:
        super().__init__("streams")
        self.streams = list(streams)

    def stream_lines(self, path: str, max_line_bytes: int) -> Iterator[bytes]:
        for line in self.streams.pop(0):
            if isinstance(line, ErrorCode):
                raise EncryptSecureRTError(line)
            yield line


def test_a_stream_is_waited_for_until_its_first_line() -> None:
    clock, line = _Clock(), _Streams([_DOWN], [ErrorCode.E_TIMEOUT], [b"1", b"", b"2"])
    channel = PatientChannel(_Factory(line), waiter=clock.waiter())

    assert list(channel.stream_lines("/x", 100)) == [b"1", b"", b"2"]
    assert [name for name, _, _ in clock.heard] == ["E_UNREACHABLE", "E_TIMEOUT"]


@pytest.mark.parametrize("code", [_DOWN, ErrorCode.E_TIMEOUT])
def test_a_stream_that_breaks_after_its_first_line_is_the_readers_to_go_on(code: ErrorCode) -> None:
    clock, line = _Clock(), _Streams([b"1", code], [b"never"])
    channel = PatientChannel(_Factory(line), waiter=clock.waiter())
    seen: list[bytes] = []

    assert code_of(lambda: seen.extend(channel.stream_lines("/x", 100))) is code
    assert clock.heard == []


def test_an_empty_stream_is_empty() -> None:
    channel = PatientChannel(_Factory(_Streams([])), waiter=_Clock().waiter())

    assert list(channel.stream_lines("/x", 100)) == []


class _Bodies(_Line):
    """Answers a request with as many octets as it says, then a break; none are left out."""

    def __init__(self, content: bytes, *sizes: int) -> None:
        super().__init__("bodies")
        self.content = content
        self.sizes = list(sizes)

    def request(self, method: str, path: str, *, headers: dict[str, str], **_: object) -> object:
        etag = '"' + "ab" * 32 + '"'
        size = self.sizes.pop(0)
        if size < 0:
            return answer(Body(self.content), 200, {"ETag": etag})
        return answer(Body(self.content[:size], ConnectionResetError()), 200, {"ETag": etag})


def test_a_download_is_waited_for() -> None:
    clock, line = _Clock(), _Bodies(b"octets", 0, 3, -1)
    channel = PatientChannel(_Factory(line), waiter=clock.waiter())

    assert channel.download("/x", 6) == b"octets"
    assert [name for name, _, _ in clock.heard] == ["E_UNREACHABLE"] * 2


def test_patience_begins_anew_as_long_as_octets_arrive() -> None:
    piece = 256 * 1024
    clock, line = _Clock(), _Bodies(bytes(3 * piece), piece, 2 * piece, 0, -1)
    channel = PatientChannel(_Factory(line), Patience(total_s=0), clock.waiter())

    assert code_of(lambda: channel.download("/x", 3 * piece)) is _DOWN
    assert line.sizes == [-1]
