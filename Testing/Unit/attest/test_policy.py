"""What a policy file may say, who must have signed it, and that every mistake is told at once."""

import copy
import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st
from Testing.Unit.attest.bench import load, policy_json
from Testing.Unit.attest.forge import NOW, Platform

from encryptsecurert_protocol import signatures
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest import policy as module
from EncryptSecureRTLib.attest.policy import Policy, PolicyError, Smt, load_policy
from EncryptSecureRTLib.attest.roots import RootKind

KEY = ed25519.Ed25519PrivateKey.generate()
SPKI = signatures.spki_der(KEY.public_key())
FOLDER = Path(__file__).resolve().parents[3] / "EncryptSecureRT" / "Resources" / "Policy"
E = ErrorCode


def example() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((FOLDER / "policy.example.json").read_bytes())
    value["site_key"] = signatures.key_id(SPKI)
    return value


def signed(value: object, **changes: Any) -> Policy:
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    arguments: dict[str, Any] = {
        "signature": signatures.sign(KEY, signatures.Label.POLICY, octets),
        "pinned_site_key_spki": SPKI,
        "now": NOW,
    }
    return load_policy(octets, **arguments | changes)


def problems_of(value: object) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        signed(value)
    assert caught.value.code is E.E_POLICY
    return caught.value.problems


def code_of(value: object, **changes: Any) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as caught:
        signed(value, **changes)
    return caught.value.code


def test_the_example_is_read_member_by_member() -> None:
    policy = signed(example())
    rule = policy.workers[0]

    assert policy.version == 3
    assert policy.signed
    assert policy.suites == {2}
    assert policy.max_collateral_age_s == 7 * 24 * 3600
    assert rule.root is RootKind.INTEL
    assert rule.mrsigner == "03" * 32
    assert rule.builds[0].allow_advisories == {"INTEL-SA-00615"}
    assert rule.tcb_status == {"UpToDate", "SWHardeningNeeded"}
    assert rule.platforms == {"02" * 32}
    assert rule.sgx_types == (0, 1)
    assert rule.smt is Smt.ALLOW
    assert rule.allow_dynamic_platform
    assert rule.allow_cached_keys


def test_what_is_missing_is_forbidden() -> None:
    value = example()
    for name in ("sgx_types", "smt", "dynamic_platform", "cached_keys"):
        del value["workers"][0][name]

    rule = signed(value).workers[0]

    assert rule.sgx_types == (0,)
    assert rule.smt is Smt.FORBID
    assert not rule.allow_dynamic_platform
    assert not rule.allow_cached_keys


def test_the_digest_is_of_the_octets_as_they_stand() -> None:
    octets = json.dumps(example(), indent=7).encode()

    assert signed(octets).sha256 == hashlib.sha256(octets).hexdigest()


def change(path: str, value: Any) -> dict[str, Any]:
    """Return the example with one member set, or removed if the value is `...`."""
    whole = example()
    target: Any = whole
    *steps, last = path.split(".")
    for step in steps:
        target = target[int(step) if step.isdigit() else step]
    key: Any = int(last) if last.isdigit() else last
    if value is ...:
        del target[key]
    else:
        target[key] = value
    return whole


W = "workers.0."
PROBLEMS: list[tuple[str, Any, str]] = [
    ("extra", 1, "extra: is not known"),  # 70
    ("workers.0.builds", [], "workers[0].builds: is not a list with members"),  # 71
    ("schema", "encryptsecurert.policy/2", "schema: is not of this version"),
    ("schema", ..., "schema: is missing"),
    ("version", 0, "version: is not an integer from 1 to 9007199254740991"),
    ("version", True, "version: is not an integer from 1 to 9007199254740991"),
    ("not_before", "2026-11-01", "not_before: is not a time of the form YYYY-MM-DDTHH:MM:SSZ"),
    ("not_before", "2026-13-01T00:00:00Z",
     "not_before: is not a time of the form YYYY-MM-DDTHH:MM:SSZ"),
    ("allow_simulated", "no", "allow_simulated: is not true or false"),
    ("site_key", "AB" * 32, "site_key: has another form than it must have"),
    ("suites", [], "suites: is not a list with members"),
    ("suites", [3], "suites: member 0 is not a suite"),
    ("suites", [True], "suites: member 0 is not a suite"),
    ("max_collateral_age_s", 3599, "max_collateral_age_s: is not an integer from 3600 to 2592000"),
    ("max_collateral_age_s", None, "max_collateral_age_s: is not an integer from 3600 to 2592000"),
    ("workers", [], "workers: is not a list with members"),
    ("workers", {}, "workers: is not a list with members"),
    ("workers.0", 1, "workers[0]: is not an object"),
    (W + "extra", 1, "workers[0].extra: is not known"),
    (W + "name", "", "workers[0].name: is not text of an allowed length"),
    (W + "name", "a\nb", "workers[0].name: is not text of an allowed length"),
    (W + "root", "any", "workers[0].root: is not one of intel, simulated"),
    (W + "mrsigner", "03" * 31, "workers[0].mrsigner: has another form than it must have"),
    (W + "mrsigner", "03" * 32 + "\n", "workers[0].mrsigner: has another form than it must have"),
    (W + "isvprodid", 65536, "workers[0].isvprodid: is not an integer from 0 to 65535"),
    (W + "min_isvsvn", ..., "workers[0].min_isvsvn: is missing"),
    (W + "min_tcb_evaluation", 0,
     "workers[0].min_tcb_evaluation: is not an integer from 1 to 2147483647"),
    (W + "tcb_status", ["Revoked"],
     "workers[0].tcb_status: member 0 is not a status that can be accepted"),
    (W + "tcb_status", ["UpToDate", "UpToDate"],
     "workers[0].tcb_status: member 1 stands there twice"),
    (W + "tcb_status", ["UpToDate", "OutOfDate"], "workers[0].out_of_date_grace_s: is missing"),
    (W + "out_of_date_grace_s", 7776001,
     "workers[0].out_of_date_grace_s: is not an integer from 1 to 7776000"),
    (W + "platforms", [], "workers[0].platforms: is not a list with members"),
    (W + "platforms", ..., "workers[0].platforms: is missing"),
    (W + "platforms", [7], "workers[0].platforms: member 0 is not a SHA-256 in hex"),
    (W + "sgx_types", [3], "workers[0].sgx_types: member 0 is not an SGX type"),
    (W + "smt", "maybe", "workers[0].smt: is not one of forbid, undefined-ok, allow"),
    (W + "dynamic_platform", True, "workers[0].dynamic_platform: is not one of forbid, allow"),
    (W + "operations", ["all"], "workers[0].operations: member 0 is not an operation"),
    (W + "simulated_root_key_id", "00" * 48,
     "workers[0].simulated_root_key_id: does not go with this root"),
    (W + "builds.0.extra", 1, "workers[0].builds[0].extra: is not known"),
    (W + "builds.0.mrenclave", ..., "workers[0].builds[0].mrenclave: is missing"),
    (W + "builds.0.label", 1, "workers[0].builds[0].label: is not text of an allowed length"),
    (W + "builds.0.allow_advisories", ["any"],
     "workers[0].builds[0].allow_advisories: member 0 is not an advisory id"),
    (W + "attributes", {"value": "05" + "00" * 15, "mask": "07" + "00" * 15},
     "workers[0].attributes.mask: does not cover INIT, DEBUG, PROVISIONKEY and EINITTOKENKEY"),
    (W + "attributes", {"value": "07" + "00" * 15, "mask": "37" + "00" * 15},
     "workers[0].attributes.value: asks for an enclave that is never accepted"),
    (W + "attributes", {"value": "05", "mask": "37" + "00" * 15},
     "workers[0].attributes.value: has another form than it must have"),
    (W + "kss", {"config_id": "00" * 64}, "workers[0].kss.config_svn: is missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "problem"), PROBLEMS, ids=[f"{p[0]} {n}" for n, p in enumerate(PROBLEMS)]
)
def test_one_mistake_is_told_with_its_path(path: str, value: Any, problem: str) -> None:
    assert signed(example()).version == 3

    assert problems_of(change(path, value)) == (problem,)


def test_all_mistakes_are_told_at_once() -> None:
    value = change("version", 0)
    value["workers"][0]["builds"] = []
    value["workers"][0]["root"] = "none"

    assert len(problems_of(value)) == 3


def test_a_doubled_key_is_told_with_its_path() -> None:
    text = json.dumps(example()).replace('"smt": "allow"', '"smt": "allow", "smt": "forbid"')

    assert problems_of(text.encode()) == ("workers[0].smt: stands there more than once",)


def test_the_name_of_an_unknown_key_is_shown_only_if_it_is_plain() -> None:
    assert problems_of(change("a b\n", 1)) == ("?: is not known",)


@pytest.mark.parametrize(
    "octets",
    [b"[]", b"{", b"\xef\xbb\xbf{}", b'{"version": 1.0}', b'{"version": NaN}', b'{"a": "\\ud800"}',
     b"[" * 100_000, b'{"version": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused(octets: bytes) -> None:
    assert problems_of(octets) == ("policy: is not strict JSON",)


def test_two_builds_with_one_measurement_are_refused() -> None:
    value = example()
    value["workers"].append(copy.deepcopy(value["workers"][0]))

    assert problems_of(value) == ("workers: two builds have the same mrenclave",)


def test_a_simulated_worker_must_be_allowed_in_words(platform: Platform) -> None:
    value = policy_json(platform)
    assert load(value).workers[0].root is RootKind.SIMULATED

    del value["allow_simulated"]

    with pytest.raises(PolicyError) as caught:
        load(value)
    assert caught.value.problems == ("allow_simulated: is not true, but a worker is simulated",)


def test_a_simulated_worker_must_pin_its_root(platform: Platform) -> None:
    with pytest.raises(PolicyError) as caught:
        load(policy_json(platform, simulated_root_key_id=None))

    assert caught.value.problems == ("workers[0].simulated_root_key_id: is missing",)


@pytest.mark.parametrize("octets", [None, b""])
def test_no_policy_is_no_permission(octets: bytes | None) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        load_policy(octets, signature=None, pinned_site_key_spki=None, now=NOW)

    assert caught.value.code is E.E_POLICY_MISSING


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": bytes(64)},
        {"signature": b""},
        {"signature": None},
        {"signature": None, "unsafe_allow_simulated_unsigned": True},
        {"pinned_site_key_spki": None},
        {
            "pinned_site_key_spki": signatures.spki_der(
                ed25519.Ed25519PrivateKey.generate().public_key()
            )
        },
    ],
)
def test_a_policy_for_real_workers_counts_under_the_pinned_key_only(
    changes: dict[str, Any],
) -> None:
    assert code_of(example(), **changes) is E.E_POLICY_SIGNATURE


def test_a_signature_for_another_purpose_is_none() -> None:
    octets = json.dumps(example()).encode()
    lease = signatures.sign(KEY, signatures.Label.LEASE, octets)

    assert code_of(octets, signature=lease) is E.E_POLICY_SIGNATURE


def test_an_unsigned_policy_needs_the_unsafe_word_and_simulated_workers_only(
    platform: Platform,
) -> None:
    value = policy_json(platform)
    unsafe: dict[str, Any] = {"signature": None, "pinned_site_key_spki": None}
    assert code_of(value, **unsafe) is E.E_POLICY_SIGNATURE
    unsafe["unsafe_allow_simulated_unsigned"] = True
    accepted = signed(value, **unsafe)
    assert not accepted.signed
    assert accepted.warnings[0] == "policy: not signed, for the simulation only"

    value["workers"].append(example()["workers"][0])

    assert code_of(value, **unsafe) is E.E_POLICY_SIGNATURE


def test_a_policy_of_another_site_than_the_pinned_is_refused() -> None:
    assert problems_of(change("site_key", "05" * 32)) == (
        "site_key: is not the key that was pinned",
    )


def test_72_a_version_below_the_last_is_refused() -> None:
    assert signed(example(), lowest_version=3).version == 3

    assert code_of(example(), lowest_version=4) is E.E_POLICY


@pytest.mark.parametrize(
    ("now", "accepted"),
    [
        ("2026-10-31T23:59:59+00:00", False),
        ("2026-11-01T00:00:00+00:00", True),
        ("2027-04-30T23:59:59+00:00", True),
        ("2027-05-01T00:00:00+00:00", False),
    ],
)
def test_a_policy_counts_from_its_first_second_to_before_its_last(now: str, accepted: bool) -> None:
    moment = dt.datetime.fromisoformat(now)
    if accepted:
        assert signed(example(), now=moment).version == 3
    else:
        assert code_of(example(), now=moment) is E.E_POLICY_EXPIRED


def test_zero_versions_are_allowed_with_a_warning() -> None:
    value = change("workers.0.min_isvsvn", 0)

    assert signed(value).warnings == ("workers[0]: product id or minimum security version is 0",)
    assert signed(example()).warnings == ()


def test_the_schema_for_editors_has_the_members_that_the_reader_has() -> None:
    schema = json.loads((FOLDER / "policy.schema.json").read_bytes())
    worker = schema["$defs"]["worker"]

    assert set(schema["properties"]) == set(module._REQUIRED) | set(module._OPTIONAL)
    assert set(schema["required"]) == set(module._REQUIRED)
    assert set(worker["properties"]) == set(module._WORKER_REQUIRED) | set(module._WORKER_OPTIONAL)
    assert set(worker["required"]) == set(module._WORKER_REQUIRED)
    assert worker["properties"]["tcb_status"]["items"]["enum"] == list(module.TCB_STATUSES)
    assert worker["properties"]["operations"]["items"]["enum"] == list(module.OPERATIONS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(data=st.data())
def test_any_value_at_any_place_is_accepted_or_refused_in_our_words(data: st.DataObject) -> None:
    value = example()
    places: list[Any] = [value, value["workers"][0], value["workers"][0]["builds"][0]]
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.sampled_from(sorted(place)) | st.text(max_size=5))] = data.draw(JSON)
    octets = json.dumps(value).encode()
    code = None
    try:
        signed(octets)
    except EncryptSecureRTError as error:
        code = error.code

    assert code in (None, E.E_POLICY, E.E_POLICY_EXPIRED)
