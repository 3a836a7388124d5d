"""The words of `encryptsecurert measurement-compare`, and what they ask for.

Light, since the parser of the command line reads it.
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encryptsecurert_protocol.errors import EncryptSecureRTError
from EncryptSecureRTLib.client.dose_asked import DoseAsked
from EncryptSecureRTLib.client.dose_criteria import PRESETS, parse_gamma, usage

if TYPE_CHECKING:
    from encryptsecurert_protocol.dose_options import AgreementOptions, GammaOptions
    from encryptsecurert_protocol.measurements import ShiftOptions

MARK = "measurement_"
"""Before the name of each setting of this command, in the parser and in request lines."""

_LENGTH = r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*(?:mm)?"
_STEP_MM = 1.0
_STEPS_IN_SPACE = 7  # to each side: 15 x 15 x 15 shifts are as many as a job takes
_MOST_DISTANCE_MM = 50.0  # twice that is the farthest that an equal dose is looked for
_PATHS = ("measured", "dose", "earlier")
_TEXTS = ("gamma", "cutoff", "norm", "shift")
_TRUTHS = ("local", "shift_normal", "as_plane")
AddCommand = Callable[..., None]
Reader = Callable[[object], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementAsked:
    """What the words or the request say of a comparison; nothing of it is checked yet."""

    measured: Path | None = None
    dose: Path | None = None
    gamma: str = "tg218"
    cutoff: str = "10%"
    norm: str = "max"
    local: bool = False
    as_plane: bool = False
    shift: str = ""
    shift_by: str = "rms"
    shift_normal: bool = False
    earlier: Path | None = None

    @classmethod
    def take(cls, asked: dict[str, Any]) -> "MeasurementAsked":
        """Take the settings with the mark out of all that were asked for."""
        ours = {name: asked.pop(name) for name in list(asked) if name.startswith(MARK)}
        return cls(**{name.removeprefix(MARK): value for name, value in ours.items()})

    def pair(self) -> tuple[Path, Path]:
        """Return the measured dose and the calculated one (E_USAGE)."""
        if self.measured is None or self.dose is None:
            raise usage("a measured dose is needed, and a calculated one")
        return self.measured, self.dose

    def criteria(self) -> "tuple[GammaOptions, AgreementOptions]":
        """Return the criteria of gamma, and the same ones for the composite test (E_USAGE)."""
        _, distance_mm = parse_gamma(self.gamma)
        if distance_mm > _MOST_DISTANCE_MM:
            raise usage(f"--gamma takes a distance of at most {_MOST_DISTANCE_MM:g} mm here")
        words = DoseAsked(
            gamma=self.gamma, cutoff=self.cutoff, norm=self.norm, local=self.local, dta=True
        )
        gamma, agreement = words.gamma_options(), words.agreement_options()
        if gamma is None or agreement is None:
            raise usage("a comparison has criteria")
        return gamma, agreement

    def shift_options(self) -> "ShiftOptions | None":
        """Return where a better place is looked for, None for nowhere (E_USAGE)."""
        from encryptsecurert_protocol.measurements import ShiftObjective, ShiftOptions

        if not self.shift:
            if self.shift_normal or self.shift_by != ShiftObjective.RMS.value:
                raise usage("--shift-by and --shift-normal need --shift")
            return None
        match = re.fullmatch(_LENGTH, self.shift.strip())
        if not match:
            raise usage("--shift is a length such as 3mm")
        within_mm = float(match[1])
        step_mm = max(_STEP_MM, within_mm / _STEPS_IN_SPACE if self.shift_normal else 0.0)
        try:
            return ShiftOptions(
                within_mm=within_mm,
                step_mm=min(step_mm, within_mm),
                objective=ShiftObjective(self.shift_by),
                along_normal=self.shift_normal,
            )
        except EncryptSecureRTError:
            raise usage("--shift is 0.05 to 20 mm") from None


def request_members(
    readers: Mapping[str, Reader], one_of: Callable[[Sequence[str]], Reader]
) -> dict[str, tuple[str, Reader]]:
    """Return the members of a request line: the same names as of the settings."""

    def objective(value: object) -> object:
        return one_of(_objectives())(value)

    kinds = {"path": _PATHS, "text": _TEXTS, "truth": _TRUTHS}
    members = {f"{MARK}{n}": readers[kind] for kind, names in kinds.items() for n in names}
    members[f"{MARK}shift_by"] = objective
    return {name: (name, read) for name, read in members.items()}


def _objectives() -> tuple[str, ...]:
    from encryptsecurert_protocol.measurements import ShiftObjective

    return tuple(one.value for one in ShiftObjective)


def add_measurement_compare(add: AddCommand, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command; `add(name, parents, does, examples, describe)` has it described."""
    add(
        "measurement-compare",
        parents,
        "compare a measured plane or points with a protected dose: gamma, differences, a shift",
        (
            "measurement-compare film.csv dose.dcm --out qa/",
            "measurement-compare array.csv dose.dcm --as-plane --shift 3mm --out qa/",
            "measurement-compare plane.dcm dose.dcm --earlier results.csv --out qa/",
        ),
        _describe_measurement_compare,
    )


def _describe_measurement_compare(command: argparse.ArgumentParser) -> None:
    command.description = (
        f"{command.description}\nA pass rate beyond a limit is a result and no error: the exit code"
        " is 0.\nA shift is proposed with its figures, and applied to nothing."
    )
    command.add_argument(
        f"{MARK}measured",
        type=Path,
        nargs="?",
        metavar="MEASURED",
        help="CSV in the form of docs/planes.md, or a protected RTDOSE of one frame",
    )
    command.add_argument(
        f"{MARK}dose", type=Path, nargs="?", metavar="DOSE", help="protected RTDOSE, calculated"
    )
    command.add_argument("--out", type=Path, metavar="DIR", help="folder for the results")
    for word, settings in _options().items():
        name = word.removeprefix("--").replace("-", "_")
        command.add_argument(word, dest=f"{MARK}{name}", default=None, **settings)


def _options() -> dict[str, dict[str, Any]]:
    return {
        "--gamma": {
            "metavar": "D%/Lmm",
            "help": "dose difference in %% and distance in mm, such as 3%%/2mm (tg218), also of the"
            " composite test; "
            + "; ".join(f"{name} is {dose:g}%%/{mm:g}mm" for name, (dose, mm) in PRESETS.items()),
        },
        "--local": {
            "action": "store_true",
            "help": "gamma in %% of the measured dose at each point",
        },
        "--norm": {
            "metavar": "DOSE",
            "help": "what %% and the cutoff are of: max, the measured maximum (usual), or e.g. 2Gy",
        },
        "--cutoff": {
            "metavar": "P%",
            "help": "evaluate where the measured dose is at least so many %% of --norm (10%%)",
        },
        "--as-plane": {
            "action": "store_true",
            "help": "make a plane of points that fill an evenly spaced rectangle,"
            " as an array's: gamma",
        },
        "--shift": {
            "metavar": "MM",
            "help": "propose a shift of the measured plane within so many mm, such as 3mm",
        },
        "--shift-by": {
            "choices": _objectives(),
            "help": "what the shift is best in: least RMS difference (usual), or largest pass rate",
        },
        "--shift-normal": {"action": "store_true", "help": "shift along the plane's normal, too"},
        "--earlier": {
            "type": Path,
            "metavar": "FILE",
            "help": "CSV `date,pass_percent` of at least 20 earlier results: local limits of"
            " TG-218; dates stay on this computer",
        },
    }
