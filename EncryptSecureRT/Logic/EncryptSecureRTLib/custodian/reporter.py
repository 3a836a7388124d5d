"""What `encryptsecurert-admin` says: JSON lines for programs, a few words for people.

With `--json`, standard output has one object a line: any number of `warning`, then one `result` or
one `error`, or both where an audit found something. Without it, results go to standard output,
warnings and errors to standard error.
"""

import json
import traceback
from collections.abc import Mapping, Sequence

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

SIMULATED_WARNING = (
    "SIMULATED: this policy accepts workers that protect nothing. Never use it with patients' data."
)
_TABLE_WIDTH = 160  # wider than any row; a narrow terminal breaks the line, but cuts no id


class Reporter:
    """Says results, warnings and errors in the form that was asked for."""

    def __init__(self, *, as_json: bool, debug: bool) -> None:
        self._as_json = as_json
        self._debug = debug
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(highlight=False, soft_wrap=True, stderr=True)

    def _line(self, kind: str, values: Mapping[str, object]) -> None:
        click.echo(json.dumps({"kind": kind, **values}, ensure_ascii=True))

    def warning(self, text: str) -> None:
        """Say what a person must not overlook."""
        if self._as_json:
            self._line("warning", {"warning": text})
        else:
            self._err.print(Text(f"WARNING  {text}", style="bold red"))

    def result(
        self,
        values: Mapping[str, object],
        *,
        said: str,
        rows: Sequence[Mapping[str, object]] | None = None,
    ) -> None:
        """Say the result.

        Parameters
        ----------
        values : mapping
            All members of the JSON line; for people, one line each, lists apart.
        said : str
            The sentence for people.
        rows : sequence of mapping, optional
            A table for people, part of `values` already.
        """
        if self._as_json:
            self._line("result", values)
            return
        self._out.print(Text(said, style="bold"))
        for name, value in values.items():
            if not isinstance(value, list | dict) and value is not None:
                # no table: it would cut ids that are there to be copied
                self._out.print(Text(f"{name.replace('_', ' '):<22}{value}"))
        if rows:
            table = Table(box=SIMPLE)
            for name in rows[0]:
                table.add_column(name.replace("_", " "), no_wrap=True)
            for row in rows:
                table.add_row(*(Text(_cell(value)) for value in row.values()))
            Console(width=max(self._out.width, _TABLE_WIDTH)).print(table)

    def error(self, error: EncryptSecureRTError) -> int:
        """Say what went wrong and what to do; return the exit code."""
        if self._as_json:
            self._line(
                "error",
                {
                    "code": error.code.name,
                    "what": error.what,
                    "todo": error.todo,
                    "detail": error.detail,
                    "exit_code": error.exit_code,
                },
            )
        else:
            self._err.print(Text(f"{error.code.name}  {error.what}", style="bold red"))
            self._err.print(Text(error.todo))
        self._trace(error)
        return error.exit_code

    def usage(self, error: click.ClickException) -> int:
        """Say what is wrong with the command line; return the exit code."""
        ours = EncryptSecureRTError(ErrorCode.E_USAGE)
        if self._as_json:
            # click's own text repeats what was typed, which is for a terminal only
            return self.error(ours)
        error.show()
        self._trace(error)
        return ours.exit_code

    def _trace(self, error: Exception) -> None:
        if self._debug:
            click.echo("".join(traceback.format_exception(error)), err=True)


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)
