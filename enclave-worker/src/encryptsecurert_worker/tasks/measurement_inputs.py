"""Reads what a comparison with a measurement is given: a measured dose and a calculated one."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import Magic
from encryptsecurert_protocol.measurement_parts import MeasuredDose
from encryptsecurert_protocol.measurements import MeasurementCompareParameters
from encryptsecurert_protocol.volumes import MAX_EDGE
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.plane import MeasuredPoints, plane_of_points
from encryptsecurert_rt.dose.plane_files import parse_plane
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_worker.tasks.dose_inputs import read_dose, refuse_apart

_LINE = re.compile(r"line ([0-9]+): (.*)")
_WORD_BREAK = re.compile(r"[^a-z0-9]+")
Refused = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasurementInputs:
    """What is to be compared, in one frame of reference.

    Attributes
    ----------
    measured : a plane, which is a dose grid of one slice, or points.
    form : of the input: `matrix`, `points` or `rtdose`.
    frame_of_reference : of the calculated dose, mapped UID.
    """

    measured: DoseGrid | MeasuredPoints
    form: str
    calculated: DoseGrid
    frame_of_reference: str


def read_measurement_inputs(
    inputs: Sequence[memoryview], asked: MeasurementCompareParameters, refused: Refused
) -> MeasurementInputs:
    """Return the inputs.

    Parameters
    ----------
    inputs : a measured dose as section 8 of docs/protocol.md says, then a framed volume.
    asked : MeasurementCompareParameters
    refused : called with a word that says what is wrong with a text and the number of its line, 0
        if it is of no line, before E_MEASURED_DOSE. The word is fixed: nothing of the text is told.

    Raises
    ------
    EncryptSecureRTError
        E_PATIENT_MIX, E_MEASURED_DOSE, E_DOSE, E_FRAME_OF_REFERENCE, E_PARAMETERS, E_GEOMETRY,
        E_OVERLAP; E_FORMAT, E_TOO_LARGE of the framing.
    """
    octets, calculated_octets = inputs
    if asked.measured is not None and asked.measured.patient_id != asked.calculated.patient_id:
        raise EncryptSecureRTError(ErrorCode.E_PATIENT_MIX)
    is_rtdose = bytes(octets[: len(Magic.VOLUME.value)]) == Magic.VOLUME.value
    if is_rtdose is not (asked.measured is not None):
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "an RTDOSE has facts, a text has none")
    header, calculated = read_dose(calculated_octets)
    measured: DoseGrid | MeasuredPoints
    if is_rtdose:
        of_measured, measured = read_dose(octets)
        if measured.grid.shape[0] != 1:
            raise _refusal("a measured volume has one slice")
        if of_measured.frame_of_reference != header.frame_of_reference:
            raise EncryptSecureRTError(ErrorCode.E_FRAME_OF_REFERENCE)
        form = "rtdose"
    else:
        measured = _read_text(octets, refused)
        form = "matrix" if isinstance(measured, DoseGrid) else "points"
        if asked.points_as_plane:
            measured = _as_plane(measured, refused)
    if isinstance(measured, DoseGrid):
        _check_plane(measured)
        refuse_apart(measured, calculated, None)
    return MeasurementInputs(
        measured=measured,
        form=form,
        calculated=calculated,
        frame_of_reference=header.frame_of_reference,
    )


def measured_dose(given: MeasurementInputs, asked: MeasurementCompareParameters) -> MeasuredDose:
    """Say what was measured."""
    measured = given.measured
    if isinstance(measured, MeasuredPoints):
        return MeasuredDose(
            form=given.form,
            facts=asked.measured,
            points=measured.dose_gy.size,
            shape=None,
            spacing_mm=None,
            maximum_gy=float(measured.dose_gy.max()),
        )
    return MeasuredDose(
        form=given.form,
        facts=asked.measured,
        points=measured.dose_gy.size,
        shape=measured.grid.shape[1:],
        spacing_mm=measured.grid.spacing_mm[1:],
        maximum_gy=measured.maximum_gy,
    )


def _refusal(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_MEASURED_DOSE, detail)


def _refused(error: InvalidInput, refused: Refused) -> EncryptSecureRTError:
    """Tell what is wrong as a word, and return the error; its words are the library's own."""
    found = _LINE.fullmatch(error.what)
    what = error.what if found is None else found[2]
    word = _WORD_BREAK.sub("_", what.lower()).strip("_")
    refused(f"refused.{word}", 0.0 if found is None else float(found[1]))
    return _refusal(error.what)


def _read_text(octets: memoryview, refused: Refused) -> DoseGrid | MeasuredPoints:
    try:
        text = str(octets, "utf-8")
    except UnicodeDecodeError:
        refused("refused.the_text_is_not_utf_8", 0.0)
        raise _refusal("the text is not UTF-8") from None
    try:
        measured = parse_plane(text)
    except InvalidInput as error:
        raise _refused(error, refused) from None
    if measured.dose_gy.max() == 0.0:
        refused("refused.there_is_no_dose", 0.0)
        raise _refusal("there is no dose")
    return measured


def _as_plane(measured: DoseGrid | MeasuredPoints, refused: Refused) -> DoseGrid:
    if isinstance(measured, DoseGrid):
        return measured
    try:
        return plane_of_points(measured)
    except InvalidInput as error:
        raise _refused(error, refused) from None


def _check_plane(measured: DoseGrid) -> None:
    """Refuse a plane that has no place in a volume's header."""
    if max(measured.grid.shape) > MAX_EDGE:
        raise _refusal("a plane has at most 4096 rows and 4096 columns")
