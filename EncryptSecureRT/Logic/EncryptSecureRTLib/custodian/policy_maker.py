"""From a worker's release to the site's client policy.

    release.json  (encryptsecurert-worker measure)  ->  one worker entry with one exact build

Each build has an entry of its own, so a second build never widens what is asked of the first. What
the policy says of hardware (platforms, states, flags) comes from the custodian and never from the
release: that tells what a build is, not where it may run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import HpkeSuite
from encryptsecurert_protocol.statement import Kind
from EncryptSecureRTLib.attest.collateral import Collateral
from EncryptSecureRTLib.attest.policy import SCHEMA
from EncryptSecureRTLib.attest.roots import RootKind
from EncryptSecureRTLib.custodian.certificates import CLOCK_MARGIN
from EncryptSecureRTLib.custodian.release import Release

POLICY_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareRules:
    """What the custodian asks of hardware; the defaults are the strictest.

    Attributes
    ----------
    platforms : SHA-256 of the PPIDs of the machines that may run the worker.
    min_tcb_evaluation : int, optional
        By default the number in the collateral.
    """

    platforms: tuple[str, ...] = ()
    tcb_status: tuple[str, ...] = ("UpToDate",)
    advisories: tuple[str, ...] = ()
    min_tcb_evaluation: int | None = None
    sgx_types: tuple[int, ...] = (0,)
    allow_smt: bool = False
    allow_dynamic_platform: bool = False
    allow_cached_keys: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the entry's members about hardware."""
        if not self.platforms:
            detail = "a policy for hardware needs the platforms' ids"
            raise EncryptSecureRTError(ErrorCode.E_POLICY, detail)
        words = {True: "allow", False: "forbid"}
        return {
            "root": RootKind.INTEL.value,
            "platforms": list(self.platforms),
            "tcb_status": list(self.tcb_status),
            "sgx_types": list(self.sgx_types),
            "smt": words[self.allow_smt],
            "dynamic_platform": words[self.allow_dynamic_platform],
            "cached_keys": words[self.allow_cached_keys],
        }


def _min_tcb_evaluation(
    release: Release, rules: HardwareRules, collateral: Collateral | None
) -> int:
    if rules.min_tcb_evaluation is not None:
        return rules.min_tcb_evaluation
    if collateral is not None:
        return min(collateral.tcb.evaluation, collateral.qe.evaluation)
    if release.kind is Kind.SIMULATED:
        return 1  # of a platform that does not exist
    detail = "without collateral, the lowest TCB evaluation number must be given"
    raise EncryptSecureRTError(ErrorCode.E_POLICY, detail)


def worker_entry(
    release: Release, rules: HardwareRules, collateral: Collateral | None
) -> dict[str, object]:
    """Return the policy's worker entry for one build."""
    build: dict[str, object] = {"mrenclave": release.mrenclave, "label": release.version}
    if release.kind is Kind.SIMULATED:
        members: dict[str, object] = {
            "root": RootKind.SIMULATED.value,
            "simulated_root_key_id": release.root_key_id,
            "tcb_status": ["UpToDate"],
        }
    else:
        members = rules.as_json()
        if rules.advisories:
            build["allow_advisories"] = list(rules.advisories)
    return {
        "name": f"{release.kind.value}-{release.mrenclave[:12]}",
        "mrsigner": release.mrsigner,
        "isvprodid": release.isvprodid,
        "min_isvsvn": release.isvsvn,
        "min_tcb_evaluation": _min_tcb_evaluation(release, rules, collateral),
        "builds": [build],
        **members,
    }


def _is_simulated(entry: Mapping[str, object]) -> bool:
    return entry.get("root") == RootKind.SIMULATED.value


def _measurements(entry: Mapping[str, Any]) -> set[str]:
    return {build["mrenclave"] for build in entry["builds"]}


def _read(previous: bytes | None) -> tuple[int, list[dict[str, Any]]]:
    """Return version and worker entries of a policy that this module wrote."""
    if previous is None:
        return 0, []
    value = canonical.decode(previous, LIMITS.policy_bytes)
    return value["version"], value["workers"]


def _write(
    version: int, workers: Sequence[Mapping[str, object]], site_key_id: str, now: datetime
) -> bytes:
    return canonical.encode(
        {
            "schema": SCHEMA,
            "version": version,
            "not_before": time_text(now - CLOCK_MARGIN),
            "not_after": time_text(now + timedelta(days=POLICY_DAYS)),
            "allow_simulated": any(_is_simulated(entry) for entry in workers),
            "site_key": site_key_id,
            "suites": [int(HpkeSuite.MLKEM768_X25519)],
            "workers": list(workers),
        }
    )


def is_simulated_policy(octets: bytes) -> bool:
    """Tell whether a policy of ours accepts any simulated worker."""
    return any(_is_simulated(entry) for entry in _read(octets)[1])


def policy_version(octets: bytes) -> int:
    """Return the version of a policy of ours."""
    return _read(octets)[0]


def add_build(
    previous: bytes | None,
    entry: Mapping[str, object],
    *,
    site_key_id: str,
    allow_simulated: bool,
    now: datetime,
) -> bytes:
    """Return the next version of a site's policy, with `entry` added or replaced.

    Without `allow_simulated` the result holds no simulated entry, whatever the previous one held:
    a site that moves to hardware must not keep a door for the simulation by forgetting it.

    Parameters
    ----------
    previous : bytes or None
        The policy so far, as this module wrote it.

    Raises
    ------
    EncryptSecureRTError
        E_SIMULATED if `entry` is simulated and that is not allowed.
    """
    if _is_simulated(entry) and not allow_simulated:
        detail = "spell out --allow-simulated if that is meant"
        raise EncryptSecureRTError(ErrorCode.E_SIMULATED, detail)
    version, workers = _read(previous)
    kept = [
        old
        for old in workers
        if not _measurements(old) & _measurements(entry)
        and (allow_simulated or not _is_simulated(old))
    ]
    return _write(version + 1, [*kept, entry], site_key_id, now)


def withdraw_build(
    previous: bytes | None, mrenclave: str, *, site_key_id: str, now: datetime
) -> bytes:
    """Return the next version of a site's policy, without one build.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_FOUND if it is not listed; E_POLICY if nothing would be left.
    """
    version, workers = _read(previous)
    kept = [old for old in workers if mrenclave not in _measurements(old)]
    if len(kept) == len(workers):
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
    if not kept:
        raise EncryptSecureRTError(ErrorCode.E_POLICY, "no build would be left")
    return _write(version + 1, kept, site_key_id, now)
