"""How a command speaks: JSON lines for programs; for people see plain.py and terminal.py.

Both get the same calls. The JSON side is light, since its first line is to come at once; what
could come in floods is held to 20 lines a second, and the newest is never held back for good.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from encryptsecurert_protocol.errors import EncryptSecureRTError
from EncryptSecureRTLib.client.unfinished import JobGoesOn
from EncryptSecureRTLib.client.version import PROTOCOL, VERSION

if TYPE_CHECKING:
    from encryptsecurert_protocol.events import Event

SIMULATED_WORDS = "SIMULATED - not protected"
UidPairs = Sequence[tuple[str, str]]
RevealedRows = Sequence[tuple[str, str, str, str]]
InspectedRows = Sequence[tuple[str, str, str, str | None, str | None]]
"""(path of tags and item numbers, keyword, VR, value in clear, original value)."""
_UID_PAIRS_PER_LINE = 200  # of 64 characters each at most: below 28 KiB
_REVEALED_BYTES_PER_LINE = 32 * 1024
_FLOOD_PAUSE_S = 0.05


class Reporter(Protocol):
    """Hears of everything that a command does."""

    def hello(self) -> None:
        """Hear that the command lives; nothing comes before."""

    def stage(self, stage: str) -> None:
        """Hear that a new stage begins."""

    def sent(self, done_bytes: int, total_bytes: int) -> None:
        """Hear that so much of the upload is done."""

    def count(self, done: int, total: int) -> None:
        """Hear that so many instances of all are done."""

    def waiting(self, code: str, attempt: int, pause_s: float) -> None:
        """Hear that the worker is away, why, and when it is tried for the n-th time."""

    def job(self, job: str) -> None:
        """Hear the id of the job that the worker has taken."""

    def event(self, event: "Event") -> None:
        """Hear what the worker says of the job."""

    def line(self, name: str, ok: bool | None, words: str, code: str | None) -> None:
        """Hear one line of a check."""

    def verdict(self, name: str, value: Mapping[str, Any]) -> None:
        """Hear a verdict that was formed before the command failed."""

    def uids(self, pairs: UidPairs) -> None:
        """Hear which UIDs were replaced by which: only where a program has asked for it."""

    def revealed(self, instance: str, rows: RevealedRows) -> None:
        """Hear the attributes of an instance: only where a program has asked for them."""

    def inspected(self, rows: InspectedRows, unseen: str) -> None:
        """Hear the attributes of a file; `unseen` is what to say of an original that is not shown.

        It is empty where nobody asked for originals.
        """

    def result(self, words: str, value: Mapping[str, Any]) -> None:
        """Hear that the command has ended well."""

    def error(self, error: EncryptSecureRTError) -> None:
        """Hear that the command has ended with an error."""

    def close(self) -> None:
        """Hear that nothing more comes."""


def _parts(rows: Sequence[Sequence[str | None]]) -> Iterator[list[Sequence[str | None]]]:
    """Yield rows, as many at a time as one line holds; one empty part if there are none."""
    part: list[Sequence[str | None]] = []
    size = 0
    for row in rows:
        row_size = len(json.dumps(row))
        if part and size + row_size > _REVEALED_BYTES_PER_LINE:
            yield part
            part, size = [], 0
        part.append(row)
        size += row_size + 2
    yield part


class JsonReporter:
    """One JSON object a line on standard output: `hello` first, one `result` or `error` last.

    Parameters
    ----------
    clock : callable
        Seconds that only go forward; a test's own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: Mapping[str, Any] | None = None
        self._flooded_at_s = -_FLOOD_PAUSE_S

    def _write(self, value: Mapping[str, Any]) -> None:
        """Write a line, and before it what was held back."""
        held, self._held = self._held, None
        for line in (held, value):
            if line is not None:
                sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def _write_in_a_flood(self, value: Mapping[str, Any], *, is_last: bool) -> None:
        """Write a line that replaces those of its kind, or hold it back for a newer one."""
        self._held = None
        now_s = self._clock()
        if is_last or now_s - self._flooded_at_s >= _FLOOD_PAUSE_S:
            self._flooded_at_s = now_s
            self._write(value)
        else:
            self._held = value

    def hello(self) -> None:
        """Write the `hello` line."""
        self._write({"kind": "hello", "version": VERSION, "protocol": PROTOCOL})

    def stage(self, stage: str) -> None:
        """Write a `stage` line."""
        self._write({"kind": "stage", "stage": stage})

    def sent(self, done_bytes: int, total_bytes: int) -> None:
        """Write a `sent` line, if the last one is old enough or this is the end."""
        value = {"kind": "sent", "done_bytes": done_bytes, "total_bytes": total_bytes}
        self._write_in_a_flood(value, is_last=done_bytes == total_bytes)

    def count(self, done: int, total: int) -> None:
        """Write a `count` line, if the last one is old enough or this is the end."""
        value = {"kind": "count", "done": done, "total": total}
        self._write_in_a_flood(value, is_last=done == total)

    def waiting(self, code: str, attempt: int, pause_s: float) -> None:
        """Write a `waiting` line."""
        self._write(
            {"kind": "waiting", "code": code, "attempt": attempt, "pause_s": round(pause_s, 3)}
        )

    def job(self, job: str) -> None:
        """Write a `job` line."""
        self._write({"kind": "job", "job": job})

    def event(self, event: "Event") -> None:
        """Write a `state`, `progress`, `log` or `end` line."""
        from EncryptSecureRTLib.client.eventlines import line_of  # what it needs loads slowly

        self._write(line_of(event))

    def line(self, name: str, ok: bool | None, words: str, code: str | None) -> None:
        """Write a `check` line."""
        self._write({"kind": "check", "name": name, "ok": ok, "words": words, "code": code})

    def verdict(self, name: str, value: Mapping[str, Any]) -> None:
        """Write a `verdict` line."""
        self._write({"kind": "verdict", "name": name, "verdict": dict(value)})

    def uids(self, pairs: UidPairs) -> None:
        """Write `uids` lines."""
        for start in range(0, len(pairs), _UID_PAIRS_PER_LINE):
            part = pairs[start : start + _UID_PAIRS_PER_LINE]
            self._write({"kind": "uids", "pairs": part})

    def revealed(self, instance: str, rows: RevealedRows) -> None:
        """Write `revealed` lines, none of them longer than a line may be."""
        for part in _parts(rows):
            self._write({"kind": "revealed", "instance": instance, "rows": part})

    def inspected(self, rows: InspectedRows, unseen: str) -> None:
        """Write `inspected` lines, none of them longer than a line may be."""
        for part in _parts(rows):
            self._write({"kind": "inspected", "rows": part})

    def result(self, words: str, value: Mapping[str, Any]) -> None:
        """Write the `result` line."""
        self._write({"kind": "result", **value})

    def error(self, error: EncryptSecureRTError) -> None:
        """Write the `error` line; it names the job if that goes on."""
        line: dict[str, object] = {
            "kind": "error",
            "code": error.code.name,
            "what": error.what,
            "todo": error.todo,
            "exit": error.exit_code,
        }
        if isinstance(error, JobGoesOn):
            line["job"] = error.job
        self._write(line)

    def close(self) -> None:
        """Nothing to put away."""
