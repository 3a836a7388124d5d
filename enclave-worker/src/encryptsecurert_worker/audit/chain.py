"""A hash chain of what was decided; each line is sealed to the auditor before it is written.

Line = canonical JSON {n, prev, time, start_id, event, user, job, epoch, code}; head = SHA-256 of
the line. `prev` of the first line is SHA-256(`EncryptSecureRT/audit/v1` || 00 || instance_id), so
that a chain belongs to one worker. Sealed lines carry info `EncryptSecureRT/audit/v1` || 00 ||
instance_id || u64be n.
"""

import hashlib
import os
import threading
from datetime import datetime
from pathlib import Path

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.sealing import HpkeSuite, hpke_seal

_CONTEXT = b"EncryptSecureRT/audit/v1\x00"


class AuditChain:
    """The chain of one start of the worker."""

    def __init__(self, path: Path, instance_id: str, start_id: str) -> None:
        self._path = path
        self._instance = bytes.fromhex(instance_id)
        self._start_id = start_id
        self._lock = threading.Lock()
        self._n = 0
        self._head = hashlib.sha256(_CONTEXT + self._instance).digest()
        self._auditor_key: bytes | None = None

    @property
    def head(self) -> str:
        """SHA-256 of the newest line, in hex."""
        return self._head.hex()

    def seal_to(self, auditor_key: bytes) -> None:
        """Seal later lines to this auditor (suite 2); before, lines are kept in the chain only."""
        self._auditor_key = auditor_key

    def append(
        self,
        event: str,
        now: datetime,
        *,
        user: str = "",
        job: str = "",
        epoch: int = 0,
        code: str = "",
    ) -> str:
        """Add a line and return the new head; after a refusal the chain is as it was (E_BUSY)."""
        with self._lock:
            n = self._n + 1
            line = canonical.encode(
                {
                    "n": n,
                    "prev": self._head.hex(),
                    "time": time_text(now),
                    "start_id": self._start_id,
                    "event": event,
                    "user": user,
                    "job": job,
                    "epoch": epoch,
                    "code": code,
                }
            )
            if self._auditor_key is not None:
                self._write(n, line, self._auditor_key)
            self._n, self._head = n, hashlib.sha256(line).digest()
            return self._head.hex()

    def _write(self, n: int, line: bytes, auditor_key: bytes) -> None:
        info = _CONTEXT + self._instance + n.to_bytes(8, "big")
        sealed = hpke_seal(HpkeSuite.MLKEM768_X25519, auditor_key, info, line)
        record = len(sealed).to_bytes(4, "big") + sealed
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full") from None
        try:
            size = os.fstat(descriptor).st_size
            try:
                if os.write(descriptor, record) != len(record):
                    raise OSError
            except OSError:
                os.ftruncate(descriptor, size)  # half a line would make all later ones unreadable
                raise
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_BUSY, "the worker's storage is full") from None
        finally:
            os.close(descriptor)
