"""The audit chain of one state folder, kept sealed to the auditor across starts.

    journal   each line first, with the facts it tells of, in one entry: both are there or neither
    audit     the same lines, sealed to the auditor: records u32be length || sealed line

The file follows the journal and is brought up to it after a crash. A file that knows more than
the journal shows that the journal was cut or brought back: the worker refuses to start (E_STATE).
"""

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from encryptsecurert_protocol.audit import (
    MAX_SEALED_LINE_BYTES,
    AuditEvent,
    AuditLine,
    AuditPage,
    audit_genesis,
    seal_audit_line,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, MAX_INTEGER, Fields
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.vault.files import sync_file
from encryptsecurert_worker.vault.ledger import Change, Ledger
from encryptsecurert_worker.vault.time import WorkerTime

_FILE = "audit"
_KIND, _HEAD, _FILED = "audit", "head", "filed"
_MAX_PENDING = 64


def audit_exists(folder: Path) -> bool:
    """Tell whether a state folder has an audit file: a worker was provisioned on it once."""
    return (folder / _FILE).exists()


class AuditChain:
    """The chain; safe to use from several threads.

    Invariant: `n` and `head` are those of the newest line in the journal.
    """

    def __init__(
        self, folder: Path, ledger: Ledger, time: WorkerTime, instance_id: str, start_id: str
    ) -> None:
        self._path = folder / _FILE
        self._ledger = ledger
        self._time = time
        self._instance_id = instance_id
        self._start_id = start_id
        self._lock = threading.Lock()
        self._n = 0
        self._head = audit_genesis(instance_id)
        self._auditor_key: bytes | None = None
        self._offsets: list[int] = [0]  # where line n + 1 begins in the file
        self._pending: list[tuple[int, bytes]] = []
        self._filed = hashlib.sha256()

    @property
    def head(self) -> str:
        """SHA-256 of the newest line, in hex."""
        return self._head

    @property
    def n(self) -> int:
        """Number of the newest line."""
        return self._n

    def restore(self, auditor_key: bytes | None) -> None:
        """Go on from ledger and file.

        Raises
        ------
        EncryptSecureRTError
            E_STATE if the file is not what the journal says, or knows more.
        """
        self._auditor_key = auditor_key
        fact = self._ledger.get(_KIND, fact_id=_HEAD)
        if fact is not None:
            fields = Fields(fact, ("n", "head"), ErrorCode.E_STATE)
            self._n = fields.integer("n", 0, MAX_INTEGER)
            self._head = fields.hex("head", DIGEST_BYTES)
        lines = self._ledger.replayed_lines
        first = self._n - len(lines)  # lines up to here are in the file for sure
        self._read_file(first)
        for number, line in enumerate(lines, first + 1):
            if number > self._filed_n:
                self._pending.append((number, line))
        self._flush()

    @property
    def _filed_n(self) -> int:
        return len(self._offsets) - 1

    def _read_file(self, first: int) -> None:
        """Read what the file holds: at least `first` lines, the journal's digest of them."""
        fact = self._ledger.get(_KIND, fact_id=_FILED)
        expected = ""
        if fact is not None:
            expected = Fields(fact, ("sha256",), ErrorCode.E_STATE).hex("sha256", DIGEST_BYTES)
        for record in _records(self._path):
            self._filed.update(record)
            self._offsets.append(self._offsets[-1] + len(record))
            if self._filed_n == first and self._filed.hexdigest() != expected:
                raise EncryptSecureRTError(ErrorCode.E_STATE)
        if not first <= self._filed_n <= self._n:
            raise EncryptSecureRTError(ErrorCode.E_STATE)
        if self._path.exists():
            os.truncate(self._path, self._offsets[-1])  # half a line of a crash

    def seal_to(self, auditor_key: bytes) -> None:
        """Seal later lines to this auditor (suite 2)."""
        self._auditor_key = auditor_key

    def append(
        self,
        event: AuditEvent,
        *,
        changes: Sequence[Change] = (),
        durable: bool = True,
        **members: str | int,
    ) -> str:
        """Add a line together with the facts that it tells of; return the new head.

        Parameters
        ----------
        members : user, job, epoch, code, digest, case, note
            As `AuditLine` has them.
        durable : bool
            As `Ledger.write` has it.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY: neither line nor facts are there; E_NOT_PROVISIONED before there is an auditor.
        """
        if self._auditor_key is None:
            raise EncryptSecureRTError(ErrorCode.E_NOT_PROVISIONED)
        with self._lock:
            line = AuditLine(
                n=self._n + 1,
                prev=self._head,
                time=self._time.now(),
                start_id=self._start_id,
                event=event,
                **members,  # type: ignore[arg-type]  # the line's own members
            )
            octets = line.encode()
            head = Change(_KIND, "", _HEAD, {"n": line.n, "head": line.head})
            self._ledger.write((*changes, head), lines=(octets,), durable=durable)
            self._n, self._head = line.n, line.head
            self._pending.append((line.n, octets))
            if len(self._pending) >= _MAX_PENDING:
                self._flush()
            return line.head

    def flush(self) -> None:
        """Bring the file up to the journal.

        Sealing takes longer than the journal does, so `append` leaves it to whoever keeps house.
        """
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        # A full disk leaves it for later: the journal has the lines.
        if self._auditor_key is None or not self._pending:
            return
        self._ledger.sync()  # the file must never know more than the journal is sure of
        records = []
        for n, line in self._pending:
            sealed = seal_audit_line(line, n, self._instance_id, self._auditor_key)
            records.append(len(sealed).to_bytes(4, "big") + sealed)
        octets = b"".join(records)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.write(descriptor, octets) != len(octets):
                    raise OSError
            except OSError:
                os.ftruncate(descriptor, self._offsets[-1])
                return
            finally:
                os.close(descriptor)
        except OSError:
            return
        self._filed.update(octets)
        for record in records:
            self._offsets.append(self._offsets[-1] + len(record))
        self._pending.clear()

    def compact(self) -> None:
        """Write the journal anew without its history, whose lines the file has by then.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY, E_LOCAL_FILE: the journal is as it was.
        """
        with self._lock:
            self._flush()
            if self._pending:
                raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full")
            try:
                sync_file(self._path)
            except OSError:
                raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
            self._ledger.compact([Change(_KIND, "", _FILED, {"sha256": self._filed.hexdigest()})])

    def page(self, after: int) -> AuditPage:
        """Return the sealed lines after line `after`, as many as one answer holds."""
        with self._lock:
            self._flush()
            start = min(after, self._filed_n)
            end = min(start + LIMITS.audit_lines, self._filed_n)
            n, head, begins = self._n, self._head, self._offsets[start]
            size = self._offsets[end] - begins
        lines: list[bytes] = []
        if size:
            try:
                with self._path.open("rb") as file:
                    file.seek(begins)
                    octets = file.read(size)
            except OSError:
                raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
            while octets:
                length = 4 + int.from_bytes(octets[:4], "big")
                lines.append(octets[4:length])
                octets = octets[length:]
        return AuditPage(
            instance_id=self._instance_id,
            start_id=self._start_id,
            n=n,
            head=head,
            lines=tuple(lines),
        )


def _records(path: Path) -> Iterator[bytes]:
    """Yield the whole records of an audit file; half of one at the end is left out."""
    try:
        with path.open("rb") as file:
            while True:
                length = file.read(4)
                size = int.from_bytes(length, "big")
                sealed = file.read(min(size, MAX_SEALED_LINE_BYTES))
                if len(length) < 4 or len(sealed) < size or not size:
                    return
                yield length + sealed
    except FileNotFoundError:
        return
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
