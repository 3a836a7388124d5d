"""What `measurement-compare` reads here: a measured dose, and the pass rates of earlier results.

A measured plane or points as text go to the worker as they are: only there is a number of them
read. Here the size is bounded, and a file that is something else is told before anything is sent.
"""

import datetime
import re
from dataclasses import dataclass, field
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import KIB
from encryptsecurert_protocol.measurements import (
    FIRST_LINE,
    MAX_EARLIER,
    MAX_MEASUREMENTS_BYTES,
    MIN_EARLIER,
)
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.client.dose_criteria import usage
from EncryptSecureRTLib.client.dose_files import DoseFile, read_dose
from EncryptSecureRTLib.client.folder_files import size_of_dicom
from EncryptSecureRTLib.client.upload import Content

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SCANS = b"BEGIN_SCAN_DATA"
_EARLIER_HEADER = "date,pass_percent"
_EARLIER_BYTES = 256 * KIB
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasurementFile:
    """A measured dose; `dose` is None of a text, which says of nobody."""

    octets: bytes = field(repr=False)
    dose: DoseFile | None

    def content(self) -> Content:
        """Return the octets to send."""
        return Content([self.octets]) if self.dose is None else self.dose.content()


def read_measurement(source: Path) -> MeasurementFile:
    """Return a measured dose: a text as it is, or a protected RTDOSE of one frame.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_TOO_LARGE; E_MEASURED_DOSE (a text whose first line names no form, several
        frames); what `read_dose` raises.
    """
    if not source.is_dir() and size_of_dicom(source) is None:
        return MeasurementFile(octets=_text(source), dose=None)
    dose = read_dose(source)
    if dose.grid.shape[0] != 1:
        detail = "an RTDOSE of several frames is no plane: dose-compare takes it"
        raise EncryptSecureRTError(ErrorCode.E_MEASURED_DOSE, detail)
    if dose.content().size_bytes > MAX_MEASUREMENTS_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return MeasurementFile(octets=b"", dose=dose)


def _text(source: Path) -> bytes:
    try:
        if not source.is_file():  # opening a named pipe would wait
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
        with source.open("rb") as file:
            octets = file.read(MAX_MEASUREMENTS_BYTES + 1)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    if len(octets) > MAX_MEASUREMENTS_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    first = octets.removeprefix(_BYTE_ORDER_MARK).partition(b"\n")[0].rstrip(b"\r ,")
    if first.startswith(_SCANS):
        detail = "MEPHYSTO scans are profiles, and no plane: see docs/planes.md"
        raise EncryptSecureRTError(ErrorCode.E_MEASURED_DOSE, detail)
    if first != FIRST_LINE.encode("ascii"):
        detail = f"line 1: it must be {FIRST_LINE}"
        raise EncryptSecureRTError(ErrorCode.E_MEASURED_DOSE, detail)
    return octets


def read_earlier(path: Path | None) -> tuple[float, ...]:
    """Return pass rates in percent and in order of time, none without a file; dates are dropped.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; E_USAGE, with the number of the line, for another form.
    """
    if path is None:
        return ()
    octets = read_whole(path, _EARLIER_BYTES)
    if octets is None:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
    try:
        lines = octets.removeprefix(_BYTE_ORDER_MARK).decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise usage("--earlier is plain ASCII text") from None
    if not lines or lines[0].strip() != _EARLIER_HEADER:
        raise usage(f"--earlier, line 1: it must be {_EARLIER_HEADER}")
    results = []
    before = datetime.date.min
    for at, line in enumerate(lines[1:], 2):
        day, percent = _earlier(line, at)
        if day < before:
            raise usage(f"--earlier, line {at}: dates must not go back")
        before = day
        results.append(percent)
    if not MIN_EARLIER <= len(results) <= MAX_EARLIER:
        raise usage(f"--earlier needs {MIN_EARLIER} to {MAX_EARLIER} results")
    return tuple(results)


def _earlier(line: str, at: int) -> tuple[datetime.date, float]:
    date, _, percent = (part.strip() for part in line.partition(","))
    if not _DATE.fullmatch(date) or not _PERCENT.fullmatch(percent) or float(percent) > 100.0:
        raise usage(f"--earlier, line {at}: a date and 0 to 100, such as 2026-03-14,98.7")
    try:
        return datetime.date.fromisoformat(date), float(percent)
    except ValueError:
        raise usage(f"--earlier, line {at}: there is no such day") from None
