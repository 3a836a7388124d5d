"""What the ledger acknowledged is there after any crash; what is not its own is refused."""

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.vault.ledger import Change, Ledger

KEY = bytes(range(32))
JOURNAL = "journal"


def opened(folder: Path, key: bytes = KEY) -> Ledger:
    ledger = Ledger(folder, key)
    ledger.open()
    return ledger


def put(fact_id: str, value: int, kind: str = "job", owner: str = "u") -> Change:
    return Change(kind, owner, fact_id, {"value": value})


def facts(ledger: Ledger, kind: str = "job") -> dict[str, Any]:
    return {fact_id: value["value"] for _, fact_id, value in ledger.of(kind)}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = opened(tmp_path)
    yield made
    made.close()


def ends(octets: bytes) -> list[int]:
    """Return where each entry of a journal ends."""
    found, at = [], 16
    while at < len(octets):
        at += 4 + int.from_bytes(octets[at : at + 4], "big")
        found.append(at)
    return found


def test_a_fact_is_there_after_a_restart_and_a_dropped_one_is_not(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.write([put("a", 1), put("b", 2)])
    ledger.write([put("a", 3), Change("job", "u", "b", None)])
    ledger.close()

    assert facts(opened(tmp_path)) == {"a": 3}


def test_owners_and_kinds_are_apart(ledger: Ledger) -> None:
    ledger.write([put("a", 1), put("a", 2, owner="v"), put("a", 3, kind="upload")])

    found = [
        ledger.get(*key) for key in (("job", "u", "a"), ("job", "v", "a"), ("upload", "u", "a"))
    ]

    assert found == [{"value": 1}, {"value": 2}, {"value": 3}]
    assert ledger.get("job", "w", "a") is None


def test_facts_come_back_in_the_order_of_their_first_writing(
    ledger: Ledger, tmp_path: Path
) -> None:
    for name in "zax":
        ledger.write([put(name, 0)])
    ledger.write([put("z", 1)])
    ledger.compact()
    ledger.close()

    assert list(facts(opened(tmp_path))) == ["z", "a", "x"]


@pytest.mark.parametrize("compacted", [False, True])
def test_wherever_the_journal_is_cut_whole_entries_stay_and_nothing_else(
    ledger: Ledger, tmp_path: Path, compacted: bool
) -> None:
    if compacted:
        ledger.write([put("old", 0)])
        ledger.compact()
    start = ledger.size_bytes
    for number in range(4):
        ledger.write([put(str(number), number)])
    ledger.close()
    octets = (tmp_path / JOURNAL).read_bytes()
    whole = ends(octets)
    for size in range(start, len(octets) + 1, 7):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / JOURNAL).write_bytes(octets[:size])

        again = opened(folder)

        expected = sum(1 for end in whole if start < end <= size)
        assert len(facts(again)) == expected + compacted
        again.write([put("new", 9)])
        again.close()
        assert facts(opened(folder))["new"] == 9


def test_a_cut_snapshot_is_no_journal(ledger: Ledger, tmp_path: Path) -> None:
    big = "x" * 900_000
    for number in range(3):
        ledger.write([Change("job", "u", str(number), {"value": big})])
    ledger.compact()
    ledger.close()
    octets = (tmp_path / JOURNAL).read_bytes()
    assert len(ends(octets)) == 3
    (tmp_path / JOURNAL).write_bytes(octets[: ends(octets)[1]])

    assert refusal_of(opened, tmp_path) is ErrorCode.E_STATE


def test_the_journal_of_another_machine_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write([put("a", 1)])
    ledger.close()

    assert refusal_of(opened, tmp_path, bytes(32)) is ErrorCode.E_STATE


@pytest.mark.parametrize("content", [b"", b"ESRTJNL1", b"x" * 400, b"ESRTJNL1" + bytes(8)])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL).write_bytes(content)

    assert refusal_of(opened, tmp_path) is ErrorCode.E_STATE


def test_an_entry_that_was_exchanged_left_out_or_doubled_is_refused(
    ledger: Ledger, tmp_path: Path
) -> None:
    for number in range(5):
        ledger.write([put("same", number)])
    ledger.close()
    octets = (tmp_path / JOURNAL).read_bytes()
    marks = [16, *ends(octets)]
    parts = [octets[a:b] for a, b in itertools.pairwise(marks)]
    for wrong in (
        [parts[0], parts[2], parts[1], *parts[3:]],
        [parts[0], parts[1], parts[3], *parts[4:]],
        [*parts[:3], parts[2], *parts[3:]],
    ):
        (tmp_path / JOURNAL).write_bytes(octets[:16] + b"".join(wrong))

        assert refusal_of(opened, tmp_path) is ErrorCode.E_STATE


def test_an_old_snapshot_does_not_go_with_newer_entries(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write([put("right", 1)])
    old = (tmp_path / JOURNAL).read_bytes()
    ledger.write([put("right", 0)])
    ledger.write([put("later", 1)])
    ledger.close()
    octets = (tmp_path / JOURNAL).read_bytes()
    newest = octets[ends(octets)[-2] :]
    (tmp_path / JOURNAL).write_bytes(old + newest)

    again = opened(tmp_path)  # the last entry does not follow: as if it had never been there

    assert facts(again) == {"right": 1}
    again.close()
    (tmp_path / JOURNAL).write_bytes(old + newest + newest)
    assert refusal_of(opened, tmp_path) is ErrorCode.E_STATE


def test_room_that_a_file_system_made_before_the_power_went_is_no_entry(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.write([put("a", 1)])
    ledger.close()
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(bytes(5000))

    assert facts(opened(tmp_path)) == {"a": 1}


def test_a_full_disk_changes_nothing_and_the_next_write_goes_on(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.write([put("a", 1)])

    def half(descriptor: int, octets: bytes) -> int:
        return real(descriptor, octets[: len(octets) // 2])

    real = os.write
    monkeypatch.setattr(os, "write", half)
    code = refusal_of(ledger.write, [put("b", 2)])
    monkeypatch.undo()

    assert code is ErrorCode.E_BUSY
    assert facts(ledger) == {"a": 1}
    ledger.write([put("c", 3)])
    ledger.close()
    assert facts(opened(tmp_path)) == {"a": 1, "c": 3}


def test_after_a_failed_sync_nothing_more_is_taken(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError

    monkeypatch.setattr(os, "fsync", fail)
    first = refusal_of(ledger.write, [put("a", 1)])
    monkeypatch.undo()

    assert first is ErrorCode.E_BUSY
    assert refusal_of(ledger.write, [put("b", 2)]) is ErrorCode.E_BUSY


def test_what_a_failed_sync_may_have_lost_is_not_acknowledged_by_the_next_one(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError

    ledger.write([put("a", 1)], durable=False)
    monkeypatch.setattr(os, "fsync", fail)
    first = refusal_of(ledger.sync)
    monkeypatch.undo()

    assert first is ErrorCode.E_BUSY
    assert refusal_of(ledger.sync) is ErrorCode.E_BUSY


def test_a_compaction_that_fails_leaves_the_journal_as_it_was(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.write([put("a", 1)])

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "replace", fail)
    assert refusal_of(ledger.compact) is ErrorCode.E_LOCAL_FILE
    monkeypatch.undo()
    ledger.write([put("b", 2)])
    ledger.close()

    assert facts(opened(tmp_path)) == {"a": 1, "b": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == [JOURNAL]


def test_a_compaction_whose_name_may_be_lost_loses_nothing_that_is_acknowledged_later(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.write([put("a", 1)])

    def fail(folder: Path) -> None:
        raise OSError

    monkeypatch.setattr("encryptsecurert_worker.vault.ledger.sync_folder", fail)
    assert refusal_of(ledger.compact) is ErrorCode.E_LOCAL_FILE
    monkeypatch.undo()

    assert refusal_of(ledger.write, [put("b", 2)]) is ErrorCode.E_BUSY
    ledger.close()
    assert facts(opened(tmp_path)) == {"a": 1}


def test_history_goes_with_a_compaction_and_the_chain_goes_on(
    ledger: Ledger, tmp_path: Path
) -> None:
    for number in range(500):
        ledger.write([put("same", number)], durable=False)
    before = ledger.size_bytes
    ledger.compact()
    assert ledger.size_bytes < before / 100
    ledger.write([put("more", 1)], lines=(b"line",))
    ledger.close()

    again = opened(tmp_path)

    assert facts(again) == {"same": 499, "more": 1}
    assert again.replayed_lines == [b"line"]


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    assert refusal_of(opened, tmp_path / "missing") is ErrorCode.E_LOCAL_FILE


def test_nothing_of_a_fact_can_be_read_in_the_file(ledger: Ledger, tmp_path: Path) -> None:
    ledger.write([Change("job", "owner-in-clear", "id-in-clear", {"value": "value-in-clear"})])

    octets = (tmp_path / JOURNAL).read_bytes()

    assert b"in-clear" not in octets


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_whatever_is_done_to_the_octets_only_our_errors_come(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    ledger = opened(folder)
    for number in range(3):
        ledger.write([put(str(number), number)], durable=False)
    ledger.close()
    octets = bytearray((folder / JOURNAL).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at] = data.draw(st.integers(0, 255))
    (folder / JOURNAL).write_bytes(octets)

    code, found = None, {}
    try:
        found = facts(opened(folder))
    except EncryptSecureRTError as error:
        code = error.code
    assert code in (None, ErrorCode.E_STATE)
    if code is None:
        # Only the newest entries can have gone, never one in the middle.
        assert found == {str(n): n for n in range(len(found))}
    shutil.rmtree(folder)


def test_a_journal_that_was_taken_away_is_not_begun_anew(tmp_path: Path) -> None:
    assert refusal_of(Ledger(tmp_path, KEY).open, fresh=False) is ErrorCode.E_STATE
    assert list(tmp_path.iterdir()) == []
