"""A worker that takes jobs and starts none until it is let, so that a test can see the queue."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from encryptsecurert_worker.core import WorkerCore


@contextmanager
def no_job_starts(core: WorkerCore) -> Iterator[None]:
    """Have no job start within, as without a lease; all that wait start afterwards."""
    with patch.object(core.book, "_ready", lambda: False):
        yield
    core.book.wake()
