"""What a channel makes of an answer that breaks off while it is read."""

from typing import Any, cast

import pytest
import requests
from Testing.Unit.client.answers import Body, answer, code_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.channel import Channel, ChannelGate


class _Session(requests.Session):
    """Gives one prepared answer."""

    def __init__(self, body: Body, status: int = 200, length: int | None = None) -> None:
        super().__init__()
        headers = {} if length is None else {"Content-Length": str(length)}
        self.response = answer(body, status, headers)

    def request(self, *_: Any, **__: Any) -> requests.Response:
        return self.response


def _channel(session: _Session) -> Channel:
    return Channel("https://worker", cast(ChannelGate, None), session, 1.0)


_BREAKS: list[tuple[OSError, ErrorCode]] = [
    (ConnectionResetError(), ErrorCode.E_UNREACHABLE),
    (TimeoutError(), ErrorCode.E_TIMEOUT),
]


def test_a_whole_answer_is_downloaded() -> None:
    assert _channel(_Session(Body(b"octets"))).download("/x", 6) == b"octets"


def test_more_than_was_announced_is_no_result() -> None:
    session = _Session(Body(b"octets"))

    assert code_of(lambda: _channel(session).download("/x", 5)) is ErrorCode.E_RESULT


def test_an_answer_shorter_than_its_length_was_cut() -> None:
    session = _Session(Body(b"octets"), length=7)

    assert code_of(lambda: _channel(session).download("/x", 7)) is ErrorCode.E_UNREACHABLE


@pytest.mark.parametrize(("broken", "code"), _BREAKS)
def test_a_download_that_breaks_off_is_an_error_of_the_network(
    broken: OSError, code: ErrorCode
) -> None:
    session = _Session(Body(b"octets", broken))

    assert code_of(lambda: _channel(session).download("/x", 100)) is code


@pytest.mark.parametrize(("broken", "code"), _BREAKS)
def test_an_error_answer_that_breaks_off_is_an_error_of_the_network(
    broken: OSError, code: ErrorCode
) -> None:
    session = _Session(Body(b"", broken), 404)

    assert code_of(lambda: _channel(session).request("GET", "/x", stream=True)) is code


@pytest.mark.parametrize(("broken", "code"), _BREAKS)
def test_lines_that_break_off_are_an_error_of_the_network(broken: OSError, code: ErrorCode) -> None:
    session = _Session(Body(b"line\n", broken))

    assert code_of(lambda: list(_channel(session).stream_lines("/x", 100))) is code


def test_a_stop_is_asked_for_before_each_piece() -> None:
    octets = bytes(3 * LIMITS.chunk_bytes)
    asked: list[int] = []

    def stopped() -> bool:
        asked.append(1)
        return len(asked) > 1

    channel = _channel(_Session(Body(octets)))
    assert code_of(lambda: channel.download("/x", len(octets), stopped)) is ErrorCode.E_CANCELLED
    assert len(asked) == 2
    again = _channel(_Session(Body(octets)))
    assert again.download("/x", len(octets), lambda: False) == octets
