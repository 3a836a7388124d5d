"""The ledger: every small fact that outlives a start, in one sealed, hash-chained journal.

    file    magic `ESRTJNL1` || u64be number of the first entry || entries
    entry   u32be length || record sealed under the storage key,
            aad = canonical JSON {kind: journal, owner: "", id: "", index: number, generation: 1}
    record  canonical JSON {prev, rest, changes, lines}
    prev    SHA-256 of the record before
    rest    entries of the snapshot that still follow; 0 in an entry that was written later
    change  {kind, owner, id, value}, value null for a fact that is dropped
    lines   audit lines (base64) that the audit file may not hold yet

What was acknowledged is in the journal first. A crash can leave half an entry at the end, which
nobody was told of; it is cut off. Anything else that does not open or follow is E_STATE, so that
single entries can be neither exchanged nor brought back: only the whole folder can.
"""

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import base64_text
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.sealing import seal_record
from encryptsecurert_worker.vault.files import sync_folder
from encryptsecurert_worker.vault.journal import (
    MAGIC,
    MAX_ENTRY_BYTES,
    JournalReader,
    entry_aad,
)

_FILE = "journal"
_SNAPSHOT_ENTRY_BYTES = MIB
_COMPACT_FROM_BYTES = 8 * MIB
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that is new; None as `value` drops it."""

    kind: str
    owner: str
    id: str
    value: dict[str, Any] | None

    @property
    def key(self) -> Key:
        """What the fact is found under."""
        return self.kind, self.owner, self.id


class Ledger:
    """The facts of one state folder, by (kind, owner, id). Safe to use from several threads.

    Invariant: what `write` returned from with `durable` is there after any crash, whole; what it
    raised from is not there.
    """

    def __init__(self, folder: Path, storage_key: bytes) -> None:
        self._path = folder / _FILE
        self._key = storage_key
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._facts: dict[Key, bytes] = {}
        self._prev = bytes(32)
        self._next = 1
        self._size = 0
        self._synced = 0
        self._compacted_size = 0
        self._broken = False
        self._descriptor = -1
        self.replayed_lines: list[bytes] = []

    def open(self, *, fresh: bool = True) -> None:
        """Read the journal, or begin one.

        Parameters
        ----------
        fresh : bool
            Whether the folder may be new. Where it is not, a missing journal was taken away.

        Raises
        ------
        EncryptSecureRTError
            E_STATE if what is there is not a journal of this worker, whole and in order;
            E_LOCAL_FILE if the folder cannot be read or written.
        """
        reader = JournalReader(self._path, self._key)
        if reader.read(self._replay):
            self._prev, self._next = reader.prev, reader.next_number
            self.replayed_lines = reader.lines
            self._open_file()
            self._cut(reader.size)
            self._size = self._synced = self._compacted_size = reader.size
        elif fresh:
            self._rewrite()
        else:
            raise EncryptSecureRTError(ErrorCode.E_STATE)

    def _replay(self, changes: Sequence[dict[str, Any]]) -> None:
        for change in changes:
            self._note((change["kind"], change["owner"], change["id"]), change["value"])

    def _note(self, key: Key, value: dict[str, Any] | None) -> None:
        if value is None:
            self._facts.pop(key, None)
        else:
            # Encoded, since thousands of facts are kept for days and looked at once.
            self._facts[key] = canonical.encode(value)

    def get(self, kind: str, owner: str = "", fact_id: str = "") -> dict[str, Any] | None:
        """Return a fact, None if there is none."""
        with self._lock:
            octets = self._facts.get((kind, owner, fact_id))
        return None if octets is None else canonical.decode(octets, MAX_ENTRY_BYTES)

    def of(self, kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield (owner, id, value) of every fact of a kind, in the order of their first writing."""
        with self._lock:
            found = [(key, octets) for key, octets in self._facts.items() if key[0] == kind]
        for (_, owner, fact_id), octets in found:
            yield owner, fact_id, canonical.decode(octets, MAX_ENTRY_BYTES)

    @property
    def size_bytes(self) -> int:
        """Octets of the journal file."""
        return self._size

    def write(
        self, changes: Sequence[Change], *, lines: Sequence[bytes] = (), durable: bool = True
    ) -> None:
        """Write facts and audit lines, all or none.

        Parameters
        ----------
        durable : bool
            False for what may be lost with the machine's power, but not with the process.

        Raises
        ------
        EncryptSecureRTError
            E_BUSY if the storage is full: nothing has changed then.
        """
        with self._lock:
            self._append(self._encode(changes, lines, 0))
            for change in changes:
                self._note(change.key, change.value)
            end = self._size
        if durable:
            self._sync(end)

    def _encode(
        self, changes: Iterable[Change | tuple[Key, bytes]], lines: Sequence[bytes], rest: int
    ) -> bytes:
        rows = []
        for change in changes:
            if isinstance(change, Change):
                key, value = change.key, change.value
            else:
                key, value = change[0], canonical.decode(change[1], MAX_ENTRY_BYTES)
            rows.append({"kind": key[0], "owner": key[1], "id": key[2], "value": value})
        return canonical.encode(
            {
                "prev": self._prev.hex(),
                "rest": rest,
                "changes": rows,
                "lines": [base64_text(line) for line in lines],
            }
        )

    def _append(self, plaintext: bytes) -> None:
        if self._broken:
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage has failed")
        record = seal_record(self._key, entry_aad(self._next), plaintext)
        octets = len(record).to_bytes(4, "big") + record
        if len(record) > MAX_ENTRY_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        try:
            written = os.write(self._descriptor, octets)
        except OSError:
            written = -1
        if written != len(octets):
            self._cut(self._size)
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full")
        self._size += len(octets)
        self._prev = hashlib.sha256(plaintext).digest()
        self._next += 1

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._descriptor, size)
        except OSError:
            self._broken = True  # half an entry lies there: nothing may follow it

    def _sync(self, end: int) -> None:
        # One thread syncs for all that wrote before it; whoever finds that done goes on.
        with self._sync_lock:
            if self._synced >= end:
                return
            if self._broken:  # a second sync says nothing of what the first one lost
                raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage has failed")
            reached = self._size
            try:
                os.fsync(self._descriptor)
            except OSError:
                # After a failed sync the system may have dropped the pages: nothing is sure now.
                self._broken = True
                raise EncryptSecureRTError(
                    ErrorCode.E_BUSY, "the worker's storage has failed"
                ) from None
            self._synced = reached

    def sync(self) -> None:
        """Bring everything that was written to the disk (E_BUSY)."""
        self._sync(self._size)

    @property
    def worth_compacting(self) -> bool:
        """Whether most of the file is history."""
        return self._size > max(_COMPACT_FROM_BYTES, 4 * self._compacted_size)

    def compact(self, changes: Sequence[Change] = ()) -> None:
        """Write the journal anew with nothing but the facts that hold, these changes among them.

        Audit lines are forgotten: whoever compacts has them elsewhere. After a refusal
        (E_LOCAL_FILE) the journal is as it was, or takes nothing more.
        """
        with self._sync_lock, self._lock:
            for change in changes:
                self._note(change.key, change.value)
            self._rewrite()
            self.replayed_lines = []

    def _rewrite(self) -> None:
        temporary = self._path.with_name(_FILE + ".part")
        before = self._descriptor, self._size, self._prev, self._next
        try:
            self._descriptor = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600
            )
            head = MAGIC + self._next.to_bytes(8, "big")
            if os.write(self._descriptor, head) != len(head):
                raise OSError
            self._size = len(head)
            groups = list(self._groups())
            for number, group in enumerate(groups, 1):
                self._append(self._encode(group, (), len(groups) - number))
            os.fsync(self._descriptor)
            temporary.replace(self._path)
        except (OSError, EncryptSecureRTError):
            if self._descriptor != before[0] and self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor, self._size, self._prev, self._next = before
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
        if before[0] >= 0:
            os.close(before[0])
        self._synced = self._compacted_size = self._size
        try:
            sync_folder(self._path.parent)
        except OSError:
            # The new file has the name already, but a crash may bring the old one back.
            self._broken = True
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None

    def _groups(self) -> Iterator[list[tuple[Key, bytes]]]:
        group: list[tuple[Key, bytes]] = []
        size = 0
        for key, octets in self._facts.items():
            if group and size + len(octets) > _SNAPSHOT_ENTRY_BYTES:
                yield group
                group, size = [], 0
            group.append((key, octets))
            size += len(octets)
        yield group

    def _open_file(self) -> None:
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None

    def close(self) -> None:
        """Bring everything to the disk and let go of the file."""
        if self._descriptor >= 0:
            with contextlib.suppress(EncryptSecureRTError):
                self._sync(self._size)
            os.close(self._descriptor)
            self._descriptor, self._broken = -1, True
