"""How a command speaks into a pipe, a file or a log: whole lines, no colour, no bars.

`terminal.TerminalReporter` says the same lines in colour, with bars between them. What is light
stands here, since the libraries that colour text and move bars load slowly.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TextIO

from EncryptSecureRTLib.client.output import SIMULATED_WORDS, InspectedRows, RevealedRows, UidPairs
from EncryptSecureRTLib.client.unfinished import JobGoesOn

if TYPE_CHECKING:
    from encryptsecurert_protocol.errors import EncryptSecureRTError
    from encryptsecurert_protocol.events import Event

_AWAY = {
    "E_TIMEOUT": "worker does not answer",
    "E_BUSY": "worker is busy",
}
_NAME_LETTERS, _VALUE_LETTERS = 50, 40
_NOT_THERE = "-"


class Tone(Enum):
    """How a part of a line is meant; the value is the style that a terminal shows it in."""

    PLAIN = ""
    FAINT = "dim"
    GOOD = "green"
    BAD = "red"
    LOUD = "bold red"


Part = tuple[str, Tone]
_MARKS: Mapping[bool | None, Part] = {
    True: ("ok  ", Tone.GOOD),
    False: ("FAIL", Tone.BAD),
    None: ("-   ", Tone.FAINT),
}


def printable(text: str) -> str:
    """Return text without what a terminal would obey: control characters become `?`."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _row(cells: Sequence[str]) -> str:
    name, vr, *values = map(printable, cells)
    short = [
        text if len(text) <= _VALUE_LETTERS else f"{text[: _VALUE_LETTERS - 3]}..."
        for text in values
    ]
    columns = "  ".join(f"{text:<{_VALUE_LETTERS}}" for text in short)
    return f"{name:<{_NAME_LETTERS}}  {vr:<2}  {columns}".rstrip()


def _write(stream: TextIO | None, parts: Sequence[Part]) -> None:
    """Write a line at once; a stream that was closed before the start is None."""
    if stream is not None:
        stream.write("".join(text for text, _ in parts) + "\n")
        stream.flush()


class PlainReporter:
    """Stages with times, tables and results; errors in two sentences, apart from the others.

    Each line is written out at once, so that a log can be followed.
    """

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    def _say(self, *parts: Part) -> None:
        """Write a line."""
        _write(sys.stdout, parts)

    def _complain(self, *parts: Part) -> None:
        """Write a line of an error."""
        _write(sys.stderr, parts)

    def _note(self, words: str) -> None:
        self._say((f"           {words}", Tone.PLAIN))

    def hello(self) -> None:
        """Say nothing: a person has just typed the command."""

    def stage(self, stage: str) -> None:
        """Say the stage, and when it began."""
        elapsed_s = time.monotonic() - self._started_s
        self._say((f"{elapsed_s:7.1f} s", Tone.FAINT), (f"  {stage}", Tone.PLAIN))

    def sent(self, done_bytes: int, total_bytes: int) -> None:
        """Say nothing: a line cannot move."""

    def count(self, done: int, total: int) -> None:
        """Say nothing: a line cannot move."""

    def waiting(self, code: str, attempt: int, pause_s: float) -> None:
        """Say that the worker is away and when it is tried again."""
        why = _AWAY.get(code, "worker not reachable")
        pause = f"{pause_s:.0f}" if pause_s >= 1 else f"{pause_s:.1f}"
        self._note(f"{why}, trying again in {pause} s (attempt {attempt})")

    def job(self, job: str) -> None:
        """Say the job's id."""
        self._note(f"job {job}")

    def event(self, event: "Event") -> None:
        """Say the lines of the job's log."""
        from encryptsecurert_protocol.events import LogEvent  # what it needs loads slowly

        if isinstance(event, LogEvent):
            self._note(f"{event.entry} {event.value:g}")

    def line(self, name: str, ok: bool | None, words: str, code: str | None) -> None:
        """Say one line of a check."""
        before, simulated, after = words.partition(SIMULATED_WORDS)
        self._say(
            _MARKS[ok],
            (f"  {name:<12}  {before}", Tone.PLAIN),
            (simulated, Tone.LOUD),
            (after, Tone.PLAIN),
            (f"  {code}" if code else "", Tone.FAINT),
        )

    def verdict(self, name: str, value: Mapping[str, Any]) -> None:
        """Say the rows of a refused verdict."""
        if value["accepted"]:
            return
        for row in value["rows"]:
            if row["outcome"] != "not-applicable":
                text = f"      {row['number']:>2}  {row['name']:<36} {row['outcome']}"
                self._say((text, Tone.BAD if row["outcome"] == "fail" else Tone.FAINT))

    def uids(self, pairs: UidPairs) -> None:
        """Say nothing: identifiers are for programs that asked for them."""

    def revealed(self, instance: str, rows: RevealedRows) -> None:
        """Say nothing: identifiers are for programs that asked for them."""

    def inspected(self, rows: InspectedRows, unseen: str) -> None:
        """Say a table of attributes, items indented, long values shortened."""
        lines = [_row(("attribute", "VR", "in clear", *(["original"] if unseen else [])))]
        for path, keyword, vr, clear, original in rows:
            group = path[-8:-4]
            name = f"{'  ' * path.count('[')}({group},{path[-4:]}) {keyword}"
            values = [_NOT_THERE if clear is None else clear]
            if unseen:
                values.append(unseen if original is None else original)
            lines.append(_row((name, vr, *values)))
        self._say(("\n".join(lines), Tone.PLAIN))

    def result(self, words: str, value: Mapping[str, Any]) -> None:
        """Say the result in words."""
        if value.get("simulated"):
            self._say((SIMULATED_WORDS, Tone.LOUD))
        self._say((words, Tone.PLAIN))

    def error(self, error: "EncryptSecureRTError") -> None:
        """Say what happened and what to do."""
        self._complain((error.code.name, Tone.LOUD), (f"  {error.what}", Tone.PLAIN))
        self._complain((f"  {error.todo}", Tone.PLAIN))
        if isinstance(error, JobGoesOn):
            self._complain((f"  job {error.job}", Tone.PLAIN))

    def close(self) -> None:
        """Nothing to put away."""
