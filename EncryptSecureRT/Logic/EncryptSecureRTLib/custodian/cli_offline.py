"""`encryptsecurert-admin offline`: who reads some classes of attributes without a worker."""

import functools
from collections.abc import Sequence
from pathlib import Path

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.offline import OFFLINE_NAME, OfflineRecipient
from encryptsecurert_protocol.reveals import RevealClass
from EncryptSecureRTLib.client.revealed_values import Rows
from EncryptSecureRTLib.client.uids import refuse_if_kept
from EncryptSecureRTLib.custodian.changes import with_offline, without_offline
from EncryptSecureRTLib.custodian.cli_support import (
    FILE,
    KEY_PASSPHRASE,
    Call,
    ask_passphrase,
    own_options,
    site_options,
)
from EncryptSecureRTLib.custodian.item_key import ItemKey
from EncryptSecureRTLib.custodian.offline import open_offline, read_certificate
from EncryptSecureRTLib.custodian.reporter import Reporter

_NOT_VERIFIED = (
    "Not verified: these values may have been changed, or be of another file. Only a worker, or "
    "the escrow custodian, can tell. Nobody was told that they were opened."
)
_CLASSES = [one.value for one in RevealClass]


@click.group()
def offline() -> None:
    """Let keys outside of any worker read some classes of attributes, for good."""


@offline.command("list")
@site_options
def offline_list(call: Call) -> None:
    """List the offline recipients and their classes."""
    state = call.open_site().state
    rows = [
        {
            "name": one.name,
            "classes": [each.value for each in one.classes],
            "fingerprint": one.fingerprint,
        }
        for one in state.offline
    ]
    values = {"command": "offline-list", "epoch": state.epoch, "offline": rows}
    call.reporter.result(values, said=f"{len(rows)} offline recipient(s).", rows=rows)


@offline.command("add")
@site_options
@click.argument("name", metavar="NAME")
@click.option(
    "--class",
    "classes",
    type=click.Choice(_CLASSES),
    multiple=True,
    required=True,
    help="A class of attributes; may be given more than once.",
)
@click.option(
    "--certificate",
    type=FILE,
    required=True,
    help="Self-signed, RSA of 3072 bits or more; its only name 32 random hex digits.",
)
def offline_add(call: Call, name: str, classes: tuple[str, ...], certificate: Path) -> None:
    """Give a key an item of its own in every file that is protected from now on.

    It cannot be taken back from files that were protected, and nobody hears when it is used.
    """
    recipient = _recipient(name, classes, certificate)
    site = call.open_site()
    epoch = site.change(lambda state, _: with_offline(state, recipient))
    granted = [one.value for one in recipient.classes]
    said = "The offline recipient is added; how long its key is kept well is up to its holder."
    fingerprint = recipient.fingerprint
    call.changed("offline-add", epoch, said, name=name, classes=granted, fingerprint=fingerprint)


def _recipient(name: str, classes: Sequence[str], certificate: Path) -> OfflineRecipient:
    try:
        return OfflineRecipient(
            name=name,
            classes=tuple(RevealClass(word) for word in sorted(set(classes))),
            certificate=read_certificate(certificate),
        )
    except EncryptSecureRTError as error:
        if error.code is not ErrorCode.E_FORMAT:
            raise
        raise EncryptSecureRTError(ErrorCode.E_USAGE, f"a name is {OFFLINE_NAME}") from None


@offline.command("remove")
@site_options
@click.argument("name", metavar="NAME")
def offline_remove(call: Call, name: str) -> None:
    """Give a key no items any more; those in files that were protected stay open to it."""
    site = call.open_site()
    epoch = site.change(lambda state, _: without_offline(state, name))
    said = "The offline recipient is removed; what was protected before stays open to its key."
    call.changed("offline-remove", epoch, said, name=name)


@offline.command("open")
@own_options(
    click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE..."),
    click.option("--key", "key_file", type=FILE, required=True, help="The private key, PEM."),
    click.option("--certificate", type=FILE, required=True, help="Its certificate, PEM."),
    KEY_PASSPHRASE,
)
def offline_open(
    reporter: Reporter,
    files: tuple[Path, ...],
    key_file: Path,
    certificate: Path,
    passphrase_file: Path | None,
) -> None:
    """Tell what files hold for an offline recipient, to a terminal or a pipe only.

    Nothing is verified. A file that cannot be opened is listed, the others go on, and the command
    fails at the end.
    """
    refuse_if_kept()
    key = ItemKey.read(key_file, certificate, functools.partial(ask_passphrase, passphrase_file))
    found: list[dict[str, object]] = []
    table: list[dict[str, object]] = []
    failed: list[ErrorCode] = []
    for number, path in enumerate(files, 1):
        try:
            rows = open_offline(path, key)
        except EncryptSecureRTError as error:
            failed.append(error.code)
            found.append({"file": number, "outcome": error.code.name, "attributes": []})
        else:
            found.append({"file": number, "outcome": "opened", "attributes": list(rows)})
            table += _for_people(number, rows)
    reporter.warning(_NOT_VERIFIED)
    values: dict[str, object] = {
        "command": "offline-open",
        "verified": False,
        "opened": len(files) - len(failed),
        "refused": len(failed),
        "files": found,
    }
    reporter.result(values, said=f"{values['opened']} of {len(files)} opened.", rows=table)
    if failed:
        raise EncryptSecureRTError(failed[0], f"{len(failed)} of {len(files)} files refused")


def _for_people(number: int, rows: Rows) -> list[dict[str, object]]:
    return [
        {"file": number, "attribute": f"{path} {keyword}", "VR": vr, "value": _printable(value)}
        for path, keyword, vr, value in rows
    ]


def _printable(value: str) -> str:
    """Return text that commands nothing to a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in value)
