"""Private folders for the files of one run: neutral names, mode 0700, gone afterwards.

    <temporary folder>/encryptsecurert-<user number>/<process>-<random>/   volume, display, results

What a crashed Slicer left behind is removed at the next start: a folder whose process has gone.
"""

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from EncryptSecureRTLib.client.process import EncryptSecureRTError, ErrorCode

_OWNER_ONLY = 0o700
_ABANDONED_S = 24 * 3600


def root_folder(temporary: Path | None = None) -> Path:
    """Return this user's folder for all runs, made if need be; E_LOCAL_FILE if it is not ours."""
    base = temporary or Path(tempfile.gettempdir())
    # A temporary folder of Windows is one user's own.
    root = base / (
        "encryptsecurert" if sys.platform == "win32" else f"encryptsecurert-{os.getuid()}"
    )
    try:
        root.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        # Somebody else may have made it first, to read what we put there.
        foreign = sys.platform != "win32" and root.lstat().st_uid != os.getuid()
        if root.is_symlink() or foreign:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the temporary folder is not ours")
        root.chmod(_OWNER_ONLY)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "no temporary folder") from None
    return root


def make_run_folder(root: Path) -> Path:
    """Return a new empty folder for one run (E_LOCAL_FILE)."""
    folder = root / f"{os.getpid()}-{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=_OWNER_ONLY)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "no temporary folder") from None
    return folder


def remove(folder: Path | None) -> None:
    """Remove a run's folder; what cannot be removed now is removed at a later start."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def renew(folder: Path) -> Path:
    """Return the folder, empty, whatever was in it (E_LOCAL_FILE)."""
    remove(folder)
    try:
        folder.mkdir(mode=_OWNER_ONLY)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the temporary folder") from None
    return folder


def keep_only(folder: Path, name: str) -> None:
    """Remove everything from a run's folder but one; what cannot be removed now is later."""
    for item in folder.iterdir():
        if item.name == name:
            continue
        if item.is_dir():
            remove(item)
        else:
            with contextlib.suppress(OSError):
                item.unlink()


def remove_left_behind(root: Path) -> int:
    """Remove the folders of processes that have gone; return how many there were."""
    left = [folder for folder in root.iterdir() if _is_abandoned(folder)]
    for folder in left:
        remove(folder)
    return len(left)


def _is_abandoned(folder: Path) -> bool:
    owner = folder.name.split("-")[0]
    if not owner.isdigit() or int(owner) == os.getpid():
        return False
    if sys.platform == "win32":  # where asking for a process by signal 0 would interrupt it
        return time.time() - folder.stat().st_mtime > _ABANDONED_S
    try:
        os.kill(int(owner), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # it runs, under another user
        return False
    return False
