"""The words of `encryptsecurert dose-compare`.

    dose-compare REF EVAL --structures RTSTRUCT --gamma 3%/2mm --norm 60Gy --out results/

A program that has doses in a scene and not in DICOM gives files of volume and structures objects
instead; then nobody is named, and the results belong to no patient.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from EncryptSecureRTLib.client.dose_asked import MARK

AddCommand = Callable[..., None]
_TEXTS = (*("gamma", "norm", "cutoff", "cap", "mode", "prescription", "dvh_agreement", "isodoses"),)
_PATHS = (
    "reference",
    "evaluated",
    "reference_volume",
    "evaluated_volume",
    "structures",
    "structures_object",
    "goals",
    "names",
    "registration",
)
_TRUTHS = (
    *("local", "either_dose", "measured", "dta", "no_gamma", "no_dvh", "no_report", "pdf"),
    "with_names",
)
_COUNT_LISTS = ("only", "targets")
_TEXT_LISTS = ("metrics", "profiles")


def add_dose(add: AddCommand, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add the command; `add(name, parents, does, examples, describe)` has it described."""
    add(
        "dose-compare",
        parents,
        "compare two protected doses in the worker: gamma, difference, DVHs, goals",
        (
            "dose-compare planned.dcm delivered.dcm --out results/",
            "dose-compare ref/ eval/ --structures rtstruct.dcm --gamma 2%/2mm --norm 60Gy"
            " --out results/",
            "dose-compare ref/ eval/ --profile=-80,0,0:80,0,0:0.5 --isodose 95%,50%,20Gy"
            " --out results/",
            "dose-compare ref/ eval/ --structures rtstruct.dcm --goals sheet.csv --names names.csv"
            " --pdf --out results/",
        ),
        _describe_dose,
    )


def _describe_dose(parser: argparse.ArgumentParser) -> None:
    _say(
        parser,
        "reference",
        type=Path,
        nargs="?",
        metavar="REF",
        help="protected RTDOSE, or a"
        " folder with one: the dose that is trusted, usually measured or planned",
    )
    _say(parser, "evaluated", type=Path, nargs="?", metavar="EVAL", help="the dose that is judged")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results")
    _describe_inputs(parser.add_argument_group("inputs"))
    _describe_criteria(parser.add_argument_group("criteria"))
    outputs = parser.add_argument_group("outputs")
    _describe_files(outputs)
    outputs.add_argument(
        "--detach",
        action="store_true",
        help="print the job's id and end once the worker has the job; `fetch` gets the results",
    )


def _describe_inputs(group: Any) -> None:
    _say(
        group,
        "--structures",
        type=Path,
        metavar="RTSTRUCT",
        help="protected structure set: DVHs and pass rates for each structure",
    )
    _say(
        group,
        "--only",
        type=int,
        nargs="+",
        metavar="NUMBER",
        help="ROI numbers to take; all if not given",
    )
    _say(
        group,
        "--registration",
        type=Path,
        metavar="FILE",
        help="16 numbers, row by row: the"
        " rigid 4 x 4 matrix, LPS in mm, from the reference's frame to the evaluated one's;"
        " needed if the frames of reference differ",
    )
    _say(
        group,
        "--goals",
        type=Path,
        metavar="SHEET",
        help="dose goals, CSV or JSON, see"
        " docs/goals.md; names are resolved here, the worker gets numbers",
    )
    _say(
        group,
        "--names",
        type=Path,
        metavar="CSV",
        help="lines `ROI number,name`, for goals and the terminal; stays on this computer",
    )
    for word, what in (
        ("--reference-volume", "the reference as a volume object, Gy, instead of REF"),
        ("--evaluated-volume", "the evaluated dose as one, instead of EVAL"),
        ("--structures-object", "structures as an object, instead of --structures"),
    ):
        _say(group, word, type=Path, metavar="FILE", help=f"{what}; the results belong to nobody")


def _describe_criteria(group: Any) -> None:
    from encryptsecurert_protocol.dose_options import GammaMode
    from EncryptSecureRTLib.client.dose_criteria import PRESETS

    modes = [mode.value.replace("_", "-") for mode in GammaMode]
    presets = "; ".join(f"{name} is {dose:g}%%/{mm:g}mm" for name, (dose, mm) in PRESETS.items())
    _say(
        group,
        "--gamma",
        metavar="D%/Lmm",
        help=f"dose difference in %% and distance in mm, such as 3%%/2mm (tg218); {presets}",
    )
    _say(group, "--no-gamma", action="store_true", help="no gamma, so no TG-218 verdict")
    _say(
        group,
        "--local",
        action="store_true",
        help="%% of the reference dose at each point, not of one dose (global)",
    )
    _say(
        group,
        "--norm",
        metavar="DOSE",
        help="what global %% and the cutoff are of: max, the"
        " maximum of the reference (usual), or a dose such as 60Gy",
    )
    _say(
        group,
        "--cutoff",
        metavar="P%",
        help="evaluate where the reference is at least so many %% of --norm (10%%)",
    )
    _say(
        group,
        "--either-dose",
        action="store_true",
        help="evaluate where either dose is above the cutoff, as some other programs do",
    )
    _say(
        group,
        "--measured",
        action="store_true",
        help="the reference is a measurement, as the limits of TG-218 are made for",
    )
    _say(group, "--cap", metavar="G", help="largest gamma that is told (2); it fails all the same")
    _say(
        group,
        "--mode",
        choices=modes,
        help="certified: continuous in space, each value proven to"
        " 0.001 (usual); pass-fail: quicker, no statistics of gamma; voxel-centres: no"
        " interpolation, as older programs compute, understates agreement",
    )
    _say(
        group,
        "--dta",
        action="store_true",
        help="distance to agreement and composite pass rate, too",
    )
    group.add_argument(
        "--profile",
        dest=f"{MARK}profiles",
        action="append",
        default=None,
        metavar="X,Y,Z:X,Y,Z[:STEP]",
        help="both doses along a line, LPS in mm, step 1 mm if not given; may be given 16 times;"
        " write --profile=-80,0,0:80,0,0 if it begins with a minus",
    )
    group.add_argument(
        "--isodose",
        dest=f"{MARK}isodoses",
        default=None,
        metavar="LEVELS",
        help="volumes within isodoses and their overlap, such as 95%%,50%%,20Gy; %% are of"
        " --prescription, without one of --norm",
    )
    _say(group, "--no-dvh", action="store_true", help="no DVHs")
    _say(
        group,
        "--prescription",
        metavar="DOSE",
        help="prescribed dose in Gy: volumes at 95, 100 and 107 %% of it",
    )
    _say(
        group,
        "--targets",
        type=int,
        nargs="+",
        metavar="NUMBER",
        help="ROI numbers of targets: conformity and homogeneity of --prescription",
    )
    _say(
        group,
        "--metrics",
        nargs="+",
        metavar="METRIC",
        help="more for each structure, such as D95%%[Gy], D0.03cc[Gy], V20Gy[%%]; docs/goals.md",
    )
    _say(
        group,
        "--fractions",
        type=int,
        metavar="N",
        help="equal fractions that the doses are given in, for metrics in EQD2",
    )
    _say(
        group,
        "--dvh-agreement",
        metavar="D%/V%",
        help="compare the DVHs of a structure within so many %% of its largest dose and of its"
        " volume, such as 1%%/1%% (Ebert et al. 2010)",
    )


def _describe_files(group: Any) -> None:
    _say(group, "--no-report", action="store_true", help="no report.html")
    _say(group, "--pdf", action="store_true", help="report.pdf, too")
    _say(
        group,
        "--with-names",
        action="store_true",
        help="names of structures in files, too: they may say something of the patient",
    )


def describe_report(parser: argparse.ArgumentParser) -> None:
    """Describe what a report of fetched results may show besides."""
    group = parser.add_argument_group("report of a dose comparison")
    _say(
        group,
        "--reference",
        type=Path,
        metavar="REF",
        help="the reference that was compared, so that doses are drawn too",
    )
    _say(group, "--structures", type=Path, metavar="RTSTRUCT", help="outlines and colours")
    _say(group, "--names", type=Path, metavar="CSV", help="as in `dose-compare`")
    _describe_files(group)


def _say(parser: Any, word: str, **settings: Any) -> None:
    """Add an option whose setting has the mark before its name."""
    name = word.removeprefix("--").replace("-", "_")
    if word.startswith("--"):
        parser.add_argument(word, dest=MARK + name, default=None, **settings)
    else:
        parser.add_argument(MARK + name, **settings)


def request_members(
    readers: Mapping[str, Callable[[object], object]],
) -> dict[str, tuple[str, Callable[[object], object]]]:
    """Return the members of a request line: the words of the command line, typed.

    Parameters
    ----------
    readers : ``text``, ``path``, ``truth``, ``count``, ``counts``, ``texts``: as lines have them.
    """
    kinds = {
        "text": _TEXTS,
        "path": _PATHS,
        "truth": _TRUTHS,
        "count": ("fractions",),
        "counts": _COUNT_LISTS,
        "texts": _TEXT_LISTS,
    }
    return {
        f"{MARK}{name}": (MARK + name, readers[kind])
        for kind, names in kinds.items()
        for name in names
    }
