"""DER, CBOR and quotes: against other libraries, and under random damage."""

import base64
import hashlib
import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cbor2
import dcap_qvl  # type: ignore[import-untyped]  # no py.typed
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from Testing.Unit.attest.bench import TLS_KEY, Bench
from Testing.Unit.attest.forge import NOW, Platform, pem, spki_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.statement import fresh_report_data
from EncryptSecureRTLib.attest import cbor, der
from EncryptSecureRTLib.attest.collateral import read_collateral, read_pck_chain
from EncryptSecureRTLib.attest.quote import Quote, read_quote
from EncryptSecureRTLib.attest.ratls import read_ratls_certificate
from EncryptSecureRTLib.attest.roots import INTEL_ROOT_KEY_ID, RootKind, root_key_id

SHARED = settings(
    max_examples=300,
    deadline=1000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def code_of(parse: Callable[[bytes], object], octets: bytes) -> ErrorCode | None:
    """Return the refusal's code; any other exception fails the test."""
    try:
        parse(octets)
    except EncryptSecureRTError as error:
        return error.code
    return None


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Return a change: some octets replaced, cut out, put in, or the end cut off."""
    changes = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["flip", "cut", "insert", "truncate", "double"]),
                st.floats(0, 1, exclude_max=True),
                st.binary(min_size=1, max_size=8),
            ),
            min_size=1,
            max_size=4,
        )
    )

    def apply(octets: bytes) -> bytes:
        for kind, where, new in changes:
            at = int(where * len(octets))
            end = at + len(new)
            octets = {
                "flip": octets[:at] + new + octets[end:],
                "cut": octets[:at] + octets[end:],
                "insert": octets[:at] + new + octets[at:],
                "truncate": octets[:at],
                "double": octets[:end] + octets[at:],
            }[kind]
        return octets

    return apply


# ---- CBOR, with cbor2 as the other opinion


@given(quote=st.binary(max_size=70000), claims=st.binary(max_size=300))
def test_evidence_of_another_encoder_is_read(quote: bytes, claims: bytes) -> None:
    octets = cbor2.dumps(cbor2.CBORTag(60000, [quote, claims]))

    assert cbor.read_evidence(octets) == (quote, claims)


@given(octets=st.binary(max_size=64))
@example(octets=cbor2.dumps(cbor2.CBORTag(60000, [b"q", b"c"])))
def test_what_is_read_as_evidence_is_what_the_other_encoder_writes(octets: bytes) -> None:
    if code_of(cbor.read_evidence, octets) is None:
        quote, claims = cbor.read_evidence(octets)
        assert cbor2.dumps(cbor2.CBORTag(60000, [quote, claims])) == octets


@given(change=damage())
def test_damaged_claims_are_refused_or_still_the_only_encoding(
    change: Callable[[bytes], bytes],
) -> None:
    digest = hashlib.sha256(b"key").digest()
    octets = change(cbor2.dumps({"pubkey-hash": cbor2.dumps([1, digest])}))

    code = code_of(cbor.read_pubkey_hash, octets)

    if code is None:
        read = cbor.read_pubkey_hash(octets)
        assert cbor2.dumps({"pubkey-hash": cbor2.dumps([1, read])}) == octets
    else:
        assert code in (ErrorCode.E_CBOR, ErrorCode.E_CLAIMS)


@pytest.mark.parametrize(
    "head",
    ["58017e", "5900017e", "5a000000017e", "5b00000000000000017e", "5f417eff", "5c7e", "617e"],
)
def test_a_byte_string_has_one_form(head: str) -> None:
    """One octet 7e is 41 7e and nothing else (RFC 8949 section 4.2.1)."""
    around = "d9ea6082{}40"
    assert cbor.read_evidence(bytes.fromhex(around.format("417e"))) == (b"\x7e", b"")

    code = code_of(cbor.read_evidence, bytes.fromhex(around.format(head)))

    assert code is ErrorCode.E_CBOR


# ---- DER, with cryptography as the other opinion


def test_a_certificate_is_taken_apart_as_the_other_library_does(bench: Bench) -> None:
    octets = bench.certificate()
    other = x509.load_der_x509_certificate(octets)

    parts = der.read_certificate(octets)

    assert parts.tbs == other.tbs_certificate_bytes
    assert parts.spki == spki_of(TLS_KEY)
    assert parts.signature == other.signature
    assert len(parts.extensions) == len(other.extensions)


@pytest.mark.parametrize(
    "octets",
    ["30", "3005", "308000", "30810100", "30820001ff", "3085000000000100", "1f0100", "300030"],
    ids=["no length", "overrun", "indefinite", "long form of a short length", "padded length",
         "five length octets", "high tag number", "half an element after the first"],
)  # fmt: skip
def test_der_lengths_have_one_form(octets: str) -> None:
    assert der.read_all(bytes.fromhex("30003000")) != []

    assert code_of(der.read_all, bytes.fromhex(octets)) is ErrorCode.E_CERT_DER


@given(octets=st.binary(max_size=200))
def test_der_elements_put_together_are_the_octets(octets: bytes) -> None:
    if code_of(der.read_all, octets) is None:
        assert b"".join(element.whole for element in der.read_all(octets)) == octets


@pytest.mark.parametrize(("critical", "code"), [(False, None), (True, ErrorCode.E_CERT_DER)])
def test_an_unknown_critical_extension_is_refused(critical: bool, code: ErrorCode | None) -> None:
    name = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(TLS_KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), critical
        )
    )
    signed = builder.sign(TLS_KEY, hashes.SHA256()).public_bytes(ser.Encoding.DER)

    assert code_of(der.read_certificate, signed) is code


# ---- quotes, with dcap-qvl as the other opinion


def test_a_quote_is_read_as_the_other_library_does(platform: Platform) -> None:
    octets = platform.quote(bytes(range(64)))
    other = dcap_qvl.parse_quote(octets)

    quote = read_quote(octets)

    assert quote.octets == octets
    assert quote.user_data == other.header.user_data
    assert quote.cpusvn == other.report.cpu_svn
    assert quote.attributes == other.report.attributes
    assert quote.mrenclave == other.report.mr_enclave
    assert quote.mrsigner == other.report.mr_signer
    assert quote.report_data == other.report.report_data == bytes(range(64))


def test_the_fields_that_the_other_library_hides_are_read(platform: Platform) -> None:
    quote = read_quote(
        platform.quote(
            bytes(64),
            prod=0x1234,
            svn=0x5678,
            config_svn=0x9ABC,
            config_id=b"\1" * 64,
            ext_prod_id=b"\2" * 16,
            family_id=b"\3" * 16,
            misc=0x01020304,
        )
    )

    assert (quote.isvprodid, quote.isvsvn, quote.config_svn) == (0x1234, 0x5678, 0x9ABC)
    assert (quote.config_id, quote.isvextprodid) == (b"\1" * 64, b"\2" * 16)
    assert (quote.isvfamilyid, quote.miscselect) == (b"\3" * 16, 0x01020304)


def test_the_replay_key_is_of_the_signed_octets_only(platform: Platform) -> None:
    octets = bytearray(platform.quote(bytes(64)))
    key = hashlib.sha256(octets[:432]).digest()
    octets[500] ^= 1

    assert read_quote(bytes(octets)).replay_key == key


@SHARED
@given(change=damage())
def test_a_damaged_quote_is_refused_in_our_words(
    platform: Platform, change: Callable[[bytes], bytes]
) -> None:
    octets = change(platform.quote(bytes(64)))

    assert code_of(read_quote, octets) in (
        None,
        ErrorCode.E_QUOTE_FORMAT,
        ErrorCode.E_WRONG_TEE,
    )


@SHARED
@given(change=damage())
def test_damaged_certificates_of_a_quote_are_refused_in_our_words(
    platform: Platform, change: Callable[[bytes], bytes]
) -> None:
    octets = platform.quote(bytes(64))
    data = change(octets[1052:])
    tail = octets[436:1048] + struct.pack("<I", len(data)) + data

    quote = read_quote(octets[:432] + struct.pack("<I", len(tail)) + tail)

    code = code_of(partial(pck_chain_of, quote), b"")
    assert code in (None, ErrorCode.E_PCK_CHAIN)


def pck_chain_of(quote: Quote, _: bytes) -> object:
    return read_pck_chain(quote, RootKind.SIMULATED)


def test_no_flipped_bit_of_a_platforms_certificate_raises_anything_but_a_refusal(
    platform: Platform,
) -> None:
    """The octets themselves, not their PEM: the library has several ways to complain."""
    octets = platform.leaf.public_bytes(ser.Encoding.DER)
    codes = set()
    for bit in range(0, 8 * len(octets)):
        flipped = bytearray(octets)
        flipped[bit // 8] ^= 1 << bit % 8
        text = base64.encodebytes(bytes(flipped)).decode()
        block = f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
        chain = block + pem(platform.ca, platform.root)
        quote = read_quote(platform.quote(bytes(64), chain=chain))
        codes.add(code_of(partial(pck_chain_of, quote), b""))

    assert codes == {None, ErrorCode.E_PCK_CHAIN}


@pytest.mark.parametrize("member", ["root_ca_crl", "pck_crl"])
def test_no_flipped_bit_of_a_revocation_list_raises_anything_but_a_refusal(
    platform: Platform, member: str
) -> None:
    good = json.loads(platform.collateral())
    octets = bytes.fromhex(good[member])
    codes = set()
    for bit in range(8 * len(octets)):
        flipped = bytearray(octets)
        flipped[bit // 8] ^= 1 << bit % 8
        codes.add(code_of(read_collateral, json.dumps(good | {member: flipped.hex()}).encode()))

    assert codes <= {None, ErrorCode.E_CRL}
    assert ErrorCode.E_CRL in codes


@SHARED
@given(change=damage())
def test_damaged_collateral_is_refused_in_our_words(
    platform: Platform, change: Callable[[bytes], bytes]
) -> None:
    code = code_of(read_collateral, change(COLLATERAL.setdefault("good", platform.collateral())))

    assert code in (
        None,
        ErrorCode.E_COLLATERAL_FORMAT,
        ErrorCode.E_CRL,
        ErrorCode.E_ROOT,
        ErrorCode.E_QE_IDENTITY,
    )


COLLATERAL: dict[str, bytes] = {}


@SHARED
@given(change=damage())
def test_a_damaged_certificate_is_refused_in_our_words(
    platform: Platform, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    good = COLLATERAL.setdefault("certificate", Bench(platform, tmp_path).certificate())
    octets = change(good)

    code = code_of(read_ratls_certificate, octets)

    assert (code is None) == (octets == good)


@SHARED
@given(bit=st.integers(0, 432 * 8 - 1))
def test_no_flipped_bit_of_the_signed_octets_is_accepted(
    platform: Platform, tmp_path: Path, bit: int
) -> None:
    bench = Bench(platform, tmp_path)

    def flip(quote: bytes) -> bytes:
        flipped = bytearray(quote)
        flipped[bit // 8] ^= 1 << bit % 8
        return bytes(flipped)

    assert not bench.judge_fresh(quote=flip, attested=False).accepted


def test_a_flipped_bit_outside_the_signed_octets_is_refused_by_name_or_is_in_unused_text(
    bench: Bench, platform: Platform
) -> None:
    """Every 13th bit. What is still accepted differs in PEM text only, and is the same quote."""
    verifier, nonce, statement = bench.verifier(), bench.nonce(), bench.statement()
    quote = platform.quote(fresh_report_data(bench.spki, nonce, statement))
    codes: set[ErrorCode | None] = set()
    accepted = []
    for bit in range(432 * 8, len(quote) * 8, 13):
        flipped = bytearray(quote)
        flipped[bit // 8] ^= 1 << bit % 8
        verdict, _ = verifier.judge_receipt_quote(
            spki_der=bench.spki,
            nonce=nonce,
            evidence=EvidenceAnswer(statement=statement, quote=bytes(flipped), collateral=None),
            at=NOW,
        )
        codes.add(verdict.code)
        if verdict.accepted:
            accepted.append(bit // 8)
            assert verdict.quote_sha256 == read_quote(quote).replay_key.hex()

    assert ErrorCode.E_VERIFY_OTHER not in codes
    assert min(accepted) >= 1052  # where the PEM text begins


@SHARED
@given(change=damage())
def test_whatever_is_damaged_in_an_answer_is_judged_and_never_raises(
    platform: Platform, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    bench = Bench(platform, tmp_path)
    verifier, nonce, statement = bench.verifier(), bench.nonce(), bench.statement()
    quote = platform.quote(fresh_report_data(bench.spki, nonce, statement))
    collateral = change(COLLATERAL.setdefault("good", platform.collateral()))

    verdict, _ = verifier.judge_fresh(
        spki_der=bench.spki,
        nonce=nonce,
        issued_at=bench.monotonic_s,
        evidence=EvidenceAnswer(statement=statement, quote=quote, collateral=collateral),
    )

    assert verdict.code is not ErrorCode.E_VERIFY_OTHER


# ---- roots


@pytest.mark.real_data
def test_intels_root_has_the_key_id_that_is_pinned(quotes_folder: Path) -> None:
    """The certificate is known by its published SHA-256, the key id is computed from it."""
    quote = read_quote((quotes_folder / "pairs" / "sgx-azure-b7ab.bin").read_bytes())
    pem_text = quote.certification_data.rstrip(b"\0")
    root = x509.load_pem_x509_certificates(pem_text)[-1]

    assert hashlib.sha256(root.public_bytes(ser.Encoding.DER)).hexdigest() == (
        "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
    )
    assert root_key_id(root) == INTEL_ROOT_KEY_ID


def test_another_root_has_another_key_id(platform: Platform) -> None:
    assert root_key_id(platform.root) == platform.root_key_id
    assert root_key_id(Platform().root) != platform.root_key_id
