"""Lines that could flood a reader: 20 a second at most, and the newest in any case."""

import json
from typing import Any

import pytest

from encryptsecurert_protocol.limits import KIB
from EncryptSecureRTLib.client.output import JsonReporter

Capture = pytest.CaptureFixture[str]
_LONGEST_UID = "1." + "9" * 62


class Clock:
    """Seconds that a test turns forward."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def read(self) -> float:
        """Return the time."""
        return self.now_s


def _lines(capture: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capture.readouterr().out.splitlines()]


@pytest.mark.parametrize("kind", ["sent", "count"])
def test_a_thousand_calls_a_second_are_twenty_lines_and_the_last(
    kind: str, capsys: Capture
) -> None:
    clock = Clock()
    reporter = JsonReporter(clock.read)
    tell = {"sent": reporter.sent, "count": reporter.count}[kind]

    for n in range(1, 2001):
        clock.now_s = n / 1000
        tell(n, 2000)
    lines = _lines(capsys)

    numbers = [int(line["done_bytes" if kind == "sent" else "done"]) for line in lines]
    assert {line["kind"] for line in lines} == {kind}
    assert numbers[0] == 1
    assert numbers[-1] == 2000
    assert 38 <= len(lines) <= 42  # two seconds
    assert numbers == sorted(set(numbers))


def test_a_line_that_was_held_back_comes_before_whatever_is_said_next(capsys: Capture) -> None:
    reporter = JsonReporter(Clock().read)

    for done in (1, 2, 3):
        reporter.sent(done, 10)
    reporter.waiting("E_UNREACHABLE", 1, 0.5)
    reporter.stage("submit")
    lines = _lines(capsys)

    assert [line["kind"] for line in lines] == ["sent", "sent", "waiting", "stage"]
    assert [line["done_bytes"] for line in lines[:2]] == [1, 3]


def test_the_end_is_told_at_once_and_once(capsys: Capture) -> None:
    reporter = JsonReporter(Clock().read)

    reporter.sent(1, 10)
    reporter.sent(9, 10)
    reporter.sent(10, 10)
    at_once = _lines(capsys)
    reporter.stage("submit")

    assert [line["done_bytes"] for line in at_once] == [1, 10]
    assert [line["kind"] for line in _lines(capsys)] == ["stage"]


def test_slow_calls_are_all_told(capsys: Capture) -> None:
    clock = Clock()
    reporter = JsonReporter(clock.read)

    for done in range(10):
        reporter.sent(done, 1000)
        clock.now_s += 0.06

    assert [line["done_bytes"] for line in _lines(capsys)] == list(range(10))


def test_uids_come_two_hundred_a_line_below_32_kib(capsys: Capture) -> None:
    pairs = [(f"{_LONGEST_UID[:-4]}{n:04}", f"{_LONGEST_UID[:-4]}{n:04}") for n in range(401)]

    JsonReporter(Clock().read).uids(pairs)
    printed = capsys.readouterr().out.splitlines()

    told = [json.loads(line)["pairs"] for line in printed]
    assert [len(part) for part in told] == [200, 200, 1]
    assert [tuple(pair) for part in told for pair in part] == pairs
    assert max(map(len, printed)) <= 32 * KIB
