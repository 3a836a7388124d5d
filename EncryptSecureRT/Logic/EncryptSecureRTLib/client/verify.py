"""`verify`: a receipt judged offline, as of when it came, and again by what is known today.

The first under the policy that it names, archived with it; the second, a row of its own that
changes nothing of the first, under the policy and the collateral that this folder has now.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import SIMULATED_WORDS
from EncryptSecureRTLib.client.receipts import (
    MAX_RECEIPT_BYTES,
    Judged,
    check_outputs,
    judge_receipt,
    open_receipt_verifier,
    received_at,
)
from EncryptSecureRTLib.client.trust import open_verifier, utc_now

_RESULT_BYTES = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRow:
    """One line of the report; `ok` None where there was nothing to check."""

    name: str
    ok: bool | None
    words: str
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What a receipt proved."""

    judged: Judged
    time_proved: bool
    still_holds: bool
    rows: tuple[VerifyRow, ...]


def verify_receipt(home: ClientHome, path: Path) -> VerifyReport:
    """Judge a receipt file, and the result files that lie beside it.

    Raises
    ------
    EncryptSecureRTError
        E_RECEIPT or an attestation error if it did not hold when it came; E_POLICY_MISSING if
        the policy of then is not here, and other errors of that policy; E_RESULT if a file
        beside it is not the one that it names.
    """
    octets = read_whole(path, MAX_RECEIPT_BYTES)
    if octets is None:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
    claimed = ReceiptBody.decode(Receipt.decode(octets).body)  # believed only once judged
    digest = _sha256(octets)
    received = received_at(home, digest)
    at = received or claimed.time_claimed
    judged = judge_receipt(octets, at, open_receipt_verifier(home, octets, at))
    kind = SIMULATED_WORDS if judged.verdict.simulated else "SGX"
    rows = [
        VerifyRow(name="evidence", ok=True, words=f"{kind}, as of its time"),
        VerifyRow(name="signature", ok=True, words="by the attested receipt key"),
        _time_row(received is not None, time_text(at)),
        _files_row(judged.body, path.parent),
    ]
    today = _today_row(home, octets)
    rows.append(today)
    return VerifyReport(
        judged=judged,
        time_proved=received is not None,
        still_holds=today.ok is True,
        rows=tuple(rows),
    )


def _sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def _time_row(proved: bool, moment: str) -> VerifyRow:
    words = f"{moment}, signed by you at receipt" if proved else f"{moment}, time not proved"
    return VerifyRow(name="time", ok=True if proved else None, words=words)


def _files_row(body: ReceiptBody, folder: Path) -> VerifyRow:
    found: dict[str, bytes] = {}
    for name, _ in body.outputs:
        octets = read_whole(folder / name, _RESULT_BYTES)
        if octets is not None:
            found[name] = octets
    if not found:
        return VerifyRow(name="files", ok=None, words="no result lies beside the receipt")
    if set(found) != {name for name, _ in body.outputs}:
        words = f"{len(found)} of {len(body.outputs)} results lie beside the receipt"
        named = tuple(pair for pair in body.outputs if pair[0] in found)
        _check(named, found)
        return VerifyRow(name="files", ok=None, words=words)
    check_outputs(body, found)
    return VerifyRow(name="files", ok=True, words=f"{len(found)} results are the ones named")


def _check(named: tuple[tuple[str, str], ...], found: dict[str, bytes]) -> None:
    if any(_sha256(found[name]) != digest for name, digest in named):
        raise EncryptSecureRTError(ErrorCode.E_RESULT)


def _today_row(home: ClientHome, octets: bytes) -> VerifyRow:
    try:
        verifier = open_verifier(home, "")
        judge_receipt(octets, utc_now(), verifier, newest_collateral=True)
    except EncryptSecureRTError as error:
        return VerifyRow(name="today", ok=False, words=error.what, code=error.code.name)
    return VerifyRow(name="today", ok=True, words="holds with the newest policy and collateral")
