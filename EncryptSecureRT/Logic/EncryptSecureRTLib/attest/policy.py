"""The client's policy: which workers a site accepts, and nothing by default.

    Policy                  who signed it, when it is valid, which site and which HPKE suites
      WorkerRule            one product: root, signer, versions, platform rules
        Build               one measurement, with the advisories judged harmless for this build

Unknown members are refused at every level, an empty list never means "any", and no default widens.
`Resources/Policy/policy.schema.json` says the same to editors; this module is what decides.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from encryptsecurert_protocol import signatures
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.policyreader import Reader, matches, one_of
from EncryptSecureRTLib.attest.quote import (
    FLAG_DEBUG,
    FLAG_EINIT_TOKEN_KEY,
    FLAG_INIT,
    FLAG_MODE64,
    FLAG_PROVISION_KEY,
)
from EncryptSecureRTLib.attest.roots import RootKind
from EncryptSecureRTLib.attest.strictjson import NotStrict, read_object

SCHEMA = "encryptsecurert.policy/1"
OUT_OF_DATE = "OutOfDate"
TCB_STATUSES = (
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    OUT_OF_DATE,
)
OPERATIONS = ("segmentation", "dose-comparison", "registration")
DEFAULT_MAX_COLLATERAL_AGE_S = 7 * 24 * 3600
# A policy's mask may look at more, never at less than these flags, and they have one right value.
MANDATORY_FLAGS = FLAG_INIT | FLAG_DEBUG | FLAG_PROVISION_KEY | FLAG_EINIT_TOKEN_KEY
_DEFAULT_MASK = (MANDATORY_FLAGS | FLAG_MODE64).to_bytes(16, "little")
_DEFAULT_VALUE = (FLAG_INIT | FLAG_MODE64).to_bytes(16, "little")
_MAX_GRACE_S = 90 * 24 * 3600
_FORBID = {"forbid": False, "allow": True}


class Smt(Enum):
    """What is accepted of simultaneous multithreading."""

    FORBID = "forbid"
    UNDEFINED_OK = "undefined-ok"
    ALLOW = "allow"


class PolicyError(EncryptSecureRTError):
    """A policy is malformed; `problems` has a line with a path for each mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(ErrorCode.E_POLICY, f"{len(problems)} problem(s)")
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One accepted measurement."""

    mrenclave: str
    label: str
    allow_advisories: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kss:
    """The configuration identity that an enclave must have."""

    config_id: str
    config_svn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRule:
    """One accepted product and the platforms on which it may run."""

    name: str
    root: RootKind
    simulated_root_key_id: str
    mrsigner: str
    isvprodid: int
    min_isvsvn: int
    builds: tuple[Build, ...]
    tcb_status: frozenset[str]
    out_of_date_grace_s: int
    min_tcb_evaluation: int
    attributes_value: bytes
    attributes_mask: bytes
    kss: Kss | None
    platforms: frozenset[str]
    sgx_types: tuple[int, ...]
    smt: Smt
    allow_dynamic_platform: bool
    allow_cached_keys: bool
    operations: frozenset[str]

    def build_of(self, mrenclave: str) -> Build | None:
        """Return the build with that measurement."""
        return next((build for build in self.builds if build.mrenclave == mrenclave), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a site accepts; made by `load_policy` only. `sha256` is of the file's octets."""

    sha256: str
    version: int
    not_before: datetime
    not_after: datetime | None
    clock_floor: datetime | None
    site_key: str
    suites: frozenset[int]
    max_collateral_age_s: int
    workers: tuple[WorkerRule, ...]
    signed: bool

    def rule_of(self, mrenclave: str) -> WorkerRule | None:
        """Return the rule that lists a measurement; there is at most one."""
        return next((rule for rule in self.workers if rule.build_of(mrenclave)), None)

    @property
    def simulated_root_key_ids(self) -> frozenset[str]:
        """The simulated roots that any rule pins."""
        return frozenset(
            rule.simulated_root_key_id for rule in self.workers if rule.root is RootKind.SIMULATED
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should be told of an accepted policy."""
        lines = [] if self.signed else ["policy: not signed, for the simulation only"]
        for index, rule in enumerate(self.workers):
            if rule.root is RootKind.SIMULATED:
                lines.append(f"workers[{index}]: SIMULATED, protects nothing")
            if rule.isvprodid == 0 or rule.min_isvsvn == 0:
                lines.append(f"workers[{index}]: product id or minimum security version is 0")
        return tuple(lines)


def _attributes(reader: Reader) -> tuple[bytes, bytes]:
    child = reader.child("attributes", ("value", "mask"))
    if child is None:
        return _DEFAULT_VALUE, _DEFAULT_MASK
    texts = child.hex("value", 16), child.hex("mask", 16)
    if not all(texts):
        return _DEFAULT_VALUE, _DEFAULT_MASK
    value, mask = bytes.fromhex(texts[0]), bytes.fromhex(texts[1])
    if mask[0] & MANDATORY_FLAGS != MANDATORY_FLAGS:
        child.problem("mask", "does not cover INIT, DEBUG, PROVISIONKEY and EINITTOKENKEY")
    elif value[0] & MANDATORY_FLAGS != FLAG_INIT:
        child.problem("value", "asks for an enclave that is never accepted")
    return value, mask


def _kss(reader: Reader) -> Kss | None:
    child = reader.child("kss", ("config_id", "config_svn"))
    if child is None:
        return None
    return Kss(
        config_id=child.hex("config_id", 64), config_svn=child.integer("config_svn", 0, 0xFFFF)
    )


def _build(reader: Reader) -> Build:
    advisory = matches(r"INTEL-SA-[0-9]{5}")
    return Build(
        mrenclave=reader.hex("mrenclave", 32),
        label=reader.label("label", 0, 64),
        allow_advisories=frozenset(reader.several("allow_advisories", advisory, "an advisory id")),
    )


_WORKER_REQUIRED = (
    "name root mrsigner isvprodid min_isvsvn builds tcb_status min_tcb_evaluation".split()
)
_WORKER_OPTIONAL = (
    "simulated_root_key_id out_of_date_grace_s attributes kss platforms sgx_types smt "
    "dynamic_platform cached_keys operations"
).split()


def _worker(reader: Reader) -> WorkerRule:
    hex64 = matches(r"[0-9a-f]{64}")
    value, mask = _attributes(reader)
    rule = WorkerRule(
        name=reader.label("name", 1, 64),
        root=reader.choice("root", {kind.value: kind for kind in RootKind}, RootKind.INTEL),
        simulated_root_key_id=reader.hex("simulated_root_key_id", 48),
        mrsigner=reader.hex("mrsigner", 32),
        isvprodid=reader.integer("isvprodid", 0, 0xFFFF),
        min_isvsvn=reader.integer("min_isvsvn", 0, 0xFFFF),
        builds=tuple(
            _build(item)
            for item in reader.children("builds", ("mrenclave",), ("label", "allow_advisories"))
        ),
        tcb_status=frozenset(
            reader.several("tcb_status", one_of(*TCB_STATUSES), "a status that can be accepted")
        ),
        out_of_date_grace_s=reader.integer("out_of_date_grace_s", 1, _MAX_GRACE_S),
        min_tcb_evaluation=reader.integer("min_tcb_evaluation", 1, 2**31 - 1),
        attributes_value=value,
        attributes_mask=mask,
        kss=_kss(reader),
        platforms=frozenset(reader.several("platforms", hex64, "a SHA-256 in hex")),
        sgx_types=reader.several("sgx_types", one_of(0, 1, 2), "an SGX type") or (0,),
        smt=reader.choice("smt", {smt.value: smt for smt in Smt}, Smt.FORBID),
        allow_dynamic_platform=reader.choice("dynamic_platform", _FORBID, default=False),
        allow_cached_keys=reader.choice("cached_keys", _FORBID, default=False),
        operations=frozenset(reader.several("operations", one_of(*OPERATIONS), "an operation")),
    )
    _check_worker(reader, rule)
    return rule


def _check_worker(reader: Reader, rule: WorkerRule) -> None:
    """Check what members say together."""
    if reader.has("root") and rule.root is RootKind.SIMULATED:
        if not reader.has("simulated_root_key_id"):
            reader.problem("simulated_root_key_id", "is missing")
    elif reader.has("root"):
        if not reader.has("platforms"):
            reader.problem("platforms", "is missing")
        if reader.has("simulated_root_key_id"):
            reader.problem("simulated_root_key_id", "does not go with this root")
    if OUT_OF_DATE in rule.tcb_status and not reader.has("out_of_date_grace_s"):
        reader.problem("out_of_date_grace_s", "is missing")


_REQUIRED = ("schema", "version", "not_before", "workers")
_OPTIONAL = "not_after clock_floor allow_simulated max_collateral_age_s site_key suites".split()


def _parse(octets: bytes, signed: bool) -> Policy:  # private
    problems: list[str] = []
    try:
        value = read_object(octets, LIMITS.policy_bytes)
    except NotStrict:
        raise PolicyError(("policy: is not strict JSON",)) from None
    top = Reader(value, "", problems, _REQUIRED, _OPTIONAL)
    top.constant("schema", SCHEMA)
    workers = tuple(
        _worker(item) for item in top.children("workers", _WORKER_REQUIRED, _WORKER_OPTIONAL)
    )
    listed = [build.mrenclave for rule in workers for build in rule.builds]
    if len(set(listed)) != len(listed):
        top.problem("workers", "two builds have the same mrenclave")
    simulated = any(rule.root is RootKind.SIMULATED for rule in workers)
    allowed = top.boolean("allow_simulated", default=False)
    if simulated and not allowed:
        top.problem("allow_simulated", "is not true, but a worker is simulated")
    not_before = top.time("not_before")
    policy = Policy(
        sha256=hashlib.sha256(octets).hexdigest(),
        version=top.integer("version", 1, 2**53 - 1),
        not_before=not_before or datetime.min,
        not_after=top.time("not_after"),
        clock_floor=top.time("clock_floor"),
        site_key=top.hex("site_key", 32),
        suites=frozenset(top.several("suites", one_of(1, 2), "a suite")) or frozenset({2}),
        max_collateral_age_s=top.integer(
            "max_collateral_age_s", 3600, 30 * 24 * 3600, DEFAULT_MAX_COLLATERAL_AGE_S
        ),
        workers=workers,
        signed=signed,
    )
    if problems:
        raise PolicyError(tuple(problems))
    return policy


def load_policy(
    octets: bytes | None,
    *,
    signature: bytes | None,
    pinned_site_key_spki: bytes | None,
    now: datetime,
    unsafe_allow_simulated_unsigned: bool = False,
    lowest_version: int = 0,
) -> Policy:
    """Return the policy of a file, if it may be used now.

    Parameters
    ----------
    octets : bytes or None
        The file as it stands, or None if there is none.
    signature : bytes or None
        Ed25519, 64 octets, of these octets with the label `policy`.
    pinned_site_key_spki : bytes or None
        The site signing key that was pinned at set-up; a signature counts under this key only.
    now : datetime
        Aware.
    unsafe_allow_simulated_unsigned : bool
        Take a policy without a signature if all its workers are simulated.
    lowest_version : int
        The highest version ever accepted here.

    Raises
    ------
    EncryptSecureRTError
        E_POLICY_MISSING; E_POLICY_SIGNATURE; E_POLICY as `PolicyError` with all problems, or for a
        version lower than `lowest_version`; E_POLICY_EXPIRED.
    """
    if not octets:
        raise EncryptSecureRTError(ErrorCode.E_POLICY_MISSING)
    if signature is not None:
        signatures.verify(
            pinned_site_key_spki or b"",
            signatures.Label.POLICY,
            octets,
            signature,
            ErrorCode.E_POLICY_SIGNATURE,
        )
    policy = _parse(octets, signed=signature is not None)
    if not policy.signed and not (
        unsafe_allow_simulated_unsigned
        and all(rule.root is RootKind.SIMULATED for rule in policy.workers)
    ):
        raise EncryptSecureRTError(ErrorCode.E_POLICY_SIGNATURE)
    if pinned_site_key_spki is not None and policy.site_key not in (
        "",
        signatures.key_id(pinned_site_key_spki),
    ):
        raise PolicyError(("site_key: is not the key that was pinned",))
    if policy.version < lowest_version:
        raise PolicyError(("version: is lower than one accepted before",))
    if now < policy.not_before or (policy.not_after is not None and now >= policy.not_after):
        raise EncryptSecureRTError(ErrorCode.E_POLICY_EXPIRED)
    return policy
