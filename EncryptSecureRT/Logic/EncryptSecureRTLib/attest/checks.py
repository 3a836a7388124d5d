"""What the evidence says, against what the policy asks: pure functions, one for each check.

Each raises `EncryptSecureRTError` with the code of its check, or returns words for the verdict's
row. They run after the cryptography, on proved values.
"""

from datetime import datetime

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.collateral import ppid_sha256, to_seconds
from EncryptSecureRTLib.attest.memory import SeenCollateral
from EncryptSecureRTLib.attest.policy import OUT_OF_DATE, Build, Policy, Smt, WorkerRule
from EncryptSecureRTLib.attest.quote import (
    FLAG_DEBUG,
    FLAG_EINIT_TOKEN_KEY,
    FLAG_INIT,
    FLAG_KSS,
    FLAG_MODE64,
    FLAG_PROVISION_KEY,
    Quote,
)
from EncryptSecureRTLib.attest.qvl import Claims, LibraryPolicy
from EncryptSecureRTLib.attest.roots import RootKind

_EXINFO = 1  # the only bit of MISCSELECT that Gramine may set
_MAX_EVALUATION_GAP = 1  # the maker published 20 and 19 at one time


def _require(condition: bool, code: ErrorCode) -> None:  # reads as a sentence
    if not condition:
        raise EncryptSecureRTError(code)


def choose_rule(policy: Policy, quote: Quote) -> tuple[WorkerRule | None, RootKind]:
    """Return the rule that lists the quote's measurement, and the root to verify it with.

    The quote's own word whether it is simulated is believed only to refuse: E_SIMULATED if it
    contradicts the rule, or if no rule is simulated. Without a rule the root is still proved, so
    that an unknown measurement is told apart from a forgery.
    """
    rule = policy.rule_of(quote.mrenclave.hex())
    if rule is not None:
        _require((rule.root is RootKind.SIMULATED) == quote.says_simulated, ErrorCode.E_SIMULATED)
        return rule, rule.root
    if not quote.says_simulated:
        return None, RootKind.INTEL
    _require(bool(policy.simulated_root_key_ids), ErrorCode.E_SIMULATED)
    return None, RootKind.SIMULATED


def check_attributes(quote: Quote, rule: WorkerRule | None) -> None:
    """Check 9: no debug, initialised, 64 bit, no provisioning keys, and the policy's mask."""
    _require(not quote.flags & FLAG_DEBUG, ErrorCode.E_DEBUG)
    wanted = FLAG_INIT | FLAG_MODE64
    mask = wanted | FLAG_PROVISION_KEY | FLAG_EINIT_TOKEN_KEY
    _require(quote.flags & mask == wanted, ErrorCode.E_ATTRIBUTES)
    _require(not quote.miscselect & ~_EXINFO, ErrorCode.E_ATTRIBUTES)
    if rule is not None:
        masked = bytes(a & m for a, m in zip(quote.attributes, rule.attributes_mask, strict=True))
        value = bytes(
            v & m for v, m in zip(rule.attributes_value, rule.attributes_mask, strict=True)
        )
        _require(masked == value, ErrorCode.E_ATTRIBUTES)


def check_kss(quote: Quote, rule: WorkerRule | None) -> None:
    """Check 10: no configuration identity, or exactly the policy's."""
    _require(not any(quote.isvextprodid + quote.isvfamilyid), ErrorCode.E_KSS)
    kss = rule.kss if rule is not None else None
    has_kss = bool(quote.flags & FLAG_KSS)
    if kss is None:
        plain = not has_kss and not any(quote.config_id) and quote.config_svn == 0
        _require(plain, ErrorCode.E_KSS)
    else:
        same = quote.config_id.hex() == kss.config_id and quote.config_svn == kss.config_svn
        _require(has_kss and same, ErrorCode.E_KSS)


def check_measurement(quote: Quote, rule: WorkerRule | None) -> tuple[WorkerRule, Build]:
    """Check 11: a listed build, of the rule's signer, product and at least its version."""
    build = rule.build_of(quote.mrenclave.hex()) if rule is not None else None
    if rule is None or build is None or quote.mrsigner.hex() != rule.mrsigner:
        raise EncryptSecureRTError(ErrorCode.E_MEASUREMENT)
    _require(
        quote.isvprodid == rule.isvprodid and quote.isvsvn >= rule.min_isvsvn,
        ErrorCode.E_PRODSVN,
    )
    return rule, build


def check_tcb_status(claims: Claims, rule: WorkerRule, now: datetime) -> str:
    """Check 12: a status that the rule lists; out of date only for the time that it grants."""
    _require(claims.tcb_status in rule.tcb_status, ErrorCode.E_TCB_STATUS)
    if claims.tcb_status == OUT_OF_DATE:
        overdue_s = to_seconds(now) - claims.tcb_date_s
        _require(overdue_s <= rule.out_of_date_grace_s, ErrorCode.E_TCB_STATUS)
    return claims.tcb_status


def check_advisories(claims: Claims, build: Build) -> str:
    """Check 13: every advisory is judged harmless for this very build."""
    _require(claims.advisory_ids <= build.allow_advisories, ErrorCode.E_ADVISORY)
    return f"{len(claims.advisory_ids)} apply, all allowed for this build"


def check_rollback(offered: SeenCollateral, seen: SeenCollateral, rule: WorkerRule) -> str:
    """Check 15: no number or date of the collateral went back."""
    numbers = (offered.tcb_evaluation, offered.qe_evaluation)
    fine = (
        min(numbers) >= rule.min_tcb_evaluation
        and max(numbers) - min(numbers) <= _MAX_EVALUATION_GAP
        and not seen.goes_back(offered)
    )
    _require(fine, ErrorCode.E_COLLATERAL_ROLLBACK)
    return f"evaluation numbers {numbers[0]} and {numbers[1]}"


def check_platform(claims: Claims, rule: WorkerRule) -> str:
    """Check 17: a listed platform of an allowed kind."""
    if rule.platforms:
        _require(ppid_sha256(claims.ppid) in rule.platforms, ErrorCode.E_PLATFORM)
    smt = {
        Smt.FORBID: ("False",),
        Smt.UNDEFINED_OK: ("False", "Undefined"),
        Smt.ALLOW: ("False", "Undefined", "True"),
    }[rule.smt]
    fine = (
        claims.sgx_type in rule.sgx_types
        and claims.smt_enabled in smt
        and (rule.allow_dynamic_platform or claims.dynamic_platform != "True")
        and (rule.allow_cached_keys or claims.cached_keys != "True")
    )
    _require(fine, ErrorCode.E_PLATFORM)
    return "listed" if rule.platforms else "no list, simulated"


def library_policy(rule: WorkerRule) -> LibraryPolicy:
    """Return the part of a rule that the library can judge by itself."""
    return LibraryPolicy(
        tcb_status=rule.tcb_status,
        grace_s=rule.out_of_date_grace_s if OUT_OF_DATE in rule.tcb_status else 0,
        min_tcb_evaluation=rule.min_tcb_evaluation,
        sgx_types=rule.sgx_types,
        allow_dynamic_platform=rule.allow_dynamic_platform,
        allow_cached_keys=rule.allow_cached_keys,
        allow_smt=rule.smt is Smt.ALLOW,
    )
