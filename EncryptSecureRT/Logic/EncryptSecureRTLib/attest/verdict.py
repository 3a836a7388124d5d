"""The verdict: accepted or not, and one row for each check, for the panel and the audit log."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text


class VerdictKind(Enum):
    """What was judged."""

    CERTIFICATE = "certificate"
    FRESH = "fresh"
    RECEIPT = "receipt"


class Outcome(Enum):
    """How a check ended. Only the first two go with an accepted verdict."""

    PASS = "pass"  # noqa: S105  # not a password
    NOT_APPLICABLE = "not-applicable"  # there is nothing of this kind in such evidence
    FAIL = "fail"
    NOT_REACHED = "not-reached"


CHECK_NAMES = {
    1: "quote is well-formed",
    2: "certificate carries its evidence",
    3: "quote is bound to this connection",
    4: "trust root",
    5: "certificate chains and roles",
    6: "revocation",
    7: "quoting enclave",
    8: "quote signature",
    9: "enclave attributes",
    10: "configuration identity",
    11: "measurement",
    12: "platform security state",
    13: "security advisories",
    14: "collateral is current",
    15: "collateral did not go back",
    16: "clock",
    17: "platform is listed",
    18: "fresh and not replayed",
    19: "statement and site",
}
SITE_ROW = 19

_ROW_OF_CODE = {
    code: row
    for row, codes in {
        1: (ErrorCode.E_QUOTE_FORMAT, ErrorCode.E_WRONG_TEE),
        2: (
            ErrorCode.E_TOO_LARGE,
            ErrorCode.E_CERT_DER,
            ErrorCode.E_CERT_SIG,
            ErrorCode.E_CERT_EVIDENCE,
            ErrorCode.E_CBOR,
            ErrorCode.E_CLAIMS,
        ),
        3: (ErrorCode.E_BINDING,),
        4: (ErrorCode.E_ROOT, ErrorCode.E_SIMULATED),
        5: (ErrorCode.E_PCK_CHAIN, ErrorCode.E_COLLATERAL_SIG),
        6: (ErrorCode.E_CRL, ErrorCode.E_REVOKED),
        7: (ErrorCode.E_QE_REPORT, ErrorCode.E_QE_IDENTITY),
        8: (ErrorCode.E_QUOTE_SIG, ErrorCode.E_VERIFY_OTHER),
        9: (ErrorCode.E_DEBUG, ErrorCode.E_ATTRIBUTES),
        10: (ErrorCode.E_KSS,),
        11: (ErrorCode.E_MEASUREMENT, ErrorCode.E_PRODSVN),
        12: (ErrorCode.E_TCB_STATUS,),
        13: (ErrorCode.E_ADVISORY,),
        14: (ErrorCode.E_COLLATERAL_EXPIRED, ErrorCode.E_COLLATERAL_FORMAT),
        15: (ErrorCode.E_COLLATERAL_ROLLBACK,),
        16: (ErrorCode.E_CLOCK,),
        17: (ErrorCode.E_PLATFORM,),
        18: (ErrorCode.E_NONCE, ErrorCode.E_REPLAY, ErrorCode.E_SESSION),
        19: (
            ErrorCode.E_STATEMENT,
            ErrorCode.E_VERSION,
            ErrorCode.E_SITE,
            ErrorCode.E_NOT_PROVISIONED,
        ),
    }.items()
    for code in codes
}
# Our own troubles: they end a judgement without a verdict.
_NOT_ABOUT_EVIDENCE = (ErrorCode.E_LOCAL_FILE, ErrorCode.E_INTERNAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One check of a verdict."""

    number: int
    name: str
    outcome: Outcome
    code: ErrorCode | None = None
    detail: str = ""


class RowBook:
    """Collects the rows while a judgement runs; what nobody entered is NOT_REACHED."""

    def __init__(self) -> None:
        self._rows: dict[int, CheckRow] = {}

    def _enter(
        self, number: int, outcome: Outcome, code: ErrorCode | None = None, detail: str = ""
    ) -> None:
        self._rows[number] = CheckRow(
            number=number,
            name=CHECK_NAMES[number],
            outcome=outcome,
            code=code,
            detail=detail,
        )

    def passed(self, number: int, detail: str = "") -> None:
        """Enter a check that was made and passed."""
        self._enter(number, Outcome.PASS, detail=detail)

    def not_applicable(self, number: int, detail: str) -> None:
        """Enter a check for which such evidence has nothing."""
        self._enter(number, Outcome.NOT_APPLICABLE, detail=detail)

    def failed(self, error: EncryptSecureRTError, row: int | None = None) -> None:
        """Enter the refusal; an error that is no verdict on evidence is raised again."""
        number = _ROW_OF_CODE.get(error.code) if row is None else row
        if number is None or error.code in _NOT_ABOUT_EVIDENCE:
            raise error
        self._enter(number, Outcome.FAIL, error.code, error.detail)

    def rows(self) -> tuple[CheckRow, ...]:
        """Return one row for each check, in their order."""
        for number in CHECK_NAMES:
            if number not in self._rows:
                self._enter(number, Outcome.NOT_REACHED)
        return tuple(self._rows[number] for number in CHECK_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found; accepted only if each check passed or has nothing to check.

    `simulated` comes from the root that the policy named. The values from `measurement` on are
    those of the evidence, empty where the judgement did not come so far; in a refused verdict they
    may be unproved.
    """

    kind: VerdictKind
    accepted: bool
    simulated: bool
    code: ErrorCode | None
    rows: tuple[CheckRow, ...]
    judged_at: datetime
    policy_sha256: str
    spki_sha256: str = ""
    measurement: str = ""
    mrsigner: str = ""
    isvprodid: int = 0
    isvsvn: int = 0
    worker_name: str = ""
    build_label: str = ""
    tcb_status: str = ""
    advisory_ids: tuple[str, ...] = ()
    fmspc: str = ""
    platform: str = ""
    root_key_id: str = ""
    quote_sha256: str = ""
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        fine = all(row.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) for row in self.rows)
        complete = tuple(row.number for row in self.rows) == tuple(CHECK_NAMES)
        if not complete or self.accepted != (self.code is None) or (self.accepted and not fine):
            raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "verdict contradicts its rows")

    def require(self) -> None:
        """Raise the refusal's error unless accepted."""
        if self.code is not None:
            raise EncryptSecureRTError(self.code)

    def to_json(self) -> dict[str, object]:
        """Return the verdict as JSON members, rows last."""
        return {
            "kind": self.kind.value,
            "accepted": self.accepted,
            "simulated": self.simulated,
            "code": self.code.name if self.code else None,
            "judged_at": time_text(self.judged_at),
            "policy_sha256": self.policy_sha256,
            "spki_sha256": self.spki_sha256,
            "measurement": self.measurement,
            "mrsigner": self.mrsigner,
            "isvprodid": self.isvprodid,
            "isvsvn": self.isvsvn,
            "worker_name": self.worker_name,
            "build_label": self.build_label,
            "tcb_status": self.tcb_status,
            "advisory_ids": list(self.advisory_ids),
            "fmspc": self.fmspc,
            "platform": self.platform,
            "root_key_id": self.root_key_id,
            "quote_sha256": self.quote_sha256,
            "warnings": list(self.warnings),
            "rows": [
                {
                    "number": row.number,
                    "name": row.name,
                    "outcome": row.outcome.value,
                    "code": row.code.name if row.code else None,
                    "detail": row.detail,
                }
                for row in self.rows
            ],
        }
