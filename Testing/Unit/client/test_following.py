"""Following a job over breaks, and what a break, a stop and a vanished input make of the job."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from Testing.Unit.client.people import WrittenLine, enrolled, order_of, refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import EndEvent, Event, LogEvent, StateEvent
from encryptsecurert_protocol.jobs import JobState
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher, follow
from EncryptSecureRTLib.client.orders import Order
from EncryptSecureRTLib.client.runs import begin_job, finish_job, run_job, submit_job
from EncryptSecureRTLib.client.unfinished import JobGoesOn

_LOST = ErrorCode.E_UNREACHABLE
_NOBODY = Watcher()


def _log(n: int) -> LogEvent:
    return LogEvent(n=n, entry="step", value=float(n))


def _end(n: int, error: str | None = None, state: JobState = JobState.DONE) -> EndEvent:
    return EndEvent(n=n, state=state, error=error, results=())


@pytest.fixture
def home(tmp_path: Path) -> ClientHome:
    return enrolled(tmp_path / "home")


@pytest.fixture
def written(home: ClientHome) -> WrittenLine:
    return WrittenLine(home)


@pytest.fixture
def order(home: ClientHome) -> Order:
    return order_of(home)


def _numbers_asked(written: WrittenLine) -> list[int]:
    return [int(asked.rsplit("=", 1)[1]) for asked in written.asked if "after=" in asked]


def test_a_broken_stream_goes_on_after_the_last_event(written: WrittenLine, order: Order) -> None:
    heard: list[Event] = []
    written.streams = [[_log(1), _log(2), _LOST], [b"", ErrorCode.E_TIMEOUT], [_log(3), _end(4)]]

    end = follow(written.line, order, Watcher(event=heard.append))

    assert end == _end(4)
    assert [event.n for event in heard] == [1, 2, 3, 4]
    assert _numbers_asked(written) == [0, 2, 2]


def test_a_stream_that_ends_without_end_is_opened_again(written: WrittenLine, order: Order) -> None:
    written.streams = [[_log(1)], [_end(2)]]

    assert follow(written.line, order, Watcher()).n == 2
    assert _numbers_asked(written) == [0, 1]


def test_numbers_may_have_gaps_after_a_restart(written: WrittenLine, order: Order) -> None:
    again = StateEvent(n=7, state=JobState.QUEUED, place=0)
    written.streams = [[_log(2), _LOST], [again, _log(9), _end(20)]]

    assert follow(written.line, order, Watcher()).n == 20


@pytest.mark.parametrize("numbers", [(1, 1), (2, 1), (1, 3, 2)])
def test_numbers_that_do_not_ascend_are_refused(
    written: WrittenLine, order: Order, numbers: Sequence[int]
) -> None:
    written.streams = [[_log(n) for n in numbers]]

    assert refusal_of(follow, written.line, order, Watcher()) is ErrorCode.E_FORMAT


def test_an_event_from_before_the_break_is_refused(written: WrittenLine, order: Order) -> None:
    written.streams = [[_log(1), _log(2), _LOST], [_log(2), _end(3)]]

    assert refusal_of(follow, written.line, order, Watcher()) is ErrorCode.E_FORMAT


@pytest.mark.parametrize(
    ("behind", "read_whole"), [([], 1), ([_LOST], 0), ([b""], 0), ([_log(9)], 0)]
)
def test_the_end_of_a_stream_is_read_so_that_its_connection_serves_again(
    written: WrittenLine, order: Order, behind: Sequence[Event | bytes | ErrorCode], read_whole: int
) -> None:
    written.streams = [[_end(1), *behind]]

    assert follow(written.line, order, Watcher()).n == 1
    assert written.read_whole == read_whole


@pytest.mark.parametrize("stream", [[_LOST], [ErrorCode.E_TIMEOUT], []])
def test_a_stream_without_a_line_is_where_the_channel_has_given_up(
    written: WrittenLine, order: Order, stream: Sequence[ErrorCode]
) -> None:
    written.streams = [[_log(1), _LOST], stream]

    assert refusal_of(follow, written.line, order, Watcher()).value.exit_code == 3
    assert written.streams == []


def test_what_the_worker_refuses_is_final(written: WrittenLine, order: Order) -> None:
    written.streams = [[_log(1), ErrorCode.E_USER_CERTIFICATE]]

    refusal = refusal_of(follow, written.line, order, Watcher())
    assert refusal is ErrorCode.E_USER_CERTIFICATE


# ---- whole jobs


def _run(
    written: WrittenLine, home: ClientHome, watcher: Watcher = _NOBODY, task: str = "segment"
) -> Finished:
    return run_job(written.line, home, task, lambda: ["ab" * 32], {"schema": "x/1"}, watcher)


@pytest.mark.parametrize(
    ("task", "words"), [("segment", "fetch it later"), ("protect", "run protect again")]
)
def test_a_lost_connection_leaves_the_job_going(
    written: WrittenLine, home: ClientHome, task: str, words: str
) -> None:
    written.streams = [[_log(1), _LOST], [_LOST]]

    with pytest.raises(JobGoesOn, match=_LOST.name) as lost:
        _run(written, home, task=task)

    assert lost.value.job == written.submitted[0].job
    assert words in lost.value.what
    assert written.count("DELETE") == 0


def _raise(error: BaseException) -> Callable[[Event], None]:
    def hear(event: Event) -> None:
        raise error

    return hear


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokenPipeError()])
def test_a_user_who_leaves_cancels_the_job(
    written: WrittenLine, home: ClientHome, error: BaseException
) -> None:
    written.streams = [[_log(1), _end(2)]]

    with pytest.raises(type(error)):
        _run(written, home, Watcher(event=_raise(error)))

    assert written.asked[-1] == f"DELETE /v1/jobs/{written.submitted[0].job}"


@pytest.mark.parametrize("refusal", [None, _LOST])
def test_a_stop_that_the_worker_did_not_hear_names_the_job(
    written: WrittenLine, home: ClientHome, refusal: ErrorCode | None
) -> None:
    written.streams = [[_log(1), ErrorCode.E_CANCELLED]]
    written.cancel_refusal = refusal

    with pytest.raises(Exception, match=r"E_CANCELLED") as stopped:
        _run(written, home)

    assert written.count("DELETE") == 1
    assert isinstance(stopped.value, JobGoesOn) is (refusal is not None)


def test_a_job_that_is_only_fetched_is_never_cancelled(
    written: WrittenLine, home: ClientHome, order: Order
) -> None:
    written.streams = [[_log(1), _end(2)]]

    with pytest.raises(KeyboardInterrupt):
        finish_job(written.line, home, order, Watcher(event=_raise(KeyboardInterrupt())))

    assert written.count("DELETE") == 0


def test_an_input_that_is_gone_at_submission_is_sent_again_once(
    written: WrittenLine, home: ClientHome
) -> None:
    sent: list[int] = []

    def send() -> Sequence[str]:
        sent.append(1)
        return ["ab" * 32]

    written.refusals = [ErrorCode.E_INPUT_GONE, None]
    order = submit_job(written.line, home, "segment", send, {"schema": "x/1"}, Watcher())
    written.refusals = [ErrorCode.E_INPUT_GONE] * 3
    again = refusal_of(
        submit_job, written.line, home, "segment", send, {"schema": "x/1"}, Watcher()
    )

    assert order.header == written.submitted[1]
    assert again is ErrorCode.E_INPUT_GONE
    assert len(sent) == len(written.submitted) == 4


def test_the_id_of_a_job_is_told_as_soon_as_the_worker_has_it(
    written: WrittenLine, home: ClientHome
) -> None:
    told: list[str] = []
    watcher = Watcher(stage=told.append, job=lambda job: told.append("job"))

    begin_job(written.line, home, "segment", lambda: ["ab" * 32], {"schema": "x/1"}, watcher)

    assert told == ["submit", "job"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BrokenPipeError()])
def test_a_job_whose_id_nobody_hears_is_cancelled(
    written: WrittenLine, home: ClientHome, error: BaseException
) -> None:
    def hear(job: str) -> None:
        raise error

    with pytest.raises(type(error)):
        _run(written, home, Watcher(job=hear))

    assert written.asked[-1] == f"DELETE /v1/jobs/{written.submitted[0].job}"


def test_an_input_that_is_gone_at_submission_and_again_when_the_job_runs_is_sent_again_once(
    written: WrittenLine, home: ClientHome
) -> None:
    written.refusals = [ErrorCode.E_INPUT_GONE, None]
    written.streams = [[_end(1, "E_INPUT_GONE", JobState.FAILED)]]

    assert refusal_of(_run, written, home) is ErrorCode.E_INPUT_GONE
    assert len(written.submitted) == 2


def test_an_input_that_is_gone_when_the_job_runs_is_sent_again_once(
    written: WrittenLine, home: ClientHome
) -> None:
    gone = _end(1, "E_INPUT_GONE", JobState.FAILED)
    written.streams = [[gone], [gone], [gone]]

    assert refusal_of(_run, written, home) is ErrorCode.E_INPUT_GONE
    assert len(written.submitted) == 2
    assert len({header.job for header in written.submitted}) == 2
