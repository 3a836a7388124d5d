"""Small files that must be whole or not there: written to a temporary name, then renamed."""

import contextlib
import os
from pathlib import Path
from secrets import token_hex

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

# A name that nobody can plant beforehand, and no link of anybody's is followed; Windows knows
# no O_NOFOLLOW, there O_EXCL alone refuses what exists.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_RANDOM_OCTETS = 16


def write_whole(path: Path, octets: bytes) -> None:
    """Replace a file, mode 0600, safe against a loss of power; E_LOCAL_FILE if that fails."""
    temporary = path.with_name(f"{path.name}.{token_hex(_RANDOM_OCTETS)}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, _NEW_FILE, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(octets)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                temporary.unlink()
            raise
        _sync_folder(path.parent)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _sync_folder(folder: Path) -> None:
    # Windows cannot open a folder; there the rename is as durable as it gets.
    with contextlib.suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_whole(path: Path, max_bytes: int) -> bytes | None:
    """Return a file's octets, None if there is no such file, E_LOCAL_FILE for anything else."""
    try:
        with path.open("rb") as file:
            octets = file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    if len(octets) > max_bytes:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
    return octets
