"""The refusals that the numbered cases do not reach, each with its accepting twin."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from Testing.Unit.attest.bench import TLS_KEY, Bench
from Testing.Unit.attest.forge import (
    CA,
    NOW,
    ROOT,
    Platform,
    certificate,
    name,
    new_key,
    pem,
    spki_of,
    tlv,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest import cbor
from EncryptSecureRTLib.attest.collateral import read_collateral
from EncryptSecureRTLib.attest.quote import read_quote
from EncryptSecureRTLib.attest.qvl import Claims, Evidence, LibraryPolicy, code_of_refusal
from EncryptSecureRTLib.attest.ratls import read_ratls_certificate

E = ErrorCode
ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")


def code_of(call: Callable[[], object]) -> ErrorCode | None:
    try:
        call()
    except EncryptSecureRTError as error:
        return error.code
    return None


# ---- certificates, put together from their parts


def split(octets: bytes) -> list[bytes]:
    """Return the elements that fill `octets`; lengths of at most two octets are enough here."""
    parts, at = [], 0
    while at < len(octets):
        size, head = octets[at + 1], 2
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(octets[at + 2 : at + head], "big")
        parts.append(octets[at : at + head + size])
        at += head + size
    return parts


def content(octets: bytes) -> bytes:
    return octets[2 + (octets[1] & 0x7F if octets[1] & 0x80 else 0) :]


class Parts:
    """A good certificate in parts; `der` puts them together and signs."""

    def __init__(self, bench: Bench) -> None:
        tbs = split(content(bench.certificate()))[0]
        self.fields = split(content(tbs))
        self.extensions = split(content(split(content(self.fields[-1]))[0]))
        self.algorithm = ALGORITHM
        self.unused_bits = b"\0"
        self.lists = 1
        self.more = b""

    def der(self) -> bytes:
        """Return the certificate."""
        extensions = tlv(0xA3, tlv(0x30, *self.extensions) * self.lists)
        tbs = tlv(0x30, *self.fields[:-1], extensions)
        signature = TLS_KEY.sign(tbs, ec.ECDSA(hashes.SHA256()))
        bits = tlv(3, self.unused_bits + signature)
        return tlv(0x30, tbs, self.algorithm, bits, self.more)


def set_field(index: int, octets: bytes) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        parts.fields[index] = octets

    return change


def set_part(attribute: str, value: object) -> Callable[[Parts], None]:
    return lambda parts: setattr(parts, attribute, value)


def without_serial(parts: Parts) -> None:
    del parts.fields[1]


def off_curve(parts: Parts) -> None:
    spki = bytearray(spki_of(TLS_KEY))
    spki[-1] ^= 1
    parts.fields[6] = bytes(spki)


def both_algorithms(algorithm: bytes) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        parts.fields[2] = parts.algorithm = algorithm

    return change


DER_CASES: list[tuple[str, Callable[[Parts], None]]] = [
    ("version 1", set_field(0, bytes.fromhex("a003020100"))),
    ("two signature algorithms",
     set_part("algorithm", bytes.fromhex("300c06082a8648ce3d0403020500"))),
    ("another algorithm", both_algorithms(bytes.fromhex("300a06082a8648ce3d040303"))),
    ("other parameters", both_algorithms(bytes.fromhex("300d06082a8648ce3d040302020101"))),
    ("no algorithm", both_algorithms(bytes.fromhex("3000"))),
    ("serial is no integer", set_field(1, bytes.fromhex("040101"))),
    ("too few fields", without_serial),
    ("unused bits in the signature", set_part("unused_bits", b"\1")),
    ("two lists of extensions", set_part("lists", 2)),
    ("a fourth element", set_part("more", b"\5\0")),
    ("an extension without value",
     lambda parts: parts.extensions.append(tlv(0x30, bytes.fromhex("06032a0304")))),
    ("criticality that is not DER",
     lambda parts: parts.extensions.append(
         tlv(0x30, bytes.fromhex("0603551d13"), bytes.fromhex("010101"), tlv(4, b"\x30\0"))
     )),
    ("key not on the curve", off_curve),
    ("another curve", set_field(6, spki_of(new_key()))),
]  # fmt: skip


@pytest.mark.parametrize("change", [c[1] for c in DER_CASES], ids=[c[0] for c in DER_CASES])
def test_a_certificate_of_another_form_is_refused(
    bench: Bench, change: Callable[[Parts], None]
) -> None:
    parts = Parts(bench)
    assert read_ratls_certificate(parts.der()).spki == bench.spki

    change(parts)

    assert code_of(lambda: read_ratls_certificate(parts.der())) is E.E_CERT_DER


def test_the_hash_comes_in_an_array_of_two() -> None:
    def claims(*items: object) -> bytes:
        return cbor2.dumps({"pubkey-hash": cbor2.dumps([1, *items])})

    assert cbor.read_pubkey_hash(claims(bytes(32))) == bytes(32)
    assert code_of(lambda: cbor.read_pubkey_hash(claims(bytes(32), 1))) is E.E_CBOR
    assert code_of(lambda: cbor.read_pubkey_hash(claims(bytes(31)))) is E.E_CLAIMS


# ---- quotes


def test_1184_octets_that_are_no_snp_report_are_just_malformed() -> None:
    assert code_of(lambda: read_quote(bytes(1184))) is E.E_QUOTE_FORMAT


def test_authentication_data_beyond_the_end_are_malformed(platform: Platform) -> None:
    quote = bytearray(platform.quote(bytes(64)))
    assert code_of(lambda: read_quote(bytes(quote))) is None

    quote[1012:1014] = b"\xff\xff"

    assert code_of(lambda: read_quote(bytes(quote))) is E.E_QUOTE_FORMAT


def test_the_vendor_is_checked_by_us_and_not_only_by_the_library(platform: Platform) -> None:
    quote = bytearray(platform.quote(bytes(64)))
    quote[12] ^= 1

    assert code_of(lambda: read_quote(bytes(quote))) is E.E_QUOTE_FORMAT


# ---- collateral


def ed25519_ca(platform: Platform) -> str:
    """Return a CA certificate with a key of another kind, and the root."""
    key = ed25519.Ed25519PrivateKey.generate()
    signed = (
        x509.CertificateBuilder()
        .subject_name(name(CA))
        .issuer_name(name(ROOT))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=1))
        .sign(platform.root_key, hashes.SHA256())
    )
    return pem(signed, platform.root)


def off_curve_pem(platform: Platform) -> str:
    """Return the CA certificate with one bit of its public point flipped."""
    octets = bytearray(platform.ca.public_bytes(ser.Encoding.DER))
    octets[octets.index(spki_of(platform.ca_key)) + len(spki_of(platform.ca_key)) - 1] ^= 1
    return pem(x509.load_der_x509_certificate(bytes(octets)))


COLLATERAL_CASES: list[tuple[str, Callable[[Platform], dict[str, Any]], ErrorCode]] = [
    ("CA of another key",
     lambda p: {"pck_crl_issuer_chain": pem(
         certificate(CA, new_key(), ROOT, p.root_key, ca=True), p.root)}, E.E_COLLATERAL_FORMAT),
    ("CA of another kind of key",
     lambda p: {"pck_crl_issuer_chain": ed25519_ca(p)}, E.E_COLLATERAL_FORMAT),
    ("CA with a key off the curve",
     lambda p: {"pck_crl_issuer_chain": off_curve_pem(p) + pem(p.root)}, E.E_COLLATERAL_FORMAT),
    ("two roots",
     lambda p: {"pck_crl_issuer_chain": pem(p.ca, Platform().root)}, E.E_ROOT),
    ("signature of 63 octets",
     lambda p: {"tcb_info_signature": "01" * 63}, E.E_COLLATERAL_FORMAT),
    ("signature in capitals",
     lambda p: {"tcb_info_signature": "AB" * 64}, E.E_COLLATERAL_FORMAT),
    ("evaluation number is text",
     lambda p: {"tcb_info": p.tcb_info(tcbEvaluationDataNumber="20")}, E.E_COLLATERAL_FORMAT),
    ("no levels", lambda p: {"tcb_info": p.tcb_info(tcbLevels=[])}, E.E_COLLATERAL_FORMAT),
    ("levels of another shape",
     lambda p: {"tcb_info": p.tcb_info(tcbLevels=[1])}, E.E_COLLATERAL_FORMAT),
    ("short FMSPC", lambda p: {"tcb_info": p.tcb_info(fmspc="00")}, E.E_COLLATERAL_FORMAT),
    ("FMSPC is no hex", lambda p: {"tcb_info": p.tcb_info(fmspc="z" * 12)}, E.E_COLLATERAL_FORMAT),
    ("date of another form",
     lambda p: {"tcb_info": p.tcb_info(issueDate="2026-11-21")}, E.E_COLLATERAL_FORMAT),
    ("document is no JSON", lambda p: {"tcb_info": "x"}, E.E_COLLATERAL_FORMAT),
    ("identity of another version",
     lambda p: {"qe_identity": p.qe_identity(version=1)}, E.E_COLLATERAL_FORMAT),
    ("member is a number", lambda p: {"pck_crl": 1}, E.E_COLLATERAL_FORMAT),
]  # fmt: skip


def spoiled(platform: Platform, members: dict[str, Any]) -> bytes:
    """Return collateral with members replaced, signatures not renewed."""
    return json.dumps(json.loads(platform.collateral()) | members).encode()


@pytest.mark.parametrize(
    ("make", "expected"), [c[1:] for c in COLLATERAL_CASES], ids=[c[0] for c in COLLATERAL_CASES]
)
def test_collateral_of_another_form_is_refused(
    bench: Bench,
    platform: Platform,
    make: Callable[[Platform], dict[str, Any]],
    expected: ErrorCode,
) -> None:
    bench.put_collateral(spoiled(platform, {}))
    assert bench.judge_certificate().accepted

    bench.put_collateral(spoiled(platform, make(platform)))

    assert bench.judge_certificate().code is expected


def test_collateral_of_no_known_ca_has_no_place(platform: Platform, bench: Bench) -> None:
    assert bench.store.place(platform.collateral()).fmspc == platform.fmspc
    chain = pem(certificate("Other CA", platform.ca_key, ROOT, platform.root_key), platform.root)

    octets = spoiled(platform, {"pck_crl_issuer_chain": chain})

    assert code_of(lambda: bench.store.place(octets)) is E.E_COLLATERAL_FORMAT


def test_proved_collateral_that_came_second_never_replaces_newer(
    platform: Platform, bench: Bench
) -> None:
    """Two sessions at once: the one that ends last must not bring the older one back."""
    older = read_collateral(platform.collateral())
    newer = platform.collateral(
        tcb_info=platform.tcb_info(tcbEvaluationDataNumber=21),
        qe_identity=platform.qe_identity(tcbEvaluationDataNumber=21),
    )
    claims = evidence_of(platform).verify()
    bench.store.raise_seen(older, claims)
    assert bench.judge_fresh(collateral=newer).accepted

    assert code_of(lambda: bench.store.raise_seen(older, claims)) is E.E_COLLATERAL_ROLLBACK


# ---- the library behind its door


def evidence_of(platform: Platform) -> Evidence:
    root = platform.root.public_bytes(ser.Encoding.DER)
    return Evidence(
        platform.quote(bytes(64)), platform.collateral().decode(), root, int(NOW.timestamp())
    )


@pytest.mark.parametrize(
    ("options", "wanted", "expected"),
    [
        ({}, {"min_tcb_evaluation": 21}, E.E_COLLATERAL_ROLLBACK),
        ({}, {"sgx_types": (1, 2)}, E.E_PLATFORM),
        ({"flags": (True, False, False)}, {"allow_dynamic_platform": False}, E.E_PLATFORM),
        ({"flags": (False, True, False)}, {"allow_cached_keys": False}, E.E_PLATFORM),
        ({"flags": (False, False, True)}, {"allow_smt": False}, E.E_PLATFORM),
    ],
)
def test_the_librarys_second_opinion_refuses_by_itself(
    options: dict[str, Any], wanted: dict[str, Any], expected: ErrorCode
) -> None:
    evidence = evidence_of(Platform(**options))
    lenient: dict[str, Any] = {
        "tcb_status": frozenset({"UpToDate"}),
        "grace_s": 0,
        "min_tcb_evaluation": 20,
        "sgx_types": (0,),
        "allow_dynamic_platform": True,
        "allow_cached_keys": True,
        "allow_smt": True,
    }
    evidence.agrees(LibraryPolicy(**lenient))

    refused = code_of(lambda: evidence.agrees(LibraryPolicy(**lenient | wanted)))

    assert refused is expected


def test_unknown_words_of_the_library_have_their_own_code() -> None:
    assert code_of_refusal("Verification failed: Debug mode is enabled") is E.E_DEBUG
    assert code_of_refusal("something new") is E.E_VERIFY_OTHER


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"platform": {}, "qe": {}}'])
def test_a_claim_that_is_not_there_is_a_refusal(text: str) -> None:
    assert code_of(lambda: Claims.from_json(text)) is E.E_VERIFY_OTHER


def test_what_the_library_cannot_load_is_refused(platform: Platform) -> None:
    quote, collateral = platform.quote(bytes(64)), platform.collateral().decode()

    assert code_of(lambda: Evidence(quote, "{}", None, 0)) is E.E_COLLATERAL_FORMAT
    assert code_of(lambda: Evidence(quote, collateral, b"rubbish", 0).verify()) is E.E_ROOT


@pytest.mark.parametrize("now_s", [-1, 2**63])
def test_a_time_that_the_library_cannot_hold_is_a_refusal(platform: Platform, now_s: int) -> None:
    quote, collateral = platform.quote(bytes(64)), platform.collateral().decode()

    assert code_of(lambda: Evidence(quote, collateral, None, now_s)) is E.E_CLOCK
