"""The audit chain: each line names the one before it, and the chain outlives starts."""

import os
import shutil
from pathlib import Path

import pytest
from Testing.Unit.worker.kept import AUDITOR, INSTANCE, START, Clocks, Kept
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.audit import AuditEvent, audit_genesis, open_audit_line
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.audit.chain import AuditChain
from encryptsecurert_worker.vault.ledger import Change

USER, JOB = "ab" * 16, "cd" * 16
FACT = Change("job", USER, JOB, {"value": 1})


def test_every_line_names_the_one_before(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    before = kept.audit.head
    heads = [
        kept.audit.append(event, user=USER, job=JOB, epoch=4)
        for event in (AuditEvent.JOB_SUBMITTED, AuditEvent.JOB_STARTED, AuditEvent.JOB_FINISHED)
    ]

    lines = kept.lines()

    assert before == audit_genesis(INSTANCE)
    assert [line.n for line in lines] == [1, 2, 3]
    assert [line.prev for line in lines] == [before, *heads[:2]]
    assert [line.head for line in lines] == heads
    assert kept.audit.head == heads[-1]
    assert {line.start_id for line in lines} == {START}


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.audit.append(AuditEvent.STARTED, epoch=1)
    head = kept.audit.append(AuditEvent.JOB_SUBMITTED, user=USER)

    again = kept.again()
    again.audit.append(AuditEvent.STARTED, epoch=1)

    assert [line.n for line in again.lines()] == [1, 2, 3]
    assert again.lines()[2].prev == head


def test_line_and_facts_are_written_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path)
    kept.audit.append(AuditEvent.STARTED)
    head = kept.audit.head

    def full(descriptor: int, octets: bytes) -> int:
        raise OSError

    monkeypatch.setattr(os, "write", full)
    code = refusal_of(kept.audit.append, AuditEvent.JOB_SUBMITTED, changes=(FACT,), user=USER)
    monkeypatch.undo()

    assert code is ErrorCode.E_BUSY
    assert (kept.audit.head, kept.ledger.get(*FACT.key)) == (head, None)
    kept.audit.append(AuditEvent.JOB_SUBMITTED, changes=(FACT,), user=USER)
    assert kept.again().ledger.get(*FACT.key) == FACT.value


def test_lines_that_the_file_does_not_hold_come_from_the_journal(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for _ in range(3):
        kept.audit.append(AuditEvent.JOB_STARTED, user=USER)
    assert not (tmp_path / "audit").exists()  # sealing waits for whoever keeps house

    again = kept.again()

    assert len(again.lines()) == 3


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_half_a_line_of_a_crash_is_written_anew(tmp_path: Path, part: float) -> None:
    kept = Kept(tmp_path)
    kept.audit.append(AuditEvent.STARTED)
    kept.audit.flush()
    size = (tmp_path / "audit").stat().st_size
    kept.audit.append(AuditEvent.JOB_STARTED)
    kept.audit.flush()
    whole = (tmp_path / "audit").stat().st_size
    os.truncate(tmp_path / "audit", size + int(part * (whole - size)))

    again = kept.again()

    assert [line.event for line in again.lines()] == [AuditEvent.STARTED, AuditEvent.JOB_STARTED]


def test_a_compaction_keeps_the_lines_in_the_file(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for _ in range(5):
        kept.audit.append(AuditEvent.JOB_STARTED)
    kept.audit.compact()
    kept.audit.append(AuditEvent.JOB_ENDED)

    again = kept.again()

    assert len(again.ledger.replayed_lines) == 1
    assert len(again.lines()) == 6


def test_a_journal_that_was_brought_back_alone_is_refused(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.audit.append(AuditEvent.STARTED)
    kept.audit.flush()
    shutil.copy(tmp_path / "journal", tmp_path / "old")
    kept.audit.append(AuditEvent.JOB_FINISHED)
    kept.audit.flush()
    kept.ledger.close()
    (tmp_path / "old").replace(tmp_path / "journal")

    assert refusal_of(Kept, tmp_path) is ErrorCode.E_STATE


def test_an_audit_file_that_lost_lines_after_a_compaction_is_refused(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.audit.append(AuditEvent.STARTED)
    kept.audit.flush()
    size = (tmp_path / "audit").stat().st_size
    kept.audit.append(AuditEvent.JOB_FINISHED)
    kept.audit.compact()
    kept.ledger.close()
    os.truncate(tmp_path / "audit", size)

    assert refusal_of(Kept, tmp_path) is ErrorCode.E_STATE
    (tmp_path / "audit").unlink()
    assert refusal_of(Kept, tmp_path) is ErrorCode.E_STATE


def test_an_audit_file_of_which_an_octet_changed_is_refused(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.audit.append(AuditEvent.STARTED)
    kept.audit.compact()
    kept.ledger.close()
    octets = bytearray((tmp_path / "audit").read_bytes())
    octets[100] ^= 1
    (tmp_path / "audit").write_bytes(octets)

    assert refusal_of(Kept, tmp_path) is ErrorCode.E_STATE


def test_nothing_of_a_line_is_readable_on_the_disk(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.audit.append(AuditEvent.BREAK_GLASS, user=USER, note="a reason in words")
    kept.audit.flush()
    (sealed,) = kept.audit.page(0).lines

    for path in tmp_path.iterdir():
        assert b"a reason" not in path.read_bytes()
        assert USER.encode() not in path.read_bytes()
    assert refusal_of(open_audit_line, sealed, 1, INSTANCE, HpkeKeyPair.generate()) is (
        ErrorCode.E_SEAL
    )
    # A line opens at its own place and for its own worker only.
    assert refusal_of(open_audit_line, sealed, 2, INSTANCE, AUDITOR) is ErrorCode.E_SEAL
    assert refusal_of(open_audit_line, sealed, 1, "0f" * 16, AUDITOR) is ErrorCode.E_SEAL


def test_without_an_auditor_nothing_is_noted(tmp_path: Path) -> None:
    kept = Kept(tmp_path, provisioned=False)

    code = refusal_of(kept.audit.append, AuditEvent.STARTED)

    assert code is ErrorCode.E_NOT_PROVISIONED
    assert kept.audit.n == 0


def test_pages_are_bounded_and_follow_each_other(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for _ in range(LIMITS.audit_lines + 3):
        kept.audit.append(AuditEvent.JOB_STARTED, durable=False)

    first, second = kept.audit.page(0), kept.audit.page(LIMITS.audit_lines)
    beyond = kept.audit.page(10_000)

    assert (len(first.lines), len(second.lines)) == (LIMITS.audit_lines, 3)
    assert {first.head, second.head, beyond.head} == {kept.audit.head}
    assert (beyond.n, beyond.lines) == (LIMITS.audit_lines + 3, ())


def test_a_full_disk_leaves_lines_to_be_filed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path)
    kept.audit.append(AuditEvent.STARTED)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, octets: real(fd, octets[: len(octets) // 2]))
    kept.audit.flush()
    busy = refusal_of(kept.audit.compact)
    monkeypatch.undo()

    assert busy is ErrorCode.E_BUSY
    assert len(kept.lines()) == 1
    assert len(kept.again().lines()) == 1


def test_the_instance_is_part_of_the_chain(tmp_path: Path) -> None:
    kept = Kept(tmp_path, Clocks())

    other = AuditChain(tmp_path, kept.ledger, kept.time, "0d" * 16, START)

    assert other.head != kept.audit.head
