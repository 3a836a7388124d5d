"""Parameters of the task `dose_compare`, schema `encryptsecurert.dose-compare/1`.

    parameters  {schema, reference, evaluated, registration, gamma, difference, agreement, dvh,
                 goals, profiles, isodoses, tg218, reference_measured, outputs}

What is left out of a comparison is null, false or empty. Lengths are mm, doses Gy; a percentage is
of what its name or its docstring says. Structures are meant by number: no name travels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.bundles import PSEUDONYM
from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.dose_isodoses import (
    MAX_ISODOSES,
    MAX_LEVEL_GY,
    MIN_LEVEL_GY,
    refuse_levels,
)
from encryptsecurert_protocol.dose_options import (
    CODE,
    AgreementOptions,
    GammaMode,
    GammaOptions,
    optional_text,
)
from encryptsecurert_protocol.dose_profiles import MAX_PROFILES, ProfileLine, refuse_too_many
from encryptsecurert_protocol.dvh_options import DoseGoal, DvhOptions
from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.fields import Fields
from encryptsecurert_protocol.volumes import MAPPED_UID

DOSE_COMPARE_SCHEMA = "encryptsecurert.dose-compare/1"
DOSE_COMPARE_TASK = "dose_compare"
# PS3.3 C.8.8.3: Dose Summation Type and Dose Type. ERROR is of a difference, and no input.
SUMMATION_TYPES = (
    *("PLAN", "MULTI_PLAN", "PLAN_OVERVIEW", "FRACTION", "BEAM", "BRACHY", "FRACTION_SESSION"),
    *("BEAM_SESSION", "BRACHY_SESSION", "CONTROL_POINT", "RECORD"),
)
# RT Plan and RT Ion Plan Storage.
PLAN_CLASSES = ("1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.481.8")
DOSE_TYPES = ("PHYSICAL", "EFFECTIVE")
OUTPUTS = ("difference_dicom", "gamma_dicom", "maps", "report_dicom")
MAX_GOALS = 512
_MEMBERS = (
    *("schema", "reference", "evaluated", "registration", "gamma", "difference", "agreement"),
    *("dvh", "goals", "profiles", "isodoses", "tg218", "reference_measured", "outputs"),
)
_DOSE = (
    *("study_instance_uid", "series_instance_uid", "patient_id", "dose_sop_instance_uid"),
    *("plan_sop_class_uid", "plan_sop_instance_uid", "dose_summation_type", "dose_type"),
)
_MATRIX = 16
_MAX_ELEMENT = 1e7  # of a registration: a shift in mm between two frames, with room


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseFacts:
    """What a dose is: mapped UIDs, pseudonym, and the standard's own words.

    Attributes
    ----------
    plan_sop_class_uid, plan_sop_instance_uid : of the plan that the dose is of; None, both, if it
        names none. The class is one of `PLAN_CLASSES`.
    dose_summation_type, dose_type : one of `SUMMATION_TYPES`, of `DOSE_TYPES`.
    """

    study_instance_uid: str
    series_instance_uid: str
    patient_id: str
    dose_sop_instance_uid: str
    plan_sop_class_uid: str | None
    plan_sop_instance_uid: str | None
    dose_summation_type: str
    dose_type: str

    def __post_init__(self) -> None:
        if (self.plan_sop_class_uid is None) is not (self.plan_sop_instance_uid is None):
            raise EncryptSecureRTError(CODE, "a plan has a class and an instance")

    def as_json(self) -> dict[str, Any]:
        """Return the members."""
        return {
            "study_instance_uid": self.study_instance_uid,
            "series_instance_uid": self.series_instance_uid,
            "patient_id": self.patient_id,
            "dose_sop_instance_uid": self.dose_sop_instance_uid,
            "plan_sop_class_uid": self.plan_sop_class_uid,
            "plan_sop_instance_uid": self.plan_sop_instance_uid,
            "dose_summation_type": self.dose_summation_type,
            "dose_type": self.dose_type,
        }

    @classmethod
    def from_json(cls, value: object) -> "DoseFacts":
        """Read the members strictly (E_PARAMETERS)."""
        fields = Fields(value, _DOSE, CODE)
        return cls(
            study_instance_uid=fields.text("study_instance_uid", MAPPED_UID, 64),
            series_instance_uid=fields.text("series_instance_uid", MAPPED_UID, 64),
            patient_id=fields.text("patient_id", PSEUDONYM),
            dose_sop_instance_uid=fields.text("dose_sop_instance_uid", MAPPED_UID, 64),
            plan_sop_class_uid=optional_text(fields, "plan_sop_class_uid", "|".join(PLAN_CLASSES)),
            plan_sop_instance_uid=optional_text(fields, "plan_sop_instance_uid", MAPPED_UID),
            dose_summation_type=fields.text("dose_summation_type", "|".join(SUMMATION_TYPES)),
            dose_type=fields.text("dose_type", "|".join(DOSE_TYPES)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseCompareParameters:
    """What is to be compared, and how.

    Attributes
    ----------
    registration : 16 numbers, row-major 4 x 4, rigid: takes LPS mm of the reference's frame of
        reference to the evaluated's. None if and only if both are of one frame.
    difference : evaluated - reference in Gy at each point of the reference.
    profiles : lines along which both doses are told.
    isodoses : levels in Gy, ascending: what both doses enclose, and its overlap.
    tg218 : judge the gamma pass rate by the limits of AAPM TG-218.
    reference_measured : the reference is a measurement, as these limits take for granted.
    outputs : of `OUTPUTS`, ascending: results beside `comparison` and `curves`.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if nothing is asked for, or something without what it rests on.
    """

    reference: DoseFacts
    evaluated: DoseFacts
    registration: tuple[float, ...] | None = None
    gamma: GammaOptions | None = None
    difference: bool = False
    agreement: AgreementOptions | None = None
    dvh: DvhOptions | None = None
    goals: tuple[DoseGoal, ...] = ()
    profiles: tuple[ProfileLine, ...] = ()
    isodoses: tuple[float, ...] = ()
    tg218: bool = False
    reference_measured: bool = False
    outputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        asked = (self.gamma, self.agreement, self.dvh)
        more = self.difference or self.profiles or self.isodoses
        if not more and all(one is None for one in asked):
            raise EncryptSecureRTError(CODE, "nothing is asked for")
        if self.registration is not None and len(self.registration) != _MATRIX:
            raise EncryptSecureRTError(CODE, "a registration has 16 numbers")
        if self.tg218 and self.gamma is None:
            raise EncryptSecureRTError(CODE, "TG-218 judges gamma")
        if self.goals and self.dvh is None:
            raise EncryptSecureRTError(CODE, "goals need dose-volume histograms")
        if len(self.goals) > MAX_GOALS:
            raise EncryptSecureRTError(CODE, "too many goals")
        refuse_too_many(self.profiles)
        refuse_levels(self.isodoses)
        if tuple(sorted(set(self.outputs) & set(OUTPUTS))) != self.outputs:
            raise EncryptSecureRTError(CODE, "outputs are known words, ascending")
        gamma_map = self.gamma is not None and self.gamma.mode is not GammaMode.PASS_FAIL
        if "gamma_dicom" in self.outputs and not gamma_map:
            raise EncryptSecureRTError(CODE, "there is no gamma map to write")
        if "difference_dicom" in self.outputs and not self.difference:
            raise EncryptSecureRTError(CODE, "there is no difference to write")
        if "maps" in self.outputs and not (gamma_map or self.difference):
            raise EncryptSecureRTError(CODE, "there is no map to write")

    def as_json(self) -> dict[str, Any]:
        """Return the parameters' members."""
        matrix = self.registration
        return {
            "schema": DOSE_COMPARE_SCHEMA,
            "reference": self.reference.as_json(),
            "evaluated": self.evaluated.as_json(),
            "registration": None if matrix is None else [fraction_text(v) for v in matrix],
            "gamma": None if self.gamma is None else self.gamma.as_json(),
            "difference": self.difference,
            "agreement": None if self.agreement is None else self.agreement.as_json(),
            "dvh": None if self.dvh is None else self.dvh.as_json(),
            "goals": [goal.as_json() for goal in self.goals],
            "profiles": [line.as_json() for line in self.profiles],
            "isodoses": [fraction_text(level_gy) for level_gy in self.isodoses],
            "tg218": self.tg218,
            "reference_measured": self.reference_measured,
            "outputs": list(self.outputs),
        }

    def encode(self) -> bytes:
        """Return the canonical octets of an object of kind `parameters`."""
        return canonical.encode(self.as_json())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "DoseCompareParameters":
        """Read the parameters strictly; anything wrong is E_PARAMETERS."""
        fields = Fields(value, _MEMBERS, CODE)
        fields.constant("schema", DOSE_COMPARE_SCHEMA)
        agreement = None if fields.is_null("agreement") else fields.object("agreement")
        return cls(
            reference=DoseFacts.from_json(fields.object("reference")),
            evaluated=DoseFacts.from_json(fields.object("evaluated")),
            registration=_matrix(fields),
            gamma=None if fields.is_null("gamma") else GammaOptions.from_json(value["gamma"]),
            difference=fields.boolean("difference"),
            agreement=None if agreement is None else AgreementOptions.from_json(agreement),
            dvh=None if fields.is_null("dvh") else DvhOptions.from_json(value["dvh"]),
            goals=tuple(DoseGoal.from_json(item) for item in fields.items("goals", MAX_GOALS)),
            profiles=tuple(
                ProfileLine.from_json(item) for item in fields.items("profiles", MAX_PROFILES)
            ),
            isodoses=tuple(
                Fields({"g": item}, ("g",), CODE).fraction("g", MIN_LEVEL_GY, MAX_LEVEL_GY)
                for item in fields.items("isodoses", MAX_ISODOSES)
            ),
            tg218=fields.boolean("tg218"),
            reference_measured=fields.boolean("reference_measured"),
            outputs=tuple(
                Fields({"o": item}, ("o",), CODE).text("o", "|".join(OUTPUTS))
                for item in fields.items("outputs", len(OUTPUTS))
            ),
        )


def _matrix(fields: Fields) -> tuple[float, ...] | None:
    if fields.is_null("registration"):
        return None
    items = fields.items("registration", _MATRIX, _MATRIX)
    return tuple(
        Fields({"m": item}, ("m",), CODE).fraction("m", -_MAX_ELEMENT, _MAX_ELEMENT)
        for item in items
    )
