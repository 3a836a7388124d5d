"""One judgement of one quote: the common path of certificate, fresh answer and receipt.

    form -> root -> platform chain -> collateral -> cryptography -> policy -> (caller: freshness)

The first refusal ends it. The object is used once and by one thread.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest import checks
from EncryptSecureRTLib.attest.collateral import (
    Collateral,
    PckChain,
    check_collateral,
    ppid_sha256,
    read_collateral,
    read_pck_chain,
    to_seconds,
)
from EncryptSecureRTLib.attest.memory import CollateralStore, SeenCollateral
from EncryptSecureRTLib.attest.policy import Build, Policy, WorkerRule
from EncryptSecureRTLib.attest.quote import Quote
from EncryptSecureRTLib.attest.qvl import Claims, Evidence
from EncryptSecureRTLib.attest.roots import INTEL_ROOT_KEY_ID, RootKind, root_key_id
from EncryptSecureRTLib.attest.verdict import RowBook, Verdict, VerdictKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a judgement is made.

    `floor` is a time already proved, None where the moment itself is given (an archived receipt).
    """

    system: datetime
    floor: datetime | None

    @property
    def now(self) -> datetime:
        """The later of both: a clock that is behind makes nothing young again."""
        return self.system if self.floor is None else max(self.system, self.floor)

    def check(self) -> None:
        """Check 16: the clock is not behind a time already proved."""
        skew = timedelta(seconds=LIMITS.clock_skew_s)
        if self.floor is not None and self.system < self.floor - skew:
            raise EncryptSecureRTError(ErrorCode.E_CLOCK)


@dataclass(slots=True, kw_only=True)
class Judgement:
    """What is known so far. `archived` judges at a past moment and takes no note of it."""

    kind: VerdictKind
    policy: Policy
    store: CollateralStore
    moment: Moment
    archived: bool = False
    book: RowBook = field(default_factory=RowBook)
    spki: bytes | None = None
    quote: Quote | None = None
    root: RootKind | None = None
    rule: WorkerRule | None = None
    build: Build | None = None
    chain: PckChain | None = None
    collateral: Collateral | None = None
    claims: Claims | None = None
    row: int | None = None

    def run(self, *steps: Callable[[], None]) -> Verdict:
        """Run the steps and return the verdict."""
        code = None
        try:
            for step in steps:
                self.row = None
                step()
        except EncryptSecureRTError as error:
            self.book.failed(error, self.row)
            code = error.code
        return self._verdict(code)

    def known_quote(self) -> Quote:
        """Return the quote that a step before has read."""
        if self.quote is None:
            raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "judgement out of order")
        return self.quote

    def judge_quote(self, quote: Quote, collateral_octets: bytes | None) -> None:
        """Make checks 4 to 17 of a quote whose form and binding are right.

        Parameters
        ----------
        quote : Quote
        collateral_octets : bytes or None
            Collateral that came with the quote; None takes the stored one.
        """
        self.quote = quote
        self.rule, root = checks.choose_rule(self.policy, quote)
        self.root = root
        self.chain = read_pck_chain(quote, root)
        self.collateral = self._collateral(self.chain, collateral_octets)
        self._check_root(self.collateral, root)
        check_collateral(
            self.collateral,
            self.chain,
            root,
            self.moment.now,
            self.policy.max_collateral_age_s,
        )
        evidence = Evidence(
            quote.octets,
            self.collateral.octets.decode("utf-8"),
            self.collateral.root_der if root is RootKind.SIMULATED else None,
            to_seconds(self.moment.now),
        )
        self._check_proved(quote, self.collateral, root, evidence)

    def _collateral(self, chain: PckChain, octets: bytes | None) -> Collateral:
        if octets is None:
            octets = self.store.load(chain.platform.fmspc, chain.ca)
        if octets is None:
            raise EncryptSecureRTError(ErrorCode.E_COLLATERAL_FORMAT, "none is stored")
        return read_collateral(octets)

    def _check_root(self, collateral: Collateral, root: RootKind) -> None:
        allowed = frozenset({INTEL_ROOT_KEY_ID})
        if root is RootKind.SIMULATED and self.rule is not None:
            allowed = frozenset({self.rule.simulated_root_key_id})
        elif root is RootKind.SIMULATED:
            allowed = self.policy.simulated_root_key_ids
        if root_key_id(collateral.root) not in allowed:
            raise EncryptSecureRTError(ErrorCode.E_ROOT)

    def _check_proved(
        self, quote: Quote, collateral: Collateral, root: RootKind, evidence: Evidence
    ) -> None:
        claims = self.claims = evidence.verify()
        if claims.root_key_id != root_key_id(collateral.root):
            raise EncryptSecureRTError(ErrorCode.E_ROOT)
        if claims.qe_status != "UpToDate":
            raise EncryptSecureRTError(ErrorCode.E_QE_IDENTITY)
        book = self.book
        book.passed(4, root.value)
        for row in (5, 6, 7, 8):
            book.passed(row)
        checks.check_attributes(quote, self.rule)
        book.passed(9)
        checks.check_kss(quote, self.rule)
        book.passed(10)
        self.rule, self.build = checks.check_measurement(quote, self.rule)
        book.passed(11)
        book.passed(12, checks.check_tcb_status(claims, self.rule, self.moment.now))
        book.passed(13, checks.check_advisories(claims, self.build))
        book.passed(14)
        self._check_rollback(claims, collateral, self.rule)
        self._check_clock()
        book.passed(17, checks.check_platform(claims, self.rule))
        evidence.agrees(checks.library_policy(self.rule))

    def _check_rollback(self, claims: Claims, collateral: Collateral, rule: WorkerRule) -> None:
        # An archived receipt's collateral is older than today's by nature.
        seen = SeenCollateral() if self.archived else self.store.seen(collateral)
        offered = SeenCollateral.of(collateral, claims)
        self.book.passed(15, checks.check_rollback(offered, seen, rule))

    def _check_clock(self) -> None:
        if self.archived:
            self.book.not_applicable(16, "judged at a past moment")
            return
        self.moment.check()
        self.book.passed(16)

    def remember_collateral(self) -> None:
        """Keep the proved collateral; last step, so that a refused verdict leaves no trace."""
        if not self.archived and self.collateral is not None and self.claims is not None:
            self.store.raise_seen(self.collateral, self.claims)

    def _verdict(self, code: ErrorCode | None) -> Verdict:
        quote, claims, chain = self.quote, self.claims, self.chain
        return Verdict(
            kind=self.kind,
            accepted=code is None,
            simulated=self.root is RootKind.SIMULATED,
            code=code,
            rows=self.book.rows(),
            judged_at=self.moment.now,
            policy_sha256=self.policy.sha256,
            spki_sha256=hashlib.sha256(self.spki).hexdigest() if self.spki else "",
            measurement=quote.mrenclave.hex() if quote else "",
            mrsigner=quote.mrsigner.hex() if quote else "",
            isvprodid=quote.isvprodid if quote else 0,
            isvsvn=quote.isvsvn if quote else 0,
            worker_name=self.rule.name if self.rule else "",
            build_label=self.build.label if self.build else "",
            tcb_status=claims.tcb_status if claims else "",
            advisory_ids=tuple(sorted(claims.advisory_ids)) if claims else (),
            fmspc=chain.platform.fmspc.hex() if chain else "",
            platform=ppid_sha256(claims.ppid) if claims else "",
            root_key_id=claims.root_key_id if claims else "",
            quote_sha256=quote.replay_key.hex() if quote else "",
            warnings=self.policy.warnings,
        )
