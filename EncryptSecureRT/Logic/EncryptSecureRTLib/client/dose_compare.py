"""`dose-compare`: two protected doses in, figures, maps and a report out, made inside the worker.

    comparison.json   what the receipt vouches for       report.html, report.pdf   for people
    comparison.csv, dvh.csv, goals.csv, profiles.csv, isodoses.csv   for programs
    receipt.json
    difference.dcm, gamma.dcm, report.dcm   RTDOSE, Parametric Map and SR in the protected study

All of them are written or none, and none before the receipt verified. Names of files and, unless
they were asked for, what is in them name no patient and no structure.
"""

from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.dose_jobs import DOSE_COMPARE_TASK
from encryptsecurert_protocol.dose_results import (
    COMPARISON_NAME,
    CURVES_NAME,
    DIFFERENCE_DICOM,
    DIFFERENCE_NAME,
    GAMMA_DICOM,
    GAMMA_NAME,
    REPORT_DICOM,
)
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dose_criteria import usage
from EncryptSecureRTLib.client.dose_csv import (
    comparison_csv,
    dvh_csv,
    goals_csv,
    isodoses_csv,
    profiles_csv,
)
from EncryptSecureRTLib.client.dose_inputs import DoseInputs, Known
from EncryptSecureRTLib.client.dose_outcome import DoseOutcome, outcome_of
from EncryptSecureRTLib.client.dose_report import can_draw, dose_report
from EncryptSecureRTLib.client.dose_scene import Labels
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.orders import Order
from EncryptSecureRTLib.client.results import RECEIPT_FILE, Written, write_files
from EncryptSecureRTLib.client.runs import run_job, sending_all, submit_job

HTML_FILE, PDF_FILE = "report.html", "report.pdf"
_JSON_FILE, _CSV_FILE = "comparison.json", "comparison.csv"
_DVH_FILE, _GOALS_FILE = "dvh.csv", "goals.csv"
_PROFILES_FILE, _ISODOSES_FILE = "profiles.csv", "isodoses.csv"
_DICOM_FILES = (DIFFERENCE_DICOM, GAMMA_DICOM, REPORT_DICOM)
RESULT_FILES = (
    *(_JSON_FILE, _CSV_FILE, _DVH_FILE, _GOALS_FILE, _PROFILES_FILE, _ISODOSES_FILE),
    *(HTML_FILE, PDF_FILE),
    *_DICOM_FILES,
    RECEIPT_FILE,
)
# What a scene reads: the results as they came, without DICOM.
_SHOWN = (COMPARISON_NAME, CURVES_NAME, GAMMA_NAME, DIFFERENCE_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportChoice:
    """Where results go, and what is written for people.

    Attributes
    ----------
    out : folder for the results.
    pdf : not without matplotlib (E_USAGE).
    display : private, empty folder for what a scene shows, if that is wanted.
    """

    out: Path
    html: bool = True
    pdf: bool = False
    display: Path | None = None

    def __post_init__(self) -> None:
        if self.pdf and not can_draw():
            raise usage("--pdf needs matplotlib, which is not installed here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Written):
    """What `dose-compare` wrote, and what was found."""

    outcome: DoseOutcome


def compare_doses(
    channel: Line, home: ClientHome, inputs: DoseInputs, choice: ReportChoice, watcher: Watcher
) -> Compared:
    """Compare two doses, write results, report and receipt.

    Raises
    ------
    EncryptSecureRTError
        What jobs and `write_comparison` raise.
    """
    send = sending_all(channel, home, inputs.contents(), watcher)
    parameters = inputs.parameters.as_json()
    finished = run_job(channel, home, DOSE_COMPARE_TASK, send, parameters, watcher)
    return write_comparison(home, finished, choice, inputs.known, watcher)


def order_comparison(
    channel: Line, home: ClientHome, inputs: DoseInputs, watcher: Watcher
) -> Order:
    """Send the inputs and have the worker take the job, no more."""
    send = sending_all(channel, home, inputs.contents(), watcher)
    parameters = inputs.parameters.as_json()
    return submit_job(channel, home, DOSE_COMPARE_TASK, send, parameters, watcher)


def write_comparison(
    home: ClientHome, finished: Finished, choice: ReportChoice, known: Known, watcher: Watcher
) -> Compared:
    """Write what a finished job brought: everything or nothing.

    Raises
    ------
    EncryptSecureRTError
        E_RESULT if the results cannot be read; E_USAGE if the reference that is known is not the
        one that was compared; E_LOCAL_FILE; E_CANCELLED.
    """
    watcher.stage("report")
    watcher.end_if_stopped()
    results = finished.results
    if not set(results) <= {*_SHOWN, *_DICOM_FILES}:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    outcome = outcome_of(finished)
    _refuse_another(known, outcome)
    files = {_JSON_FILE: bytes(results[COMPARISON_NAME])}
    files |= {name: bytes(results[name]) for name in _DICOM_FILES if name in results}
    files |= _tables(outcome, known.file_labels) | _reports(outcome, choice, known)
    place = choice.display
    shown = {place / name: results[name] for name in _SHOWN if name in results} if place else {}
    written = write_files(home, choice.out, files, finished, watcher, elsewhere=shown)
    return Compared(files=written.files, finished=finished, outcome=outcome)


def _refuse_another(known: Known, outcome: DoseOutcome) -> None:
    compared = outcome.comparison.reference
    if known.reference is None:
        return
    known_as = (known.reference.origin.sop_instance_uid, known.reference.grid.shape)
    if known_as != (compared.facts.dose_sop_instance_uid, compared.shape):
        raise usage("--reference is not the dose that was compared")


def _tables(outcome: DoseOutcome, labels: Labels) -> dict[str, bytes]:
    tables = {_CSV_FILE: comparison_csv(outcome, labels)}
    if outcome.curves:
        tables[_DVH_FILE] = dvh_csv(outcome, labels)
    if outcome.comparison.goals:
        tables[_GOALS_FILE] = goals_csv(outcome, labels)
    if outcome.comparison.profiles:
        tables[_PROFILES_FILE] = profiles_csv(outcome)
    if outcome.comparison.isodoses:
        tables[_ISODOSES_FILE] = isodoses_csv(outcome)
    return tables


def _reports(outcome: DoseOutcome, choice: ReportChoice, known: Known) -> dict[str, bytes]:
    """Return the reports; what draws is imported only if one is wanted."""
    if not (choice.html or choice.pdf):
        return {}
    from EncryptSecureRTLib.client.dose_html import dose_page
    from EncryptSecureRTLib.client.dose_pdf import dose_paper

    dose_gy = None if known.reference is None else known.reference.dose_gy
    report = dose_report(
        outcome,
        known.file_labels,
        reference_gy=dose_gy,
        notes=known.notes,
        percent_gy=known.percent_gy,
    )
    made = {}
    if choice.html:
        made[HTML_FILE] = dose_page(report)
    if choice.pdf:
        made[PDF_FILE] = dose_paper(report)
    return made
