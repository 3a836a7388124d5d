"""pynetdicom, silent and on demand: Slicer does not ship it, and it logs what it reads.

Its threads die with a traceback that holds values of the PACS; inside `quiet` such an end is
noted, the association that waits for the thread is woken, and nothing is printed.
"""

import logging
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

_NEVER = logging.CRITICAL + 1
Ended = Callable[[threading.Thread | None, BaseException | None], None]


def need_pynetdicom() -> None:
    """Refuse with E_USAGE where pynetdicom is not installed."""
    try:
        import pynetdicom  # noqa: F401 - only whether it is there
    except ImportError:
        detail = "--dimse needs pynetdicom: pip install 'pynetdicom>=3,<4'"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail) from None


@contextmanager
def quiet(ended: Ended) -> Iterator[None]:
    """Silence pynetdicom and pydicom for the whole process as long as this is open.

    Parameters
    ----------
    ended : callable
        Hears of each thread that an exception has ended.
    """
    loggers = [logging.getLogger(name) for name in ("pynetdicom", "pydicom")]
    levels = [logger.level for logger in loggers]
    hook = threading.excepthook
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(_NEVER)
        threading.excepthook = lambda told: ended(told.thread, told.exc_value)
        try:
            yield
        finally:
            threading.excepthook = hook
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def files_in(folder: Path) -> Iterator[None]:
    """Have pynetdicom write each data set that comes straight into a new folder, undecoded.

    It takes the place from `tempfile`, which is the whole process's: one pull runs at a time. The
    folder is removed in the end, with what has not come whole.
    """
    from pynetdicom import _config

    try:
        folder.mkdir(mode=0o700)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None

    before, chunked = tempfile.tempdir, _config.STORE_RECV_CHUNKED_DATASET
    tempfile.tempdir, _config.STORE_RECV_CHUNKED_DATASET = str(folder), True
    try:
        yield
    finally:
        tempfile.tempdir, _config.STORE_RECV_CHUNKED_DATASET = before, chunked
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def files_as_they_are() -> Iterator[None]:
    """Have pynetdicom send the octets of files: never decoded, never transcoded."""
    from pynetdicom import _config

    before = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before
