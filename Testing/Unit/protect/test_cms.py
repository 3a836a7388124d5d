"""Sealed items as CMS: octet for octet what libraries write, and one content key for a batch."""

from contextlib import suppress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_worker.dicom.cms import (
    Enveloped,
    der,
    read_enveloped,
    recipient_infos,
    recipient_name,
    write_enveloped,
)
from encryptsecurert_worker.dicom.protect.envelope import Envelope
from EncryptSecureRTLib.attest.der import read_all

STUDY, OTHER_STUDY = b"1.2.3", b"1.2.4"


@pytest.fixture
def envelope(site: Any) -> Envelope:
    return Envelope(site.keys.recipient_certificate, site.keys.escrow_certificate)


def _of_a_library(site: Any, plaintext: bytes) -> bytes:
    builder = PKCS7EnvelopeBuilder().set_content_encryption_algorithm(algorithms.AES256)
    for _, certificate in site.pairs:
        builder = builder.add_recipient(certificate)
    return builder.set_data(plaintext).encrypt(Encoding.DER, [PKCS7Options.Binary])


@pytest.mark.parametrize("size", [0, 1, 15, 16, 90, 127, 128, 200, 300, 65_000, 70_000])
def test_what_a_library_seals_is_read_and_written_again_octet_for_octet(
    site: Any, size: int
) -> None:
    made = _of_a_library(site, bytes(size))

    item = read_enveloped(made)
    names = [recipient_name(certificate) for _, certificate in site.pairs]
    again = write_enveloped(
        recipient_infos([(name, item.keys[name]) for name in names]), item.iv, item.encrypted
    )

    assert set(item.keys) == set(names)
    assert again == made


@pytest.mark.filterwarnings("ignore")  # such numbers break RFC 5280, and other programs make them
@pytest.mark.parametrize("serial", ["00", "7f", "80", "aa", "ff7f", "ff00"])
def test_a_recipient_is_named_by_any_serial_number_that_a_library_takes(
    site: Any, serial: str
) -> None:
    _, certificate = site.pairs[0]
    octets, number = certificate.public_bytes(Encoding.DER), certificate.serial_number
    old = der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))
    new = der(0x02, bytes.fromhex(serial))
    shorter = len(old) - len(new)
    start = octets.index(old)
    assert octets[:2] == octets[4:6] == b"\x30\x82"
    outer, inner = (
        (int.from_bytes(octets[at : at + 2], "big") - shorter).to_bytes(2, "big") for at in (2, 6)
    )
    head = octets[:2] + outer + octets[4:6] + inner + octets[8:start]
    other = x509.load_der_x509_certificate(head + new + octets[start + len(old) :])

    builder = PKCS7EnvelopeBuilder().set_content_encryption_algorithm(algorithms.AES256)
    made = builder.add_recipient(other).set_data(b"").encrypt(Encoding.DER, [PKCS7Options.Binary])

    assert set(read_enveloped(made).keys) == {recipient_name(other)}


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, 70_000])
def test_a_library_opens_what_is_sealed_here(site: Any, envelope: Envelope, size: int) -> None:
    plaintext = bytes(range(256)) * (size // 256) + bytes(size % 256)

    made = envelope.seal(plaintext, STUDY)

    assert site.open(made, 0) == plaintext
    assert site.open(made, 1) == plaintext


def test_items_of_a_study_share_a_key_and_nothing_else(envelope: Envelope) -> None:
    items = [read_enveloped(envelope.seal(bytes(4096), STUDY)) for _ in range(20)]

    assert len({tuple(sorted(item.keys.values())) for item in items}) == 1
    assert len({item.iv for item in items}) == len(items)
    blocks = [bytes(item.encrypted[n : n + 16]) for item in items for n in range(0, 4112, 16)]
    assert len(set(blocks)) == len(blocks)


def test_other_studies_other_jobs_and_other_recipients_have_other_keys(
    site: Any, envelope: Envelope
) -> None:
    certificates = site.keys.recipient_certificate, site.keys.escrow_certificate
    items = [
        envelope.seal(b"", STUDY),
        envelope.seal(b"", OTHER_STUDY),
        Envelope(*certificates).seal(b"", STUDY),
        Envelope(certificates[0]).seal(b"", STUDY),
    ]

    wrapped = [key for item in items for key in read_enveloped(item).keys.values()]

    assert len(set(wrapped)) == len(wrapped) == 7


def test_keys_of_many_studies_are_not_all_kept(site: Any) -> None:
    envelope = Envelope(site.keys.recipient_certificate)
    first = read_enveloped(envelope.seal(b"", STUDY)).keys
    for number in range(64):
        envelope.seal(b"", b"1.2.3.%d" % number)

    assert read_enveloped(envelope.seal(b"", STUDY)).keys != first


def _read_or_refused(octets: bytes) -> Enveloped | None:
    with suppress(EncryptSecureRTError):
        return read_enveloped(octets)
    with pytest.raises(EncryptSecureRTError) as refused:
        read_enveloped(octets)
    assert refused.value.code is ErrorCode.E_SEAL
    return None


@given(data=st.data())
def test_what_is_not_of_that_form_is_refused(site: Any, data: st.DataObject) -> None:
    made = bytearray(_of_a_library(site, bytes(40)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(made) - 1))
        made[place] = data.draw(st.integers(0, 255))
    octets = bytes(made[: data.draw(st.integers(0, len(made)))])

    item = _read_or_refused(octets)
    if item is None:
        return
    # What is read is all that there is; only the recipients may have stood in another order.
    again = write_enveloped(recipient_infos(list(item.keys.items())), item.iv, item.encrypted)
    assert sorted(again) == sorted(octets)


@pytest.mark.parametrize(
    "length", [b"\x81\x09", b"\x82\x00\x09", b"\x80", b"\x85\0\0\0\0\x09"], ids=bytes.hex
)
def test_a_length_in_another_form_than_the_shortest_is_refused(site: Any, length: bytes) -> None:
    made = _of_a_library(site, b"")
    assert made.startswith(b"\x30\x82")
    inside = made[4:]

    for octets in (b"\x30" + length + bytes(9), b"\x30\x83\0" + made[2:4] + inside):
        with pytest.raises(EncryptSecureRTError) as refused:
            read_enveloped(octets)
        assert refused.value.code is ErrorCode.E_SEAL


@pytest.mark.parametrize("names", [b"aa", b"abcdefghi"])
def test_a_recipient_who_is_there_twice_and_a_crowd_are_refused(names: bytes) -> None:
    keys = [(der(0x30, bytes((name,))), b"key") for name in names]
    made = write_enveloped(recipient_infos(keys), bytes(16), bytes(16))

    with pytest.raises(EncryptSecureRTError) as refused:
        read_enveloped(made)

    assert refused.value.code is ErrorCode.E_SEAL


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_535, 65_536])
def test_the_clients_reader_of_der_reads_elements_of_every_length(size: int) -> None:
    (element,) = read_all(der(0x04, bytes(size // 2), bytes(size - size // 2)))

    assert (element.tag, element.content) == (0x04, bytes(size))
