"""The recipient key: used once for what has one content key, and only if it is the right one."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options
from Testing.Unit.protect.conftest import make_ct, request_of
from Testing.Unit.reveal.signing import PKCS8, SigningSite, protected_request

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.dicom.manifest.entries import read_protected
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.reveal import opening
from encryptsecurert_worker.dicom.reveal.opening import Opener

INSTANCE, STUDY = 0x00080018, 0x0020000D


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the wrapped keys that the recipient key is used for."""
    wrapped: list[bytes] = []
    decrypt = opening.decrypted_key

    def noted(key: rsa.RSAPrivateKey, octets: bytes) -> bytes:
        wrapped.append(octets)
        return decrypt(key, octets)

    monkeypatch.setattr(opening, "decrypted_key", noted)
    return wrapped


def _opener(site: SigningSite) -> Opener:
    return Opener(site.recipient_key, site.keys.recipient_certificate)


def _item(protector: Protector, number: int, study: bytes = b"1.2.3.4") -> bytes:
    octets = make_ct({INSTANCE: (b"UI", b"1.2.3.4.%d" % number), STUDY: (b"UI", study)})
    return read_protected(protected_request(protector.protect(request_of(octets)))).content


def test_files_of_a_batch_use_the_key_once(signing: SigningSite, uses: list[bytes]) -> None:
    protector, opener = Protector(signing.keys), _opener(signing)
    items = [_item(protector, number) for number in range(30)]

    opened = [opener.open(item) for item in items]

    assert len({bytes(one.header) for one in opened}) == len(items)
    assert len(uses) == 1


def test_files_of_other_studies_and_batches_use_it_again(
    signing: SigningSite, uses: list[bytes]
) -> None:
    one, other = Protector(signing.keys), Protector(signing.keys)
    opener = _opener(signing)

    for item in (_item(one, 1), _item(one, 2, b"1.2.3.5"), _item(other, 3), _item(one, 4)):
        opener.open(item)

    assert len(uses) == len(set(uses)) == 3


def test_a_file_that_was_sealed_under_a_key_of_its_own_is_opened(
    signing: SigningSite, uses: list[bytes]
) -> None:
    item = _item(Protector(signing.keys), 1)
    builder = PKCS7EnvelopeBuilder().set_content_encryption_algorithm(algorithms.AES256)
    for _, certificate in signing.pairs:
        builder = builder.add_recipient(certificate)
    before = builder.set_data(signing.open(item)).encrypt(Encoding.DER, [PKCS7Options.Binary])
    opener = _opener(signing)

    assert opener.open(before) == opener.open(item)
    assert len(uses) == 2


def _code(call: Any, *arguments: bytes) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        call(*arguments)
    return refused.value.code


def test_a_key_of_another_certificate_is_no_recipient_key(signing: SigningSite) -> None:
    escrow = signing.keys.escrow_certificate

    assert _code(Opener, signing.recipient_key, escrow) is ErrorCode.E_BUNDLE
    assert _code(Opener, signing.recipient_key[:-1], escrow) is ErrorCode.E_BUNDLE


def test_an_item_for_somebody_else_is_not_opened(signing: SigningSite, uses: list[bytes]) -> None:
    key, certificate = signing.pairs[1]
    alone = PKCS7EnvelopeBuilder().set_content_encryption_algorithm(algorithms.AES256)
    item = alone.add_recipient(certificate).set_data(b"x").encrypt(Encoding.DER, [])

    assert _code(_opener(signing).open, item) is ErrorCode.E_SEAL
    assert uses == []
    escrow = Opener(key.private_bytes(*PKCS8), certificate.public_bytes(Encoding.DER))
    assert _code(escrow.open, item) is ErrorCode.E_SEAL  # it opens, and holds no original
    assert len(uses) == 1


@pytest.mark.parametrize("part", ["p", "q"])
def test_a_private_key_with_wrong_numbers_opens_nothing(signing: SigningSite, part: str) -> None:
    item = _item(Protector(signing.keys), 1)
    numbers = signing.pairs[0][0].private_numbers()
    parts = {name: getattr(numbers, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    parts[part] += 2
    wrong = rsa.RSAPrivateNumbers(**parts, public_numbers=numbers.public_numbers)
    try:
        key = wrong.private_key(unsafe_skip_rsa_key_validation=True).private_bytes(*PKCS8)
    except ValueError:
        return  # the library sees that much at once

    with pytest.raises(EncryptSecureRTError) as refused:
        Opener(key, signing.keys.recipient_certificate).open(item)

    assert refused.value.code in (ErrorCode.E_SEAL, ErrorCode.E_BUNDLE)


def test_a_wrapped_key_of_another_length_is_refused(signing: SigningSite) -> None:
    key = signing.pairs[0][0]

    for size in (0, 16, 31, 33):
        wrapped = key.public_key().encrypt(bytes(size), padding.PKCS1v15())
        assert _code(lambda octets=wrapped: opening.decrypted_key(key, octets)) is ErrorCode.E_SEAL
    assert _code(lambda: opening.decrypted_key(key, bytes(384))) is ErrorCode.E_SEAL
