"""`plan-compare`: a protected plan beside another, treatment records or a log, inside the worker.

What is sent are numbers by beam and mapped UIDs, see `plan_files` and `machine_logs`. The answer is
a row for each thing that was compared; it is written as JSON, as the worker made it, and as CSV.
"""

from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.plan_checks import (
    CHECK_NAME,
    PARAMETERS_SCHEMA,
    PLAN_CHECK_TASK,
    PlanComparison,
)
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.machine_logs import read_log
from EncryptSecureRTLib.client.plan_asked import read_tolerances
from EncryptSecureRTLib.client.plan_files import PlansFile, read_plan, read_records
from EncryptSecureRTLib.client.plan_words import csv_of
from EncryptSecureRTLib.client.results import RECEIPT_FILE, Written, refuse_if_taken, write_files
from EncryptSecureRTLib.client.runs import run_job, sending_all
from EncryptSecureRTLib.client.series_headers import size_of_dicom

JSON_FILE, CSV_FILE = "plan-check.json", "plan-check.csv"
CHECK_FILES = (JSON_FILE, CSV_FILE, RECEIPT_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to compare, how, and the folder for the results."""

    reference: Path
    other: Path
    matching: str
    tolerances: Path | None
    out: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Written):
    """What was written, and what the worker found."""

    comparison: PlanComparison


def compare_plan(
    channel: Line, home: ClientHome, request: PlanRequest, watcher: Watcher
) -> Compared:
    """Compare, and write JSON, CSV and receipt into `out`, or nothing.

    Raises
    ------
    EncryptSecureRTError
        What `read_plan`, `read_records`, `read_log` and `read_tolerances` raise; E_PATIENT_MIX if
        the two are of different patients; E_LOCAL_FILE if `out` holds results already; what jobs
        raise; E_RESULT if the worker's answer is not of the form.
    """
    refuse_if_taken(request.out, CHECK_FILES)
    parameters = {
        "schema": PARAMETERS_SCHEMA,
        "matching": request.matching,
        "tolerances": read_tolerances(request.tolerances),
    }
    watcher.stage("read")
    reference, other = read_plan(request.reference), read_other(request.other)
    if other.patient_id and other.patient_id != reference.patient_id:
        raise EncryptSecureRTError(ErrorCode.E_PATIENT_MIX)
    inputs = [(ObjectKind.PLANS, file.content) for file in (reference, other)]
    send = sending_all(channel, home, inputs, watcher)
    finished = run_job(channel, home, PLAN_CHECK_TASK, send, parameters, watcher)
    return write_check(home, request.out, finished, watcher)


def write_check(home: ClientHome, out: Path, finished: Finished, watcher: Watcher) -> Compared:
    """Write JSON, CSV and receipt of a check into `out`, or nothing (E_RESULT, E_LOCAL_FILE)."""
    octets = finished.results.get(CHECK_NAME)
    if octets is None or len(finished.results) != 1:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    try:
        comparison = PlanComparison.decode(bytes(octets))
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_RESULT) from None
    made = {JSON_FILE: bytes(octets), CSV_FILE: csv_of(comparison).encode("ascii")}
    written = write_files(home, out, made, finished, watcher)
    return Compared(files=written.files, finished=finished, comparison=comparison)


def read_other(source: Path) -> PlansFile:
    """Return what stands beside a plan: records, if there are any; a plan; or a log.

    A file that is not DICOM is read as a log, see `read_log`.
    """
    if not source.is_dir() and size_of_dicom(source) is None:
        return read_log(source)
    return read_records(source) or read_plan(source)
