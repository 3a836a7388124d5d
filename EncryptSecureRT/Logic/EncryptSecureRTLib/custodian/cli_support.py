"""What the custodian's commands have in common: options, and asking for the passphrase."""

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.client.channel import Channel, open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.disk import read_file
from EncryptSecureRTLib.custodian.own_home import over_own_channel
from EncryptSecureRTLib.custodian.passphrase import check_passphrase
from EncryptSecureRTLib.custodian.reporter import SIMULATED_WARNING, Reporter
from EncryptSecureRTLib.custodian.site import Site, open_site

FILE = click.Path(path_type=Path)
FOLDER = click.Path(path_type=Path)
NEW_BUNDLE = "Provision every worker again: encryptsecurert-admin provision."
# `main` reads them, before anything is parsed.
_OUTPUT_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--json", is_flag=True, expose_value=False, help="One JSON object a line."),
    click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback."),
)
KEY_PASSPHRASE = click.option(
    "--passphrase-file", type=FILE, help="File with the key's passphrase, - for standard input."
)
_STDIN = "-"
_MAX_PASSPHRASE_BYTES = 8192
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What every command is called with."""

    site_dir: Path
    passphrase_file: Path | None
    reporter: Reporter

    def passphrase(self, *, new: bool = False) -> bytes:
        """Return the passphrase, asked for if no file was given."""
        return ask_passphrase(self.passphrase_file, new=new)

    def open_site(self) -> Site:
        """Open the site with the passphrase."""
        return open_site(self.site_dir, self.passphrase())

    def changed(self, command: str, epoch: int, said: str, **values: object) -> None:
        """Say what changed, and that workers need the bundle of the new epoch."""
        result = {"command": command, **values, "epoch": epoch, "provision_again": True}
        self.reporter.result(result, said=f"{said} {NEW_BUNDLE}")

    def at_worker(
        self, site: Site, home: Path | None, url: str, action: Callable[[Channel], _Result]
    ) -> tuple[_Result, Verdict]:
        """Do something over an attested channel, from the site's own folder or another one.

        Returns what it brought, and the verdict on the worker; warns if that is simulated.
        """
        if home is None:
            done = over_own_channel(site.home, url, lambda channel: _judged(channel, action))
        else:
            with open_channel(ClientHome(home), url, allow_unprovisioned=True) as channel:
                done = _judged(channel, action)
        if done[1].simulated:
            self.reporter.warning(SIMULATED_WARNING)
        return done


def _judged(channel: Channel, action: Callable[[Channel], _Result]) -> tuple[_Result, Verdict]:
    return action(channel), channel.verdict


def site_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command SITE_DIR, --passphrase-file, --json and --debug; it gets them as a `Call`."""
    options: tuple[Callable[[Any], Any], ...] = (
        click.argument("site_dir", type=FOLDER),
        click.option(
            "--passphrase-file",
            type=FILE,
            help="File with the passphrase, - for standard input; asked for if not given.",
        ),
        *_OUTPUT_OPTIONS,
    )

    @functools.wraps(command)
    @click.pass_obj
    def with_call(
        reporter: Reporter, /, site_dir: Path, passphrase_file: Path | None, **values: Any
    ) -> None:
        call = Call(site_dir=site_dir, passphrase_file=passphrase_file, reporter=reporter)
        command(call, **values)

    return _with_options(with_call, options)


def own_options(*own: Callable[[Any], Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command its own options, --json and --debug; it gets a reporter first."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        @click.pass_obj
        def with_reporter(reporter: Reporter, /, **values: Any) -> None:
            command(reporter, **values)

        return _with_options(with_reporter, (*own, *_OUTPUT_OPTIONS))

    return decorate


def _with_options(
    command: Callable[..., None], options: Sequence[Callable[[Any], Any]]
) -> Callable[..., None]:
    for option in reversed(options):
        command = option(command)
    return command


def ask_passphrase(file: Path | None, *, new: bool = False) -> bytes:
    """Return the passphrase of a file or of a person at a terminal.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE if it is too short, or if there is neither a file nor a terminal.
    """
    if file is not None:
        octets = _stdin() if str(file) == _STDIN else read_file(file, _MAX_PASSPHRASE_BYTES)
        # an editor ends the line; that end is not part of the passphrase
        return check_passphrase(octets.removesuffix(b"\n").removesuffix(b"\r"))
    if not sys.stdin.isatty():
        detail = "no terminal to ask for the passphrase; give --passphrase-file"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    text = click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
    return check_passphrase(str(text).encode("utf-8", "surrogateescape"))


def _stdin() -> bytes:
    octets = sys.stdin.buffer.read(_MAX_PASSPHRASE_BYTES + 1)
    if len(octets) > _MAX_PASSPHRASE_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return octets
