"""The quote with one defect each (negative suite 38 to 63, 65 to 69), everything else valid."""

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from Testing.Unit.attest.bench import Bench
from Testing.Unit.attest.forge import Platform, new_key

from encryptsecurert_protocol import signatures
from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.attest.policy import load_policy
from EncryptSecureRTLib.attest.verifier import Verifier

E = ErrorCode


def put(at: int, octets: bytes) -> Callable[[bytearray], None]:
    def edit(body: bytearray) -> None:
        body[at : at + len(octets)] = octets

    return edit


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda quote: quote[:at] + bytes([quote[at] ^ 1]) + quote[at + 1 :]


def sig_len(change: int | None) -> Callable[[bytes], bytes]:
    def spoil(quote: bytes) -> bytes:
        size = 0 if change is None else int.from_bytes(quote[432:436], "little") + change
        return quote[:432] + size.to_bytes(4, "little") + quote[436:]

    return spoil


def snp(quote: bytes) -> bytes:
    report = bytearray(1184)
    struct.pack_into("<I", report, 0, 2)
    struct.pack_into("<I", report, 0x34, 1)
    return bytes(report)


# Changed after signing: (name, change of the finished quote, code).
FINISHED: list[tuple[str, Callable[[bytes], bytes], ErrorCode]] = [
    ("42 truncated by one", lambda q: q[:-1], E.E_QUOTE_FORMAT),
    ("43 signature length 0", sig_len(None), E.E_QUOTE_FORMAT),
    ("44 signature length beyond the end", sig_len(1), E.E_QUOTE_FORMAT),
    ("45 tail not zero", lambda q: q + b"\1", E.E_QUOTE_FORMAT),
    ("48 body bit flipped", flip(180), E.E_QUOTE_SIG),
    ("50 quoting enclave's report flipped", flip(564 + 200), E.E_QE_REPORT),
    ("58 SNP report", snp, E.E_WRONG_TEE),
    ("59 Nitro document", lambda q: bytes.fromhex("8444a1013822") + q, E.E_WRONG_TEE),
    ("signature length over appended octets", lambda q: sig_len(1)(q + b"\0"), E.E_QUOTE_FORMAT),
    ("empty", lambda q: b"", E.E_QUOTE_FORMAT),
    ("too large", lambda q: q + bytes(65536), E.E_QUOTE_FORMAT),
]

# Changed before signing: (name, arguments of the forge, code).
FORGED: list[tuple[str, dict[str, Any], ErrorCode]] = [
    ("38 version 4", {"edit": put(0, b"\4")}, E.E_WRONG_TEE),
    ("39 TDX", {"edit": put(4, b"\x81")}, E.E_WRONG_TEE),
    ("40 key type 3", {"edit": put(2, b"\3")}, E.E_QUOTE_FORMAT),
    ("41 other vendor", {"edit": put(12, b"\0")}, E.E_QUOTE_FORMAT),
    ("46 authentication data of 31 octets", {"auth": bytes(31)}, E.E_QE_REPORT),
    ("47 certification type 3", {"certification": 3}, E.E_PCK_CHAIN),
    ("49 attestation key replaced", {"attestation_key": new_key()}, E.E_QE_REPORT),
    ("51 debug", {"flags": 7}, E.E_DEBUG),
    ("52 not initialised", {"flags": 4}, E.E_ATTRIBUTES),
    ("52 not 64 bit", {"flags": 1}, E.E_ATTRIBUTES),
    ("53 provisioning key", {"flags": 0x15}, E.E_ATTRIBUTES),
    ("53 launch token key", {"flags": 0x25}, E.E_ATTRIBUTES),
    ("54 MISCSELECT bit 1", {"misc": 2}, E.E_ATTRIBUTES),
    ("56 CONFIGID", {"config_id": b"\1" * 64, "flags": 0x85}, E.E_KSS),
    ("56 CONFIGSVN", {"config_svn": 1}, E.E_KSS),
    ("56 KSS alone", {"flags": 0x85}, E.E_KSS),
    ("56 ISVEXTPRODID", {"ext_prod_id": b"\1" * 16}, E.E_KSS),
    ("56 ISVFAMILYID", {"family_id": b"\1" * 16}, E.E_KSS),
    ("57 reserved octet in the header", {"edit": put(70, b"\1")}, E.E_QUOTE_FORMAT),
    ("57 reserved octet in the middle", {"edit": put(239, b"\1")}, E.E_QUOTE_FORMAT),
    ("57 reserved octet at the end", {"edit": put(351, b"\1")}, E.E_QUOTE_FORMAT),
    ("60 unknown measurement", {"mrenclave": b"\xee" * 32}, E.E_MEASUREMENT),
    ("61 other signer", {"mrsigner": b"\xee" * 32}, E.E_MEASUREMENT),
    ("62 other product", {"prod": 2}, E.E_PRODSVN),
    ("63 version below the minimum", {"svn": 0}, E.E_PRODSVN),
    ("simulated without saying so", {"header_user_data": bytes(20)}, E.E_SIMULATED),
]


@pytest.mark.parametrize(
    ("spoil", "expected"), [c[1:] for c in FINISHED], ids=[c[0] for c in FINISHED]
)
def test_a_quote_changed_after_signing_is_refused(
    bench: Bench, spoil: Callable[[bytes], bytes], expected: ErrorCode
) -> None:
    assert bench.judge_fresh().accepted

    assert bench.judge_fresh(quote=spoil).code is expected


@pytest.mark.parametrize(
    ("fields", "expected"), [c[1:] for c in FORGED], ids=[c[0] for c in FORGED]
)
def test_a_quote_that_says_something_else_is_refused(
    bench: Bench, fields: dict[str, Any], expected: ErrorCode
) -> None:
    assert bench.judge_fresh().accepted

    assert bench.judge_fresh(**fields).code is expected


@pytest.mark.parametrize(
    "fields",
    [{"misc": 1}, {"svn": 2}, {"flags": 0x445}, {"xfrm": 0xE7}],
    ids=["EXINFO", "newer version", "CET and AEXNOTIFY", "wider XFRM without a mask"],
)
def test_what_the_rules_leave_free_is_accepted(bench: Bench, fields: dict[str, Any]) -> None:
    bench.policy["workers"][0]["min_isvsvn"] = 1

    verdict = bench.judge_certificate(bench.certificate(**fields))

    assert verdict.accepted


def test_zeros_after_the_declared_end_are_cut(bench: Bench) -> None:
    assert bench.judge_fresh(quote=lambda q: q + bytes(100)).accepted


def test_55_xfrm_is_compared_under_the_policys_mask(bench: Bench) -> None:
    rule = bench.policy["workers"][0]
    rule["attributes"] = {"value": "05" + "00" * 7 + "03" + "00" * 7, "mask": "ff" * 16}
    assert bench.judge_certificate().accepted

    assert bench.judge_certificate(bench.certificate(xfrm=7)).code is E.E_ATTRIBUTES


def test_a_configuration_identity_that_the_policy_names_is_accepted(bench: Bench) -> None:
    bench.policy["workers"][0]["kss"] = {"config_id": "01" * 64, "config_svn": 3}
    named = {"config_id": b"\1" * 64, "config_svn": 3, "flags": 0x85}

    assert bench.judge_certificate(bench.certificate(**named)).accepted
    assert bench.judge_certificate(bench.certificate(**named | {"config_svn": 4})).code is E.E_KSS
    assert bench.judge_certificate(bench.certificate(**named | {"flags": 5})).code is E.E_KSS
    assert bench.judge_certificate(bench.certificate()).code is E.E_KSS


def test_64_a_platform_that_is_not_listed_is_refused(bench: Bench, platform: Platform) -> None:
    bench.policy["workers"][0]["platforms"] = [platform.platform_id]
    assert bench.judge_certificate().accepted

    bench.policy["workers"][0]["platforms"] = ["00" * 32]

    assert bench.judge_certificate().code is E.E_PLATFORM


@pytest.mark.parametrize(
    ("extension", "rule", "accepted"),
    [
        ({"flags": (False, False, True)}, {}, False),
        ({"flags": (False, False, True)}, {"smt": "allow"}, True),
        ({"flags": (False, False, True)}, {"smt": "undefined-ok"}, False),
        ({"flags": None}, {}, False),
        ({"flags": None}, {"smt": "undefined-ok"}, True),
        ({"flags": (True, False, False)}, {}, False),
        ({"flags": (True, False, False)}, {"dynamic_platform": "allow"}, True),
        ({"flags": (False, True, False)}, {}, False),
        ({"flags": (False, True, False)}, {"cached_keys": "allow"}, True),
        ({"sgx_type": 1}, {}, False),
        ({"sgx_type": 1}, {"sgx_types": [0, 1]}, True),
    ],
)
def test_65_a_kind_of_platform_is_accepted_only_if_the_policy_allows_it(
    tmp_path: Any, extension: dict[str, Any], rule: dict[str, Any], accepted: bool
) -> None:
    bench = Bench(Platform(**extension), tmp_path)
    bench.policy["workers"][0] |= rule

    assert bench.judge_certificate().code is (None if accepted else E.E_PLATFORM)


def test_66_67_an_advisory_is_allowed_for_one_build_only(bench: Bench, platform: Platform) -> None:
    advisory = "INTEL-SA-00615"
    rule = bench.policy["workers"][0]
    rule["tcb_status"] = ["SWHardeningNeeded"]
    tcb = platform.tcb_info(status="SWHardeningNeeded", advisories=[advisory])
    bench.put_collateral(platform.collateral(tcb_info=tcb))
    assert bench.judge_certificate().code is E.E_ADVISORY

    rule["builds"].append({"mrenclave": "99" * 32, "allow_advisories": [advisory]})
    assert bench.judge_certificate().code is E.E_ADVISORY

    rule["builds"][0]["allow_advisories"] = [advisory]
    assert bench.judge_certificate().accepted


def intel_rule(measurement: str) -> dict[str, Any]:
    return {
        "name": "real",
        "root": "intel",
        "mrsigner": "bb" * 32,
        "isvprodid": 1,
        "min_isvsvn": 1,
        "builds": [{"mrenclave": measurement}],
        "tcb_status": ["UpToDate"],
        "min_tcb_evaluation": 20,
        "platforms": ["00" * 32],
    }


def signed_verdict(bench: Bench, rules: list[dict[str, Any]]) -> ErrorCode | None:
    """Judge under a policy that needs a signature, with all else as in the bench."""
    key = ed25519.Ed25519PrivateKey.generate()
    spki = signatures.spki_der(key.public_key())
    octets = json.dumps(
        bench.policy | {"workers": rules, "site_key": signatures.key_id(spki)}
    ).encode()
    policy = load_policy(
        octets,
        signature=signatures.sign(key, signatures.Label.POLICY, octets),
        pinned_site_key_spki=spki,
        now=bench.now,
    )
    verifier = Verifier(
        policy=policy,
        store=bench.store,
        replay=bench.replay,
        sites=bench.sites,
        clock=lambda: bench.now,
    )
    return verifier.judge_certificate(bench.certificate()).code


def test_68_simulated_evidence_is_refused_where_no_rule_is_simulated(bench: Bench) -> None:
    simulated = bench.policy["workers"]
    assert signed_verdict(bench, simulated) is None

    assert signed_verdict(bench, [intel_rule("99" * 32)]) is E.E_SIMULATED


def test_69_simulated_evidence_under_a_real_rule_is_refused(bench: Bench) -> None:
    assert signed_verdict(bench, [intel_rule("aa" * 32)]) is E.E_SIMULATED


def test_evidence_under_intels_name_needs_intels_root(bench: Bench) -> None:
    """A forged platform that does not call itself simulated gets nowhere."""
    rules = [intel_rule("aa" * 32)]
    der = bench.certificate(header_user_data=bytes(20))
    bench.certificate = lambda **_: der  # type: ignore[method-assign]  # one certificate for the helper

    assert signed_verdict(bench, rules) is E.E_PCK_CHAIN
