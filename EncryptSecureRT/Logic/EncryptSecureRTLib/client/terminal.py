"""How a command speaks to a person: bars with times, tables, and errors in two sentences."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.events import EndEvent, Event, LogEvent, ProgressEvent, StateEvent
from EncryptSecureRTLib.client.output import SIMULATED_WORDS, InspectedRows, RevealedRows, UidPairs
from EncryptSecureRTLib.client.unfinished import JobGoesOn

_AWAY = {
    "E_TIMEOUT": "worker does not answer",
    "E_BUSY": "worker is busy",
}


_NAME_LETTERS, _VALUE_LETTERS = 50, 40
_NOT_THERE = "-"


def printable(text: str) -> str:
    """Return text without what a terminal would obey: control characters become `?`."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _line(cells: Sequence[str]) -> str:
    name, vr, *values = map(printable, cells)
    short = [
        text if len(text) <= _VALUE_LETTERS else f"{text[: _VALUE_LETTERS - 3]}..."
        for text in values
    ]
    columns = "  ".join(f"{text:<{_VALUE_LETTERS}}" for text in short)
    return f"{name:<{_NAME_LETTERS}}  {vr:<2}  {columns}".rstrip()


class TerminalReporter:
    """Bars with octets, rate and time left; errors in two sentences."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._console = Console(highlight=False)
        self._errors = Console(stderr=True, highlight=False)
        times = (TimeElapsedColumn(), TimeRemainingColumn())
        self._upload = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            *times,
            console=self._console,
            transient=True,
        )
        self._job = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            *times,
            console=self._console,
            transient=True,
        )
        self._active: Any = None
        self._task: Any = None
        self._started_s = time.monotonic()

    def _show(self, bar: Any, words: str, total: float) -> None:
        if self._active is not bar:
            self._hide()
            self._active = bar
            self._task = bar.add_task(words, total=total)
            bar.start()

    def _hide(self) -> None:
        if self._active is not None:
            self._active.stop()
            self._active.remove_task(self._task)
            self._active = None

    def hello(self) -> None:
        """Say nothing: a person has just typed the command."""

    def stage(self, stage: str) -> None:
        """Print the stage."""
        self._hide()
        elapsed = time.monotonic() - self._started_s
        self._console.print(f"[dim]{elapsed:7.1f} s[/dim]  {stage}")

    def sent(self, done_bytes: int, total_bytes: int) -> None:
        """Move the upload bar."""
        self._show(self._upload, "upload (sealed)", total_bytes)
        self._upload.update(self._task, completed=done_bytes, total=total_bytes)

    def count(self, done: int, total: int) -> None:
        """Move the bar of instances."""
        self._show(self._job, "instances", total)
        self._job.update(self._task, completed=done, total=total)

    def waiting(self, code: str, attempt: int, pause_s: float) -> None:
        """Print that the worker is away and when it is tried again."""
        self._hide()
        why = _AWAY.get(code, "worker not reachable")
        pause = f"{pause_s:.0f}" if pause_s >= 1 else f"{pause_s:.1f}"
        self._note(f"{why}, trying again in {pause} s (attempt {attempt})")

    def job(self, job: str) -> None:
        """Print the job's id."""
        self._note(f"job {job}")

    def _note(self, words: str) -> None:
        self._console.print(f"           {words}", soft_wrap=True)

    def event(self, event: Event) -> None:
        """Move the job bar, print log lines."""
        match event:
            case StateEvent(place=place) if place:
                self._show(self._job, f"queued, {place} before", 1)
            case ProgressEvent():
                self._show(self._job, event.stage, 1)
                self._job.update(self._task, completed=event.fraction, description=event.stage)
            case LogEvent():
                self._note(f"{event.entry} {event.value:g}")
            case EndEvent():
                self._hide()
            case _:
                pass

    def line(self, name: str, ok: bool | None, words: str, code: str | None) -> None:
        """Print one line of a check."""
        mark = {True: "[green]ok[/green]  ", False: "[red]FAIL[/red]", None: "[dim]-   [/dim]"}[ok]
        text = words.replace(SIMULATED_WORDS, f"[bold red]{SIMULATED_WORDS}[/bold red]")
        tail = f"  [dim]{code}[/dim]" if code else ""
        self._console.print(f"{mark}  {name:<12}  {text}{tail}", soft_wrap=True)

    def verdict(self, name: str, value: Mapping[str, Any]) -> None:
        """Print the rows of a refused verdict, the failed one in red."""
        if value["accepted"]:
            return
        for row in value["rows"]:
            if row["outcome"] != "not-applicable":
                text = f"      {row['number']:>2}  {row['name']:<36} {row['outcome']}"
                self._console.print(text, style="red" if row["outcome"] == "fail" else "dim")

    def uids(self, pairs: UidPairs) -> None:
        """Say nothing: identifiers are not for a terminal."""

    def revealed(self, instance: str, rows: RevealedRows) -> None:
        """Say nothing: identifiers are not for a terminal."""

    def inspected(self, rows: InspectedRows, unseen: str) -> None:
        """Print a table of attributes, items indented, long values shortened."""
        self._hide()
        heads = ("attribute", "VR", "in clear", *(["original"] if unseen else []))
        self._console.out(_line(heads), highlight=False)
        lines = []
        for path, keyword, vr, clear, original in rows:
            group = path[-8:-4]
            name = f"{'  ' * path.count('[')}({group},{path[-4:]}) {keyword}"
            values = [_NOT_THERE if clear is None else clear]
            if unseen:
                values.append(unseen if original is None else original)
            lines.append(_line((name, vr, *values)))
        self._console.out("\n".join(lines), highlight=False)

    def result(self, words: str, value: Mapping[str, Any]) -> None:
        """Print the result in words."""
        self._hide()
        if value.get("simulated"):
            self._console.print(f"[bold red]{SIMULATED_WORDS}[/bold red]")
        self._console.print(words, markup=False, soft_wrap=True)

    def error(self, error: EncryptSecureRTError) -> None:
        """Print what happened and what to do."""
        self._hide()
        head = f"[bold red]{error.code.name}[/bold red]  {error.what}"
        self._errors.print(head, soft_wrap=True)
        self._errors.print(f"  {error.todo}", soft_wrap=True)
        if isinstance(error, JobGoesOn):
            self._errors.print(f"  job {error.job}", soft_wrap=True)

    def close(self) -> None:
        """Take the bars away."""
        self._hide()
