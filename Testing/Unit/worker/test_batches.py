"""A batch is answered item by item: each is a check point, and few of them are told."""

import pytest
from Testing.Unit.worker.contexts import task_context

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.tasks.batches import Answer, answer_each

ITEMS = [memoryview(b"%d" % number) for number in range(400)]


def test_each_item_is_a_check_point_and_a_step_is_told_once() -> None:
    fractions: list[float] = []
    context = task_context(progress=lambda stage, fraction: fractions.append(fraction))

    answers, refused = answer_each(
        ITEMS, lambda item: Answer(bytes(item), bytes(item) == b"7"), context, "answering"
    )

    assert answers == [bytes(item) for item in ITEMS]
    assert refused == 1
    assert len(fractions) == len(ITEMS)
    assert fractions == sorted(fractions)
    assert len(set(fractions)) == 10
    assert 0.05 <= fractions[0] < fractions[-1] < 0.95


def test_a_stop_at_any_item_ends_it_there() -> None:
    done: list[bytes] = []

    def stop(stage: str, fraction: float) -> None:
        if len(done) == 5:
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED)

    def answer(item: memoryview) -> Answer:
        done.append(bytes(item))
        return Answer(b"", False)

    with pytest.raises(EncryptSecureRTError) as stopped:
        answer_each(ITEMS, answer, task_context(progress=stop), "answering")

    assert stopped.value.code is ErrorCode.E_CANCELLED
    assert len(done) == 5
