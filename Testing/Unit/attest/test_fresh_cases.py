"""The answer to a nonce with one defect each (negative suite 23 to 30, 35 to 37), and the site."""

import hashlib
from pathlib import Path

import pytest
from Testing.Unit.attest.bench import SITE, Bench, certificate_with, claims_of
from Testing.Unit.attest.forge import NOW, P256_ORDER, Platform

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.sealing import HpkeSuite
from encryptsecurert_protocol.statement import BundleName, Kind, fresh_report_data
from EncryptSecureRTLib.attest.verdict import Outcome, VerdictKind


def report_data(bench: Bench, nonce: bytes, statement: bytes, **parts: bytes) -> bytes:
    """Build the 64 octets from the document, with parts to be replaced."""
    return hashlib.sha512(
        parts.get("prefix", b"EncryptSecureRT/attest/v1\0")
        + hashlib.sha256(parts.get("spki", bench.spki)).digest()
        + nonce
        + hashlib.sha256(statement).digest()
        + parts.get("reserved", bytes(32))
    ).digest()


def test_an_answer_as_the_document_defines_it_is_accepted(bench: Bench) -> None:
    nonce, statement = bench.nonce(), bench.statement()

    verdict = bench.judge_fresh(
        nonce=nonce, statement=statement, report_data=report_data(bench, nonce, statement)
    )

    assert verdict.accepted
    assert verdict.kind is VerdictKind.FRESH
    assert verdict.simulated
    assert verdict.measurement == "aa" * 32


@pytest.mark.parametrize(
    ("parts", "case"),
    [
        ({"prefix": b""}, "23 no prefix"),
        ({"prefix": b"EncryptSecureRT/keyrelease/v1\0"}, "25 a key release's quote"),
        ({"spki": b"the key of a second worker"}, "29 relayed from a second worker"),
        ({"reserved": b"\1" + bytes(31)}, "35 reserved octets not zero"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_quote_over_something_else_is_not_bound(
    bench: Bench, parts: dict[str, bytes], case: str
) -> None:
    nonce, statement = bench.nonce(), bench.statement()

    verdict = bench.judge_fresh(
        nonce=nonce, statement=statement, report_data=report_data(bench, nonce, statement, **parts)
    )

    assert verdict.code is ErrorCode.E_BINDING


def test_24_a_certificates_quote_is_no_answer(bench: Bench) -> None:
    old = hashlib.sha256(claims_of(bench.spki)).digest() + bytes(32)

    assert bench.judge_fresh(report_data=old).code is ErrorCode.E_BINDING


def test_26_an_answer_to_the_nonce_of_another_session_is_refused(bench: Bench) -> None:
    verifier, statement = bench.verifier(), bench.statement()
    first = bench.nonce()
    assert bench.judge_fresh(nonce=first, statement=statement, verifier=verifier).accepted

    verdict = bench.judge_fresh(
        statement=statement,
        report_data=fresh_report_data(bench.spki, first, statement),
        verifier=verifier,
    )

    assert verdict.code is ErrorCode.E_NONCE


def test_27_a_nonce_is_used_once(bench: Bench) -> None:
    nonce = bench.nonce()
    assert bench.judge_fresh(nonce=nonce).accepted

    second = bench.judge_fresh(nonce=nonce, statement=bench.statement(audit_head="04" * 32))

    assert second.code is ErrorCode.E_NONCE


def test_a_nonce_is_used_up_by_a_refused_answer_too(bench: Bench) -> None:
    nonce = bench.nonce()
    assert bench.judge_fresh(nonce=nonce, report_data=bytes(64)).code is ErrorCode.E_BINDING

    assert bench.judge_fresh(nonce=nonce).code is ErrorCode.E_NONCE


@pytest.mark.parametrize(
    ("age_s", "code"), [(0, None), (60, None), (61, ErrorCode.E_NONCE), (-1, ErrorCode.E_NONCE)]
)
def test_28_a_nonce_counts_for_sixty_seconds(
    bench: Bench, age_s: float, code: ErrorCode | None
) -> None:
    assert bench.judge_fresh(age_s=age_s).code is code


def test_30_an_hpke_key_swapped_by_a_relay_is_not_bound(bench: Bench) -> None:
    swapped = bench.statement(hpke_public_key=bytes(1216))

    assert bench.judge_fresh(sent_statement=swapped).code is ErrorCode.E_BINDING


def replayed(bench: Bench, change: str) -> ErrorCode | None:
    """Judge one answer, then the same signed octets in other clothes under the same verifier."""
    verifier, nonce, statement = bench.verifier(), bench.nonce(), bench.statement()
    verifier.judge_certificate(bench.certificate())
    quote = bench.platform.quote(fresh_report_data(bench.spki, nonce, statement))
    other = bytearray(quote)
    if change == "pem":
        at = quote.rindex(b"-----BEGIN CERTIFICATE-----")
        other[at:at] = b"\n"  # an empty line between two certificates
        size = int.from_bytes(quote[432:436], "little")
        other[432:436] = (size + 1).to_bytes(4, "little")
        chain = int.from_bytes(quote[1048:1052], "little")
        other[1048:1052] = (chain + 1).to_bytes(4, "little")
    elif change == "malleated":
        s = P256_ORDER - int.from_bytes(quote[468:500], "big")
        other[468:500] = s.to_bytes(32, "big")
    outcomes = []
    for octets in (quote, bytes(other)):
        verdict, _ = verifier.judge_fresh(
            spki_der=bench.spki,
            nonce=nonce,
            issued_at=bench.monotonic_s,
            evidence=EvidenceAnswer(statement=statement, quote=octets, collateral=None),
        )
        outcomes.append(verdict)
    assert outcomes[0].accepted
    assert outcomes[1].rows[7].outcome is Outcome.PASS  # the signature is as good as before
    return outcomes[1].code


@pytest.mark.parametrize("change", ["same", "pem", "malleated"])
def test_36_37_the_same_signed_octets_in_other_clothes_are_a_replay(
    bench: Bench, change: str
) -> None:
    assert replayed(bench, change) is ErrorCode.E_REPLAY


def test_an_answer_counts_only_after_the_certificate_of_its_key(bench: Bench) -> None:
    assert bench.judge_fresh(attested=False).code is ErrorCode.E_SESSION


def test_an_answer_of_another_accepted_build_than_the_certificates_is_refused(
    bench: Bench,
) -> None:
    other = b"\xdd" * 32
    bench.policy["workers"][0]["builds"].append({"mrenclave": other.hex()})
    statement = bench.statement(measurement=other.hex())
    assert bench.judge_certificate(bench.certificate(mrenclave=other)).accepted

    verdict = bench.judge_fresh(statement=statement, mrenclave=other)

    assert verdict.code is ErrorCode.E_SESSION


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"measurement": "ee" * 32}, ErrorCode.E_STATEMENT),
        ({"kind": Kind.GRAMINE}, ErrorCode.E_STATEMENT),
        ({"hpke_suite": HpkeSuite(1)}, ErrorCode.E_STATEMENT),
        ({"bundle": None}, ErrorCode.E_NOT_PROVISIONED),
        (
            {"bundle": BundleName(site_key_id="11" * 32, epoch=4, digest="cd" * 32)},
            ErrorCode.E_SITE,
        ),
    ],
    ids=["other measurement", "other kind", "suite not listed", "no bundle", "other site"],
)
def test_a_statement_that_does_not_fit_is_refused_in_the_last_row(
    bench: Bench, changes: dict[str, object], code: ErrorCode
) -> None:
    verdict = bench.judge_fresh(statement=bench.statement(**changes))

    assert verdict.code is code
    assert verdict.rows[-1].outcome is Outcome.FAIL
    assert {row.outcome for row in verdict.rows[:-1]} == {Outcome.PASS, Outcome.NOT_APPLICABLE}


def test_a_bound_statement_that_is_malformed_is_refused(bench: Bench) -> None:
    assert bench.judge_fresh(statement=b"{}").code is ErrorCode.E_STATEMENT


def test_a_listed_suite_is_accepted(bench: Bench) -> None:
    bench.policy["suites"] = [1]

    assert bench.judge_fresh(statement=bench.statement(hpke_suite=HpkeSuite(1))).accepted


def test_the_custodian_may_accept_a_worker_without_a_bundle(bench: Bench) -> None:
    statement = bench.statement(bundle=None)

    assert bench.judge_fresh(statement=statement, allow_unprovisioned=True).accepted


def test_allowing_unprovisioned_workers_allows_no_other_site(bench: Bench) -> None:
    other = BundleName(site_key_id="11" * 32, epoch=4, digest="cd" * 32)
    statement = bench.statement(bundle=other)

    assert bench.judge_fresh(statement=statement, allow_unprovisioned=True).code is ErrorCode.E_SITE


def test_a_policy_that_pins_no_site_accepts_none(bench: Bench) -> None:
    del bench.policy["site_key"]

    assert bench.judge_fresh().code is ErrorCode.E_SITE


def test_an_epoch_never_goes_back(bench: Bench) -> None:
    def epoch(number: int) -> ErrorCode | None:
        bundle = BundleName(site_key_id=SITE, epoch=number, digest="cd" * 32)
        return bench.judge_fresh(statement=bench.statement(bundle=bundle)).code

    assert [epoch(4), epoch(5), epoch(4), epoch(5)] == [None, None, ErrorCode.E_REPLAY, None]


def test_the_custodian_reaches_a_worker_that_holds_an_older_epoch(bench: Bench) -> None:
    def epoch(number: int, *, provisions: bool) -> ErrorCode | None:
        bundle = BundleName(site_key_id=SITE, epoch=number, digest="cd" * 32)
        statement = bench.statement(bundle=bundle)
        return bench.judge_fresh(statement=statement, allow_unprovisioned=provisions).code

    assert epoch(5, provisions=False) is None
    assert epoch(4, provisions=True) is None
    assert epoch(4, provisions=False) is ErrorCode.E_REPLAY


def test_a_refused_answer_leaves_no_epoch(bench: Bench) -> None:
    bundle = BundleName(site_key_id=SITE, epoch=9, digest="cd" * 32)
    statement = bench.statement(bundle=bundle)

    assert bench.judge_fresh(statement=statement, age_s=61).code is ErrorCode.E_NONCE

    assert bench.sites.highest_epoch(SITE) == 0


def test_a_damaged_memory_is_an_error_and_not_a_fresh_start(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / f"site-{SITE}.json").write_bytes(b"{}")

    with pytest.raises(EncryptSecureRTError) as caught:
        bench.judge_fresh()

    assert caught.value.code is ErrorCode.E_LOCAL_FILE


def test_a_receipts_quote_is_judged_at_its_own_time_and_again(bench: Bench) -> None:
    nonce, statement = bench.nonce(), bench.statement()
    evidence = EvidenceAnswer(
        statement=statement,
        quote=bench.platform.quote(fresh_report_data(bench.spki, nonce, statement)),
        collateral=bench.platform.collateral(),
    )
    verifier = bench.verifier()
    bench.put_collateral(None)

    verdicts = [
        verifier.judge_receipt_quote(spki_der=bench.spki, nonce=nonce, evidence=evidence, at=NOW)[0]
        for _ in range(2)
    ]

    assert all(verdict.accepted for verdict in verdicts)
    assert list(bench.folder.iterdir()) == []  # nothing is remembered of the past


def test_a_receipts_quote_over_another_nonce_is_refused(bench: Bench) -> None:
    statement = bench.statement()
    evidence = EvidenceAnswer(
        statement=statement,
        quote=bench.platform.quote(fresh_report_data(bench.spki, bytes(32), statement)),
        collateral=None,
    )

    verdict, told = bench.verifier().judge_receipt_quote(
        spki_der=bench.spki, nonce=bytes([1] * 32), evidence=evidence, at=NOW
    )

    assert verdict.code is ErrorCode.E_BINDING
    assert told is None


def test_a_verdict_in_json_has_all_rows_and_no_more_than_text_numbers_and_truth(
    bench: Bench, platform: Platform
) -> None:
    shown = bench.judge_fresh().to_json()

    rows = shown["rows"]
    assert isinstance(rows, list)
    assert [row["number"] for row in rows] == list(range(1, 20))
    assert shown["platform"] == platform.platform_id
    assert shown["root_key_id"] == platform.root_key_id
    assert shown["accepted"] is True
    assert shown["simulated"] is True


def test_require_raises_the_verdicts_code(bench: Bench) -> None:
    bench.judge_certificate().require()

    with pytest.raises(EncryptSecureRTError) as caught:
        bench.judge_certificate(certificate_with([])).require()

    assert caught.value.code is ErrorCode.E_CERT_EVIDENCE


def test_a_nonce_of_another_size_is_refused_and_confuses_nothing_later(bench: Bench) -> None:
    verifier = bench.verifier()
    evidence = EvidenceAnswer(
        statement=bench.statement(), quote=bench.platform.quote(bytes(64)), collateral=None
    )
    short, _ = verifier.judge_fresh(
        spki_der=bench.spki, nonce=bytes(31), issued_at=bench.monotonic_s, evidence=evidence
    )

    unbound = bench.judge_fresh(verifier=verifier, report_data=bytes(64))

    assert short.code is ErrorCode.E_NONCE
    assert unbound.code is ErrorCode.E_BINDING
