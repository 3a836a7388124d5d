"""Mapped UIDs and pseudonyms: keyed, stable, and worth nothing without the key."""

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.dicom.protect.identity import map_uid, patient_pseudonym, plain_uid

KEY, OTHER = b"k" * 32, b"o" * 32


def test_a_mapped_uid_is_the_decimal_hmac() -> None:
    digest = hmac.new(KEY, b"1.2.3", hashlib.sha256).digest()

    assert map_uid(KEY, b"1.2.3") == b"2.25." + str(int(digest[:16].hex(), 16)).encode()


@given(st.binary(min_size=1, max_size=64))
def test_a_mapped_uid_is_a_valid_uid(uid: bytes) -> None:
    mapped = map_uid(KEY, uid)

    assert re.fullmatch(rb"2\.25\.(0|[1-9][0-9]*)", mapped)
    assert len(mapped) <= 44


def test_another_key_maps_to_another_uid() -> None:
    assert map_uid(KEY, b"1.2.3") == map_uid(KEY, b"1.2.3")
    assert map_uid(KEY, b"1.2.3") != map_uid(OTHER, b"1.2.3")


def test_padding_is_no_part_of_a_uid() -> None:
    assert plain_uid(b"1.2.3\0") == plain_uid(b"1.2.3 ") == plain_uid(b"1.2.3") == b"1.2.3"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, ErrorCode.E_MISSING_UID),
        (b"", ErrorCode.E_MISSING_UID),
        (b"\0\0", ErrorCode.E_MISSING_UID),
        (b"1.2\\1.3", ErrorCode.E_DICOM),
        (b"1" * 65, ErrorCode.E_DICOM),
    ],
)
def test_what_is_not_one_uid_is_refused(value: bytes | None, code: ErrorCode) -> None:
    assert plain_uid(b"1" * 64) == b"1" * 64
    with pytest.raises(EncryptSecureRTError) as caught:
        plain_uid(value)
    assert caught.value.code is code


def _pseudonym(patient_id: bytes, issuer: bytes = b"", study: bytes = b"1.2") -> bytes:
    return patient_pseudonym(KEY, issuer=issuer, patient_id=patient_id, study_uid=study)


def test_a_pseudonym_is_seventeen_letters_and_digits() -> None:
    assert re.fullmatch(rb"P[A-Z2-7]{16}", _pseudonym(b"4711"))


def test_padding_does_not_change_a_pseudonym_but_case_does() -> None:
    assert _pseudonym(b"ab ") == _pseudonym(b" ab") == _pseudonym(b"ab\0") == _pseudonym(b"ab")
    assert _pseudonym(b"ab") != _pseudonym(b"AB")


def test_the_same_number_of_two_issuers_is_two_patients() -> None:
    assert _pseudonym(b"1", b"A") != _pseudonym(b"1", b"B")


def test_patients_without_an_id_are_told_apart_by_study() -> None:
    assert _pseudonym(b"", study=b"1.2") == _pseudonym(b"  ", study=b"1.2\0")
    assert _pseudonym(b"", study=b"1.2") != _pseudonym(b"", study=b"1.3")
    assert _pseudonym(b"1", study=b"1.2") == _pseudonym(b"1", study=b"1.3")
