"""Real quotes, with the results that an independent run of the library recorded for them."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from encryptsecurert_protocol import signatures
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.judgement import Judgement, Moment
from EncryptSecureRTLib.attest.memory import CollateralStore
from EncryptSecureRTLib.attest.policy import load_policy
from EncryptSecureRTLib.attest.quote import read_quote
from EncryptSecureRTLib.attest.qvl import Evidence, code_of_refusal
from EncryptSecureRTLib.attest.ratls import read_ratls_certificate
from EncryptSecureRTLib.attest.verdict import Outcome, Verdict, VerdictKind

pytestmark = pytest.mark.real_data
E = ErrorCode
KEY = ed25519.Ed25519PrivateKey.generate()
SPKI = signatures.spki_der(KEY.public_key())
ADVISORIES = ["INTEL-SA-00615"]
WEEK, DAY = dt.timedelta(days=7), dt.timedelta(days=1)


def items(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    index = json.loads((folder / "index.json").read_bytes())
    return [item for item in index["fixtures"] if item["kind"] in kinds]


def item_of(folder: Path, name: str) -> dict[str, Any]:
    return next(item for item in items(folder, "SGX") if item["id"] == name)


def policy_for(item: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a policy that accepts exactly this item, with members of its rule replaced."""
    rule = {
        "name": item["id"],
        "root": "intel",
        "mrsigner": item["mrsigner"],
        "isvprodid": item["isvprodid"],
        "min_isvsvn": item["isvsvn"],
        "builds": [{"mrenclave": item["mrenclave"], "allow_advisories": ADVISORIES}],
        "tcb_status": ["SWHardeningNeeded"],
        "min_tcb_evaluation": 15,
        "platforms": [item["ppid_sha256"]],
        "sgx_types": [1],
        "dynamic_platform": "allow",
    } | changes
    return {
        "schema": "encryptsecurert.policy/1",
        "version": 1,
        "not_before": "2023-01-01T00:00:00Z",
        "max_collateral_age_s": 2592000,
        "workers": [{name: value for name, value in rule.items() if value is not None}],
    }


def judge(
    folder: Path, item: dict[str, Any], pair: dict[str, Any], policy: dict[str, Any], tmp: Path
) -> Verdict:
    """Judge checks 4 to 17 of a quote at the moment of its pair."""
    octets = json.dumps(policy).encode()
    at = dt.datetime.fromtimestamp(pair["verify_at"], dt.UTC)
    judgement = Judgement(
        kind=VerdictKind.RECEIPT,
        policy=load_policy(
            octets,
            signature=signatures.sign(KEY, signatures.Label.POLICY, octets),
            pinned_site_key_spki=SPKI,
            now=at,
        ),
        store=CollateralStore(tmp),
        moment=Moment(system=at, floor=None),
        archived=True,
    )
    quote = (folder / item["quote"]).read_bytes()
    collateral = (folder / pair["file"]).read_bytes()

    def rest() -> None:
        for row in (1, 3):
            judgement.book.passed(row)
        for row in (2, 18, 19):
            judgement.book.not_applicable(row, "a quote alone")

    return judgement.run(lambda: judgement.judge_quote(read_quote(quote), collateral), rest)


def pair_with(item: dict[str, Any], status: str) -> dict[str, Any]:
    pair: dict[str, Any] = next(
        pair for pair in item["collateral"] if pair["result"]["verify"].get("status") == status
    )
    return pair


POSITIVE = ["sgx-azure-b7ab", "sgx-gramine-ratls-2023", "sgx-automata-c81a"]


@pytest.mark.parametrize("name", POSITIVE)
def test_a_real_quote_is_accepted_under_a_policy_made_for_it(
    quotes_folder: Path, tmp_path: Path, name: str
) -> None:
    item = item_of(quotes_folder, name)
    pair = pair_with(item, "SWHardeningNeeded")
    advisories = {"builds": [{"mrenclave": item["mrenclave"], "allow_advisories": sorted(
        {*ADVISORIES, *pair["result"]["verify"]["advisory_ids"]}
    )}]}  # fmt: skip

    verdict = judge(quotes_folder, item, pair, policy_for(item, **advisories), tmp_path)

    assert verdict.accepted
    assert not verdict.simulated
    assert verdict.tcb_status == "SWHardeningNeeded"
    assert verdict.platform == item["ppid_sha256"]
    assert verdict.fmspc == item["fmspc"].lower()
    assert verdict.quote_sha256 == item["replay_key_sha256"]
    assert set(verdict.advisory_ids) == set(pair["result"]["verify"]["advisory_ids"])


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tcb_status": ["UpToDate"]}, E.E_TCB_STATUS),
        ({"builds": None}, E.E_ADVISORY),
        ({"platforms": ["00" * 32]}, E.E_PLATFORM),
        ({"sgx_types": None}, E.E_PLATFORM),
        ({"dynamic_platform": None}, E.E_PLATFORM),
        ({"mrsigner": "00" * 32}, E.E_MEASUREMENT),
        ({"min_isvsvn": 1}, E.E_PRODSVN),
        ({"min_tcb_evaluation": 99}, E.E_COLLATERAL_ROLLBACK),
    ],
    ids=["status", "advisory", "platform", "type", "dynamic", "signer", "version", "evaluation"],
)
def test_a_real_quote_is_refused_if_any_one_thing_is_not_granted(
    quotes_folder: Path, tmp_path: Path, name: str, changes: dict[str, Any], code: ErrorCode
) -> None:
    item = item_of(quotes_folder, name)
    pair = pair_with(item, "SWHardeningNeeded")
    if "builds" in changes:
        changes = {"builds": [{"mrenclave": item["mrenclave"]}]}

    verdict = judge(quotes_folder, item, pair, policy_for(item, **changes), tmp_path)

    assert verdict.code is code


@pytest.mark.parametrize("name", POSITIVE)
def test_a_real_quote_of_code_that_no_rule_lists_is_told_apart_from_a_forgery(
    quotes_folder: Path, tmp_path: Path, name: str
) -> None:
    item = item_of(quotes_folder, name)
    pair = pair_with(item, "SWHardeningNeeded")
    policy = policy_for(item, builds=[{"mrenclave": "00" * 32}])

    verdict = judge(quotes_folder, item, pair, policy, tmp_path)

    assert verdict.code is E.E_MEASUREMENT
    assert [row.outcome for row in verdict.rows[3:8]] == [Outcome.PASS] * 5


def test_every_sgx_pair_ends_as_recorded(quotes_folder: Path, tmp_path: Path) -> None:
    seen = 0
    for item in items(quotes_folder, "SGX"):
        for pair in item["collateral"]:
            recorded = pair["result"]["verify"]
            verdict = judge(quotes_folder, item, pair, policy_for(item), tmp_path)
            if item["debug"] or not recorded["ok"]:
                assert verdict.code is code_of_refusal("\n".join(recorded["error"])), item["id"]
            elif recorded["status"] not in ("SWHardeningNeeded", "UpToDate"):
                assert verdict.code is E.E_TCB_STATUS
            assert verdict.code is not E.E_VERIFY_OTHER
            seen += 1
    assert seen >= 15


def moments_of(pair: dict[str, Any]) -> list[dt.datetime]:
    """Return the pinned moment, and one before and one after the pair's window if it has one."""
    moments = [dt.datetime.fromtimestamp(pair["verify_at"], dt.UTC)]
    if pair.get("window"):
        first, last = (dt.datetime.fromisoformat(text) for text in pair["window"])
        moments += [first - WEEK, last + DAY]
    return moments


def test_the_librarys_words_are_known_for_every_pair_inside_and_outside_its_window(
    quotes_folder: Path,
) -> None:
    codes = []
    for item in items(quotes_folder, "SGX", "TDX"):
        quote = (quotes_folder / item["quote"]).read_bytes()
        for pair in item["collateral"]:
            collateral = (quotes_folder / pair["file"]).read_text()
            for moment in moments_of(pair):
                evidence = Evidence(quote, collateral, None, int(moment.timestamp()))
                try:
                    status = evidence.verify().tcb_status
                except EncryptSecureRTError as error:
                    codes.append(error.code)
                else:
                    assert int(moment.timestamp()) == pair["verify_at"]
                    assert status == pair["result"]["verify"]["status"]

    assert E.E_VERIFY_OTHER not in codes
    assert len(codes) > 40


def test_evidence_of_other_machines_is_named_as_such(quotes_folder: Path) -> None:
    others = items(quotes_folder, "TDX", "SNP", "Nitro")
    assert len(others) >= 12
    for item in others:
        with pytest.raises(EncryptSecureRTError) as caught:
            read_quote((quotes_folder / item["quote"]).read_bytes())
        assert caught.value.code is E.E_WRONG_TEE, item["id"]


def test_sgx_quotes_are_read_as_recorded(quotes_folder: Path) -> None:
    for item in items(quotes_folder, "SGX"):
        quote = read_quote((quotes_folder / item["quote"]).read_bytes())

        assert quote.mrenclave.hex() == item["mrenclave"]
        assert quote.mrsigner.hex() == item["mrsigner"]
        assert (quote.isvprodid, quote.isvsvn) == (item["isvprodid"], item["isvsvn"])
        assert quote.attributes.hex() == item["attributes"]
        assert quote.miscselect == item["miscselect"]
        assert quote.report_data.hex() == item["report_data"]
        assert quote.replay_key.hex() == item["replay_key_sha256"]
        assert not quote.says_simulated


def test_a_real_certificate_without_tagged_evidence_is_refused(quotes_folder: Path) -> None:
    """It is signed well and its key is bound, but by the older extension only."""
    octets = (quotes_folder / "certs" / "gramine-ratls-legacy-2023.der").read_bytes()

    with pytest.raises(EncryptSecureRTError) as caught:
        read_ratls_certificate(octets)

    assert caught.value.code is E.E_CERT_EVIDENCE
