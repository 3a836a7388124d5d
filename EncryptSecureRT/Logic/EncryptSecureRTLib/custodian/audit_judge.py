"""Judging the auditor's copy: by itself, and against receipts. The names are in `audit_findings`.

A receipt names the head after its own `job-finished` line. Where that head is in none of its
instance's chains, either the copy ends before it, or the line is gone from the history:

    the receipt's start is followed by another in a chain    that start wrote its last line already
    the newest line is later than the receipt                by the worker's own times
    the copy was brought up to the worker just now           and the receipts were read before that
    the receipt came before the last fetch                   by the clocks of its user and auditor

Each of these says that the line should be there. The first two hang on the worker's starts and
clock, both in the hands of its host, the others do not: two workers from one state, of which the
auditor only meets one with a slow clock, are told by them alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from encryptsecurert_protocol.audit import AuditEvent, AuditLine
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.statement import Statement
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.receipts import MAX_RECEIPT_BYTES, archived_policy, judge_receipt
from EncryptSecureRTLib.client.trust import past_verifier
from EncryptSecureRTLib.custodian import audit_findings as findings
from EncryptSecureRTLib.custodian.audit_chain import line_head
from EncryptSecureRTLib.custodian.audit_findings import Finding, Name
from EncryptSecureRTLib.custodian.audit_log import AuditLog, Instance
from EncryptSecureRTLib.custodian.audit_notes import proved_arrival

_RECEIPT_FILE = "receipt.json"
_BEHIND = (
    "A receipt is newer than the copy, as far as can be told: fetch, then compare again. One that "
    "stays behind after a later fetch is a fork or rollback."
)


def judge_log(log: AuditLog) -> list[Finding]:
    """Say what the copy shows by itself; nothing is asked of a worker."""
    found = []
    for instance in log.instances:
        if instance.place > 1:
            found.append(findings.reset(instance.place, instance.instance_id))
        for index, branch in enumerate(instance.branches):
            chain = branch.chain
            if chain.damaged_at is not None:
                found.append(findings.damaged_copy(chain.damaged_at, chain.path.name))
            if index > 0:
                found.append(_branching(instance, index))
    return found


def _branching(instance: Instance, index: int) -> Finding:
    """Say how a chain came to leave the one before it with which it has most in common."""
    branch = instance.branches[index]
    chain = branch.chain
    earlier = [other.chain for other in instance.branches[:index]]
    parent = max(earlier, key=chain.common_with)
    common = chain.common_with(parent)
    left, wrote = parent.n - common, chain.n - common
    went_on = parent.n > branch.other_n
    both_at_once = wrote > 0 and parent.newest_s(common) > chain.time_s(common + 1)
    if went_on or both_at_once:
        return findings.forked(common, left, wrote, chain.path.name)
    return findings.rolled_back(common, left, wrote, chain.path.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedReceipt:
    """A receipt file as it was read.

    Attributes
    ----------
    body : None if nothing in it can be believed.
    received_at : when it came, by its user's clock, if a note beside it proves that.
    """

    sha256: str
    body: ReceiptBody | None
    received_at: datetime | None


OpenReceipt = Callable[[bytes, Path], ReceiptBody]


def signed_body(octets: bytes, _folder: Path) -> ReceiptBody:
    """Return what a receipt says, signed by the key that its own statement names.

    The quote is not judged: whoever forges a whole receipt can raise an alarm, but hide nothing.
    """
    receipt = Receipt.decode(octets)
    statement = Statement.decode(receipt.statement)
    body = receipt.verified_body(statement.receipt_key)
    if (body.instance_id, body.start_id) != (statement.instance_id, statement.start_id):
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
    return body


def attested_body(home: ClientHome) -> OpenReceipt:
    """Return an opener that also judges the quote, by the policy that is archived beside it."""

    def opened(octets: bytes, folder: Path) -> ReceiptBody:
        claimed = signed_body(octets, folder).time_claimed
        archived = archived_policy(folder)
        if archived is None:
            raise EncryptSecureRTError(ErrorCode.E_POLICY_MISSING)
        return judge_receipt(octets, claimed, past_verifier(home, *archived, claimed)).body

    return opened


def read_receipts(folders: Sequence[Path], open_receipt: OpenReceipt) -> list[ClaimedReceipt]:
    """Read every `receipt.json` at or below the folders, each receipt once.

    Of several notes beside one receipt, the earliest counts.
    """
    read: dict[str, ClaimedReceipt] = {}
    for path in _receipt_files(folders):
        octets = read_whole(path, MAX_RECEIPT_BYTES)
        if octets is None:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
        sha256 = line_head(octets)
        known = read.get(sha256)
        body = None if known is None else known.body
        times = [] if known is None or known.received_at is None else [known.received_at]
        if body is None:
            body = _believed(open_receipt, octets, path.parent)
        if body is not None:
            noted = proved_arrival(path.parent, sha256, body.certificate)
            times += [] if noted is None else [noted]
        received_at = min(times, default=None)
        read[sha256] = ClaimedReceipt(sha256=sha256, body=body, received_at=received_at)
    return list(read.values())


def _believed(open_receipt: OpenReceipt, octets: bytes, folder: Path) -> ReceiptBody | None:
    try:
        return open_receipt(octets, folder)
    except EncryptSecureRTError:
        return None


def _receipt_files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if not folder.is_dir():
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
        yield from sorted(folder.rglob(_RECEIPT_FILE))


def judge_receipts(
    log: AuditLog, receipts: Sequence[ClaimedReceipt], current: str | None
) -> list[Finding]:
    """Say which receipts the chains do not bear out.

    Parameters
    ----------
    current : str, optional
        The instance whose copy was brought up to its worker after the receipts were read.
    """
    found = []
    for receipt in receipts:
        if receipt.body is None:
            found.append(_bad(receipt.sha256, "is no receipt, or not one that verifies"))
    known = {instance.instance_id: instance for instance in log.instances}
    for instance_id, instance in known.items():
        wanted = [r for r in receipts if r.body is not None and r.body.instance_id == instance_id]
        found += _judge_instance(instance, wanted, live=instance_id == current)
    for receipt in receipts:
        if receipt.body is not None and receipt.body.instance_id not in known:
            sentence = "A receipt is of a state folder that this log never met."
            numbers: dict[str, int | str] = {"receipt": receipt.sha256}
            numbers["instance_id"] = receipt.body.instance_id
            found.append(Finding(name=Name.FOREIGN_RECEIPT, sentence=sentence, numbers=numbers))
    return found


def _judge_instance(
    instance: Instance, receipts: Sequence[ClaimedReceipt], *, live: bool
) -> Iterator[Finding]:
    heads = {receipt.body.audit_head for receipt in receipts if receipt.body is not None}
    lines: dict[str, AuditLine] = {}
    for branch in instance.branches if heads else ():
        for line in branch.chain.lines():
            head = branch.chain.head_at(line.n)
            if head in heads:
                lines[head] = line
    for receipt in receipts:
        body = receipt.body
        if body is None:
            continue
        named = lines.get(body.audit_head)
        if named is None:
            yield _absent(instance, receipt, body, live=live)
        elif not _tells_of(named, body):
            yield _bad(receipt.sha256, f"names line {named.n}, which tells of something else")


def _tells_of(line: AuditLine, body: ReceiptBody) -> bool:
    return (
        line.event is AuditEvent.JOB_FINISHED
        and line.user == body.user
        and line.epoch == body.epoch
        and line.start_id == body.start_id
        and line.digest == body.job_sha256
    )


def _bad(sha256: str, what: str) -> Finding:
    numbers = {"receipt": sha256}
    return Finding(name=Name.BAD_RECEIPT, sentence=f"A receipt file {what}.", numbers=numbers)


def _absent(
    instance: Instance, receipt: ClaimedReceipt, body: ReceiptBody, *, live: bool
) -> Finding:
    chains = [branch.chain for branch in instance.branches]
    last = max((chain.starts.get(body.start_id, 0) for chain in chains), default=0)
    over = any(0 < chain.starts.get(body.start_id, 0) < chain.n for chain in chains)
    later = max(chain.newest_s() for chain in chains) > _seconds(body.time_claimed)
    missed = _came_before_the_last_fetch(instance, receipt)
    numbers: dict[str, int | str] = {
        "receipt": receipt.sha256,
        "start_id": body.start_id,
        "time_claimed": time_text(body.time_claimed),
        "last_line_of_start": last,
    }
    for name, moment in (("received_at", receipt.received_at), ("fetched_at", instance.fetched_at)):
        if moment is not None:
            numbers[name] = time_text(moment)
    if not (over or later or live or missed):
        return Finding(name=Name.BEHIND, sentence=_BEHIND, numbers=numbers)
    what = f"a head that is in no chain, of a start whose last line is {last}"
    if last == 0:
        what = "a start that is in no chain"
    came = " that came before the last fetch" if missed else ""
    sentence = f"A receipt{came} names {what}: fork or rollback."
    return Finding(name=Name.FORKED, sentence=sentence, numbers=numbers)


def _came_before_the_last_fetch(instance: Instance, receipt: ClaimedReceipt) -> bool:
    if receipt.received_at is None or instance.fetched_at is None:
        return False
    return instance.fetched_at - receipt.received_at > timedelta(seconds=LIMITS.clock_skew_s)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
