"""Receipts that came before the last fetch: by the clocks of user and auditor, not the worker's."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from Testing.Unit.custodian.audit_made import (
    INSTANCE,
    NOW,
    OTHER_INSTANCE,
    USER_CERTIFICATE,
    MadeChain,
    archive,
    fetched,
    names,
    note_of,
    other_job,
    put_note,
)

from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.receipts import ReceiptBody
from encryptsecurert_protocol.signatures import Label
from EncryptSecureRTLib.custodian.audit_findings import Finding
from EncryptSecureRTLib.custodian.audit_judge import judge_receipts, read_receipts, signed_body
from EncryptSecureRTLib.custodian.audit_log import AuditLog
from EncryptSecureRTLib.custodian.certificates import Validity, make_user_ca

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)
_SKEW = timedelta(seconds=LIMITS.clock_skew_s)
_STRANGER = ec.generate_private_key(ec.SECP256R1())
_STRANGERS_CERTIFICATE = make_user_ca(_STRANGER, Validity.from_days(NOW, 90))


class Fork:
    """Two workers from one state: the auditor meets the one whose clock is held back."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.shown = MadeChain().run(1, 2)
        hidden = self.shown.copy()
        hidden.now += 30 * _DAY
        self.body = hidden.start(2).job()
        self.archived = archive(folder / "receipts", self.body)

    def note(self, at: datetime) -> None:
        """Archive the receipt as one that came at a moment."""
        put_note(self.archived, self.body, note_of(self.body, at))

    def fetch(self, at: datetime) -> None:
        """Fetch from the worker that is shown, after it went on a little."""
        self.shown.start(100 + self.shown.n).job()
        assert fetched(self.log, self.shown, at) == []

    def judged(self, *more: Path) -> list[Finding]:
        """Compare copy and receipt, offline."""
        receipts = read_receipts([self.archived, *more], signed_body)
        return judge_receipts(AuditLog(self.log), receipts, None)


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    return Fork(tmp_path)


def test_a_fork_behind_a_slow_clock_is_an_alarm_at_the_first_fetch_after_the_receipt(
    fork: Fork,
) -> None:
    fork.note(NOW + _DAY / 2)

    found = []
    for day in range(3):
        fork.fetch(NOW + day * _DAY)
        found += names(fork.judged())

    assert found == ["behind", "forked", "forked"]


def test_the_alarm_says_when_the_receipt_came_and_when_the_last_fetch_was(fork: Fork) -> None:
    fork.note(NOW)
    fork.fetch(NOW + _DAY)

    (finding,) = fork.judged()

    assert finding.alarm
    assert finding.sentence == (
        "A receipt that came before the last fetch names a start that is in no chain: "
        "fork or rollback."
    )
    assert finding.numbers["received_at"] == "2026-03-02T08:00:00Z"
    assert finding.numbers["fetched_at"] == "2026-03-03T08:00:00Z"


@pytest.mark.parametrize(("more", "name"), [(0 * _SECOND, "behind"), (_SECOND, "forked")])
def test_clocks_may_differ_by_the_skew(fork: Fork, more: timedelta, name: str) -> None:
    fork.note(NOW)
    fork.fetch(NOW + _SKEW + more)

    assert names(fork.judged()) == [name]


def test_an_honest_receipt_that_came_after_the_fetch_is_behind_until_the_next(
    tmp_path: Path,
) -> None:
    chain = MadeChain().run(1, 1)
    fetched(tmp_path / "log", chain, NOW)
    body = chain.job()
    archived = archive(tmp_path / "r", body)
    put_note(archived, body, note_of(body, NOW + _DAY))
    receipts = read_receipts([archived], signed_body)

    before = judge_receipts(AuditLog(tmp_path / "log"), receipts, None)
    fetched(tmp_path / "log", chain, NOW + 2 * _DAY)
    after = judge_receipts(AuditLog(tmp_path / "log"), receipts, None)

    assert (names(before), after) == (["behind"], [])


def test_without_a_note_a_receipt_stays_behind_and_the_sentence_says_what_that_means(
    fork: Fork,
) -> None:
    fork.fetch(NOW + _DAY)

    (finding,) = fork.judged()

    assert (finding.name.value, finding.alarm) == ("behind", False)
    assert "stays behind after a later fetch is a fork" in finding.sentence
    assert "received_at" not in finding.numbers


_Note = tuple[bytes, bytes]  # the note, and the certificate beside it
_UNUSABLE: dict[str, Callable[[ReceiptBody], _Note]] = {
    "of another key": lambda body: (note_of(body, NOW, key=_STRANGER), USER_CERTIFICATE),
    "of another user": lambda body: (note_of(body, NOW, key=_STRANGER), _STRANGERS_CERTIFICATE),
    "under another label": lambda body: (note_of(body, NOW, label=Label.JOB), USER_CERTIFICATE),
    "for another receipt": lambda body: (note_of(other_job(body), NOW), USER_CERTIFICATE),
    "cut": lambda body: (note_of(body, NOW)[:-1], USER_CERTIFICATE),
    "no note": lambda _: (b"{}", USER_CERTIFICATE),
    "too long": lambda body: (
        note_of(body, NOW) + b" " * LIMITS.json_line_bytes,
        USER_CERTIFICATE,
    ),
}


@pytest.mark.parametrize("kind", _UNUSABLE)
def test_a_note_that_does_not_verify_counts_as_none(fork: Fork, kind: str) -> None:
    put_note(fork.archived, fork.body, *_UNUSABLE[kind](fork.body))
    fork.fetch(NOW + _DAY)

    assert names(fork.judged()) == ["behind"]


@pytest.mark.parametrize("octets", [None, b"", b"-----BEGIN CERTIFICATE-----\nAA==\n"])
def test_a_note_without_its_signers_certificate_counts_as_none(
    fork: Fork, octets: bytes | None
) -> None:
    fork.note(NOW)
    certificate = fork.archived / fork.body.audit_head / "user.pem"
    certificate.unlink()
    if octets is not None:
        certificate.write_bytes(octets)
    fork.fetch(NOW + _DAY)

    assert names(fork.judged()) == ["behind"]


def test_of_two_archives_of_one_receipt_the_earlier_note_counts(fork: Fork, tmp_path: Path) -> None:
    fork.note(NOW + 2 * _DAY)
    other = archive(tmp_path / "other", fork.body)
    put_note(other, fork.body, note_of(fork.body, NOW))
    fork.fetch(NOW + _DAY)

    assert names(fork.judged()) == ["behind"]
    assert names(fork.judged(other)) == ["forked"]


def test_a_fetch_that_did_not_take_all_that_the_worker_has_is_none(fork: Fork) -> None:
    fork.note(NOW + _DAY)
    fork.fetch(NOW)

    cut = names(fetched(fork.log, fork.shown.copy(3), NOW + 2 * _DAY))

    assert cut == ["cut"]
    assert names(fork.judged()) == ["behind"]


def test_only_fetches_of_the_receipts_own_state_folder_count(fork: Fork) -> None:
    fork.note(NOW + _DAY)
    fork.fetch(NOW)

    fetched(fork.log, MadeChain(OTHER_INSTANCE).run(5, 1), NOW + 2 * _DAY)

    assert names(fork.judged()) == ["behind"]
    assert AuditLog(fork.log).instance(INSTANCE).fetched_at == NOW
