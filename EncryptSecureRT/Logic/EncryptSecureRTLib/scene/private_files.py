"""New files with what goes to the worker: the owner's alone, and gone if they are not finished."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode


@contextlib.contextmanager
def new_private_file(path: Path, what: str) -> Iterator[IO[bytes]]:
    """Open a new file that only its owner can read; remove it if anything goes wrong.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE with `what` as its detail: a few fixed words for what is written.
    """
    try:
        file = open(path, "xb", opener=_private)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, what) from None
    try:
        with file:
            yield file
    except BaseException as error:
        with contextlib.suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, what) from None
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
