"""`encryptsecurert pacs echo, find, pull, push`: between the parsed words and the library."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.arguments import Invocation
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import Reporter
from EncryptSecureRTLib.client.session import Command, Switch, open_session

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.jobs import Watcher
    from EncryptSecureRTLib.client.protect import ProtectedSeries


def pacs(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Run one of the actions, and first remove what a killed run has left."""
    from EncryptSecureRTLib.client.pacs.workspace import remove_stale

    remove_stale(Path(tempfile.gettempdir()))
    return _ACTIONS[invocation.pacs.action](invocation, reporter, switch)


def _echo(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    from EncryptSecureRTLib.client.pacs.opening import open_pacs

    with open_pacs(invocation.pacs, reporter) as opened:
        opened.echo()
    reporter.result("The PACS answers.", {"answers": True})
    return 0


def _find(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    from EncryptSecureRTLib.client.pacs.opening import open_pacs
    from EncryptSecureRTLib.client.pacs.telling import found_told

    query = invocation.pacs.query()
    with open_pacs(invocation.pacs, reporter) as opened:
        rows = opened.find(query)
    reporter.result(*found_told(rows))
    return 0


def _pull(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    from EncryptSecureRTLib.client.pacs.opening import open_pacs
    from EncryptSecureRTLib.client.pacs.pull import Hands, pull_study
    from EncryptSecureRTLib.client.pacs.telling import coming_words, pulled_told
    from EncryptSecureRTLib.client.report_place import report_place

    study, out = invocation.pacs.need_study(), invocation.need_out()

    def attest() -> None:
        with open_session(invocation, reporter, switch):
            pass

    hands = Hands(
        attest=attest,
        protect=_protector(invocation, reporter, switch),
        held=switch.soft,
        told=lambda coming: reporter.line("study", None, coming_words(coming), None),
    )
    with (
        report_place(invocation.report) as report,
        open_pacs(invocation.pacs, reporter) as opened,
    ):
        opened.echo()
        home = ClientHome(invocation.home)
        pulled = pull_study(opened, study, out, hands, home, _watcher(reporter))
        if pulled.protected is not None:
            report.write_of(pulled.protected)
    reporter.result(*report.told(*pulled_told(pulled)))
    return 0 if pulled.protected is None else pulled.protected.exit_code


def _push(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    from EncryptSecureRTLib.client.pacs.opening import open_pacs
    from EncryptSecureRTLib.client.pacs.push import push_folder
    from EncryptSecureRTLib.client.pacs.telling import failed_lines, pushed_told
    from EncryptSecureRTLib.client.report_place import report_place

    if invocation.report is not None and not invocation.pacs.protect:
        detail = "--report is of what --protect protects"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    source = invocation.need_source()
    protect = _protector(invocation, reporter, switch) if invocation.pacs.protect else None
    with (
        report_place(invocation.report) as report,
        open_pacs(invocation.pacs, reporter) as opened,
    ):
        home = ClientHome(invocation.home)
        pushed = push_folder(opened, source, protect, home, _watcher(reporter))
        if pushed.protected is not None:
            report.write_of(pushed.protected)
    if pushed.failed:
        for line in failed_lines(pushed.failed):
            reporter.line("instance", False, line, ErrorCode.E_PACS_INCOMPLETE.name)
        detail = f"{len(pushed.failed)} of {len(pushed.stored)} instances were not stored"
        raise EncryptSecureRTError(ErrorCode.E_PACS_INCOMPLETE, detail)
    reporter.result(*report.told(*pushed_told(pushed)))
    return 0 if pushed.protected is None else pushed.protected.exit_code


def _protector(
    invocation: Invocation, reporter: Reporter, switch: Switch
) -> "Callable[[Path, Path], ProtectedSeries]":
    """Return what protects a folder into another, in a session of its own."""

    def protect(source: Path, out: Path) -> "ProtectedSeries":
        from EncryptSecureRTLib.client.protect import protect_series

        home, choices = ClientHome(invocation.home), invocation.protect_choices()
        with open_session(invocation, reporter, switch) as (channel, watcher):
            return protect_series(channel, home, source, out, watcher, choices)

    return protect


def _watcher(reporter: Reporter) -> "Watcher":
    """Return who hears of a PACS; a stop ends the command at once there."""
    from EncryptSecureRTLib.client.jobs import Watcher

    return Watcher(stage=reporter.stage, count=reporter.count)


_ACTIONS: dict[str, Command] = {"echo": _echo, "find": _find, "pull": _pull, "push": _push}
COMMANDS: dict[str, Command] = {"pacs": pacs}
