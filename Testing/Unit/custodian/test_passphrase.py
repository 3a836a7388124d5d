"""Files under a passphrase: opened by it, by nothing else, and never half trusted."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.custodian.passphrase import check_passphrase, open_file, seal_file

_CONTENT = "test-keys"


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return seal_file(b"correct horse battery", _CONTENT, b"the secret of the test")


def test_the_passphrase_opens_what_it_sealed(sealed: bytes) -> None:
    assert open_file(b"correct horse battery", _CONTENT, sealed) == b"the secret of the test"


def test_another_passphrase_is_refused_with_one_clear_error(sealed: bytes) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        open_file(b"correct horse batterY", _CONTENT, sealed)

    assert caught.value.code is ErrorCode.E_USAGE
    assert "passphrase is wrong" in caught.value.what
    assert caught.value.__cause__ is None


def test_the_secret_is_not_in_the_file(sealed: bytes) -> None:
    assert b"secret" not in sealed


def test_sealing_twice_gives_different_salt_and_octets(sealed: bytes) -> None:
    again = seal_file(b"correct horse battery", _CONTENT, b"the secret of the test")

    assert json.loads(again)["kdf"]["salt"] != json.loads(sealed)["kdf"]["salt"]
    assert again != sealed


@pytest.mark.parametrize("name", ["n", "r", "p"])
def test_a_file_cannot_choose_the_cost_of_the_key(sealed: bytes, name: str) -> None:
    value = json.loads(sealed)
    value["kdf"][name] = 2
    changed = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    with pytest.raises(EncryptSecureRTError) as caught:
        open_file(b"correct horse battery", _CONTENT, changed)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE


def test_the_scrypt_numbers_are_those_that_were_decided(sealed: bytes) -> None:
    kdf = json.loads(sealed)["kdf"]

    assert (kdf["name"], kdf["n"], kdf["r"], kdf["p"]) == ("scrypt", 131072, 8, 1)


def test_a_file_for_another_content_is_refused(sealed: bytes) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        open_file(b"correct horse battery", "other-keys", sealed)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE


def test_twelve_characters_are_enough() -> None:
    assert check_passphrase(b"twelve chars") == b"twelve chars"


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"eleven char", "shorter than 12"),
        (b"a" * 1025, "longer than 1024"),
        (b"\xff" * 20, "UTF-8"),
    ],
)
def test_a_bad_passphrase_is_refused_with_its_reason(octets: bytes, said: str) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        check_passphrase(octets)

    assert caught.value.code is ErrorCode.E_USAGE
    assert said in caught.value.what


def test_length_is_counted_in_characters_not_in_octets() -> None:
    with pytest.raises(EncryptSecureRTError):
        check_passphrase("äöüß".encode() * 2)


def test_both_forms_of_an_accent_are_one_passphrase() -> None:
    assert check_passphrase("Cafe\u0301 au lait".encode()) == check_passphrase(
        "Caf\u00e9 au lait".encode()
    )


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_octets_are_refused_with_our_error_only(octets: bytes) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        open_file(b"correct horse battery", _CONTENT, octets)

    assert caught.value.code is ErrorCode.E_LOCAL_FILE
