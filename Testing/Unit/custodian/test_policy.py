"""The client policy: what the custodian writes is what clients load."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from encryptsecurert_worker.evidence.release import release as measured_release
from encryptsecurert_worker.evidence.simulated import SimulatedProvider
from EncryptSecureRTLib.attest.memory import CollateralStore
from EncryptSecureRTLib.attest.policy import Policy, Smt, load_policy
from EncryptSecureRTLib.attest.roots import INTEL_ROOT_KEY_ID, PckCa, RootKind
from EncryptSecureRTLib.custodian.policy_maker import HardwareRules
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site

ReleaseJson = Callable[..., bytes]
Reopen = Callable[[], Site]
_NOW = datetime(2025, 1, 6, 12, 1, tzinfo=UTC)
_RULES = HardwareRules(platforms=("0a" * 32,), min_tcb_evaluation=20)


def _loaded(site: Site, now: datetime = _NOW) -> Policy:
    return load_policy(
        (site.path / "policy.json").read_bytes(),
        signature=(site.path / "policy.json.sig").read_bytes(),
        pinned_site_key_spki=(site.path / "site.pub").read_bytes(),
        now=now,
    )


def _gramine(release_json: ReleaseJson, **changes: object) -> Release:
    members: dict[str, object] = {"kind": "gramine", "root_key_id": None, "mrenclave": "0b" * 32}
    return Release.decode(release_json(**{**members, **changes}))


def test_clients_load_the_policy_and_find_the_build(site: Site, simulated_release: Release) -> None:
    assert site.set_policy(simulated_release, allow_simulated=True) == 1

    policy = _loaded(site)
    rule = policy.rule_of(simulated_release.mrenclave)
    assert rule is not None
    assert rule.root is RootKind.SIMULATED
    assert rule.simulated_root_key_id == simulated_release.root_key_id
    assert (rule.mrsigner, rule.isvprodid, rule.min_isvsvn) == ("02" * 32, 1, 1)
    assert policy.site_key == site.state.site_key_id
    assert policy.suites == frozenset({2})
    assert policy.signed


def test_the_policy_holds_for_a_year(site: Site, simulated_release: Release) -> None:
    site.set_policy(simulated_release, allow_simulated=True)

    assert _loaded(site, _NOW + timedelta(days=364)).version == 1
    with pytest.raises(EncryptSecureRTError) as caught:
        _loaded(site, _NOW + timedelta(days=366))
    assert caught.value.code is ErrorCode.E_POLICY_EXPIRED


def test_a_simulated_release_is_refused_unless_that_is_spelled_out(
    site: Site, simulated_release: Release
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        site.set_policy(simulated_release)

    assert caught.value.code is ErrorCode.E_SIMULATED
    assert site.state.policy is None
    assert not (site.path / "policy.json").exists()


def test_a_simulated_release_is_refused_beside_hardware_too(
    site: Site, simulated_release: Release, release_json: ReleaseJson
) -> None:
    site.set_policy(_gramine(release_json), rules=_RULES)

    with pytest.raises(EncryptSecureRTError) as caught:
        site.set_policy(simulated_release)

    assert caught.value.code is ErrorCode.E_SIMULATED


def test_moving_to_hardware_closes_the_door_of_the_simulation(
    site: Site, simulated_release: Release, release_json: ReleaseJson
) -> None:
    site.set_policy(simulated_release, allow_simulated=True)

    site.set_policy(_gramine(release_json), rules=_RULES)

    policy = _loaded(site)
    assert [rule.root for rule in policy.workers] == [RootKind.INTEL]
    octets = (site.path / "policy.json").read_bytes()
    assert json.loads(octets)["allow_simulated"] is False


def test_hardware_needs_its_platforms_ids(site: Site, release_json: ReleaseJson) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        site.set_policy(_gramine(release_json), rules=HardwareRules(min_tcb_evaluation=20))

    assert caught.value.code is ErrorCode.E_POLICY


def test_the_releases_own_platforms_are_not_taken_for_the_custodians_word(
    site: Site, release_json: ReleaseJson
) -> None:
    release = _gramine(release_json, platforms=["0c" * 32])

    with pytest.raises(EncryptSecureRTError):
        site.set_policy(release, rules=HardwareRules(min_tcb_evaluation=20))


def test_hardware_without_collateral_needs_the_lowest_number(
    site: Site, release_json: ReleaseJson
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        site.set_policy(_gramine(release_json), rules=HardwareRules(platforms=("0a" * 32,)))

    assert caught.value.code is ErrorCode.E_POLICY


def test_what_is_not_said_of_hardware_is_forbidden(site: Site, release_json: ReleaseJson) -> None:
    site.set_policy(_gramine(release_json), rules=_RULES)

    (rule,) = _loaded(site).workers
    assert rule.platforms == frozenset({"0a" * 32})
    assert rule.tcb_status == frozenset({"UpToDate"})
    assert rule.sgx_types == (0,)
    assert rule.smt is Smt.FORBID
    assert not rule.allow_dynamic_platform
    assert not rule.allow_cached_keys
    assert rule.builds[0].allow_advisories == frozenset()


def test_what_is_said_of_hardware_is_allowed(site: Site, release_json: ReleaseJson) -> None:
    rules = HardwareRules(
        platforms=("0a" * 32, "0b" * 32),
        tcb_status=("UpToDate", "SWHardeningNeeded"),
        advisories=("INTEL-SA-00615",),
        min_tcb_evaluation=17,
        sgx_types=(0, 1),
        allow_smt=True,
        allow_dynamic_platform=True,
        allow_cached_keys=True,
    )

    site.set_policy(_gramine(release_json), rules=rules)

    (rule,) = _loaded(site).workers
    assert rule.tcb_status == frozenset({"UpToDate", "SWHardeningNeeded"})
    assert rule.builds[0].allow_advisories == frozenset({"INTEL-SA-00615"})
    assert (rule.sgx_types, rule.smt, rule.min_tcb_evaluation) == ((0, 1), Smt.ALLOW, 17)
    assert rule.allow_dynamic_platform
    assert rule.allow_cached_keys


@pytest.mark.parametrize(
    "rules",
    [
        HardwareRules(platforms=("0A" * 32,), min_tcb_evaluation=1),
        HardwareRules(platforms=("0a" * 32,), min_tcb_evaluation=0),
        HardwareRules(platforms=("0a" * 32,), min_tcb_evaluation=1, advisories=("SA-1",)),
        HardwareRules(platforms=("0a" * 32,), min_tcb_evaluation=1, tcb_status=()),
        HardwareRules(platforms=("0a" * 32,), min_tcb_evaluation=1, tcb_status=("OutOfDate",)),
    ],
)
def test_a_policy_that_clients_would_refuse_is_never_signed(
    site: Site, release_json: ReleaseJson, rules: HardwareRules
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        site.set_policy(_gramine(release_json), rules=rules)

    assert caught.value.code is ErrorCode.E_POLICY
    assert site.state.policy is None


def test_another_build_is_added_and_the_version_rises(
    site: Site, simulated_release: Release, release_json: ReleaseJson
) -> None:
    site.set_policy(simulated_release, allow_simulated=True)

    other = Release.decode(release_json(mrenclave="0d" * 32, isvsvn=2))
    assert site.set_policy(other, allow_simulated=True) == 2

    policy = _loaded(site)
    assert {rule.builds[0].mrenclave for rule in policy.workers} == {"01" * 32, "0d" * 32}
    first, second = policy.rule_of("01" * 32), policy.rule_of("0d" * 32)
    assert first is not None
    assert second is not None
    assert (first.min_isvsvn, second.min_isvsvn) == (1, 2)


def test_the_same_build_again_replaces_its_entry(site: Site, release_json: ReleaseJson) -> None:
    site.set_policy(Release.decode(release_json()), allow_simulated=True)

    again = Release.decode(release_json(version="0.1.1", isvsvn=5))
    site.set_policy(again, allow_simulated=True)

    (rule,) = _loaded(site).workers
    assert (rule.min_isvsvn, rule.builds[0].label) == (5, "0.1.1")


def test_a_withdrawn_build_is_accepted_no_longer(
    site: Site, simulated_release: Release, release_json: ReleaseJson
) -> None:
    site.set_policy(simulated_release, allow_simulated=True)
    site.set_policy(Release.decode(release_json(mrenclave="0d" * 32)), allow_simulated=True)

    assert site.withdraw_build("01" * 32) == 3

    assert _loaded(site).rule_of("01" * 32) is None
    assert _loaded(site).rule_of("0d" * 32) is not None


@pytest.mark.parametrize(
    ("mrenclave", "code"),
    [("01" * 32, ErrorCode.E_POLICY), ("0e" * 32, ErrorCode.E_NOT_FOUND)],
    ids=["the last", "unknown"],
)
def test_the_last_build_and_an_unknown_one_cannot_be_withdrawn(
    site: Site, simulated_release: Release, mrenclave: str, code: ErrorCode
) -> None:
    site.set_policy(simulated_release, allow_simulated=True)

    with pytest.raises(EncryptSecureRTError) as caught:
        site.withdraw_build(mrenclave)

    assert caught.value.code is code
    assert _loaded(site).version == 1


def test_the_custodians_own_home_keeps_in_step(site: Site, simulated_release: Release) -> None:
    for _ in range(2):
        site.set_policy(simulated_release, allow_simulated=True)

    octets, signature = site.home.policy()
    assert octets == (site.path / "policy.json").read_bytes()
    assert signature == (site.path / "policy.json.sig").read_bytes()


def test_policy_files_that_are_lost_or_half_there_come_back_at_the_next_opening(
    site: Site, simulated_release: Release, reopen: Reopen
) -> None:
    site.set_policy(simulated_release, allow_simulated=True)
    (site.path / "policy.json").write_bytes(b"{")
    (site.home.path / "policy.json.sig").unlink()

    again = reopen()

    assert _loaded(again).version == 1
    assert again.home.policy()[1] is not None


def test_a_policy_raises_no_epoch(site: Site, simulated_release: Release) -> None:
    bundle = site.current_bundle()

    site.set_policy(simulated_release, allow_simulated=True)

    assert site.current_bundle().core == bundle.core


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> SimulatedProvider:
    folder = tmp_path_factory.mktemp("tee") / "SIMULATED-tee"
    return SimulatedProvider(folder, bytes(32), lambda: _NOW)


@pytest.fixture
def measured(provider: SimulatedProvider) -> Release:
    facts = {"schema": "encryptsecurert.release/1", "version": "0.1.0", "platforms": None}
    return Release.decode(json.dumps({**facts, **measured_release(provider)}).encode())


def test_what_a_worker_measures_makes_a_policy_with_its_collaterals_number(
    site: Site, provider: SimulatedProvider, measured: Release
) -> None:
    collateral = provider.collateral()
    assert collateral is not None

    site.set_policy(measured, collateral, allow_simulated=True)

    (rule,) = _loaded(site).workers
    assert rule.min_tcb_evaluation == 20
    store = CollateralStore(site.home.state_path)
    assert store.load(bytes.fromhex(measured.fmspc or ""), PckCa.PLATFORM) == collateral


def test_users_get_the_collateral(
    site: Site,
    provider: SimulatedProvider,
    measured: Release,
    request_of: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    collateral = provider.collateral()
    site.set_policy(measured, collateral, allow_simulated=True)

    site.add_user(request_of(), [Role.PHYSICIST], out=tmp_path / "welcome")

    assert (tmp_path / "welcome" / "collateral.json").read_bytes() == collateral


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fmspc": "04" * 6}, ErrorCode.E_COLLATERAL_FORMAT),
        ({"root_key_id": "03" * 48}, ErrorCode.E_ROOT),
    ],
    ids=["platform", "root"],
)
def test_collateral_of_something_else_is_refused(
    site: Site,
    provider: SimulatedProvider,
    measured: Release,
    release_json: ReleaseJson,
    changes: dict[str, object],
    code: ErrorCode,
) -> None:
    same = {"fmspc": measured.fmspc, "root_key_id": measured.root_key_id}

    with pytest.raises(EncryptSecureRTError) as caught:
        site.set_policy(
            Release.decode(release_json(**{**same, **changes})),
            provider.collateral(),
            allow_simulated=True,
        )

    assert caught.value.code is code
    assert not (site.path / "collateral.json").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "gramine"},
        {"root_key_id": INTEL_ROOT_KEY_ID},
        {"root_key_id": None},
    ],
)
def test_a_release_whose_kind_and_root_contradict_is_refused(
    release_json: ReleaseJson, changes: dict[str, object]
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        Release.decode(release_json(**changes))

    assert caught.value.code is ErrorCode.E_ROOT


@pytest.mark.parametrize("root_key_id", [None, INTEL_ROOT_KEY_ID])
def test_a_release_of_hardware_may_name_its_root_or_not(
    release_json: ReleaseJson, root_key_id: str | None
) -> None:
    assert _gramine(release_json, root_key_id=root_key_id).root_key_id == root_key_id


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "encryptsecurert.release/2"},
        {"extra": 1},
        {"isvsvn": 65536},
        {"isvprodid": True},
        {"mrenclave": "01" * 31},
        {"platforms": []},
        {"version": "0.1 0"},
    ],
)
def test_a_release_of_another_form_is_refused(
    release_json: ReleaseJson, changes: dict[str, object]
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        Release.decode(release_json(**changes))

    assert caught.value.code is ErrorCode.E_FORMAT


def test_a_release_with_a_member_twice_is_refused(release_json: ReleaseJson) -> None:
    octets = release_json().replace(b'"isvsvn": 1', b'"isvsvn": 9, "isvsvn": 1')

    with pytest.raises(EncryptSecureRTError) as caught:
        Release.decode(octets)

    assert caught.value.code is ErrorCode.E_FORMAT


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_octets_are_refused_with_our_error_only(octets: bytes) -> None:
    with pytest.raises(EncryptSecureRTError):
        Release.decode(octets)
