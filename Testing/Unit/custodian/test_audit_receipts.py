"""The copy against receipts: what each receipt is evidence of."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from Testing.Unit.custodian.audit_made import (
    INSTANCE,
    OTHER_INSTANCE,
    MadeChain,
    archive,
    fetched,
    names,
    other_job,
    receipt_of,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.audit_findings import Finding
from EncryptSecureRTLib.custodian.audit_judge import (
    attested_body,
    judge_receipts,
    read_receipts,
    signed_body,
)
from EncryptSecureRTLib.custodian.audit_log import AuditLog


def _judged(log: Path, archived: Path, *, live: bool = False) -> list[Finding]:
    receipts = read_receipts([archived], signed_body)
    return judge_receipts(AuditLog(log), receipts, INSTANCE if live else None)


def test_receipts_of_the_chain_are_borne_out(tmp_path: Path) -> None:
    chain = MadeChain().start(1)
    bodies = [chain.job(), chain.job()]
    chain.start(2)
    bodies.append(chain.job())
    fetched(tmp_path / "log", chain)

    assert _judged(tmp_path / "log", archive(tmp_path / "r", *bodies), live=True) == []


def test_a_receipt_before_the_cut_is_borne_out(tmp_path: Path) -> None:
    chain = MadeChain().start(1)
    body = chain.job()
    chain.job()
    fetched(tmp_path / "log", chain)

    found = fetched(tmp_path / "log", chain.copy(3))

    assert names(found) == ["cut"]
    assert _judged(tmp_path / "log", archive(tmp_path / "r", body), live=True) == []


def test_a_receipt_of_the_chain_that_was_left_behind_is_borne_out_by_the_copy(
    tmp_path: Path,
) -> None:
    chain = MadeChain().start(1)
    restored = chain.copy()
    body = chain.job()
    fetched(tmp_path / "log", chain)
    restored.now = chain.now
    fetched(tmp_path / "log", restored.run(2, 1))

    assert _judged(tmp_path / "log", archive(tmp_path / "r", body)) == []


def test_a_receipt_that_is_newer_than_the_copy_is_no_alarm(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 1)
    fetched(tmp_path / "log", chain)

    (finding,) = _judged(tmp_path / "log", archive(tmp_path / "r", chain.job()))

    assert (finding.name.value, finding.alarm) == ("behind", False)


def test_the_same_receipt_is_an_alarm_once_the_copy_was_brought_up(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 1)
    lost = chain.copy().job()
    fetched(tmp_path / "log", chain)

    (finding,) = _judged(tmp_path / "log", archive(tmp_path / "r", lost), live=True)

    assert (finding.name.value, finding.alarm) == ("forked", True)
    assert "fork or rollback" in finding.sentence
    assert finding.numbers["last_line_of_start"] == 3


def test_a_head_that_is_in_no_chain_though_its_start_is_over_is_an_alarm(tmp_path: Path) -> None:
    # Nobody fetched between the receipt and the rollback: the receipt alone tells.
    chain = MadeChain().run(1, 1)
    lost = chain.copy().job()
    lost = dataclasses.replace(lost, time_claimed=lost.time_claimed + timedelta(days=1))
    fetched(tmp_path / "log", chain.run(2, 0))

    (finding,) = _judged(tmp_path / "log", archive(tmp_path / "r", lost))

    assert finding.name.value == "forked"
    assert finding.numbers["last_line_of_start"] == 3


def test_a_start_that_is_in_no_chain_though_the_chain_goes_on_is_an_alarm(tmp_path: Path) -> None:
    chain = MadeChain().run(1, 1)
    lost = chain.copy().start(2).job()
    fetched(tmp_path / "log", chain.run(3, 4))

    (finding,) = _judged(tmp_path / "log", archive(tmp_path / "r", lost))

    assert finding.name.value == "forked"
    assert finding.sentence == ("A receipt names a start that is in no chain: fork or rollback.")


def test_a_receipt_of_another_worker_is_listed_without_alarm(tmp_path: Path) -> None:
    fetched(tmp_path / "log", MadeChain().run(1, 1))
    foreign = MadeChain(OTHER_INSTANCE).start(7).job()

    (finding,) = _judged(tmp_path / "log", archive(tmp_path / "r", foreign), live=True)

    assert (finding.name.value, finding.alarm) == ("foreign-receipt", False)
    assert finding.numbers["instance_id"] == OTHER_INSTANCE


def test_receipts_of_two_state_folders_are_each_looked_for_in_their_own(tmp_path: Path) -> None:
    first, second = MadeChain().start(1), MadeChain(OTHER_INSTANCE).start(2)
    bodies = [first.job(), second.job()]
    fetched(tmp_path / "log", first)
    fetched(tmp_path / "log", second)

    assert _judged(tmp_path / "log", archive(tmp_path / "r", *bodies)) == []


_OTHERS = {
    "user": lambda body: dataclasses.replace(body, user="99" * 16),
    "epoch": lambda body: dataclasses.replace(body, epoch=4),
    "start": lambda body: dataclasses.replace(body, start_id="99" * 16),
    "job": other_job,
}


@pytest.mark.parametrize("member", _OTHERS)
def test_a_receipt_that_names_another_jobs_line_is_bad(tmp_path: Path, member: str) -> None:
    chain = MadeChain().start(1)
    body = chain.job()
    fetched(tmp_path / "log", chain)

    (finding,) = _judged(tmp_path / "log", archive(tmp_path / "r", _OTHERS[member](body)))

    assert (finding.name.value, finding.alarm) == ("bad-receipt", True)


def test_a_receipt_that_names_a_line_that_is_not_the_jobs_end_is_bad(tmp_path: Path) -> None:
    chain = MadeChain().start(1)
    body = dataclasses.replace(chain.job(), audit_head=chain.lines[1].head)
    fetched(tmp_path / "log", chain)

    assert names(_judged(tmp_path / "log", archive(tmp_path / "r", body))) == ["bad-receipt"]


def _file(folder: Path, octets: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "receipt.json").write_bytes(octets)
    return folder


@pytest.mark.parametrize("kind", ["no receipt", "other key", "flipped"])
def test_a_file_that_does_not_verify_is_bad(tmp_path: Path, kind: str) -> None:
    chain = MadeChain().start(1)
    body = chain.job()
    fetched(tmp_path / "log", chain)
    octets = {
        "no receipt": b"{}",
        "other key": receipt_of(body, key=ed25519.Ed25519PrivateKey.generate()),
        "flipped": receipt_of(body).replace(b'"nonce":"A', b'"nonce":"B'),
    }[kind]
    folder = _file(tmp_path / "r" / "x", octets)

    found = names(_judged(tmp_path / "log", folder))

    # the nonce is outside of what the receipt key signs: the quote alone vouches for it
    assert found == ([] if kind == "flipped" else ["bad-receipt"])


def test_a_statement_of_another_start_than_the_body_is_bad(tmp_path: Path) -> None:
    chain = MadeChain().start(1)
    body = chain.job()
    octets = receipt_of(dataclasses.replace(body, start_id="01" * 16))

    _file(tmp_path / "whole", octets)
    (whole,) = read_receipts([tmp_path / "whole"], signed_body)
    (mixed,) = read_receipts([_file(tmp_path / "mixed", _mixed(body))], signed_body)

    assert whole.body is not None
    assert mixed.body is None


def _mixed(body: ReceiptBody) -> bytes:
    other = Receipt.decode(receipt_of(dataclasses.replace(body, start_id="01" * 16)))
    return dataclasses.replace(Receipt.decode(receipt_of(body)), statement=other.statement).encode()


def test_a_receipt_in_two_archives_is_read_once(tmp_path: Path) -> None:
    body = MadeChain().start(1).job()
    archive(tmp_path / "one", body)
    archive(tmp_path / "other", body)

    assert len(read_receipts([tmp_path / "one", tmp_path / "other"], signed_body)) == 1


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        read_receipts([tmp_path / "nowhere"], signed_body)

    assert refusal.value.code is ErrorCode.E_LOCAL_FILE


def test_with_a_client_folder_a_receipt_without_its_policy_is_bad(tmp_path: Path) -> None:
    archived = archive(tmp_path / "r", MadeChain().start(1).job())

    (receipt,) = read_receipts([archived], attested_body(ClientHome(tmp_path / "home")))

    assert receipt.body is None
