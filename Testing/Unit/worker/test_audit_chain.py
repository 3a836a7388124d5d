"""The audit chain: each line names the one before it, and only the auditor reads them."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Unit.worker.made import NOW, refusal_of

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.audit.chain import AuditChain

INSTANCE, START = "0a" * 16, "0b" * 16
_CONTEXT = b"EncryptSecureRT/audit/v1\x00" + bytes.fromhex(INSTANCE)
FIRST_PREV = hashlib.sha256(_CONTEXT).hexdigest()


@pytest.fixture(scope="module")
def auditor() -> HpkeKeyPair:
    return HpkeKeyPair.generate()


def read_lines(path: Path, key: HpkeKeyPair, first: int = 1) -> list[bytes]:
    """Open a chain's file as an auditor does: u32be length, then HPKE for the line's number."""
    octets = path.read_bytes()
    lines: list[bytes] = []
    while octets:
        length = int.from_bytes(octets[:4], "big")
        info = _CONTEXT + (first + len(lines)).to_bytes(8, "big")
        lines.append(key.open(octets[4 : 4 + length], info))
        octets = octets[4 + length :]
    return lines


def test_the_head_of_an_empty_chain_belongs_to_one_worker(tmp_path: Path) -> None:
    chain = AuditChain(tmp_path / "a", INSTANCE, START)

    assert chain.head == FIRST_PREV
    assert AuditChain(tmp_path / "b", "0c" * 16, START).head != chain.head


def test_every_line_names_the_one_before(tmp_path: Path, auditor: HpkeKeyPair) -> None:
    chain = AuditChain(tmp_path / "audit", INSTANCE, START)
    chain.seal_to(auditor.public)
    heads = [
        chain.append(event, NOW, user="ab" * 16, job="cd" * 16, epoch=4, code="")
        for event in ("job-accepted", "job-started", "job-finished")
    ]
    lines = read_lines(tmp_path / "audit", auditor)
    values = [canonical.decode(line) for line in lines]

    assert [value["n"] for value in values] == [1, 2, 3]
    assert [value["prev"] for value in values] == [FIRST_PREV, *heads[:2]]
    assert [hashlib.sha256(line).hexdigest() for line in lines] == heads
    assert chain.head == heads[-1]
    assert set(values[0]) == set("n prev time start_id event user job epoch code".split())
    assert {value["start_id"] for value in values} == {START}


def test_lines_before_the_first_bundle_are_in_the_chain_only(
    tmp_path: Path, auditor: HpkeKeyPair
) -> None:
    chain = AuditChain(tmp_path / "audit", INSTANCE, START)
    first = chain.append("started", NOW)
    assert not (tmp_path / "audit").exists()
    chain.seal_to(auditor.public)
    chain.append("provisioned", NOW, epoch=1)

    (line,) = read_lines(tmp_path / "audit", auditor, first=2)
    assert canonical.decode(line)["prev"] == first


def test_nothing_of_a_line_is_readable_on_the_disk(tmp_path: Path, auditor: HpkeKeyPair) -> None:
    chain = AuditChain(tmp_path / "audit", INSTANCE, START)
    chain.seal_to(auditor.public)
    chain.append("job-accepted", NOW, user="ab" * 16, job="cd" * 16)
    octets = (tmp_path / "audit").read_bytes()

    assert b"job-accepted" not in octets
    assert b"abab" not in octets
    other = HpkeKeyPair.generate()
    assert refusal_of(read_lines, tmp_path / "audit", other) is ErrorCode.E_SEAL
    # A line opens at its own place only.
    assert refusal_of(read_lines, tmp_path / "audit", auditor, 2) is ErrorCode.E_SEAL


def test_a_line_that_cannot_be_written_is_an_error(tmp_path: Path, auditor: HpkeKeyPair) -> None:
    chain = AuditChain(tmp_path / "no" / "such" / "folder", INSTANCE, START)
    chain.seal_to(auditor.public)

    assert refusal_of(chain.append, "job-accepted", NOW) is ErrorCode.E_BUSY


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8))
def test_two_histories_have_one_head_only_if_they_are_the_same(events: list[str]) -> None:
    def head(names: list[str]) -> str:
        chain = AuditChain(Path("unused"), INSTANCE, START)
        for name in names:
            chain.append(name, NOW)
        return chain.head

    assert head(events) == head(list(events))
    assert head([*events, "a"]) != head(events)
    if len(set(events)) > 1:
        turned = events[::-1]
        assert (head(turned) == head(events)) is (turned == events)


def test_errors_carry_no_path(tmp_path: Path, auditor: HpkeKeyPair) -> None:
    chain = AuditChain(tmp_path / "no" / "folder", INSTANCE, START)
    chain.seal_to(auditor.public)

    with pytest.raises(EncryptSecureRTError) as refusal:
        chain.append("job-accepted", NOW)

    assert str(tmp_path) not in str(refusal.value)
    assert refusal.value.__cause__ is None
