"""`measurement-compare`: what words and requests ask for, and which files are read."""

import io
import json
from functools import partial
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from Testing.Unit.client_dose.doses_made import STORED, dose_file
from Testing.Unit.client_dose.measurements_made import matrix_text
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import LogEvent
from encryptsecurert_protocol.measurements import MAX_MEASUREMENTS_BYTES, ShiftObjective
from EncryptSecureRTLib.client.arguments import parse
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.measurement_asked import MeasurementAsked
from EncryptSecureRTLib.client.measurement_compare import read_measurement_inputs, saying_why
from EncryptSecureRTLib.client.measurement_files import read_earlier, read_measurement

_EARLIER = "".join(f"2026-03-{day:02d},{90 + day % 10}.5\n" for day in range(1, 26))


def _earlier(folder: Path, text: str) -> Path:
    path = folder / "earlier.csv"
    path.write_text(text)
    return path


# ---- what is asked


def test_the_words_of_the_command_line_are_taken() -> None:
    words = ("measurement-compare", "a.csv", "b.dcm", "--out", "c", "--gamma", "2%/1mm")
    more = ("--cutoff", "5%", "--norm", "2Gy", "--local", "--shift", "4mm", "--shift-by", "gamma")

    asked = parse([*words, *more, "--as-plane", "--earlier", "e.csv"])

    ours = asked.measurement
    assert ours.pair() == (Path("a.csv"), Path("b.dcm"))
    assert (asked.out, ours.earlier, ours.as_plane) == (Path("c"), Path("e.csv"), True)
    gamma, agreement = ours.criteria()
    assert (gamma.dose_percent, gamma.distance_mm, gamma.cutoff_percent) == (2.0, 1.0, 5.0)
    assert (gamma.norm_gy, gamma.normalisation.value) == (2.0, "local")
    assert (agreement.dose_percent, agreement.distance_mm, agreement.radius_mm) == (2.0, 1.0, 10.0)
    shift = ours.shift_options()
    assert shift is not None
    assert (shift.within_mm, shift.step_mm, shift.objective) == (4.0, 1.0, ShiftObjective.GAMMA)


def test_the_usual_criteria_are_those_of_tg_218_and_no_shift_is_looked_for() -> None:
    ours = parse(["measurement-compare", "a", "b"]).measurement

    gamma, _ = ours.criteria()
    assert (gamma.dose_percent, gamma.distance_mm, gamma.cutoff_percent) == (3.0, 2.0, 10.0)
    assert (gamma.norm_gy, ours.shift_options(), ours.earlier) == (None, None, None)


def test_a_request_line_asks_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    request = {
        "measurement_measured": "a.csv",
        "measurement_dose": "b.dcm",
        "measurement_shift": "3mm",
        "measurement_shift_normal": True,
        "out": "c",
    }
    line = f"{json.dumps(request)}\n".encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line)))

    asked = parse(["measurement-compare", "--request", "-"])
    assert asked.measurement.pair() == (Path("a.csv"), Path("b.dcm"))
    shift = asked.measurement.shift_options()
    assert shift is not None
    assert shift.along_normal


@pytest.mark.parametrize("within", ["0.05mm", "3mm", "7.5", "20 mm"])
@pytest.mark.parametrize("normal", [False, True])
def test_every_shift_that_may_be_asked_for_has_a_step_that_a_job_takes(
    within: str, normal: bool
) -> None:
    assert MeasurementAsked(shift=within, shift_normal=normal).shift_options() is not None


@pytest.mark.parametrize(
    "asked",
    [
        MeasurementAsked(shift="far"),
        MeasurementAsked(shift="21mm"),
        MeasurementAsked(shift="0"),
        MeasurementAsked(shift_normal=True),
        MeasurementAsked(shift_by="gamma"),
    ],
)
def test_other_shifts_are_refused(asked: MeasurementAsked) -> None:
    assert refusal_of(asked.shift_options) is ErrorCode.E_USAGE


def test_other_criteria_are_refused() -> None:
    for gamma in ("3/2", "3%/60mm", "0%/2mm"):
        assert refusal_of(MeasurementAsked(gamma=gamma).criteria) is ErrorCode.E_USAGE
    assert refusal_of(MeasurementAsked(measured=Path("a")).pair) is ErrorCode.E_USAGE


# ---- which files are read


def test_a_text_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "film.csv"
    # What is in it is not looked at here: the worker tells.
    octets = b"\xef\xbb\xbf# encryptsecurert plane 1,,\r\n# unit: mGy\r\n\xff"
    path.write_bytes(octets)

    read = read_measurement(path)
    assert read.dose is None
    assert bytes(read.content().chunk(0, 100)) == octets


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "line 1: it must be # encryptsecurert plane 1"),
        (b"1, 2, 3\n", "line 1"),
        (b"# encryptsecurert plane 2\n", "line 1"),
        (b"# encryptsecurert plane 10\n", "line 1"),
        ("# encryptsecurert plane 1\n".encode("utf-16"), "line 1"),
        (b"BEGIN_SCAN_DATA\r\n\tFORMAT=CC-Export V1.9\r\n", "profiles"),
    ],
    ids=["nothing", "bare numbers", "a later form", "longer", "UTF-16", "MEPHYSTO"],
)
def test_another_text_is_told_before_anything_is_sent(
    octets: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "film.csv"
    path.write_bytes(octets)

    with pytest.raises(EncryptSecureRTError) as refusal:
        read_measurement(path)
    assert refusal.value.code is ErrorCode.E_MEASURED_DOSE
    assert words in refusal.value.detail


def test_a_text_has_32_mebibytes_and_not_an_octet_more(tmp_path: Path) -> None:
    path = tmp_path / "film.csv"
    head = b"# encryptsecurert plane 1\n"
    path.write_bytes(head + bytes(MAX_MEASUREMENTS_BYTES - len(head)))

    assert read_measurement(path).content().size_bytes == MAX_MEASUREMENTS_BYTES
    with path.open("ab") as file:
        file.write(b"0")
    assert refusal_of(read_measurement, path) is ErrorCode.E_TOO_LARGE


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal_of(read_measurement, tmp_path / "none.csv") is ErrorCode.E_LOCAL_FILE


def test_an_rtdose_of_one_frame_is_a_plane_and_one_of_several_is_none(tmp_path: Path) -> None:
    dose = dose_file(tmp_path / "dose.dcm")
    plane = dose_file(tmp_path / "plane.dcm", stored=STORED[:1])

    inputs = read_measurement_inputs(MeasurementAsked(measured=plane, dose=dose))
    assert inputs.measured.dose is not None
    assert inputs.parameters.measured is not None
    assert inputs.parameters.calculated.patient_id == inputs.parameters.measured.patient_id
    assert refusal_of(read_measurement, dose) is ErrorCode.E_MEASURED_DOSE


def _set(member: str, value: str, ds: FileDataset) -> None:
    setattr(ds, member, value)


def test_a_plane_of_another_patient_or_frame_is_refused(tmp_path: Path) -> None:
    dose = dose_file(tmp_path / "dose.dcm")
    for member, value, code in (
        ("PatientID", "PBBBBBBBBBBBBBBBB", ErrorCode.E_PATIENT_MIX),
        ("FrameOfReferenceUID", "2.25.99", ErrorCode.E_FRAME_OF_REFERENCE),
    ):
        change = partial(_set, member, value)
        plane = dose_file(tmp_path / f"{member}.dcm", change, stored=STORED[:1])
        asked = MeasurementAsked(measured=plane, dose=dose)
        assert refusal_of(read_measurement_inputs, asked) is code


def test_a_text_is_of_the_patient_of_the_dose(tmp_path: Path) -> None:
    film = tmp_path / "film.csv"
    film.write_text(matrix_text())
    asked = MeasurementAsked(
        measured=film,
        dose=dose_file(tmp_path / "dose.dcm"),
        earlier=_earlier(tmp_path, f"date,pass_percent\n{_EARLIER}"),
    )

    parameters = read_measurement_inputs(asked).parameters
    assert parameters.measured is None
    assert parameters.calculated.patient_id == "PAAAAAAAAAAAAAAAA"
    assert len(parameters.earlier_pass_percent) == 25
    assert b"2026" not in parameters.encode()  # dates stay here


# ---- earlier results


def test_earlier_results_are_pass_rates_in_order_of_time(tmp_path: Path) -> None:
    found = read_earlier(_earlier(tmp_path, f"date,pass_percent\r\n{_EARLIER}"))

    assert found[:3] == (91.5, 92.5, 93.5)
    assert read_earlier(None) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (_EARLIER, "line 1"),
        (f"date,pass_percent\n{_EARLIER}2026-03-01,95\n", "line 27: dates must not go back"),
        (f"date,pass_percent\n2026-02-30,95\n{_EARLIER}", "line 2: there is no such day"),
        (f"date,pass_percent\n2026-02-20,100.1\n{_EARLIER}", "line 2: a date and 0 to 100"),
        (f"date,pass_percent\n2026-02-20,nan\n{_EARLIER}", "line 2"),
        (f"date,pass_percent\n2026-02-20\n{_EARLIER}", "line 2"),
        (f"date,pass_percent\n20.2.2026,95\n{_EARLIER}", "line 2"),
        ("date,pass_percent\n2026-02-20,95\n", "20 to 1000 results"),
        ("date,pass_percent\n" + "2026-02-20,95\n" * 1001, "20 to 1000 results"),
        ("", "line 1"),
    ],
)
def test_other_earlier_results_are_refused_with_their_line(
    text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        read_earlier(_earlier(tmp_path, text))
    assert refusal.value.code is ErrorCode.E_USAGE
    assert words in refusal.value.detail


# ---- what is heard of a refusal


def test_what_the_worker_says_of_a_line_stands_in_the_error() -> None:
    def job(code: ErrorCode, event: LogEvent) -> None:
        with saying_why(Watcher()) as watcher:
            watcher.event(event)
            raise EncryptSecureRTError(code)

    def refused(code: ErrorCode, event: LogEvent) -> EncryptSecureRTError:
        with pytest.raises(EncryptSecureRTError) as refusal:
            job(code, event)
        return refusal.value

    why = LogEvent(n=1, entry="refused.a_number_was_expected", value=9.0)
    of_no_line = LogEvent(n=1, entry="refused.there_is_no_dose", value=0.0)
    other = LogEvent(n=1, entry="gamma.pass_percent_certain", value=9.0)

    code = ErrorCode.E_MEASURED_DOSE
    assert refused(code, why).detail == "line 9: a number was expected"
    assert refused(code, of_no_line).detail == "there is no dose"
    assert refused(code, other).detail == ""
    assert refused(ErrorCode.E_OVERLAP, why).detail == ""
