"""The verifier: the one door through which evidence becomes a verdict.

    verdict = verifier.judge_certificate(der)                after the handshake, nothing sent yet
    nonce   = 32 random octets                               the one question that may be sent then
    verdict, statement = verifier.judge_fresh(...)           before any job data

A fresh answer counts only for a key whose certificate this verifier accepted, for a nonce not used
before and at most 60 s old, and for the same enclave as in the certificate.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.statement import NONCE_BYTES, Kind, Statement, fresh_report_data
from EncryptSecureRTLib.attest.judgement import Judgement, Moment
from EncryptSecureRTLib.attest.memory import CollateralStore, ReplayCache, SiteMemory
from EncryptSecureRTLib.attest.policy import Policy
from EncryptSecureRTLib.attest.quote import Quote, read_quote
from EncryptSecureRTLib.attest.ratls import read_ratls_certificate
from EncryptSecureRTLib.attest.roots import RootKind
from EncryptSecureRTLib.attest.verdict import SITE_ROW, Verdict, VerdictKind

_KEPT_KEYS = 1024


def utc_now() -> datetime:
    """Return the system's time, aware."""
    return datetime.now(UTC)


class Verifier:
    """Judges evidence under one policy.

    Parameters
    ----------
    policy : Policy
    store : CollateralStore
        Collateral for certificates comes from here and from nowhere else.
    replay : ReplayCache
        Shared by all verifiers of a process.
    sites : SiteMemory
    clock, monotonic : callable
        The system's time (aware) and a clock for ages (seconds).
    """

    def __init__(
        self,
        *,
        policy: Policy,
        store: CollateralStore,
        replay: ReplayCache,
        sites: SiteMemory,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._store = store
        self._replay = replay
        self._sites = sites
        self._clock = clock
        self._monotonic = monotonic
        self._attested: OrderedDict[bytes, tuple[bytes, bytes]] = OrderedDict()

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    def _judgement(self, kind: VerdictKind, at: datetime | None = None) -> Judgement:
        if at is not None:
            moment = Moment(system=at, floor=None)
        else:
            floor = self._store.clock_floor()
            if self._policy.clock_floor is not None:
                floor = max(floor, self._policy.clock_floor)
            moment = Moment(system=self._clock(), floor=floor)
        return Judgement(
            kind=kind,
            policy=self._policy,
            store=self._store,
            moment=moment,
            archived=at is not None,
        )

    def judge_certificate(self, der: bytes) -> Verdict:
        """Judge the certificate of a peer, with stored collateral only."""
        judgement = self._judgement(VerdictKind.CERTIFICATE)

        def form_and_binding() -> None:
            evidence = read_ratls_certificate(der)
            judgement.spki, judgement.quote = evidence.spki, evidence.quote
            for row in (1, 2, 3):
                judgement.book.passed(row)

        def quote() -> None:
            judgement.judge_quote(judgement.known_quote(), None)
            judgement.book.not_applicable(18, "a certificate's quote is the same each time")
            judgement.book.not_applicable(SITE_ROW, "a certificate has no statement")

        verdict = judgement.run(form_and_binding, quote, judgement.remember_collateral)
        if verdict.accepted and judgement.spki is not None and judgement.quote is not None:
            self._remember_key(judgement.spki, judgement.quote)
        return verdict

    def judge_fresh(
        self,
        *,
        spki_der: bytes,
        nonce: bytes,
        issued_at: float,
        evidence: EvidenceAnswer,
        allow_unprovisioned: bool = False,
    ) -> tuple[Verdict, Statement | None]:
        """Judge a worker's answer to a nonce.

        Parameters
        ----------
        spki_der : bytes
            The key of this connection, as it stands in its certificate.
        nonce : bytes
            The 32 octets that were sent; used up by this call whatever its outcome.
        issued_at : float
            When the nonce was made, on the `monotonic` clock.
        evidence : EvidenceAnswer
        allow_unprovisioned : bool
            Accept a worker without site keys or with an older bundle: for the custodian who
            provisions it.

        Returns
        -------
        Verdict, Statement or None
            The statement only with an accepted verdict.
        """
        unused = len(nonce) == NONCE_BYTES and self._replay.use_nonce(nonce)
        young = 0 <= self._monotonic() - issued_at <= LIMITS.evidence_nonce_s
        judgement = self._judgement(VerdictKind.FRESH)
        answer = _Answer(judgement, spki_der, nonce, evidence, self._replay)

        def freshness() -> None:
            judgement.row = 18
            quote = judgement.known_quote()
            if not self._replay.use_quote(quote.replay_key):
                raise EncryptSecureRTError(ErrorCode.E_REPLAY)
            if not (unused and young):
                raise EncryptSecureRTError(ErrorCode.E_NONCE)
            if self._attested.get(spki_der) != _identity(quote):
                raise EncryptSecureRTError(ErrorCode.E_SESSION)
            judgement.book.passed(18)

        def site() -> None:
            statement = answer.check_statement()
            self._check_site(judgement, statement, allow_unprovisioned=allow_unprovisioned)

        return answer.verdict(freshness, site, judgement.remember_collateral)

    def judge_receipt_quote(
        self,
        *,
        spki_der: bytes,
        nonce: bytes,
        evidence: EvidenceAnswer,
        at: datetime,
    ) -> tuple[Verdict, Statement | None]:
        """Judge the quote inside an archived receipt as of a moment; nothing is remembered.

        With `evidence.collateral` None the stored collateral is taken, which is how an old receipt
        is judged under today's knowledge.
        """
        judgement = self._judgement(VerdictKind.RECEIPT, at)
        answer = _Answer(judgement, spki_der, nonce, evidence, None)

        def freshness() -> None:
            judgement.book.not_applicable(18, "an archived receipt is judged more than once")

        def site() -> None:
            statement = answer.check_statement()
            self._check_site(judgement, statement, allow_unprovisioned=False)

        return answer.verdict(freshness, site)

    def _remember_key(self, spki: bytes, quote: Quote) -> None:
        self._attested[spki] = _identity(quote)
        while len(self._attested) > _KEPT_KEYS:
            self._attested.popitem(last=False)

    def _check_site(
        self, judgement: Judgement, statement: Statement, *, allow_unprovisioned: bool
    ) -> None:
        bundle = statement.bundle
        if bundle is None:
            if not allow_unprovisioned:
                raise EncryptSecureRTError(ErrorCode.E_NOT_PROVISIONED)
            judgement.book.passed(SITE_ROW, "no site keys yet, as allowed")
            return
        # A policy that pins no site accepts none.
        if bundle.site_key_id != self._policy.site_key:
            raise EncryptSecureRTError(ErrorCode.E_SITE)
        if not judgement.archived and not allow_unprovisioned:
            self._sites.remember(bundle.site_key_id, bundle.epoch, statement.audit_head)
        judgement.book.passed(SITE_ROW, f"epoch {bundle.epoch}")


def _identity(quote: Quote) -> tuple[bytes, bytes]:
    return quote.mrenclave, quote.mrsigner


class _Answer:
    """A fresh answer, or a receipt's, on its way through a judgement."""

    def __init__(
        self,
        judgement: Judgement,
        spki: bytes,
        nonce: bytes,
        evidence: EvidenceAnswer,
        replay: ReplayCache | None,
    ) -> None:
        self.judgement = judgement
        self.statement: Statement | None = None
        self._nonce = nonce
        self._evidence = evidence
        self._replay = replay
        judgement.spki = spki

    def verdict(self, *last_steps: Callable[[], None]) -> tuple[Verdict, Statement | None]:
        """Run the whole judgement, ending with `last_steps`."""
        verdict = self.judgement.run(self._form_and_binding, self._quote, *last_steps)
        return verdict, self.statement if verdict.accepted else None

    def _form_and_binding(self) -> None:
        judgement, spki = self.judgement, self.judgement.spki or b""
        quote = judgement.quote = read_quote(self._evidence.quote)
        judgement.book.passed(1)
        judgement.book.not_applicable(2, "the certificate has its own verdict")
        statement = self._evidence.statement
        if quote.report_data != fresh_report_data(spki, self._nonce, statement):
            # An answer to another question of ours deserves its own name.
            for other in self._replay.recent_nonces() if self._replay else ():
                if quote.report_data == fresh_report_data(spki, other, statement):
                    judgement.row = 18
                    raise EncryptSecureRTError(ErrorCode.E_NONCE)
            raise EncryptSecureRTError(ErrorCode.E_BINDING)
        judgement.book.passed(3)

    def _quote(self) -> None:
        self.judgement.judge_quote(self.judgement.known_quote(), self._evidence.collateral)

    def check_statement(self) -> Statement:
        """Decode what the quote is bound to, and compare it with what was proved."""
        judgement = self.judgement
        judgement.row = SITE_ROW
        statement = Statement.decode(self._evidence.statement)
        simulated = judgement.root is RootKind.SIMULATED
        if (
            statement.measurement != judgement.known_quote().mrenclave.hex()
            or (statement.kind is Kind.SIMULATED) != simulated
            or int(statement.hpke_suite) not in judgement.policy.suites
        ):
            raise EncryptSecureRTError(ErrorCode.E_STATEMENT)
        self.statement = statement
        return statement
