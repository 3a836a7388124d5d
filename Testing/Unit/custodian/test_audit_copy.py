"""The auditor's own copy: whole after a loss of power, and no change of it goes unseen."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from Testing.Unit.custodian.audit_made import (
    AUDITOR,
    INSTANCE,
    NOW,
    OTHER_INSTANCE,
    FakeWorker,
    MadeChain,
    fetched,
    names,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.custodian.audit_fetch import fetch
from EncryptSecureRTLib.custodian.audit_judge import judge_log
from EncryptSecureRTLib.custodian.audit_log import AuditLog

_CHAIN = MadeChain().run(1, 3).run(2, 2)
_SEALED = FakeWorker(_CHAIN).lines
_LAST = _CHAIN.n - 1


@pytest.fixture
def log(tmp_path: Path) -> Path:
    fetched(tmp_path / "log", _CHAIN)
    return tmp_path / "log"


def _lines(log: Path, instance: str = INSTANCE) -> Path:
    return log / instance / "lines.jsonl"


def _judged(log: Path) -> list[str]:
    return names(judge_log(AuditLog(log)))


def _worker(lines: list[bytes]) -> FakeWorker:
    worker = FakeWorker(MadeChain(), page_lines=100)
    worker.start_id, worker.n, worker.head = _CHAIN.start_id, _CHAIN.n, _CHAIN.head
    worker.lines = lines
    return worker


def test_a_whole_copy_shows_nothing(log: Path) -> None:
    assert _judged(log) == []


def test_half_a_row_that_a_loss_of_power_left_is_cut_off(log: Path) -> None:
    whole = _lines(log).read_bytes()
    _lines(log).write_bytes(whole + b'{"case":"","co')
    longer = _CHAIN.copy()
    longer.job()

    found = fetched(log, longer)

    assert found == []
    assert _lines(log).read_bytes().splitlines() == [line.encode() for line in longer.lines]


def test_rows_that_were_not_committed_yet_are_taken_up(log: Path) -> None:
    longer = _CHAIN.copy()
    longer.job()
    _lines(log).write_bytes(b"".join(line.encode() + b"\n" for line in longer.lines))
    worker = FakeWorker(longer)

    found = fetched(log, worker)

    assert found == []
    assert worker.asked == [longer.n]


def test_a_copy_that_another_command_writes_to_is_not_written(log: Path) -> None:
    opened = AuditLog(log)
    longer = _CHAIN.copy()
    longer.job()
    fetched(log, longer)

    with pytest.raises(EncryptSecureRTError) as refusal:
        fetch(opened, FakeWorker(longer), AUDITOR, NOW)

    assert refusal.value.code is ErrorCode.E_LOCAL_FILE
    assert _judged(log) == []


def test_an_index_that_another_command_replaced_meanwhile_stays(log: Path) -> None:
    opened = AuditLog(log)
    worker = FakeWorker(_CHAIN)  # it was asked before the other command's lines were written
    longer = _CHAIN.copy()
    longer.job()
    fetched(log, longer, NOW + timedelta(days=1))
    index = (log / INSTANCE / "head.json").read_bytes()

    with pytest.raises(EncryptSecureRTError) as refusal:
        fetch(opened, worker, AUDITOR, NOW)

    assert refusal.value.code is ErrorCode.E_LOCAL_FILE
    assert (log / INSTANCE / "head.json").read_bytes() == index


def _fetched_at(log: Path) -> datetime | None:
    return AuditLog(log).instances[0].fetched_at


def test_the_time_of_the_last_fetch_is_kept_also_if_it_brought_no_line(log: Path) -> None:
    fetched(log, _CHAIN, NOW + timedelta(days=1))

    assert _fetched_at(log) == NOW + timedelta(days=1)


def test_a_fetch_that_did_not_take_all_that_the_worker_has_keeps_no_time(log: Path) -> None:
    longer = _CHAIN.copy()
    longer.job()
    worker = FakeWorker(longer)
    worker.lines[-1] = worker.lines[0]

    assert names(fetched(log, worker, NOW + timedelta(days=1))) == ["damaged"]
    assert _fetched_at(log) == NOW


@pytest.mark.parametrize("time", [b"0", b'""', b'"2026-03-02"', b'"2026-03-02T08:00:00+01:00"'])
def test_an_index_with_a_time_in_another_form_is_refused(log: Path, time: bytes) -> None:
    path = log / INSTANCE / "head.json"
    changed = path.read_bytes().replace(b'"2026-03-02T08:00:00Z"', time)
    assert changed != path.read_bytes()
    path.write_bytes(changed)

    with pytest.raises(EncryptSecureRTError) as refusal:
        AuditLog(log)

    assert refusal.value.code is ErrorCode.E_AUDIT


def test_a_damaged_copy_is_left_as_it_is(log: Path) -> None:
    damaged = _lines(log).read_bytes().replace(b"c3", b"c4")
    _lines(log).write_bytes(damaged)
    longer = _CHAIN.copy()
    longer.job()

    assert names(fetched(log, longer)) == ["damaged"]
    assert _lines(log).read_bytes() == damaged


def test_another_last_row_that_follows_as_well_is_found(log: Path) -> None:
    *rows, last = _lines(log).read_bytes().splitlines(keepends=True)
    _lines(log).write_bytes(b"".join(rows) + last.replace(b"c3", b"c4"))

    assert _judged(log) == ["damaged"]


def test_a_folder_without_its_index_is_refused(log: Path) -> None:
    (log / INSTANCE / "head.json").unlink()

    with pytest.raises(EncryptSecureRTError) as refusal:
        AuditLog(log)

    assert refusal.value.code is ErrorCode.E_AUDIT


def test_a_log_without_one_of_its_folders_is_refused(log: Path) -> None:
    fetched(log, MadeChain(OTHER_INSTANCE).run(5, 1))
    shutil.rmtree(log / INSTANCE)

    with pytest.raises(EncryptSecureRTError) as refusal:
        AuditLog(log)

    assert refusal.value.code is ErrorCode.E_AUDIT


def test_an_index_that_names_a_file_elsewhere_is_refused(log: Path) -> None:
    path = log / INSTANCE / "head.json"
    path.write_bytes(path.read_bytes().replace(b"lines.jsonl", b"../../x.jsonl"))

    with pytest.raises(EncryptSecureRTError) as refusal:
        AuditLog(log)

    assert refusal.value.code is ErrorCode.E_AUDIT


def test_the_beginning_of_a_folder_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / INSTANCE).mkdir()
    (tmp_path / INSTANCE / "head.json.0.new").write_bytes(b"{")

    assert fetched(tmp_path, _CHAIN) == []


_CHANGES = st.one_of(
    st.tuples(st.just("remove"), st.integers(0, _LAST), st.integers(0, 0)),
    st.tuples(st.just("repeat"), st.integers(0, _LAST), st.integers(0, _LAST)),
    st.tuples(st.just("swap"), st.integers(0, _LAST), st.integers(0, _LAST)).filter(
        lambda change: change[1] != change[2]
    ),
    st.tuples(st.just("flip"), st.integers(0, _LAST), st.integers(0, 1150)),
)


def _changed(lines: list[bytes], change: tuple[str, int, int]) -> list[bytes]:
    kind, one, other = change
    lines = list(lines)
    match kind:
        case "remove":
            del lines[one]
        case "repeat":
            lines.insert(one, lines[other])
        case "swap":
            lines[one], lines[other] = lines[other], lines[one]
        case _:
            octets = bytearray(lines[one])
            octets[other % len(octets)] ^= 1
            lines[one] = bytes(octets)
    return lines


_ANY = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@_ANY
@given(change=_CHANGES)
def test_any_one_change_of_a_line_in_the_copy_is_found(
    change: tuple[str, int, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("log")
    fetched(log, _worker(_SEALED))
    before = [line.encode() for line in _CHAIN.lines]
    rows = _changed(before, change)
    _lines(log).write_bytes(b"".join(row + b"\n" for row in rows))

    found = _judged(log)

    only_behind_the_end = rows[: _CHAIN.n] == before
    assert found == ([] if only_behind_the_end else ["damaged"])


@_ANY
@given(change=_CHANGES, held=st.integers(0, _CHAIN.n - 1))
def test_any_one_change_of_a_line_that_is_fetched_is_found(
    change: tuple[str, int, int], held: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("log")
    fetched(log, _CHAIN.copy(held))
    place = held + change[1] % (_CHAIN.n - held)  # what was not fetched yet is changed
    change = (change[0], place, change[2])
    lines = _changed(_SEALED, change)
    try:
        found = names(fetched(log, _worker(lines)))
    except EncryptSecureRTError as error:
        found = [error.code.name]

    unchanged = lines == _SEALED
    assert bool(found) is not unchanged


@_ANY
@given(held=st.integers(1, _CHAIN.n), at=st.integers(0, _CHAIN.n - 1), jobs=st.integers(0, 4))
def test_any_history_that_leaves_the_copy_is_found_with_its_last_common_line(
    held: int, at: int, jobs: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("log")
    fetched(log, _CHAIN.copy(held))
    restored = _CHAIN.copy(at).run(9, jobs)

    found = fetched(log, restored)

    if at >= held:
        assert found == []
    else:
        assert [(f.name.value, f.numbers["common"]) for f in found] == [("rolled-back", at)]
