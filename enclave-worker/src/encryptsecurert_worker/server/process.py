"""What the worker asks of the system for its own process: bounds on memory, and no core dumps."""

import ctypes
import gc
import re
import resource
from contextlib import suppress
from pathlib import Path

from encryptsecurert_protocol.limits import GIB, KIB

_BESIDE_JOBS_BYTES = GIB  # uploads on their way, stacks of threads, results being sealed
_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # of glibc's malloc.h
_ARENAS = 2
_MAPPED_BYTES = 1024 * KIB
_STATUS = Path("/proc/self/status")


def data_bytes(status: Path = _STATUS) -> int | None:
    """Return how much of what RLIMIT_DATA counts is in use, None where nobody tells."""
    try:
        found = re.search(r"^VmData:\s+(\d{1,15}) kB$", status.read_text("ascii"), re.MULTILINE)
    except (OSError, ValueError):
        return None
    return int(found.group(1)) * KIB if found else None


def bound_memory(job_bytes: int) -> int | None:
    """Bound the process to what it has now, one job and some more; returns the bound, if any.

    A job that asks for more then fails with E_TOO_LARGE in place of the whole worker, which the
    system would kill.
    """
    used = data_bytes()
    if used is None:
        return None
    wanted = used + job_bytes + _BESIDE_JOBS_BYTES
    with suppress(OSError, ValueError):  # an enclave's system may know no such limit
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
        return bound
    return None


def forbid_core_dumps() -> None:
    """Write no memory to a disk, whatever happens: site keys are in it."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def share_arenas() -> None:
    """Have all threads share two heaps; each thread's own would keep what its largest job took.

    Arrays are mapped each by itself, which a heap of mixed sizes would keep in its gaps: glibc
    raises its bound for that to the largest block that it has seen, unless it is set.
    """
    with suppress(OSError, AttributeError):  # another C library has other ways
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        libc.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def keep_what_is_loaded() -> None:
    """Have later collections not look at what is here by now, which stays: modules and tables."""
    gc.collect()
    gc.freeze()


def give_back_memory() -> None:
    """Return to the system what a job has freed: otherwise a worker looks larger with each."""
    gc.collect()  # errors and tasks refer to each other, and to what they held
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
