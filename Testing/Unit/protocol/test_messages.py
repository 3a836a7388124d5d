"""Rules of single messages that need more than octets: rights, receipts, signatures, times."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from Testing.vectors.vector_keys import P256_ORDER

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import EndEvent, ProgressEvent
from encryptsecurert_protocol.fields import time_from_text, time_text
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.rights import (
    STARTING_RIGHTS,
    Operation,
    Role,
    RolePolicy,
    UserEntry,
)
from encryptsecurert_protocol.signatures import Label, sign, spki_der, verify
from encryptsecurert_protocol.statement import fresh_report_data

USER = UserEntry(user="ab" * 16, certificates=("cd" * 32,), roles=(Role.TECHNICIAN,))
POLICY = RolePolicy(users=(USER,), rights=STARTING_RIGHTS)


def _code(call: object, *arguments: object, **named: object) -> ErrorCode:
    assert callable(call)
    with pytest.raises(EncryptSecureRTError) as refusal:
        call(*arguments, **named)
    return refusal.value.code


def test_a_role_allows_its_operations_and_no_others() -> None:
    allowed = {operation for operation in Operation if POLICY.allows(USER, operation)}

    assert allowed == {Operation.PROTECT}


def test_rights_of_several_roles_add_up() -> None:
    both = UserEntry(user="ab" * 16, certificates=(), roles=(Role.TECHNICIAN, Role.AUDITOR))

    allowed = {operation for operation in Operation if POLICY.allows(both, operation)}

    assert allowed == {Operation.PROTECT, Operation.AUDIT}


def test_a_role_without_an_entry_allows_nothing() -> None:
    empty = RolePolicy(users=(USER,), rights={})

    assert not any(empty.allows(USER, operation) for operation in Operation)


def test_a_user_is_found_by_certificate_only() -> None:
    assert POLICY.user_of("cd" * 32) is USER
    assert POLICY.user_of("ab" * 16) is None
    assert POLICY.user_of("") is None


def test_a_certificate_belongs_to_one_user() -> None:
    other = UserEntry(user="ef" * 16, certificates=USER.certificates, roles=USER.roles)
    doubled = RolePolicy(users=(USER, other), rights=STARTING_RIGHTS)

    assert RolePolicy.from_json(POLICY.as_json()) == POLICY
    assert _code(RolePolicy.from_json, doubled.as_json()) is ErrorCode.E_FORMAT


@pytest.mark.parametrize("key_type", ["ed25519", "p256"])
def test_a_signature_holds_for_its_label_and_octets_only(key_type: str) -> None:
    key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    key = ed25519.Ed25519PrivateKey.generate()
    if key_type == "p256":
        key = ec.generate_private_key(ec.SECP256R1())
    spki = spki_der(key.public_key())

    signature = sign(key, Label.JOB, b"octets")

    assert len(signature) == 64
    verify(spki, Label.JOB, b"octets", signature)
    for label in Label:
        if label is not Label.JOB:
            assert _code(verify, spki, label, b"octets", signature) is ErrorCode.E_FORMAT
    code = ErrorCode.E_RECEIPT
    assert _code(verify, spki, Label.JOB, b"octet", signature, code) is code


def test_p256_signatures_always_have_a_low_s() -> None:
    key = ec.generate_private_key(ec.SECP256R1())

    for n in range(40):
        signature = sign(key, Label.JOB, bytes([n]))
        assert 0 < int.from_bytes(signature[32:], "big") <= P256_ORDER // 2


def test_report_data_depends_on_each_part() -> None:
    parts = [(b"a", bytes(32), b"s"), (b"b", bytes(32), b"s"), (b"a", b"n" * 32, b"s")]
    parts.append((b"a", bytes(32), b"t"))

    assert len({fresh_report_data(*part) for part in parts}) == 4
    assert len(fresh_report_data(*parts[0])) == 64
    for size in (0, 31, 33):
        assert _code(fresh_report_data, b"a", bytes(size), b"s") is ErrorCode.E_NONCE


def test_times_are_written_in_utc_without_parts_of_a_second() -> None:
    moment = datetime(2026, 1, 1, 1, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert time_text(moment) == "2025-12-31T23:30:00Z"
    assert time_from_text(time_text(moment)) == datetime(2025, 12, 31, 23, 30, tzinfo=UTC)


def test_an_event_that_makes_no_sense_is_not_made() -> None:
    done, failed = JobState.DONE, JobState.FAILED

    assert ProgressEvent(n=1, stage="body", fraction=1.0)
    assert EndEvent(n=1, state=done, error=None, results=(("mask", 5),))
    for fraction in (-0.1, 1.1, float("nan")):
        assert _code(ProgressEvent, n=1, stage="body", fraction=fraction) is ErrorCode.E_FORMAT
    for state, error, results in (
        (JobState.RUNNING, None, ()),
        (done, "E_TASK", ()),
        (failed, None, ()),
        (failed, "E_TASK", (("mask", 5),)),
        (done, None, (("mask", 5), ("mask", 6))),
    ):
        wrong = {"n": 1, "state": state, "error": error, "results": results}
        assert _code(EndEvent, **wrong) is ErrorCode.E_FORMAT
