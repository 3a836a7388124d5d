"""`measurement-compare`: a measured plane or points beside a protected dose, inside the worker.

    measurement-comparison.json   what the receipt vouches for     report.html   for people
    measurement-comparison.csv    the figures, for programs        receipt.json
    points.csv                    of points: one row each

All of them are written or none, and none before the receipt verified.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import Event, LogEvent
from encryptsecurert_protocol.measurement_results import COMPARISON_NAME
from encryptsecurert_protocol.measurements import (
    MEASUREMENT_COMPARE_TASK,
    MeasurementCompareParameters,
)
from encryptsecurert_protocol.objects import ObjectKind
from EncryptSecureRTLib.client.dose_criteria import usage
from EncryptSecureRTLib.client.dose_files import DoseFile, read_dose
from EncryptSecureRTLib.client.dose_inputs import facts_of
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.measurement_asked import MeasurementAsked
from EncryptSecureRTLib.client.measurement_csv import figures_csv, points_csv
from EncryptSecureRTLib.client.measurement_files import (
    MeasurementFile,
    read_earlier,
    read_measurement,
)
from EncryptSecureRTLib.client.measurement_outcome import (
    MeasurementOutcome,
    measurement_outcome_of,
)
from EncryptSecureRTLib.client.results import RECEIPT_FILE, Written, refuse_if_taken, write_files
from EncryptSecureRTLib.client.runs import run_job, sending_all
from EncryptSecureRTLib.client.volume_file import fresh_pseudonym

JSON_FILE, CSV_FILE = "measurement-comparison.json", "measurement-comparison.csv"
POINTS_FILE, HTML_FILE = "points.csv", "report.html"
MEASUREMENT_FILES = (JSON_FILE, CSV_FILE, POINTS_FILE, HTML_FILE, RECEIPT_FILE)
_REFUSED = "refused."


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Written):
    """What was written, and what was found."""

    outcome: MeasurementOutcome


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasurementInputs:
    """What is sent."""

    measured: MeasurementFile
    dose: DoseFile
    parameters: MeasurementCompareParameters


def read_measurement_inputs(asked: MeasurementAsked) -> MeasurementInputs:
    """Return the inputs that words or a request ask for.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE; what `read_measurement`, `read_earlier` and `read_dose` raise; E_PATIENT_MIX;
        E_FRAME_OF_REFERENCE.
    """
    source, dose_source = asked.pair()
    gamma, agreement = asked.criteria()
    shift, earlier = asked.shift_options(), read_earlier(asked.earlier)
    measured, dose = read_measurement(source), read_dose(dose_source)
    pseudonym = dose.origin.patient_id or fresh_pseudonym()
    if measured.dose is not None:
        _refuse_mix(measured.dose, dose)
        if asked.as_plane:
            raise usage("--as-plane is for points of a CSV")
    parameters = MeasurementCompareParameters(
        measured=None if measured.dose is None else facts_of(measured.dose, pseudonym),
        calculated=facts_of(dose, pseudonym),
        points_as_plane=asked.as_plane,
        gamma=gamma,
        agreement=agreement,
        shift=shift,
        tg218=True,
        earlier_pass_percent=earlier,
    )
    return MeasurementInputs(measured=measured, dose=dose, parameters=parameters)


def _refuse_mix(measured: DoseFile, dose: DoseFile) -> None:
    one, other = measured.origin, dose.origin
    if one.patient_id != other.patient_id:
        raise EncryptSecureRTError(ErrorCode.E_PATIENT_MIX)
    if one.frame_of_reference_uid != other.frame_of_reference_uid:
        detail = "dose-compare takes a registration between two RTDOSE"
        raise EncryptSecureRTError(ErrorCode.E_FRAME_OF_REFERENCE, detail)


def compare_measurement(
    channel: Line, home: ClientHome, inputs: MeasurementInputs, out: Path, watcher: Watcher
) -> Compared:
    """Compare, and write results, report and receipt into `out`, or nothing.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if `out` holds results already; what jobs raise; E_RESULT if the worker's
        answer is not of the form. E_MEASURED_DOSE says which line is not right, and why.
    """
    refuse_if_taken(out, MEASUREMENT_FILES)
    contents = [
        (ObjectKind.MEASUREMENTS, inputs.measured.content),
        (ObjectKind.VOLUME, inputs.dose.content),
    ]
    send = sending_all(channel, home, contents, watcher)
    parameters = inputs.parameters.as_json()
    with saying_why(watcher) as listener:
        finished = run_job(channel, home, MEASUREMENT_COMPARE_TASK, send, parameters, listener)
    return write_measurement(home, out, finished, watcher)


def write_measurement(
    home: ClientHome, out: Path, finished: Finished, watcher: Watcher
) -> Compared:
    """Write what a finished job brought into `out`, or nothing (E_RESULT, E_LOCAL_FILE)."""
    from EncryptSecureRTLib.client.measurement_html import measurement_page

    watcher.stage("report")
    watcher.end_if_stopped()
    outcome = measurement_outcome_of(finished)
    made = {
        JSON_FILE: bytes(finished.results[COMPARISON_NAME]),
        CSV_FILE: figures_csv(outcome),
        HTML_FILE: measurement_page(outcome),
    }
    if outcome.comparison.points is not None:
        made[POINTS_FILE] = points_csv(outcome, outcome.comparison.points)
    written = write_files(home, out, made, finished, watcher)
    return Compared(files=written.files, finished=finished, outcome=outcome)


@contextmanager
def saying_why(watcher: Watcher) -> Iterator[Watcher]:
    """Say of a text that the worker refused what is wrong in which line: fixed words, a number."""
    heard = []

    def event(one: Event) -> None:
        if isinstance(one, LogEvent) and one.entry.startswith(_REFUSED):
            why = one.entry.removeprefix(_REFUSED).replace("_", " ")
            heard.append(f"line {one.value:.0f}: {why}" if one.value else why)
        watcher.event(one)

    try:
        yield replace(watcher, event=event)
    except EncryptSecureRTError as error:
        if error.code is not ErrorCode.E_MEASURED_DOSE or not heard:
            raise
        raise EncryptSecureRTError(error.code, heard[-1]) from None
