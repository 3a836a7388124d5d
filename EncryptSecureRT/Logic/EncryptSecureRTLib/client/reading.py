"""The files of a protected study, read and hashed from the first moment on, a batch ahead.

A command begins to read before it speaks to the worker, and before it loads what it speaks with:
hashing needs no interpreter, so both go on at once.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from EncryptSecureRTLib.client.dicomfiles import SplitFile, in_batches, split_protected
from EncryptSecureRTLib.client.pipeline import one_ahead, readers, side_by_side, until
from EncryptSecureRTLib.client.study_files import StudyFiles

SplitBatch = list[tuple[Path, SplitFile]]
_BATCH_BYTES = 24 * MIB


@contextmanager
def reading(study: StudyFiles, stopped: Callable[[], bool]) -> Iterator[Iterator[SplitBatch]]:
    """Give the files of a study as they are split, as many at a time as one job takes.

    Parameters
    ----------
    stopped : callable
        Tells whether a stop was asked for: then E_CANCELLED comes in place of a batch.
    """

    def split(path: Path) -> SplitFile:
        if stopped():
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED)
        return split_protected(path, with_digest=False)

    over = threading.Event()
    with readers() as threads:
        files = zip(study.files, side_by_side(threads, split, study.files), strict=True)
        with one_ahead(in_batches(until(over, files), _BATCH_BYTES), over) as batches:
            yield batches
