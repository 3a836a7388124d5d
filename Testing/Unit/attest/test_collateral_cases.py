"""Collateral with one defect each (negative suite 85 to 120), stored and in the answer."""

import datetime as dt
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from Testing.Unit.attest.bench import Bench
from Testing.Unit.attest.forge import CA, NOW, ROOT, Platform, crl, new_key, pem

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.collateral import read_collateral
from EncryptSecureRTLib.attest.memory import CollateralStore
from EncryptSecureRTLib.attest.verdict import Outcome

E = ErrorCode
PAST, FUTURE = "2026-11-20T00:00:00Z", "2026-11-24T12:00:01Z"
DAY = dt.timedelta(days=1)


def both(p: Platform, **members: Any) -> bytes:
    return p.collateral(tcb_info=p.tcb_info(**members), qe_identity=p.qe_identity(**members))


def tcb(p: Platform, **members: Any) -> bytes:
    return p.collateral(tcb_info=p.tcb_info(**members))


def qe(p: Platform, **members: Any) -> bytes:
    return p.collateral(qe_identity=p.qe_identity(**members))


def other_root(p: Platform) -> bytes:
    stranger = Platform()
    return stranger.collateral(tcb_info=stranger.tcb_info())


def leaf_signed(p: Platform) -> bytes:
    chain = pem(p.leaf, p.ca, p.root)
    return p.collateral(
        signer_key=p.leaf_key, tcb_info_issuer_chain=chain, qe_identity_issuer_chain=chain
    )


def signer_at_odds(p: Platform) -> str:
    """Return a chain whose signer names SHA-256 within what is signed, SHA-384 outside of it."""
    der = p.signer.public_bytes(Encoding.DER)
    sha_256, sha_384 = (bytes.fromhex(f"06082a8648ce3d0403{n}") for n in ("02", "03"))
    at = der.rindex(sha_256)
    spoiled = der[:at] + sha_384 + der[at + len(sha_384) :]
    return ssl.DER_cert_to_PEM_cert(spoiled) + pem(p.root)


def doubled(p: Platform) -> bytes:
    octets = p.collateral()
    return octets[:-1] + b', "pck_crl": "00"}'


def without(name: str) -> Callable[[Platform], bytes]:
    return lambda p: p.collateral(**{name: None})


def with_member(name: str, value: Any) -> Callable[[Platform], bytes]:
    return lambda p: p.collateral(**{name: value})


CASES: list[tuple[str, Callable[[Platform], bytes], ErrorCode]] = [
    ("85 expired", lambda p: tcb(p, nextUpdate=PAST), E.E_COLLATERAL_EXPIRED),
    ("85 identity expired", lambda p: qe(p, nextUpdate=PAST), E.E_COLLATERAL_EXPIRED),
    ("86 issued in the future", lambda p: tcb(p, issueDate=FUTURE), E.E_COLLATERAL_EXPIRED),
    ("87 now is nextUpdate", lambda p: tcb(p, nextUpdate="2026-11-24T12:00:00Z"),
     E.E_COLLATERAL_EXPIRED),
    ("older than the policy's age", lambda p: both(p, issueDate="2026-11-17T11:59:59Z"),
     E.E_COLLATERAL_EXPIRED),
    ("88 TCB signature", with_member("tcb_info_signature", "01" * 64), E.E_COLLATERAL_SIG),
    ("89 identity signature", with_member("qe_identity_signature", "01" * 64),
     E.E_COLLATERAL_SIG),
    ("90 signed by the platform", leaf_signed, E.E_COLLATERAL_SIG),
    ("91 TCB chain empty", with_member("tcb_info_issuer_chain", ""), E.E_COLLATERAL_FORMAT),
    ("91 identity chain empty", with_member("qe_identity_issuer_chain", ""),
     E.E_COLLATERAL_FORMAT),
    ("91 CRL chain empty", with_member("pck_crl_issuer_chain", ""), E.E_COLLATERAL_FORMAT),
    ("91 CRL chain is rubbish", with_member("pck_crl_issuer_chain", "rubbish"),
     E.E_COLLATERAL_FORMAT),
    ("91 TCB signer does not decode",
     lambda p: p.collateral(tcb_info_issuer_chain=signer_at_odds(p)), E.E_COLLATERAL_FORMAT),
    ("91 identity signer does not decode",
     lambda p: p.collateral(qe_identity_issuer_chain=signer_at_odds(p)), E.E_COLLATERAL_FORMAT),
    ("92 another platform", lambda p: tcb(p, fmspc="E5D700000002"), E.E_COLLATERAL_FORMAT),
    ("93 another PCE", lambda p: tcb(p, pceId="0001"), E.E_COLLATERAL_FORMAT),
    ("94 fifteen components", lambda p: tcb(p, components=15), E.E_COLLATERAL_FORMAT),
    ("95 for TDX", lambda p: tcb(p, id="TDX"), E.E_COLLATERAL_FORMAT),
    ("95 other type", lambda p: tcb(p, tcbType=1), E.E_COLLATERAL_FORMAT),
    ("95 version 2", lambda p: tcb(p, version=2), E.E_COLLATERAL_FORMAT),
    ("96 identity of another enclave", lambda p: qe(p, id="QVE"), E.E_QE_IDENTITY),
    ("97 identity's signer", lambda p: qe(p, mrsigner="00" * 32), E.E_QE_IDENTITY),
    ("98 quoting enclave too old", lambda p: qe(p, isvsvn=9), E.E_QE_IDENTITY),
    ("99 quoting enclave's configuration", lambda p: qe(p, status="ConfigurationNeeded"),
     E.E_QE_IDENTITY),
    ("99 quoting enclave out of date", lambda p: qe(p, status="OutOfDate"), E.E_QE_IDENTITY),
    ("100 no level matches", lambda p: tcb(p, svn=6), E.E_TCB_STATUS),
    ("101 out of date", lambda p: tcb(p, status="OutOfDate"), E.E_TCB_STATUS),
    ("101 out of date and to be configured",
     lambda p: tcb(p, status="OutOfDateConfigurationNeeded"), E.E_TCB_STATUS),
    ("102 revoked", lambda p: tcb(p, status="Revoked"), E.E_TCB_STATUS),
    ("103 platform revoked",
     lambda p: p.collateral(pck_crl=crl(CA, p.ca_key, revoked=[p.leaf.serial_number])),
     E.E_REVOKED),
    ("104 CA revoked",
     lambda p: p.collateral(root_crl=crl(ROOT, p.root_key, revoked=[p.ca.serial_number])),
     E.E_REVOKED),
    ("105 signer revoked",
     lambda p: p.collateral(root_crl=crl(ROOT, p.root_key, revoked=[p.signer.serial_number])),
     E.E_REVOKED),
    ("106 root CRL expired",
     lambda p: p.collateral(root_crl=crl(ROOT, p.root_key, end=NOW - DAY)), E.E_CRL),
    ("107 CRL expired", lambda p: p.collateral(pck_crl=crl(CA, p.ca_key, end=NOW - DAY)), E.E_CRL),
    ("108 CRL from the future",
     lambda p: p.collateral(pck_crl=crl(CA, p.ca_key, start=NOW + DAY)), E.E_CRL),
    ("109 CRLs swapped",
     lambda p: p.collateral(root_crl=crl(CA, p.ca_key), pck_crl=crl(ROOT, p.root_key)), E.E_CRL),
    ("110 CRL by a wrong key", lambda p: p.collateral(pck_crl=crl(CA, new_key())), E.E_CRL),
    ("111 CRL empty", with_member("root_ca_crl", ""), E.E_CRL),
    ("111 CRL is rubbish", with_member("root_ca_crl", "00"), E.E_CRL),
    ("115 another root", other_root, E.E_ROOT),
    ("116 a chain of its own", with_member("pck_certificate_chain", "x"), E.E_ROOT),
    ("117 unknown member", with_member("extra", "x"), E.E_COLLATERAL_FORMAT),
    ("missing member", without("qe_identity_signature"), E.E_COLLATERAL_FORMAT),
    ("doubled member", doubled, E.E_COLLATERAL_FORMAT),
    ("118 below the policy", lambda p: both(p, tcbEvaluationDataNumber=19),
     E.E_COLLATERAL_ROLLBACK),
    ("numbers too far apart", lambda p: tcb(p, tcbEvaluationDataNumber=22),
     E.E_COLLATERAL_ROLLBACK),
]  # fmt: skip
IDS = [case[0] for case in CASES]


@pytest.mark.parametrize(("make", "expected"), [case[1:] for case in CASES], ids=IDS)
def test_collateral_with_one_defect_is_refused_from_the_store_and_in_the_answer(
    bench: Bench, platform: Platform, make: Callable[[Platform], bytes], expected: ErrorCode
) -> None:
    verifier = bench.verifier()
    assert bench.judge_fresh(verifier=verifier, collateral=platform.collateral()).accepted
    spoiled = make(platform)

    answered = bench.judge_fresh(verifier=verifier, collateral=spoiled)
    stored_after = bench.judge_certificate()
    bench.put_collateral(spoiled)
    stored = bench.judge_certificate()

    assert answered.code is expected
    assert stored_after.accepted  # a refused answer leaves the store as it was
    assert stored.code is expected


PLATFORMS: list[tuple[str, dict[str, Any], ErrorCode]] = [
    ("112 leaf expired", {"leaf_end": NOW - DAY}, E.E_PCK_CHAIN),
    ("113 CA without the CA flag", {"ca_flag": False}, E.E_PCK_CHAIN),
    ("114 leaf without the SGX extension", {"with_extension": False}, E.E_PCK_CHAIN),
    ("leaf with fifteen components", {"components": 15}, E.E_PCK_CHAIN),
]


@pytest.mark.parametrize(
    ("options", "expected"), [case[1:] for case in PLATFORMS], ids=[case[0] for case in PLATFORMS]
)
def test_a_platform_whose_certificates_have_a_defect_is_refused(
    tmp_path: Path, options: dict[str, Any], expected: ErrorCode
) -> None:
    assert Bench(Platform(), tmp_path).judge_certificate().accepted

    assert Bench(Platform(**options), tmp_path).judge_certificate().code is expected


def test_without_collateral_nothing_is_accepted(bench: Bench) -> None:
    bench.put_collateral(None)

    assert bench.judge_certificate().code is E.E_COLLATERAL_FORMAT


def test_119_numbers_and_dates_never_go_below_the_highest_seen(
    bench: Bench, platform: Platform
) -> None:
    def judged(**members: Any) -> ErrorCode | None:
        return bench.judge_fresh(collateral=both(platform, **members)).code

    assert judged(tcbEvaluationDataNumber=21) is None
    assert judged(tcbEvaluationDataNumber=20) is E.E_COLLATERAL_ROLLBACK
    assert judged(tcbEvaluationDataNumber=21, issueDate="2026-11-22T00:00:00Z") is None
    assert judged(tcbEvaluationDataNumber=21) is E.E_COLLATERAL_ROLLBACK
    assert judged(tcbEvaluationDataNumber=22, issueDate="2026-11-22T00:00:00Z") is None


def test_a_step_back_is_found_before_the_platform_is_looked_at(
    bench: Bench, platform: Platform
) -> None:
    assert bench.judge_fresh(collateral=both(platform, tcbEvaluationDataNumber=21)).accepted

    rows = bench.judge_fresh(collateral=platform.collateral()).rows

    assert [row.outcome for row in rows[14:17]] == [
        Outcome.FAIL,
        Outcome.NOT_REACHED,
        Outcome.NOT_REACHED,
    ]


def test_a_revocation_list_never_goes_back(bench: Bench, platform: Platform) -> None:
    newer = platform.collateral(pck_crl=crl(CA, platform.ca_key, number=2**32 - 1))
    assert bench.judge_fresh(collateral=newer).accepted

    older = bench.judge_fresh(verifier=None, collateral=platform.collateral())

    assert older.code is E.E_COLLATERAL_ROLLBACK


def test_good_collateral_of_an_answer_replaces_the_stored(bench: Bench, platform: Platform) -> None:
    newer = both(platform, tcbEvaluationDataNumber=21)

    assert bench.judge_fresh(collateral=newer).accepted

    stored = bench.store.load(platform.fmspc, read_collateral(newer).ca)
    assert stored == newer


def test_good_collateral_of_a_refused_answer_replaces_nothing(
    bench: Bench, platform: Platform
) -> None:
    newer = both(platform, tcbEvaluationDataNumber=21)

    assert not bench.judge_fresh(collateral=newer, age_s=61).accepted

    assert bench.store.load(platform.fmspc, read_collateral(newer).ca) != newer


def test_placing_by_hand_never_goes_below_what_was_verified(
    bench: Bench, platform: Platform
) -> None:
    newer = both(platform, tcbEvaluationDataNumber=21)
    assert bench.judge_fresh(collateral=newer).accepted

    bench.store.place(newer)
    with pytest.raises(EncryptSecureRTError) as caught:
        bench.store.place(platform.collateral())

    assert caught.value.code is E.E_COLLATERAL_ROLLBACK


def test_placing_checks_the_form(tmp_path: Path) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        CollateralStore(tmp_path / "new").place(b"{}")

    assert caught.value.code is E.E_COLLATERAL_FORMAT
    assert not (tmp_path / "new").exists()


def test_what_was_seen_of_one_root_does_not_bind_another(tmp_path: Path) -> None:
    first, second = Platform(), Platform()  # the same FMSPC under two roots
    high = Bench(first, tmp_path)
    assert high.judge_fresh(collateral=both(first, tcbEvaluationDataNumber=99)).accepted

    assert Bench(second, tmp_path).judge_certificate().accepted


def test_out_of_date_is_accepted_for_the_time_that_the_policy_grants(
    bench: Bench, platform: Platform
) -> None:
    bench.put_collateral(tcb(platform, status="OutOfDate"))
    rule = bench.policy["workers"][0]
    rule["tcb_status"] = ["UpToDate", "OutOfDate"]
    overdue_s = int((NOW - dt.datetime(2026, 8, 13, tzinfo=dt.UTC)).total_seconds())
    codes = []
    for grace_s in (overdue_s - 1, 90 * 24 * 3600):
        rule["out_of_date_grace_s"] = min(grace_s, 90 * 24 * 3600)
        codes.append(bench.judge_certificate().code)

    assert overdue_s > 90 * 24 * 3600  # so that even the longest grace is too short here
    assert codes == [E.E_TCB_STATUS, E.E_TCB_STATUS]


def test_out_of_date_within_the_grace_is_accepted(bench: Bench, platform: Platform) -> None:
    document = json.loads(platform.tcb_info(status="OutOfDate"))
    document["tcbLevels"][0]["tcbDate"] = "2026-11-23T12:00:00Z"  # one day before
    text = json.dumps(document, separators=(",", ":"))
    bench.put_collateral(platform.collateral(tcb_info=text))
    rule = bench.policy["workers"][0]
    rule["tcb_status"] = ["UpToDate", "OutOfDate"]
    codes = []
    for grace_s in (24 * 3600 - 1, 24 * 3600):
        rule["out_of_date_grace_s"] = grace_s
        codes.append(bench.judge_certificate().code)

    assert codes == [E.E_TCB_STATUS, None]


@pytest.mark.parametrize(
    "status", ["SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"]
)
def test_another_status_is_accepted_only_if_listed(
    bench: Bench, platform: Platform, status: str
) -> None:
    bench.put_collateral(tcb(platform, status=status))
    assert bench.judge_certificate().code is E.E_TCB_STATUS

    bench.policy["workers"][0]["tcb_status"] = [status]

    assert bench.judge_certificate().accepted


def test_120_a_clock_behind_the_policys_floor_is_refused(bench: Bench) -> None:
    bench.policy["clock_floor"] = "2026-11-24T12:05:00Z"
    assert bench.judge_certificate().accepted  # 300 s behind

    bench.now = NOW - dt.timedelta(seconds=1)

    assert bench.judge_certificate().code is E.E_CLOCK


def test_a_clock_behind_collateral_once_proved_is_refused(bench: Bench) -> None:
    assert bench.judge_certificate().accepted

    bench.now = dt.datetime(2026, 11, 20, 23, 54, 59, tzinfo=dt.UTC)
    behind = bench.judge_certificate()
    bench.now += dt.timedelta(seconds=1)

    assert behind.code is E.E_CLOCK
    assert bench.judge_certificate().accepted


def test_a_clock_set_back_makes_old_collateral_no_younger(bench: Bench) -> None:
    """The floor counts as now: what was expired then stays expired."""
    bench.policy["clock_floor"] = "2026-12-21T00:00:00Z"

    assert bench.judge_certificate().code is E.E_COLLATERAL_EXPIRED
