"""`encryptsecurert-admin recover`: originals back with the escrow key, offline."""

from pathlib import Path

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.custodian.cli_support import (
    FILE,
    FOLDER,
    KEY_PASSPHRASE,
    ask_passphrase,
    own_options,
)
from EncryptSecureRTLib.custodian.recover import EscrowKey, recover_file
from EncryptSecureRTLib.custodian.reporter import Reporter


@click.command()
@own_options(
    click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE..."),
    click.option("--out", type=FOLDER, required=True, help="Folder for the originals."),
    click.option(
        "--escrow", type=FOLDER, required=True, help="The folder with escrow.key and escrow.pem."
    ),
    KEY_PASSPHRASE,
)
def recover(
    reporter: Reporter,
    files: tuple[Path, ...],
    out: Path,
    escrow: Path,
    passphrase_file: Path | None,
) -> None:
    """Open protected files with the escrow key: this project's, or others' for the same key.

    A file that cannot be opened is listed, the others go on, and the command fails at the end.
    """
    key = EscrowKey.load(escrow, ask_passphrase(passphrase_file))
    rows: list[dict[str, object]] = []
    failed: list[ErrorCode] = []
    for number, path in enumerate(files, 1):
        try:
            exact = recover_file(path, out, key)
        except EncryptSecureRTError as error:
            failed.append(error.code)
            rows.append({"file": number, "outcome": error.code.name})
        else:
            rows.append({"file": number, "outcome": "exact" if exact else "put back"})
    values: dict[str, object] = {
        "command": "recover",
        "recovered": len(files) - len(failed),
        "refused": len(failed),
        "files": rows,
    }
    reporter.result(values, said=f"{values['recovered']} of {len(files)} recovered.", rows=rows)
    if failed:
        raise EncryptSecureRTError(failed[0], f"{len(failed)} of {len(files)} files refused")
