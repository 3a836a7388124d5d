"""Reads what a comparison takes: two doses, structures, sheets; makes the job's parameters of it.

What can be seen here is refused here, before anything is sent: other patients, other frames of
reference, a goal for a structure that is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from encryptsecurert_protocol.dose_jobs import DoseCompareParameters, DoseFacts
from encryptsecurert_protocol.dose_options import GammaMode
from encryptsecurert_protocol.dvh_options import DoseGoal
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from EncryptSecureRTLib.client.dose_asked import DoseAsked
from EncryptSecureRTLib.client.dose_criteria import usage
from EncryptSecureRTLib.client.dose_files import DoseFile, read_dose, read_dose_volume
from EncryptSecureRTLib.client.dose_scene import Labels
from EncryptSecureRTLib.client.dose_sheets import (
    GoalSheet,
    numbers_of,
    read_goals,
    read_names,
    read_registration,
)
from EncryptSecureRTLib.client.rt_files import NOBODY
from EncryptSecureRTLib.client.runs import Input
from EncryptSecureRTLib.client.structure_files import (
    StructureFile,
    read_structures,
    read_structures_object,
)
from EncryptSecureRTLib.client.volume_file import fresh_pseudonym


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """What this computer knows beside the results: nothing, unless inputs are at hand.

    Attributes
    ----------
    reference : to draw doses; None if only the results are there.
    labels : how structures are called on this computer's screen.
    file_labels : how they are called in files: by number, unless names were asked for there.
    notes : what was passed over, in sentences.
    percent_gy : what isodoses in percent are of; None if none were asked for.
    """

    reference: DoseFile | None = field(repr=False, default=None)
    labels: Labels = field(repr=False, default_factory=Labels)
    file_labels: Labels = field(repr=False, default_factory=Labels)
    notes: tuple[str, ...] = ()
    percent_gy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseInputs:
    """What is sent, and what stays here; `structures` is None if there are none."""

    reference: DoseFile
    evaluated: DoseFile
    structures: StructureFile | None
    parameters: DoseCompareParameters
    known: Known

    def contents(self) -> list[Input]:
        """Return the objects to send, in order."""
        inputs: list[Input] = [
            (ObjectKind.VOLUME, self.reference.content),
            (ObjectKind.VOLUME, self.evaluated.content),
        ]
        if self.structures is not None:
            inputs.append((ObjectKind.STRUCTURES, self.structures.content))
        return inputs


def read_inputs(asked: DoseAsked) -> DoseInputs:
    """Return the inputs that words or a request ask for.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE; what the readers of doses, structures and sheets raise; E_PATIENT_MIX,
        E_FRAME_OF_REFERENCE.
    """
    asked.refuse_contradictions()
    asked.gamma_options()  # words first: a wrong one is told before files are read
    lines = asked.profile_lines()
    asked.isodoses_gy(percent_gy=1.0)
    names = {} if asked.names is None else read_names(asked.names)
    sheet = None if asked.goals is None else read_goals(asked.goals)
    registration = None if asked.registration is None else read_registration(asked.registration)
    first, second, are_volumes = asked.pair()
    read = read_dose_volume if are_volumes else read_dose
    reference, evaluated = read(first), read(second)
    structures = _structures(asked)
    _refuse_mix(reference, evaluated, structures, registration)
    percent_gy = asked.percent_gy(sheet, float(reference.dose_gy.max()))
    known = _known(asked, reference, structures, names)
    if "%" in asked.isodoses:
        known = replace(known, percent_gy=percent_gy)
    parameters = _parameters(asked, reference, evaluated, known.labels, sheet, registration)
    return DoseInputs(
        reference=reference,
        evaluated=evaluated,
        structures=structures,
        parameters=replace(parameters, profiles=lines, isodoses=asked.isodoses_gy(percent_gy)),
        known=known,
    )


def read_known(asked: DoseAsked) -> Known:
    """Return what a report of fetched results can show besides: all of it may be left out.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE; what the readers of a dose, structures and names raise.
    """
    asked.refuse_contradictions()
    names = {} if asked.names is None else read_names(asked.names)
    reference = None if asked.reference is None else read_dose(asked.reference)
    return _known(asked, reference, _structures(asked), names)


def _known(
    asked: DoseAsked,
    reference: DoseFile | None,
    structures: StructureFile | None,
    names: dict[int, str],
) -> Known:
    labels, file_labels = _labels(structures, names, with_names=asked.with_names)
    return Known(
        reference=reference, labels=labels, file_labels=file_labels, notes=_notes(structures)
    )


def _structures(asked: DoseAsked) -> StructureFile | None:
    if asked.structures is not None:
        return read_structures(asked.structures, asked.only)
    if asked.structures_object is not None:
        return read_structures_object(asked.structures_object)
    return None


def _refuse_mix(
    reference: DoseFile,
    evaluated: DoseFile,
    structures: StructureFile | None,
    registration: tuple[float, ...] | None,
) -> None:
    one, other = reference.origin, evaluated.origin
    people = {one.patient_id, other.patient_id}
    if structures is not None and structures.origin.patient_id != NOBODY:
        people.add(structures.origin.patient_id)
    if len(people) != 1:
        raise EncryptSecureRTError(ErrorCode.E_PATIENT_MIX)
    is_one_frame = one.frame_of_reference_uid == other.frame_of_reference_uid
    if is_one_frame and registration is not None:
        detail = "they are of one frame, so there is nothing to register"
        raise EncryptSecureRTError(ErrorCode.E_FRAME_OF_REFERENCE, detail)
    if not is_one_frame and registration is None:
        raise EncryptSecureRTError(ErrorCode.E_FRAME_OF_REFERENCE)
    frame = one.frame_of_reference_uid
    if structures is not None and structures.origin.frame_of_reference_uid != frame:
        detail = "the structures are not in the frame of the reference dose"
        raise EncryptSecureRTError(ErrorCode.E_FRAME_OF_REFERENCE, detail)


def _labels(
    structures: StructureFile | None, names: dict[int, str], *, with_names: bool
) -> tuple[Labels, Labels]:
    found = () if structures is None else structures.structures
    plain = Labels(
        names={one.number: one.shown_name for one in found},
        colours={one.number: one.colour for one in found if one.colour is not None},
        contours={one.number: one.contours for one in found if one.contours},
    )
    if structures is not None:  # names of others have no structure
        names = {number: name for number, name in names.items() if number in plain.names}
    named = replace(plain, names={**plain.names, **names})
    return named, named if with_names else plain


def _parameters(
    asked: DoseAsked,
    reference: DoseFile,
    evaluated: DoseFile,
    labels: Labels,
    sheet: GoalSheet | None,
    registration: tuple[float, ...] | None,
) -> DoseCompareParameters:
    gamma = asked.gamma_options()
    outputs = ["difference_dicom", "maps", "report_dicom"]
    if gamma is not None and gamma.mode is not GammaMode.PASS_FAIL:
        outputs.append("gamma_dicom")
    pseudonym = reference.origin.patient_id or fresh_pseudonym()
    dvh = asked.dvh_options(sheet)
    try:
        return DoseCompareParameters(
            reference=facts_of(reference, pseudonym),
            evaluated=facts_of(evaluated, pseudonym),
            registration=registration,
            gamma=gamma,
            difference=True,
            agreement=asked.agreement_options(),
            dvh=dvh,
            goals=_goals(sheet, labels),
            tg218=gamma is not None,
            reference_measured=asked.measured,
            outputs=tuple(sorted(outputs)),
        )
    except EncryptSecureRTError as error:
        if error.code is not ErrorCode.E_PARAMETERS:
            raise
        raise usage(error.detail) from None


def facts_of(dose: DoseFile, pseudonym: str) -> DoseFacts:
    """Return what a job is told of a dose."""
    plan_class, plan = dose.plan or (None, None)
    return DoseFacts(
        study_instance_uid=dose.origin.study_instance_uid,
        series_instance_uid=dose.origin.series_instance_uid,
        patient_id=pseudonym,
        dose_sop_instance_uid=dose.origin.sop_instance_uid,
        plan_sop_class_uid=plan_class,
        plan_sop_instance_uid=plan,
        dose_summation_type=dose.summation_type,
        dose_type=dose.dose_type,
    )


def _goals(sheet: GoalSheet | None, labels: Labels) -> tuple[DoseGoal, ...]:
    if sheet is None:
        return ()
    numbers = numbers_of(sheet, labels.names)
    goals = [
        DoseGoal(
            structure=numbers[line.structure],
            metric=line.metric,
            relation=line.relation,
            value=line.value,
            unit=line.unit,
            priority=line.priority,
            variation=line.variation,
        )
        for line in sheet.goals
    ]
    try:
        return tuple(DoseGoal.from_json(goal.as_json()) for goal in goals)
    except EncryptSecureRTError:
        detail = "--goals: a metric, relation or unit is not one of docs/goals.md"
        raise usage(detail) from None


def _notes(structures: StructureFile | None) -> tuple[str, ...]:
    if structures is None:
        return ()
    notes = []
    if structures.skipped:
        counts = ", ".join(
            f"{count} {kind.replace('_', ' ').lower()}"
            for kind, count in structures.skipped.items()
        )
        notes.append(f"Contours without an inside were passed over: {counts}.")
    if structures.empty:
        numbers: Sequence[str] = [f"ROI_{n}" for n in structures.empty]
        notes.append(f"Structures without a closed contour were left out: {', '.join(numbers)}.")
    return tuple(notes)
