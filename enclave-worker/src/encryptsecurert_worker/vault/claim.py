"""One worker for one state folder: whoever holds the claim may change what lies there."""

import fcntl
import os
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

_LOCK_FILE = "in-use"


class StateClaim:
    """An exclusive claim on a state folder; the system lets go of it if the process dies."""

    def __init__(self, state: Path) -> None:
        self._path = state / _LOCK_FILE
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Claim the folder, or refuse with E_LOCAL_FILE if another worker has it."""
        if self._descriptor is not None:
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            detail = "another worker uses this state folder"
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
