"""`verify` of an officer's report: each job's part against the receipt that vouches for it.

The receipts are those archived on this computer, each judged as `verify` judges it alone. That
the whole is the sum of its parts, and each part the one of its digest, belongs to reading it.
"""

from collections.abc import Iterator
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.protection_reports import REPORT_NAME
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import SIMULATED_WORDS
from EncryptSecureRTLib.client.report import MAX_FILE_BYTES, BatchReport, StudyReport
from EncryptSecureRTLib.client.verify import VerifyReport, VerifyRow, verify_receipt

_START = b'{"batches":['  # keys are sorted, and no receipt has this one


def read_report(path: Path) -> StudyReport | None:
    """Return the report in a file, None if the file is of another kind.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; E_FORMAT, E_DIGEST if it is a report that contradicts itself.
    """
    octets = read_whole(path, MAX_FILE_BYTES)
    if octets is None:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
    return StudyReport.decode(octets) if octets.startswith(_START) else None


def check_report(home: ClientHome, study: StudyReport) -> Iterator[VerifyRow]:
    """Yield a row for each job of a report, once its receipt holds and names its part.

    Raises
    ------
    EncryptSecureRTError
        E_RECEIPT if a receipt is not archived here or does not name that part; what
        `verify_receipt` raises.
    """
    for number, batch in enumerate(study.batches, 1):
        path = home.receipts_path / batch.receipt_sha256 / "receipt.json"
        if not path.is_file():
            raise EncryptSecureRTError(ErrorCode.E_RECEIPT, "it is not archived on this computer")
        receipt = verify_receipt(home, path)
        _require_names(receipt, batch)
        simulated = receipt.judged.verdict.simulated
        when = "signed by you at receipt" if receipt.time_proved else "time not proved"
        words = (
            f"{batch.report.instances} instances, as the receipt says; "
            f"{SIMULATED_WORDS if simulated else 'SGX'}, {when}"
        )
        yield VerifyRow(name=f"job {number}", ok=True, words=words)


def _require_names(receipt: VerifyReport, batch: BatchReport) -> None:
    """Refuse with E_RECEIPT unless a receipt vouches for a report and for what is said of it."""
    judged, said = receipt.judged, batch.worker
    is_named = (
        judged.sha256 == batch.receipt_sha256
        and dict(judged.body.outputs).get(REPORT_NAME) == batch.report_sha256
        and judged.verdict.simulated == said.simulated
        and judged.verdict.measurement == said.measurement
    )
    if not is_named:
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
