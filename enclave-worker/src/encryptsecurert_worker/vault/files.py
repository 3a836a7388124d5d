"""Small files of the state folder: written to a temporary name, synced, renamed."""

import contextlib
import os
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode


def read_file(path: Path) -> bytes | None:
    """Return a file's octets, None if there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def write_file(path: Path, octets: bytes) -> None:
    """Write a file of mode 0600 so that it is there whole or not at all, also after a crash."""
    temporary = path.with_name(path.name + ".part")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Bring a file and its name to the disk, if it is there; raises OSError."""
    if not path.exists():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)
