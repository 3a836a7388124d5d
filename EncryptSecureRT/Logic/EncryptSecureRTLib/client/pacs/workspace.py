"""The private folder in which originals lie between the PACS and the worker.

    esrt-pacs-<random>/       mode 0700, below the system's temporary folder (TMPDIR)
        .claim                locked as long as the command lives

It is removed in every ending that a program sees. After a kill or a loss of power it stays; the
next run finds it by its name, sees that nobody holds its claim, and removes it. Files are
unlinked, not wiped: a temporary folder in memory (tmpfs) leaves nothing on a disk.
"""

import contextlib
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

PREFIX = "esrt-pacs-"
_MAKING = "esrt-pacs.new-"  # not locked yet; empty
_CLAIM = ".claim"
_STALE_S = 24 * 3600  # where there are no locks: longer than any pull takes
_TRIES = 3


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Make a private folder, and remove it in the end with all that is in it.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if it cannot be made, or not be removed: originals may then be left in it.
    """
    parent = Path(tempfile.gettempdir())
    remove_stale(parent)
    try:
        making = Path(tempfile.mkdtemp(prefix=_MAKING))
        # Claimed before it has the name by which another run finds it.
        claim = _claim(making / _CLAIM)
        folder = making.replace(parent / (PREFIX + making.name.removeprefix(_MAKING)))
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    try:
        yield folder
    finally:
        try:
            _remove(folder)
        finally:
            os.close(claim)


def remove_stale(parent: Path) -> int:
    """Remove the folders that runs have left that ended by a kill; return how many."""
    removed = 0
    for path in _folders(parent):
        claim = _free_claim(path)
        if claim is not None:
            try:
                _remove(path)
                removed += 1
            finally:
                os.close(claim)
    return removed


def _folders(parent: Path) -> list[Path]:
    """Return the folders of that name that are ours: the temporary folder is everybody's."""
    found = []
    try:
        for path in parent.glob(f"{PREFIX}*"):
            facts = path.lstat()
            mine = os.name != "posix" or facts.st_uid == os.geteuid()
            if stat.S_ISDIR(facts.st_mode) and mine:
                found.append(path)
    except OSError:
        pass  # it has just gone
    return found


def _free_claim(folder: Path) -> int | None:
    """Return the claim of a folder that nobody holds, None if somebody does."""
    try:
        if sys.platform == "win32" and time.time() - folder.stat().st_mtime < _STALE_S:
            return None
        return _claim(folder / _CLAIM)
    except OSError:
        return None


def _claim(path: Path) -> int:
    """Open and lock a claim (OSError if another process holds it)."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
    return descriptor


def _remove(folder: Path) -> None:
    """Remove a folder, also if the user stops us again meanwhile."""
    stopped: KeyboardInterrupt | None = None
    for _ in range(_TRIES):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():  # another run may have looked for its claim meanwhile
                break
        except KeyboardInterrupt as stop:
            stopped = stop
    if folder.exists():
        detail = "originals may be left in the temporary folder: remove it"
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail)
    if stopped is not None:
        raise stopped
