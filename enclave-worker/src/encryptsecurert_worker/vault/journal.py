"""Reads the journal of the ledger: every entry opens, follows the one before, and is in order."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, MAX_INTEGER, Fields
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.sealing import open_record

MAGIC = b"ESRTJNL1"
HEAD_BYTES = len(MAGIC) + 8
MAX_ENTRY_BYTES = 8 * MIB
_ENTRY = ("prev", "rest", "changes", "lines")
_MAX_CHANGES = 1_000_000
_MAX_LINES = 64
_MAX_LINE_BYTES = 64 * 1024

Replay = Callable[[Sequence[dict[str, Any]]], None]


def entry_aad(number: int) -> bytes:
    """Return what an entry's record is bound to."""
    return canonical.encode(
        {"kind": "journal", "owner": "", "id": "", "index": number, "generation": 1}
    )


class JournalReader:
    """One reading of a journal file.

    Attributes
    ----------
    prev : digest of the last record
    next_number : number of the entry that may follow
    size : octets up to the end of the last whole entry
    lines : audit lines of all entries since the snapshot, oldest first
    """

    def __init__(self, path: Path, storage_key: bytes) -> None:
        self._path = path
        self._key = storage_key
        self.prev = bytes(32)
        self.next_number = 1
        self.size = 0
        self.lines: list[bytes] = []
        self._rest: int | None = None

    def read(self, replay: Replay) -> bool:
        """Give the changes of each entry to `replay`; False if there is no journal yet.

        Raises
        ------
        EncryptSecureRTError
            E_STATE, E_LOCAL_FILE.
        """
        try:
            with self._path.open("rb") as file:
                self._read(file, replay)
        except FileNotFoundError:
            return False
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
        if self._rest != 0:  # a snapshot is renamed into place whole: this one was cut
            raise EncryptSecureRTError(ErrorCode.E_STATE)
        return True

    def _read(self, file: BinaryIO, replay: Replay) -> None:
        head = file.read(HEAD_BYTES)
        if len(head) != HEAD_BYTES or not head.startswith(MAGIC):
            raise EncryptSecureRTError(ErrorCode.E_STATE)
        self.next_number = int.from_bytes(head[len(MAGIC) :], "big")
        self.size = HEAD_BYTES
        while True:
            length_octets = file.read(4)
            length = int.from_bytes(length_octets, "big")
            if length > MAX_ENTRY_BYTES:
                raise EncryptSecureRTError(ErrorCode.E_STATE)
            record = file.read(length)
            if len(length_octets) < 4 or len(record) < length:
                return  # the end, or half an entry that nobody was told of
            if length == 0 and _only_zeros(file):
                return  # a file system may have made room before the power went
            try:
                plaintext = open_record(self._key, entry_aad(self.next_number), record)
            except EncryptSecureRTError:
                # At the very end it may be an entry whose octets never reached the disk.
                if self._rest == 0 and not file.read(1):
                    return
                raise EncryptSecureRTError(ErrorCode.E_STATE) from None
            self._take(plaintext, replay)
            self.size += 4 + length

    def _take(self, plaintext: bytes, replay: Replay) -> None:
        # It opened under our key: what is odd about it is no crash's doing.
        fields = Fields(canonical.decode(plaintext, MAX_ENTRY_BYTES), _ENTRY, ErrorCode.E_STATE)
        prev = bytes.fromhex(fields.hex("prev", DIGEST_BYTES))
        rest = fields.integer("rest", 0, MAX_INTEGER)
        first = self._rest is None
        if not first and (prev != self.prev or rest != max(0, (self._rest or 0) - 1)):
            raise EncryptSecureRTError(ErrorCode.E_STATE)
        replay(fields.items("changes", _MAX_CHANGES))
        for line in fields.items("lines", _MAX_LINES):
            self.lines.append(Fields({"l": line}, ("l",)).octets("l", _MAX_LINE_BYTES))
        self._rest = rest
        self.prev = hashlib.sha256(plaintext).digest()
        self.next_number += 1


def _only_zeros(file: BinaryIO) -> bool:
    while piece := file.read(MIB):
        if any(piece):
            return False
    return True
