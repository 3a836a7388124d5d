"""Jobs one after the other, the next one begun before the one in front of it is ended."""

from collections.abc import Callable, Sequence

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.runs import Begun, in_turn


class Steps:
    """Begins jobs that come to ten times their number, and writes down what happens to them."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.failing: dict[int, BaseException] = {}

    def begin(self, number: int) -> Begun[int]:
        """Begin a job."""
        self.taken.append(f"begin {number}")
        return _Step(self, number)


class _Step:
    def __init__(self, steps: Steps, number: int) -> None:
        self._steps, self._number = steps, number

    def end(self) -> int:
        self._steps.taken.append(f"end {self._number}")
        if self._number in self._steps.failing:
            raise self._steps.failing[self._number]
        return 10 * self._number

    def give_up(self) -> None:
        self._steps.taken.append(f"give up {self._number}")


def _run(
    steps: Steps, items: Sequence[int], waits: Callable[[int], bool] = lambda item: False
) -> list[tuple[int, int]]:
    with in_turn(items, steps.begin, waits) as turns:
        return list(turns)


def test_the_next_job_is_begun_before_one_is_ended_and_no_other() -> None:
    steps = Steps()

    assert _run(steps, [1, 2, 3]) == [(1, 10), (2, 20), (3, 30)]
    assert steps.taken == ["begin 1", "begin 2", "end 1", "begin 3", "end 2", "end 3"]


@pytest.mark.parametrize("items", [[], [7]])
def test_nothing_and_one_need_no_turn(items: list[int]) -> None:
    assert _run(Steps(), items) == [(item, 10 * item) for item in items]


def test_one_that_waits_is_begun_when_all_in_front_of_it_are_ended() -> None:
    steps = Steps()

    assert len(_run(steps, [1, 2, 3], lambda item: item == 3)) == 3
    assert steps.taken == ["begin 1", "begin 2", "end 1", "end 2", "begin 3", "end 3"]


@pytest.mark.parametrize(
    "error",
    [
        EncryptSecureRTError(ErrorCode.E_CANCELLED),
        EncryptSecureRTError(ErrorCode.E_BUSY),
        KeyboardInterrupt(),
        BrokenPipeError(),
    ],
)
def test_what_was_begun_is_given_up_when_one_fails(error: BaseException) -> None:
    steps = Steps()
    steps.failing[1] = error

    with pytest.raises(type(error)):
        _run(steps, [1, 2, 3])

    assert steps.taken == ["begin 1", "begin 2", "end 1", "give up 2"]


@pytest.mark.parametrize("code", [ErrorCode.E_UNREACHABLE, ErrorCode.E_TIMEOUT])
def test_a_lost_connection_ends_no_job(code: ErrorCode) -> None:
    steps = Steps()
    steps.failing[1] = EncryptSecureRTError(code)

    with pytest.raises(EncryptSecureRTError):
        _run(steps, [1, 2, 3])

    assert steps.taken == ["begin 1", "begin 2", "end 1"]


def test_what_was_begun_is_given_up_when_the_caller_breaks_off() -> None:
    steps = Steps()

    def break_off() -> None:
        with in_turn([1, 2, 3], steps.begin) as turns:
            next(turns)
            raise LookupError

    with pytest.raises(LookupError):
        break_off()

    assert steps.taken[-1] == "give up 2"


def test_what_nobody_takes_is_given_up() -> None:
    steps = Steps()

    with in_turn([1, 2, 3], steps.begin) as turns:
        next(turns)

    assert steps.taken[-1] == "give up 2"


def test_what_beginning_one_raises_gives_up_the_one_in_front_of_it() -> None:
    steps = Steps()

    def begin(number: int) -> Begun[int]:
        if number == 2:
            raise EncryptSecureRTError(ErrorCode.E_QUOTA)
        return steps.begin(number)

    with pytest.raises(EncryptSecureRTError, match="E_QUOTA"), in_turn([1, 2], begin) as turns:
        list(turns)

    assert steps.taken == ["begin 1", "give up 1"]
