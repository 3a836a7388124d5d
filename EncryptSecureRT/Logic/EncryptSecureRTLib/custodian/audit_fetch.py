"""Fetching: from the worker's sealed pages to the auditor's own copy.

First it is found out which of the known chains the worker is on. If it is on none, the last line in
common is searched for, by halves, since one line's head vouches for all lines before it; what the
worker wrote after it becomes a chain of its own. Only then are new lines taken, page by page, each
checked and on the disk before the next is asked for.

The worker's answers come over an attested channel, and are bounded and checked all the same.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from encryptsecurert_protocol.audit import (
    MAX_PAGE_BYTES,
    AuditLine,
    AuditPage,
    open_audit_line,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_protocol.statement import Statement
from EncryptSecureRTLib.custodian import audit_findings as findings
from EncryptSecureRTLib.custodian.audit_chain import Chain, last_common, line_head
from EncryptSecureRTLib.custodian.audit_findings import Fault, Finding
from EncryptSecureRTLib.custodian.audit_log import AuditLog, Instance

MAX_PAGES = 4096


class AuditChannel(Protocol):
    """What of a client's channel is used here."""

    @property
    def statement(self) -> Statement:
        """What the verified worker says of itself."""

    def download(self, path: str, max_bytes: int) -> bytes | bytearray:
        """Return the octets of an answer."""


class Pages:
    """The worker's pages, each sound in itself and with the ones before.

    `after` and what it answered are remembered once, since a look is often followed by a reading.
    """

    def __init__(self, channel: AuditChannel) -> None:
        self._channel = channel
        self._n = 0
        self._kept: tuple[int, AuditPage] | None = None
        self.octets = b""

    @property
    def instance_id(self) -> str:
        """The state folder that the worker proved to have."""
        return self._channel.statement.instance_id

    def after(self, n: int) -> AuditPage:
        """Ask for the lines after line `n`.

        Raises
        ------
        EncryptSecureRTError
            E_FORMAT for a page of another instance or start than the attested one, that goes
            back, or that holds more lines than it counts; E_BUSY if there are lines and it
            gives none; E_TOO_LARGE; what the channel raises.
        """
        if self._kept is not None and self._kept[0] == n:
            return self._kept[1]
        octets = self._octets(f"/v1/audit?after={n}")
        page = AuditPage.decode(octets)
        statement = self._channel.statement
        if (page.instance_id, page.start_id) != (statement.instance_id, statement.start_id):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT, "a page of another worker")
        if page.n < self._n:
            raise EncryptSecureRTError(ErrorCode.E_FORMAT, "the log became shorter meanwhile")
        if len(page.lines) > max(0, page.n - n):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT, "more lines than the worker counts")
        if page.n > n and not page.lines:
            detail = "the worker has lines that it cannot give now"
            raise EncryptSecureRTError(ErrorCode.E_BUSY, detail)
        self._n, self._kept, self.octets = page.n, (n, page), octets
        return page

    def _octets(self, path: str) -> bytes:
        try:
            return bytes(self._channel.download(path, MAX_PAGE_BYTES))
        except EncryptSecureRTError as error:
            if error.code is ErrorCode.E_RESULT:  # how a download says that it is too long
                raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE) from None
            raise


class _Reader:
    """Opens the lines of pages; whatever is wrong with one is a `Fault`."""

    def __init__(self, pages: Pages, auditor: HpkeKeyPair) -> None:
        self._pages = pages
        self._auditor = auditor

    def line(self, page: AuditPage, after: int, index: int) -> tuple[AuditLine, bytes]:
        """Open line `after + 1 + index`."""
        n = after + 1 + index
        octets = self._opened(page, n, page.lines[index])
        try:
            line = AuditLine.decode(octets)
        except EncryptSecureRTError:
            raise Fault(findings.damaged(n, "does not decode")) from None
        if line.n != n:
            raise Fault(findings.damaged(n, "has another number inside"))
        return line, octets

    def _opened(self, page: AuditPage, n: int, sealed: bytes) -> bytes:
        octets = self._try(page, n, sealed)
        if octets is not None:
            return octets
        for other in range(max(1, n - LIMITS.audit_lines), n + LIMITS.audit_lines + 1):
            if other != n and self._try(page, other, sealed) is not None:
                if other > n:
                    raise Fault(findings.cut(n, other - 1, inside=True))
                raise Fault(findings.damaged(n, f"is line {other} once more"))
        what = "does not open: it was changed, or is sealed to another auditor key"
        raise Fault(findings.damaged(n, what))

    def _try(self, page: AuditPage, n: int, sealed: bytes) -> bytes | None:
        try:
            return open_audit_line(sealed, n, page.instance_id, self._auditor)
        except EncryptSecureRTError:
            return None

    def head_at(self, n: int) -> str:
        """Return the head after the worker's line `n`."""
        return line_head(self.line(self._pages.after(n - 1), n - 1, 0)[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """How far the worker agrees with a chain, and how long its own was then."""

    common: int
    worker_n: int


def _place(pages: Pages, reader: _Reader, chain: Chain) -> _Place:
    page = pages.after(chain.n)
    if page.n <= chain.n:
        same = page.head == chain.head_at(page.n)
    else:
        same = reader.line(page, chain.n, 0)[0].prev == chain.head_at(chain.n)
    shorter = min(page.n, chain.n)
    if same:
        return _Place(common=shorter, worker_n=page.n)
    common = last_common(shorter, lambda n: reader.head_at(n) == chain.head_at(n))
    if common == page.n:
        raise Fault(findings.damaged(max(1, common), "is not the head that it names"))
    return _Place(common=common, worker_n=page.n)


def _settle(instance: Instance, pages: Pages, reader: _Reader) -> Finding | None:
    """Make the chain that the worker is on the present one, or say that lines are gone."""
    order = sorted(range(len(instance.branches)), key=lambda i: i != instance.current)
    best: tuple[int, _Place] | None = None
    for index in order:
        chain = instance.branches[index].chain
        place = _place(pages, reader, chain)
        if place.common == chain.n:
            if index != instance.current:
                instance.go_on_with(index)
            return None
        if best is None or place.common > best[1].common:
            best = index, place
    if best is None:
        raise EncryptSecureRTError(ErrorCode.E_INTERNAL)
    index, place = best
    if place.common == place.worker_n:
        return findings.cut(place.common + 1, instance.branches[index].chain.n)
    page = pages.after(place.common)
    first, _ = reader.line(page, place.common, 0)
    instance.branch_off(index, place.common, first.start_id)
    return None


def _extend(instance: Instance, pages: Pages, reader: _Reader) -> None:
    """Take what is new, page by page, up to where the first page said that the worker is."""
    named: dict[int, str] = {}
    target = 0
    for _ in range(MAX_PAGES):
        chain = instance.chain
        after = chain.n
        page = pages.after(after)
        named[page.n] = page.head
        target = target or page.n
        lines, fault = _following(page, after, chain.head_at(after), reader)
        if lines:
            instance.append(lines)
        if fault is not None:
            raise fault
        for n, head in named.items():
            if n <= chain.n and chain.head_at(n) != head:
                raise Fault(findings.damaged(max(1, n), "is not the head that it names"))
        if chain.n >= target:
            return
    raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, "fetch again for the lines that are left")


def _following(
    page: AuditPage, after: int, head: str, reader: _Reader
) -> tuple[list[tuple[AuditLine, bytes]], Fault | None]:
    """Return the lines of a page up to the first that is not right, and what is wrong with it."""
    lines: list[tuple[AuditLine, bytes]] = []
    try:
        for index in range(len(page.lines)):
            line, octets = reader.line(page, after, index)
            if line.prev != head:
                what = "does not follow the one before it"
                raise Fault(findings.damaged(line.n, what))
            lines.append((line, octets))
            head = line_head(octets)
    except Fault as fault:
        return lines, fault
    return lines, None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a fetch brought: new lines from `first` on, and what was found at once."""

    instance: Instance
    first: int
    findings: tuple[Finding, ...]


def fetch(
    log: AuditLog, channel: AuditChannel, auditor: HpkeKeyPair, begun_at: datetime
) -> Fetched:
    """Bring the auditor's copy up to the worker's chain, as far as it can be read.

    Parameters
    ----------
    begun_at : a moment of the auditor's own clock, before the worker is asked for anything. It is
        kept if all that the worker had could be taken.

    Raises
    ------
    EncryptSecureRTError
        What `Pages.after` raises; E_AUDIT if the log is not whole; E_LOCAL_FILE.
    """
    pages = Pages(channel)
    reader = _Reader(pages, auditor)
    instance = log.instance(pages.instance_id)
    found: list[Finding] = []
    if instance.place < len(log.instances):
        found.append(
            findings.returned(instance.place, len(log.instances), instance.instance_id),
        )
    if any(branch.chain.damaged_at is not None for branch in instance.branches):
        return Fetched(instance=instance, first=instance.chain.n + 1, findings=tuple(found))
    known = {branch.chain.path.name: branch.chain.n for branch in instance.branches}
    try:
        gone = _settle(instance, pages, reader)
        if gone is None:
            _extend(instance, pages, reader)
            instance.brought_up(begun_at)
        else:
            found.append(gone)
    except Fault as fault:
        found.append(fault.finding)
        number = fault.finding.numbers.get("line", fault.finding.numbers.get("first", 0))
        instance.keep_page(int(number), pages.octets)
    first = known.get(instance.chain.path.name, instance.branches[-1].chain.committed.n) + 1
    return Fetched(instance=instance, first=first, findings=tuple(found))
