"""Whether a file is still the one whose octets were hashed: what the system notes at each change.

    stamp     size, place on its disk, time of the last change of octets and of anything at all
    settled   the last change was a while before the stamp was taken: a later one has another time

A stamp that is not settled says nothing, since two changes within one tick of the system's clock
have the same time; nor does any stamp where the system notes no time of change (Windows). Then, and
if stamps differ, octets have to be hashed again. What no stamp shows is a program that has mapped
the file into its memory and goes on writing there; such a copy is refused when it is revealed.
"""

import os
import time
from dataclasses import dataclass
from typing import BinaryIO

# FAT notes every second second; servers' clocks are seldom further apart.
_SETTLED_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What a system says of an open file."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


def stamp_of(file: BinaryIO) -> FileStamp:
    """Return the stamp of an open file."""
    now = os.fstat(file.fileno())
    return FileStamp(now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


def settled_stamp(file: BinaryIO) -> FileStamp | None:
    """Return the stamp of an open file if every later change of it will show, else None."""
    if os.name != "posix":
        return None
    stamp = stamp_of(file)
    latest_ns = max(stamp.modified_ns, stamp.changed_ns)
    return stamp if latest_ns <= time.time_ns() - _SETTLED_NS else None
