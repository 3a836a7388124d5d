"""The server certificate with one defect each (negative suite 1 to 22 and 121)."""

import hashlib
from collections.abc import Callable

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from Testing.Unit.attest.bench import (
    DICE,
    LEGACY,
    TLS_KEY,
    Bench,
    certificate_with,
    claims_of,
    evidence_of,
    rsa_certificate,
)
from Testing.Unit.attest.forge import point, spki_of, tlv

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.attest.verdict import Outcome

OTHER_KEY = ec.generate_private_key(ec.SECP384R1())


def dice(bench: Bench, octets: bytes) -> bytes:
    return certificate_with([(LEGACY, bench.legacy()), (DICE, octets)])


def with_claims(bench: Bench, claims: bytes) -> bytes:
    return dice(bench, bench.evidence(claims))


def twice(bench: Bench) -> bytes:
    """Write a second extension of the same size over the legacy one, and sign anew."""
    value = bench.evidence()
    der = certificate_with([("2.23.133.5.4.8", value), (DICE, value)])
    parts = der.replace(bytes.fromhex("678105050408"), bytes.fromhex("678105050409"))
    return resign(parts)


def resign(der: bytes) -> bytes:
    """Sign the changed octets of a certificate again; lengths must not have changed."""
    size = int.from_bytes(der[6:8], "big")
    tbs = der[4 : 8 + size]
    algorithm = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))
    signature = TLS_KEY.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return tlv(0x30, tbs, algorithm, tlv(3, b"\0" + signature))


def digest(bench: Bench) -> bytes:
    return hashlib.sha256(bench.spki).digest()


def inner(bench: Bench, algorithm: int = 1, value: bytes | None = None) -> bytes:
    return cbor2.dumps([algorithm, digest(bench) if value is None else value])


def doubled_claim(bench: Bench) -> bytes:
    one = cbor2.dumps({"pubkey-hash": inner(bench)})[1:]
    return b"\xa2" + one + one


def flipped_signature(bench: Bench) -> bytes:
    der = bytearray(bench.certificate())
    der[-1] ^= 1
    return bytes(der)


def overrun(bench: Bench) -> bytes:
    der = bytearray(bench.certificate())
    der[2:4] = (int.from_bytes(der[2:4], "big") + 1).to_bytes(2, "big")
    return bytes(der)


def indefinite(bench: Bench) -> bytes:
    whole = bench.evidence()
    return whole[:3] + b"\x9f" + whole[4:] + b"\xff"


def copied(bench: Bench) -> bytes:
    other = claims_of(spki_of(OTHER_KEY))
    return with_claims(bench, other)


Case = tuple[str, Callable[[Bench], bytes], ErrorCode]
E = ErrorCode
CASES: list[Case] = [
    ("1 no tagged evidence", lambda b: certificate_with([]), E.E_CERT_EVIDENCE),
    ("2 tagged evidence twice", twice, E.E_CERT_EVIDENCE),
    ("3 legacy only", lambda b: certificate_with([(LEGACY, b.legacy())]), E.E_CERT_EVIDENCE),
    (
        "4 other tag",
        lambda b: dice(
            b,
            cbor2.dumps(cbor2.CBORTag(60001, [b.certificate_quote(), claims_of(b.spki)])),
        ),
        E.E_CBOR,
    ),
    (
        "5 array of three",
        lambda b: dice(
            b,
            cbor2.dumps(cbor2.CBORTag(60000, [b.certificate_quote(), claims_of(b.spki), b""])),
        ),
        E.E_CBOR,
    ),
    ("6 octet after the item", lambda b: dice(b, b.evidence() + b"\0"), E.E_CBOR),
    ("7 octet after the claims", lambda b: with_claims(b, claims_of(b.spki) + b"\0"), E.E_CBOR),
    ("8 indefinite length", lambda b: dice(b, indefinite(b)), E.E_CBOR),
    (
        "9 second claim",
        lambda b: with_claims(b, cbor2.dumps({"pubkey-hash": inner(b), "x": b""})),
        E.E_CLAIMS,
    ),
    ("10 doubled claim", lambda b: with_claims(b, doubled_claim(b)), E.E_CLAIMS),
    (
        "11 other hash algorithm",
        lambda b: with_claims(b, cbor2.dumps({"pubkey-hash": inner(b, 7)})),
        E.E_CLAIMS,
    ),
    (
        "12 hash of the bare key",
        lambda b: with_claims(
            b,
            cbor2.dumps(
                {"pubkey-hash": inner(b, 1, hashlib.sha256(b"\4" + point(TLS_KEY)).digest())}
            ),
        ),
        E.E_CLAIMS,
    ),
    ("13 evidence of another certificate", copied, E.E_CLAIMS),
    ("14 signature broken", flipped_signature, E.E_CERT_SIG),
    (
        "15 signed by another key",
        lambda b: certificate_with([(DICE, b.evidence())], signer=OTHER_KEY),
        E.E_CERT_SIG,
    ),
    ("16 octet after the certificate", lambda b: b.certificate() + b"\0", E.E_CERT_DER),
    ("17 length beyond the end", overrun, E.E_CERT_DER),
    ("18 RSA key", lambda b: rsa_certificate([(DICE, b.evidence())]), E.E_CERT_DER),
    (
        "19 legacy quote of another enclave",
        lambda b: certificate_with([(LEGACY, b.legacy(mrenclave=bytes(32))), (DICE, b.evidence())]),
        E.E_CERT_EVIDENCE,
    ),
    (
        "20 legacy quote of another key",
        lambda b: certificate_with([(LEGACY, b.legacy(b"other")), (DICE, b.evidence())]),
        E.E_BINDING,
    ),
    (
        "21 other report data",
        lambda b: dice(b, evidence_of(b.platform.quote(bytes(64)), claims_of(b.spki))),
        E.E_BINDING,
    ),
    (
        "22 report data beyond the digest",
        lambda b: dice(
            b,
            evidence_of(
                b.platform.quote(
                    hashlib.sha256(claims_of(b.spki)).digest() + bytes(8) + b"\1" + bytes(23)
                ),
                claims_of(b.spki),
            ),
        ),
        E.E_BINDING,
    ),
    ("121 no claim", lambda b: with_claims(b, cbor2.dumps({})), E.E_CLAIMS),
    ("121 another claim", lambda b: with_claims(b, cbor2.dumps({"x": inner(b)})), E.E_CLAIMS),
    (
        "text instead of octets",
        lambda b: dice(b, cbor2.dumps(cbor2.CBORTag(60000, ["x", claims_of(b.spki)]))),
        E.E_CBOR,
    ),
    (
        "length in a longer form",
        lambda b: with_claims(b, claims_of(b.spki).replace(b"\x6bpubkey", b"\x78\x0bpubkey")),
        E.E_CBOR,
    ),
    ("empty", lambda b: b"", E.E_CERT_DER),
    ("too large", lambda b: bytes(65537), E.E_TOO_LARGE),
]


@pytest.mark.parametrize(("defect", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_certificate_with_one_defect_is_refused_for_that_defect(
    bench: Bench, defect: Callable[[Bench], bytes], expected: ErrorCode
) -> None:
    assert bench.judge_certificate().accepted

    verdict = bench.judge_certificate(defect(bench))

    assert verdict.code is expected
    failed = [row for row in verdict.rows if row.outcome is Outcome.FAIL]
    assert [row.code for row in failed] == [expected]
    assert not any(row.outcome is Outcome.PASS for row in verdict.rows if row.number > 3)


def test_the_legacy_extension_may_be_absent(bench: Bench) -> None:
    assert bench.judge_certificate(certificate_with([(DICE, bench.evidence())])).accepted


def test_re_signing_in_the_test_makes_no_difference(bench: Bench) -> None:
    assert bench.judge_certificate(resign(bench.certificate())).accepted


def test_a_null_parameter_as_gramine_writes_it_is_accepted(bench: Bench) -> None:
    der = bench.certificate()
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    with_null = bytes.fromhex("300c06082a8648ce3d0403020500")
    size = int.from_bytes(der[6:8], "big")
    fields = der[8 : 8 + size].replace(algorithm, with_null, 1)
    tbs = tlv(0x30, fields)
    signature = TLS_KEY.sign(tbs, ec.ECDSA(hashes.SHA256()))

    assert bench.judge_certificate(tlv(0x30, tbs, with_null, tlv(3, b"\0" + signature))).accepted


def test_a_certificate_verdict_has_nothing_to_say_of_nonce_and_site(bench: Bench) -> None:
    rows = {row.number: row.outcome for row in bench.judge_certificate().rows}

    assert rows.pop(18) is rows.pop(19) is Outcome.NOT_APPLICABLE
    assert set(rows.values()) == {Outcome.PASS}
