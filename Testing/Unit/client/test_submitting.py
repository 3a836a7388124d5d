"""Submission: on the disk before on the wire, safe to repeat, and what a restart makes of it."""

from pathlib import Path

import pytest
from Testing.Unit.client.people import WrittenLine, enrolled, refusal_of, worker_state

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.jobs import JobHeader
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import submit
from EncryptSecureRTLib.client.orders import Order, open_order, opened_here
from EncryptSecureRTLib.client.unfinished import JobGoesOn


@pytest.fixture
def home(tmp_path: Path) -> ClientHome:
    return enrolled(tmp_path / "home")


@pytest.fixture
def written(home: ClientHome) -> WrittenLine:
    return WrittenLine(home)


def _submit(written: WrittenLine, home: ClientHome) -> Order:
    return submit(written.line, home, "segment", ["ab" * 32], {"schema": "x/1"})


def test_the_order_is_on_the_disk_before_the_worker_hears_of_it(
    home: ClientHome, written: WrittenLine
) -> None:
    found: list[JobHeader] = []
    written.on_submit = lambda header: found.append(open_order(home, header.job).header)

    order = _submit(written, home)

    assert found == written.submitted == [order.header]
    assert open_order(home, order.job) == order


@pytest.mark.parametrize("code", [ErrorCode.E_UNREACHABLE, ErrorCode.E_TIMEOUT])
def test_a_lost_answer_leaves_the_order_and_names_the_job(
    home: ClientHome, written: WrittenLine, code: ErrorCode
) -> None:
    written.refusals = [code]

    with pytest.raises(JobGoesOn) as lost:
        _submit(written, home)

    assert lost.value.code is code
    assert opened_here(home) == {lost.value.job} == {written.submitted[0].job}


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.E_FORBIDDEN,
        ErrorCode.E_QUOTA,
        ErrorCode.E_TASK,
        ErrorCode.E_SITE,
        ErrorCode.E_INPUT_GONE,
        ErrorCode.E_REPLAY,
    ],
)
def test_a_refused_order_is_forgotten(
    home: ClientHome, written: WrittenLine, code: ErrorCode
) -> None:
    written.refusals = [code]

    assert refusal_of(_submit, written, home) is code
    assert len(written.submitted) == 1
    assert opened_here(home) == frozenset()


@pytest.mark.parametrize("code", [ErrorCode.E_BUSY, ErrorCode.E_USER_CERTIFICATE])
def test_an_order_is_kept_where_an_earlier_try_may_have_been_taken(
    home: ClientHome, written: WrittenLine, code: ErrorCode
) -> None:
    written.refusals = [code]

    assert refusal_of(_submit, written, home) is code
    assert opened_here(home) == {written.submitted[0].job}


def test_a_worker_that_restarted_gets_a_new_order(home: ClientHome, written: WrittenLine) -> None:
    def restart(header: JobHeader) -> None:
        if len(written.submitted) == 1:
            written.statement = after

    before, after = written.statement, worker_state()
    written.refusals = [ErrorCode.E_REPLAY, None]
    written.on_submit = restart

    order = _submit(written, home)

    first, second = written.submitted
    assert first.job != second.job
    assert (first.worker, second.worker) == (before.hpke_key_sha256, after.hpke_key_sha256)
    assert second == order.header
    assert opened_here(home) == {order.job}


def test_a_worker_that_restarts_each_time_is_given_up(
    home: ClientHome, written: WrittenLine
) -> None:
    def restart(header: JobHeader) -> None:
        written.statement = worker_state()

    written.refusals = [ErrorCode.E_REPLAY] * 30
    written.on_submit = restart

    assert refusal_of(_submit, written, home) is ErrorCode.E_UNREACHABLE
    assert len(written.submitted) == 10
    assert opened_here(home) == frozenset()


def test_without_user_or_bundle_nothing_is_ordered(home: ClientHome, written: WrittenLine) -> None:
    written.statement.bundle = None

    with pytest.raises(EncryptSecureRTError) as refusal:
        _submit(written, home)

    assert refusal.value.code is ErrorCode.E_NOT_PROVISIONED
    assert written.submitted == []
    assert opened_here(home) == frozenset()
