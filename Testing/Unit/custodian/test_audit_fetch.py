"""Fetching audit lines: what each history of a worker is called, and what a liar may not do."""

import dataclasses
import stat
from pathlib import Path

import pytest
from Testing.Unit.custodian.audit_made import (
    AUDITOR,
    INSTANCE,
    NOW,
    OTHER_INSTANCE,
    FakeWorker,
    MadeChain,
    fetched,
    names,
    sealed,
)

from encryptsecurert_protocol.audit import AuditEvent, AuditPage, seal_audit_line
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import HpkeKeyPair
from EncryptSecureRTLib.custodian.audit_fetch import fetch
from EncryptSecureRTLib.custodian.audit_log import AuditLog


def _held(folder: Path, instance_id: str = INSTANCE) -> list[bytes]:
    return (folder / instance_id / "lines.jsonl").read_bytes().splitlines()


def test_lines_are_opened_and_kept_in_order(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 3)

    found = fetched(tmp_path, chain)

    assert found == []
    assert _held(tmp_path) == [line.encode() for line in chain.lines]


def test_a_second_fetch_asks_only_for_what_is_new(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 3)
    fetched(tmp_path, chain)
    chain.job()
    worker = FakeWorker(chain)

    found = fetched(tmp_path, worker)

    assert found == []
    assert worker.asked == [7]
    assert _held(tmp_path) == [line.encode() for line in chain.lines]


def test_a_fetch_of_nothing_new_is_intact(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 2)
    fetched(tmp_path, chain)

    assert fetched(tmp_path, chain) == []


def test_a_worker_without_a_line_is_intact(tmp_path: Path) -> None:
    assert fetched(tmp_path, MadeChain()) == []


def test_an_honest_restart_is_intact(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 2)
    fetched(tmp_path, chain)
    chain.run(2, 2)

    assert fetched(tmp_path, chain) == []


def test_the_copy_is_private(tmp_path: Path) -> None:
    fetched(tmp_path / "log", MadeChain().run(1, 1))

    for path in (tmp_path / "log").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_chain_that_ends_before_the_copy_is_cut(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 4)
    fetched(tmp_path, chain)

    (finding,) = fetched(tmp_path, chain.copy(6))

    assert (finding.name.value, dict(finding.numbers)) == ("cut", {"first": 7, "last": 9})
    assert len(_held(tmp_path)) == 9


def test_a_chain_cut_exactly_where_a_start_began_is_cut(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 2).run(2, 2)
    fetched(tmp_path, chain)

    (finding,) = fetched(tmp_path, chain.copy(5))

    assert (finding.name.value, dict(finding.numbers)) == ("cut", {"first": 6, "last": 10})


def test_a_chain_that_lost_everything_is_cut(tmp_path: Path) -> None:
    fetched(tmp_path, MadeChain().run(1, 2))

    (finding,) = fetched(tmp_path, MadeChain())

    assert dict(finding.numbers) == {"first": 1, "last": 5}


@pytest.mark.parametrize("jobs", [0, 2, 3, 9], ids=["shorter", "as long", "longer", "much longer"])
@pytest.mark.parametrize("common", [0, 1, 5, 6])
def test_a_worker_that_went_back_and_wrote_on_is_rolled_back(
    tmp_path: Path, common: int, jobs: int
) -> None:
    chain = MadeChain().run(1, 2).run(2, 2)
    fetched(tmp_path, chain)
    restored = chain.copy(common).run(3, jobs)

    (finding,) = fetched(tmp_path, restored)

    assert finding.name.value == "rolled-back"
    assert finding.numbers["common"] == common
    assert finding.numbers["left_behind"] == 10 - common
    assert finding.numbers["wrote"] == 1 + 2 * jobs


def test_both_chains_of_a_rollback_are_kept(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 3)
    restored = chain.copy(3).run(2, 1)
    fetched(tmp_path, chain)
    before = _held(tmp_path)

    fetched(tmp_path, restored)

    other = tmp_path / INSTANCE / f"lines.{restored.start_id}.jsonl"
    assert _held(tmp_path) == before
    assert other.read_bytes().splitlines() == [line.encode() for line in restored.lines]


def test_a_rollback_stays_found_while_the_worker_goes_on(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 3)
    fetched(tmp_path, chain)
    restored = chain.copy(3).run(2, 1)
    fetched(tmp_path, restored)
    restored.job()

    (finding,) = fetched(tmp_path, restored)

    assert (finding.name.value, finding.numbers["wrote"]) == ("rolled-back", 5)


def test_a_second_rollback_is_a_third_chain(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 3)
    fetched(tmp_path, chain)
    second = chain.copy(3).run(2, 1)
    fetched(tmp_path, second)

    found = fetched(tmp_path, second.copy(4).run(3, 1))

    assert names(found) == ["rolled-back", "rolled-back"]
    assert [finding.numbers["common"] for finding in found] == [3, 4]


def test_two_chains_of_one_length_that_were_written_at_the_same_time_are_forked(
    tmp_path: Path,
) -> None:
    chain = MadeChain().run(1, 2)
    one, other = chain.copy(), chain.copy()
    fetched(tmp_path, one.run(2, 2))

    (finding,) = fetched(tmp_path, other.run(3, 2))

    assert finding.name.value == "forked"
    assert dict(finding.numbers) == {
        "common": 5,
        "one": 5,
        "other": 5,
        "file": f"lines.{other.start_id}.jsonl",
    }


def test_a_worker_that_is_seen_on_both_chains_in_turn_is_forked(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 3)
    restored = chain.copy(3).run(2, 1)
    fetched(tmp_path, chain)
    before = names(fetched(tmp_path, restored))
    chain.now = restored.now.replace(year=2020)  # whatever the host's clock says
    chain.job()

    found = fetched(tmp_path, chain)

    assert before == ["rolled-back"]
    assert names(found) == ["forked"]


def test_another_instance_is_a_reset_with_a_folder_of_its_own(tmp_path: Path) -> None:
    fetched(tmp_path, MadeChain().run(1, 1))

    (finding,) = fetched(tmp_path, MadeChain(OTHER_INSTANCE).run(2, 2))

    assert finding.name.value == "reset"
    assert (len(_held(tmp_path)), len(_held(tmp_path, OTHER_INSTANCE))) == (3, 5)


def test_a_return_to_the_state_folder_before_is_rolled_back(tmp_path: Path) -> None:
    first = MadeChain().run(1, 1)
    fetched(tmp_path, first)
    fetched(tmp_path, MadeChain(OTHER_INSTANCE).run(2, 1))

    assert names(fetched(tmp_path, first)) == ["rolled-back", "reset"]


def test_a_flipped_octet_is_damage_and_the_answer_is_kept(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 3))
    worker.lines[5] = bytes([worker.lines[5][0] ^ 1]) + worker.lines[5][1:]

    (finding,) = fetched(tmp_path, worker)

    assert (finding.name.value, finding.numbers["line"]) == ("damaged", 6)
    assert len(_held(tmp_path)) == 5
    kept = AuditPage.decode((tmp_path / INSTANCE / "page.6.json").read_bytes())
    assert worker.lines[5] in kept.lines


def test_the_wrong_auditor_key_is_said_as_one_of_two_causes(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 1))
    fetching = fetch(AuditLog(tmp_path), worker, HpkeKeyPair.generate(), NOW)

    (finding,) = fetching.findings
    assert finding.sentence.endswith("it was changed, or is sealed to another auditor key.")


def test_lines_missing_inside_are_cut(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 4))
    del worker.lines[3:5]

    (finding,) = fetched(tmp_path, worker)

    assert (finding.name.value, dict(finding.numbers)) == ("cut", {"first": 4, "last": 5})


def test_a_line_that_does_not_decode_is_damage(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 1))
    worker.lines[1] = seal_audit_line(b"{}", 2, INSTANCE, AUDITOR.public)

    assert names(fetched(tmp_path, worker)) == ["damaged"]


def test_a_line_with_another_number_inside_is_damage(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 1)
    worker = FakeWorker(chain)
    renumbered = dataclasses.replace(chain.lines[2], n=9).encode()
    worker.lines[2] = seal_audit_line(renumbered, 3, INSTANCE, AUDITOR.public)

    (finding,) = fetched(tmp_path, worker)

    assert finding.sentence == "Line 3 of the worker has another number inside."


def test_a_line_of_another_history_in_between_is_damage(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 4)
    worker = FakeWorker(chain)
    worker.lines[4] = sealed(chain.copy(4).run(2, 1))[4]

    (finding,) = fetched(tmp_path, worker)

    assert finding.name.value == "damaged"
    assert finding.sentence == "Line 6 of the worker does not follow the one before it."


def test_a_new_line_that_follows_nothing_is_damage_and_no_branch(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 2)
    fetched(tmp_path, chain)
    longer = chain.copy()
    longer.job()
    worker = FakeWorker(longer)
    worker.lines[5] = sealed(chain.copy(3).run(2, 1))[5]

    (finding,) = fetched(tmp_path, worker)

    assert (finding.name.value, finding.numbers["line"]) == ("damaged", 6)
    assert not list((tmp_path / INSTANCE).glob("lines.*.jsonl"))


def test_a_head_that_is_not_the_newest_lines_is_damage(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 2))
    worker.head = "00" * 32

    assert names(fetched(tmp_path, worker)) == ["damaged"]


def test_a_shorter_chain_under_a_head_that_is_not_its_own_is_damage_and_no_cut(
    tmp_path: Path,
) -> None:
    chain = MadeChain().run(1, 4)
    fetched(tmp_path, chain)
    worker = FakeWorker(chain.copy(6))
    worker.head = "00" * 32

    assert names(fetched(tmp_path, worker)) == ["damaged"]


def test_a_line_that_comes_twice_is_damage(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 4))
    worker.lines[4] = worker.lines[2]

    (finding,) = fetched(tmp_path, worker)

    assert finding.sentence == "Line 5 of the worker is line 3 once more."


def _refusal(folder: Path, worker: FakeWorker) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refusal:
        fetched(folder, worker)
    return refusal.value.code


def test_more_lines_than_the_worker_counts_are_refused(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 2))
    worker.n = 2

    assert _refusal(tmp_path, worker) is ErrorCode.E_FORMAT


def test_fewer_lines_than_the_worker_counts_are_refused(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 2))
    worker.n = 2**53 - 1

    assert _refusal(tmp_path, worker) is ErrorCode.E_BUSY


def test_pages_without_end_are_refused_and_what_came_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("EncryptSecureRTLib.custodian.audit_fetch.MAX_PAGES", 3)
    chain = MadeChain().run(1, 4)
    worker = FakeWorker(chain, page_lines=1)
    worker.n = 2**40

    code = _refusal(tmp_path, worker)

    assert code is ErrorCode.E_TOO_LARGE
    assert len(_held(tmp_path)) == 3


def test_a_log_that_shrinks_from_page_to_page_is_refused(tmp_path: Path) -> None:
    class Shrinking(FakeWorker):
        def page(self, after: int) -> AuditPage:
            self.n -= 1
            self.lines = self.lines[: self.n]
            return super().page(after)

    assert _refusal(tmp_path, Shrinking(MadeChain().run(1, 9))) is ErrorCode.E_FORMAT


@pytest.mark.parametrize("member", ["instance_id", "start_id"])
def test_a_page_of_another_worker_than_the_attested_one_is_refused(
    tmp_path: Path, member: str
) -> None:
    class Elsewhere(FakeWorker):
        def download(self, path: str, max_bytes: int) -> bytes:
            before = getattr(self, member)
            setattr(self, member, "ee" * 16)
            octets = super().download(path, max_bytes)
            setattr(self, member, before)
            return octets

    assert _refusal(tmp_path, Elsewhere(MadeChain().run(1, 1))) is ErrorCode.E_FORMAT


def test_a_worker_that_writes_on_meanwhile_is_followed_to_where_it_was(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 3)

    class Busy(FakeWorker):
        def page(self, after: int) -> AuditPage:
            chain.add(AuditEvent.AUDIT_READ)
            self.n, self.head, self.lines = chain.n, chain.head, sealed(chain)
            return super().page(after)

    found = fetched(tmp_path, Busy(chain.copy()))

    assert found == []
    assert len(_held(tmp_path)) >= 8


def test_the_first_answer_with_damage_stays_what_is_kept(tmp_path: Path) -> None:
    worker = FakeWorker(MadeChain().run(1, 2))
    worker.lines[2] = bytes(1200)
    fetched(tmp_path, worker)
    before = (tmp_path / INSTANCE / "page.3.json").read_bytes()
    worker.lines[2] = bytes([1]) * 1200

    fetched(tmp_path, worker)

    assert (tmp_path / INSTANCE / "page.3.json").read_bytes() == before
