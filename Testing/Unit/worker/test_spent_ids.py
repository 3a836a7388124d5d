"""Jobs that were kept long enough go, and their ids cannot be used again while headers hold."""

from datetime import timedelta
from pathlib import Path

import pytest
from Testing.Unit.worker.books import Shelf, full
from Testing.Unit.worker.made import NOW, HandMadeSite, refusal_of
from Testing.Unit.worker.orders import OWNER, order

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.jobs import JobState, job_digest
from encryptsecurert_protocol.limits import LIMITS

A, B = "0a" * 16, "0b" * 16
KEPT_S = LIMITS.results_kept_s
EXPIRES = NOW + timedelta(hours=1)  # of the orders that tests write
SKEW = timedelta(seconds=LIMITS.clock_skew_s)


@pytest.fixture
def shelf(tmp_path: Path, made: HandMadeSite) -> Shelf:
    return Shelf(tmp_path, made)


def _known(shelf: Shelf, job: str) -> object:
    return shelf.book.known(OWNER, job, job_digest(order(job).encode()))


def test_a_job_is_kept_as_long_as_its_results_are(shelf: Shelf) -> None:
    job = shelf.done(A)
    shelf.book.expire(job.record.ended_service_s + KEPT_S - 1)
    before = shelf.book.of(OWNER), shelf.files
    shelf.book.expire(job.record.ended_service_s + KEPT_S)

    assert before == ([(job, 0)], [job.record.results[0].file])
    assert shelf.book.of(OWNER) == []
    assert shelf.files == []
    assert shelf.kept.ledger.get("job", OWNER, A) is None
    assert shelf.again().book.of(OWNER) == []


def test_a_job_that_has_not_ended_is_never_dropped(shelf: Shelf) -> None:
    running, waiting = shelf.running(A), shelf.accept(B)
    shelf.book.expire(1000 * KEPT_S)

    assert shelf.book.of(OWNER) == [(running, 0), (waiting, 1)]


def test_the_id_of_a_dropped_job_is_refused_while_its_header_is_in_time(shelf: Shelf) -> None:
    shelf.done(A)
    shelf.book.expire(10 * KEPT_S)  # the host's clock stood still meanwhile

    assert refusal_of(_known, shelf, A) is ErrorCode.E_REPLAY
    assert refusal_of(shelf.accept, A) is ErrorCode.E_REPLAY
    again = shelf.again()
    assert refusal_of(_known, again, A) is ErrorCode.E_REPLAY
    assert refusal_of(again.accept, A) is ErrorCode.E_REPLAY
    assert again.accept(B).state is JobState.QUEUED


def test_an_id_is_forgotten_once_its_header_is_too_old_for_any_clock(shelf: Shelf) -> None:
    shelf.done(A)
    shelf.book.expire(10 * KEPT_S)
    shelf.kept.clocks.host = EXPIRES + SKEW - timedelta(seconds=1)
    shelf.book.expire(10 * KEPT_S)
    before = refusal_of(_known, shelf, A)
    shelf.kept.clocks.host = EXPIRES + SKEW
    shelf.book.expire(10 * KEPT_S)

    assert before is ErrorCode.E_REPLAY
    assert _known(shelf, A) is None
    assert list(shelf.kept.ledger.of("spent")) == []


def test_a_header_that_is_too_old_anyway_leaves_no_id(shelf: Shelf) -> None:
    shelf.done(A)
    shelf.kept.clocks.host = EXPIRES + SKEW
    shelf.book.expire(10 * KEPT_S)

    assert list(shelf.kept.ledger.of("spent")) == []
    assert _known(shelf, A) is None


def test_a_full_disk_drops_nothing(shelf: Shelf) -> None:
    job = shelf.done(A)
    with shelf.full_disk():
        code = refusal_of(shelf.book.expire, 10 * KEPT_S)

    assert code is ErrorCode.E_BUSY
    assert shelf.book.result(job, "answer")[0].read_bytes() == b"sealed"
    assert _known(shelf, A) is job


def test_an_end_that_is_owed_is_written_before_its_job_is_dropped(shelf: Shelf) -> None:
    job = shelf.running(A)
    with shelf.full_disk():
        shelf.book.steps.end(job, JobState.FAILED, ErrorCode.E_BUSY)
    shelf.book.expire(10 * KEPT_S)

    assert ("job-ended", "E_BUSY") in shelf.told
    assert shelf.book.of(OWNER) == []


def test_a_job_whose_end_is_still_owed_is_not_dropped(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = shelf.running(A)
    monkeypatch.setattr(shelf.kept.audit, "append", full)
    shelf.book.steps.end(job, JobState.FAILED, ErrorCode.E_BUSY)
    shelf.book.expire(10 * KEPT_S)

    assert shelf.book.of(OWNER) == [(job, 0)]
