"""What the words of `encryptsecurert dose-compare`, or a request line, ask for.

Light, since the parser of the command line reads it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from encryptsecurert_protocol.errors import EncryptSecureRTError
from EncryptSecureRTLib.client.dose_criteria import (
    parse_dose,
    parse_gamma,
    parse_isodoses,
    parse_norm,
    parse_percent,
    parse_profile,
    usage,
)

if TYPE_CHECKING:
    from encryptsecurert_protocol.dose_options import AgreementOptions, GammaOptions
    from encryptsecurert_protocol.dose_profiles import ProfileLine
    from encryptsecurert_protocol.dvh_options import CurveCriteria, DvhOptions
    from EncryptSecureRTLib.client.dose_sheets import GoalSheet

T = TypeVar("T")
MARK = "dose_"
"""Before the name of each setting of this command, in the parser and in request lines."""

_RADIUS_MM, _MOST_RADIUS_MM = 10.0, 100.0  # how far an equal dose is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseAsked:
    """What the words or the request say of a comparison; nothing of it is checked yet."""

    reference: Path | None = None
    evaluated: Path | None = None
    reference_volume: Path | None = None
    evaluated_volume: Path | None = None
    structures: Path | None = None
    structures_object: Path | None = None
    only: Sequence[int] = ()
    targets: Sequence[int] = ()
    metrics: Sequence[str] = ()
    gamma: str = "tg218"
    local: bool = False
    norm: str = "max"
    cutoff: str = "10%"
    cap: str = "2"
    mode: str = "certified"
    either_dose: bool = False
    measured: bool = False
    dta: bool = False
    no_gamma: bool = False
    no_dvh: bool = False
    prescription: str = ""
    fractions: int | None = None
    dvh_agreement: str = ""
    profiles: Sequence[str] = ()
    isodoses: str = ""
    goals: Path | None = None
    names: Path | None = None
    with_names: bool = False
    registration: Path | None = None
    no_report: bool = False
    pdf: bool = False

    @classmethod
    def take(cls, asked: dict[str, Any]) -> "DoseAsked":
        """Take the settings with the mark out of all that were asked for."""
        ours = {name: asked.pop(name) for name in list(asked) if name.startswith(MARK)}
        return cls(**{name.removeprefix(MARK): value for name, value in ours.items()})

    def gamma_options(self) -> "GammaOptions | None":
        """Return the criteria, None if no gamma is wanted (E_USAGE)."""
        from encryptsecurert_protocol.dose_options import GammaMode, GammaOptions, Normalisation

        if self.no_gamma:
            return None
        dose_percent, distance_mm = parse_gamma(self.gamma)
        options = GammaOptions(
            dose_percent=dose_percent,
            distance_mm=distance_mm,
            cutoff_percent=parse_percent(self.cutoff, "--cutoff"),
            normalisation=Normalisation.LOCAL if self.local else Normalisation.GLOBAL,
            norm_gy=parse_norm(self.norm),
            cap=_number(self.cap, "--cap is a number of 1 to 10"),
            either_dose=self.either_dose,
            mode=GammaMode(self.mode.replace("-", "_")),
        )
        try:
            return GammaOptions.from_json(options.as_json())
        except EncryptSecureRTError:
            detail = "a criterion is out of bounds: 0.01 to 100 %, 0.1 to 100 mm, cap 1 to 10"
            raise usage(detail) from None

    def agreement_options(self) -> "AgreementOptions | None":
        """Return what distance to agreement is asked for, None for none (E_USAGE)."""
        from encryptsecurert_protocol.dose_options import AgreementOptions

        gamma = self.gamma_options()
        if not self.dta or gamma is None:
            return None
        if 2 * gamma.distance_mm > _MOST_RADIUS_MM:
            raise usage(f"--dta takes a distance of at most {_MOST_RADIUS_MM / 2:g} mm")
        return AgreementOptions(
            radius_mm=max(_RADIUS_MM, 2 * gamma.distance_mm),
            dose_percent=gamma.dose_percent,
            distance_mm=gamma.distance_mm,
            cutoff_percent=gamma.cutoff_percent,
            norm_gy=gamma.norm_gy,
        )

    def dvh_options(self, sheet: "GoalSheet | None" = None) -> "DvhOptions | None":
        """Return what DVHs are asked for, None if there are no structures or none are wanted.

        Raises
        ------
        EncryptSecureRTError
            E_USAGE, also if words and sheet differ in prescription or fractions.
        """
        from encryptsecurert_protocol.dvh_options import METRIC, DvhOptions

        if self.no_dvh or not self.has_structures:
            return None
        if not all(re.fullmatch(METRIC, metric, re.ASCII) for metric in self.metrics):
            raise usage("a metric is such as D95%[Gy], D0.03cc[Gy], V20Gy[%] or Mean[Gy]")
        asked = self.prescription
        prescription_gy = parse_dose(asked, "--prescription is") if asked else None
        return DvhOptions(
            prescription_gy=_one_of(prescription_gy, sheet.prescription_gy if sheet else None),
            fractions=_one_of(self.fractions, sheet.fractions if sheet else None),
            targets=tuple(sorted(set(self.targets))),
            metrics=tuple(dict.fromkeys(self.metrics)),
            comparison=_curve_criteria(self.dvh_agreement) if self.dvh_agreement else None,
        )

    def profile_lines(self) -> "tuple[ProfileLine, ...]":
        """Return the lines that doses are told along (E_USAGE)."""
        from encryptsecurert_protocol.dose_profiles import (
            MAX_PROFILE_POINTS,
            MAX_PROFILES,
            refuse_too_many,
        )

        lines = tuple(parse_profile(text) for text in self.profiles)
        try:
            refuse_too_many(lines)
        except EncryptSecureRTError:
            detail = f"--profile: at most {MAX_PROFILES}, of {MAX_PROFILE_POINTS} points in all"
            raise usage(detail) from None
        return lines

    def percent_gy(self, sheet: "GoalSheet | None", reference_maximum_gy: float) -> float:
        """Return what isodoses in percent are of: the prescription, else --norm (E_USAGE)."""
        asked = self.prescription
        prescription_gy = parse_dose(asked, "--prescription is") if asked else None
        stated = (
            prescription_gy,
            sheet.prescription_gy if sheet else None,
            parse_norm(self.norm),
        )
        return next((dose for dose in stated if dose is not None), reference_maximum_gy)

    def isodoses_gy(self, percent_gy: float) -> tuple[float, ...]:
        """Return the levels in Gy, ascending (E_USAGE)."""
        return parse_isodoses(self.isodoses, percent_gy) if self.isodoses else ()

    @property
    def has_structures(self) -> bool:
        """Whether structures are given."""
        return self.structures is not None or self.structures_object is not None

    def pair(self) -> tuple[Path, Path, bool]:
        """Return (reference, evaluated, whether both are volume objects).

        Raises
        ------
        EncryptSecureRTError
            E_USAGE unless two doses of one kind are given.
        """
        files, volumes = (
            (self.reference, self.evaluated),
            (self.reference_volume, self.evaluated_volume),
        )
        for are_volumes, (reference, evaluated) in enumerate((files, volumes)):
            others = files if are_volumes else volumes
            if reference is not None and evaluated is not None and others == (None, None):
                return reference, evaluated, bool(are_volumes)
        raise usage("two doses are needed: REF and EVAL, or two volumes, not a mix")

    def refuse_contradictions(self) -> None:
        """Refuse with E_USAGE what cannot be meant."""
        if self.structures is not None and self.structures_object is not None:
            raise usage("structures come from one file")
        if self.goals is not None and (not self.has_structures or self.no_dvh):
            raise usage("--goals needs structures and their DVHs")
        if self.only and self.structures is None:
            raise usage("--only chooses among --structures")
        if self.targets and not self.prescription and self.goals is None:
            raise usage("--targets needs --prescription")
        if self.with_names and self.names is None:
            raise usage("--with-names needs --names")
        if self.pdf and self.no_report:
            raise usage("--pdf is a report, --no-report asks for none")
        if self.dta and self.no_gamma:
            raise usage("--dta takes its criteria from --gamma")


def _one_of(word: T | None, sheet: T | None) -> T | None:
    if word is not None and sheet is not None and word != sheet:
        raise usage("--goals says another prescription or number of fractions than the words")
    return sheet if word is None else word


def _curve_criteria(text: str) -> "CurveCriteria":
    from encryptsecurert_protocol.dvh_options import CurveCriteria

    dose, _, volume = text.partition("/")
    return CurveCriteria(
        dose_percent=parse_percent(dose, "--dvh-agreement is such as 1%/1%:"),
        volume_percent=parse_percent(volume, "--dvh-agreement is such as 1%/1%:"),
    )


def _number(text: str, detail: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise usage(detail) from None
