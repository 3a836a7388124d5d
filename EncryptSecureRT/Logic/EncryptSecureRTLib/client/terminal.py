"""How a command speaks to a person at a terminal: the lines of `plain` in colour, and bars."""

from collections.abc import Mapping
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.events import EndEvent, Event, ProgressEvent, StateEvent
from EncryptSecureRTLib.client.output import InspectedRows
from EncryptSecureRTLib.client.plain import Part, PlainReporter


class TerminalReporter(PlainReporter):
    """Bars with octets, rate and time left; a bar is taken away before what it led to is said."""

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

        super().__init__()
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

    def _say(self, *parts: Part) -> None:
        _show_line(self._console, parts)

    def _complain(self, *parts: Part) -> None:
        _show_line(self._errors, parts)

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

    def stage(self, stage: str) -> None:
        """Say the stage, and when it began."""
        self._hide()
        super().stage(stage)

    def sent(self, done_bytes: int, total_bytes: int) -> None:
        """Move the upload bar."""
        self._show(self._upload, "upload (sealed)", total_bytes)
        self._upload.update(self._task, completed=done_bytes, total=total_bytes)

    def count(self, done: int, total: int) -> None:
        """Move the bar of instances."""
        self._show(self._job, "instances", total)
        self._job.update(self._task, completed=done, total=total)

    def waiting(self, code: str, attempt: int, pause_s: float) -> None:
        """Say that the worker is away and when it is tried again."""
        self._hide()
        super().waiting(code, attempt, pause_s)

    def event(self, event: Event) -> None:
        """Move the job bar, say the lines of the job's log."""
        match event:
            case StateEvent(place=place) if place:
                self._show(self._job, f"queued, {place} before", 1)
            case ProgressEvent():
                self._show(self._job, event.stage, 1)
                self._job.update(self._task, completed=event.fraction, description=event.stage)
            case EndEvent():
                self._hide()
            case _:
                super().event(event)

    def inspected(self, rows: InspectedRows, unseen: str) -> None:
        """Say a table of attributes."""
        self._hide()
        super().inspected(rows, unseen)

    def result(self, words: str, value: Mapping[str, Any]) -> None:
        """Say the result in words."""
        self._hide()
        super().result(words, value)

    def error(self, error: EncryptSecureRTError) -> None:
        """Say what happened and what to do."""
        self._hide()
        super().error(error)

    def close(self) -> None:
        """Take the bars away."""
        self._hide()


def _show_line(console: Any, parts: tuple[Part, ...]) -> None:
    """Show a line in its colours; its words are shown as they are, whatever they look like."""
    from rich.text import Text

    line = Text.assemble(*((text, tone.value) for text, tone in parts))
    console.print(line, soft_wrap=True)
