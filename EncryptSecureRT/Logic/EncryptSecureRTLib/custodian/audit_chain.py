"""One chain of audit lines in a file of the auditor's: every line in clear, one a row.

    row    canonical JSON of the line (`encryptsecurert_protocol.audit`), then a line feed
    head   SHA-256 of a row without its end; head 0 is the genesis of the instance

Rows are appended and brought to the disk before `Chain.mark` is written elsewhere as committed.
What stands in the file beyond the committed mark is kept as far as it follows, and cut off where
it does not: that is what a loss of power leaves. Within the mark, a row that does not follow is
damage, and nothing is appended any more.
"""

import hashlib
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.audit import AuditLine, audit_genesis
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.localfiles import write_whole

_APPEND = os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a chain goes: its newest line and the head after it."""

    n: int
    head: str


def line_head(octets: bytes) -> str:
    """Return the head after the line with these octets."""
    return hashlib.sha256(octets).hexdigest()


def last_common(shorter: int, agree: Callable[[int], bool]) -> int:
    """Return the last line up to which two chains agree, searched for by halves.

    `agree` tells whether their heads after a line are the same; after line 0 they are.
    """
    low, high = 0, shorter
    while low < high:
        middle = (low + high + 1) // 2
        if agree(middle):
            low = middle
        else:
            high = middle - 1
    return low


class Chain:
    """A chain as it lies in a file; only numbers and heads are in memory.

    Attributes
    ----------
    damaged_at : number of the first line that is missing or does not follow; None if all do.
    starts : number of the newest line of each start id, in their order.

    Invariant: lines 1 to `n` follow one another from the instance's genesis.
    """

    def __init__(self, path: Path, instance_id: str, committed: Mark) -> None:
        self.path = path
        self.instance_id = instance_id
        self.committed = committed
        self.damaged_at: int | None = None
        self.starts: dict[str, int] = {}
        self._heads: list[bytes] = [bytes.fromhex(audit_genesis(instance_id))]
        self._times = array("q", [0])
        self._newest_s = 0
        self._size = 0
        self._file_size = 0
        self._read()

    @property
    def n(self) -> int:
        """Number of the newest line, 0 if there is none."""
        return len(self._heads) - 1

    @property
    def mark(self) -> Mark:
        """How far the chain goes."""
        return Mark(n=self.n, head=self.head_at(self.n))

    def head_at(self, n: int) -> str:
        """Return the head after line `n`, in hex."""
        return self._heads[n].hex()

    def time_s(self, n: int) -> int:
        """Return the worker's time of line `n`, in seconds since 1970."""
        return self._times[n]

    def newest_s(self, after: int = 0) -> int:
        """Return the latest time of the lines after line `after`; 0 if there is none."""
        return self._newest_s if after == 0 else max(self._times[after + 1 :], default=0)

    def common_with(self, other: "Chain") -> int:
        """Return how many lines two chains have in common: a head vouches for all before it."""
        shorter = min(self.n, other.n)
        return last_common(shorter, lambda n: self._heads[n] == other._heads[n])

    def _read(self) -> None:
        for row in _rows(self.path):
            self._file_size += len(row)
            if not self._take(row):
                break
        if self.n < self.committed.n:
            self.damaged_at = self.n + 1
        elif self.head_at(self.committed.n) != self.committed.head:
            self.damaged_at = max(1, self.committed.n)
        if self.path.exists():
            self._file_size = self.path.stat().st_size

    def _take(self, row: bytes) -> bool:
        octets = row.removesuffix(b"\n")
        if octets == row:
            return False
        try:
            line = AuditLine.decode(octets)
        except EncryptSecureRTError:
            return False
        if not self._follows(line):
            return False
        self._add(line, octets)
        return True

    def _follows(self, line: AuditLine) -> bool:
        return line.n == self.n + 1 and line.prev == self.head_at(self.n)

    def _add(self, line: AuditLine, octets: bytes) -> None:
        seconds = int(line.time.timestamp())
        self._heads.append(bytes.fromhex(line_head(octets)))
        self._times.append(seconds)
        self._newest_s = max(self._newest_s, seconds)
        self._size += len(octets) + 1
        self.starts[line.start_id] = line.n

    def lines(self, after: int = 0) -> Iterator[AuditLine]:
        """Read the lines after line `after` again."""
        for number, row in enumerate(_rows(self.path), 1):
            if number > self.n:
                return
            if number > after:
                yield AuditLine.decode(row.removesuffix(b"\n"))

    def append(self, lines: Sequence[tuple[AuditLine, bytes]]) -> None:
        """Add lines that follow, with their octets, and bring them to the disk.

        Raises
        ------
        EncryptSecureRTError
            E_LOCAL_FILE, also if the file is damaged or another command wrote to it meanwhile.
        """
        rows = b"".join(octets + b"\n" for _, octets in lines)
        try:
            if self.damaged_at is not None or self._changed():
                raise OSError
            descriptor = os.open(self.path, _APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.truncate(self._size)  # half a row of a loss of power
                file.seek(self._size)
                file.write(rows)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
        for line, octets in lines:
            self._add(line, octets)
        self._file_size = self._size

    def _changed(self) -> bool:
        return (self.path.stat().st_size if self.path.exists() else 0) != self._file_size

    def copy_start(self, path: Path, n: int) -> None:
        """Write lines 1 to `n` to another file, whole."""
        rows = (row for number, row in enumerate(_rows(self.path), 1) if number <= n)
        write_whole(path, b"".join(rows))


def _rows(path: Path) -> Iterator[bytes]:
    limit = LIMITS.json_line_bytes + 1
    try:
        with path.open("rb") as file:
            while row := file.readline(limit):
                yield row
    except FileNotFoundError:
        return
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
