"""Dose-volume histograms beside other tools: the same contours and doses against closed forms.

    .venv/bin/python Testing/benchmarks/bench_dvh.py

Each tool gets the same forty cases and the hard ones (`dvh_cases.py`), as DICOM files with its own
defaults; ours gets the same contours and doses as arrays. plastimatch runs twice: with its default
raster, and with one on the voxels of the dose, which it is told to take. Errors are those of the
body, so they hold what a stack of contours loses of it; the tables give them for each pair of dose
grid and slices. Times of ours and of dicompyler-core leave imports out, and of dicompyler-core
include its reading of files; those of plastimatch are of its processes, one or two a case.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bench_rows import Row
from dvh_cases import PAIRS_MM, DvhCase, hard_cases, nelms_cases, write_dicom
from dvh_tools import (
    DICOMPYLER,
    LEVELS_GY,
    PLASTIMATCH,
    Costs,
    Found,
    dicompyler,
    ours,
    plastimatch,
    write_image,
)

# Points, of upright bodies, at slices of 0.2, 1, 1 and 3 mm. Bodies that lie across the slices have
# no bar: contours do not know them. Of a lying cylinder, widths that run straight between planes
# are 0.02, 0.25 and 1.20 points off, whoever computes with them.
BARS = (0.1, 0.15, 0.15, 1.2)
MOST_MIB = 250.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Of one case: of V in points (greatest, median over doses), of the volume, of D95."""

    most: float
    median: float
    volume_percent: float
    d95_gy: float


def errors(case: DvhCase, found: Found) -> Errors:
    """Hold a histogram against the closed form."""
    away = np.abs(found.percent - 100.0 * case.truth.volume_fraction(LEVELS_GY))
    # where the body has doses: beyond, any tool is right
    inside = (case.truth.minimum_gy <= LEVELS_GY) & (case.truth.maximum_gy >= LEVELS_GY)
    return Errors(
        most=float(away.max()),
        median=float(np.median(away[inside])),
        volume_percent=100.0 * (found.volume_cc / case.truth.volume_cc - 1.0),
        d95_gy=found.d95_gy - case.truth.dose_at_fraction(0.95),
    )


def measure() -> dict[str, tuple[list[Errors], list[bool], Costs]]:
    """Run every tool that is installed on every case; costs are of the forty."""
    cases = [*nelms_cases(), *hard_cases()]
    forty = len(list(nelms_cases()))
    measured = {}
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place) / f"{number:02}" for number in range(len(cases))]
        for case, folder in zip(cases, folders, strict=True):
            folder.mkdir()
            write_dicom(case, folder)
            write_image(case, folder / "dose.mha")
        tools: dict[str, Any] = {"EncryptSecureRT": lambda first, last: ours(range(first, last))}
        if DICOMPYLER.exists():
            tools["dicompyler-core"] = lambda first, last: dicompyler(folders[first:last])
        if PLASTIMATCH.exists():
            for name, on_dose in (("default", False), ("voxels of the dose", True)):
                tools[f"plastimatch, {name}"] = partial(
                    _plastimatch_part, folders, on_dose_voxels=on_dose
                )
        for tool, run in tools.items():
            found, costs = run(0, forty)
            hard, _ = run(forty, len(cases))
            told = [errors(case, one) for case, one in zip(cases, [*found, *hard], strict=True)]
            measured[tool] = (told, [one.warned for one in [*found, *hard]], costs)
    return measured


def _plastimatch_part(
    folders: Sequence[Path], first: int, last: int, *, on_dose_voxels: bool
) -> tuple[list[Found], Costs]:
    return plastimatch(folders[first:last], on_dose_voxels=on_dose_voxels)


def tables(measured: dict[str, tuple[list[Errors], list[bool], Costs]]) -> str:
    """Make the tables: the forty, by pair of spacings, and the hard ones."""
    cases = [*nelms_cases(), *hard_cases()]
    each = len(cases) - len(list(hard_cases()))
    lines = [
        "| tool, 40 cases | median of greatest error, points | worst | median over doses |"
        " median volume error | worst volume | worst D95 | CPU s | wall s | MiB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for tool, (told, _, costs) in measured.items():
        lines.append(
            f"| {tool} | {_summary(told[:each])} | {costs.cpu_s:.1f} |"
            f" {costs.wall_s:.1f} | {costs.peak_mib:.0f} |"
        )
    lines += [
        "",
        "| tool, dose grid and slices | " + lines[0].split("|", 2)[2].split("| CPU")[0] + "|",
    ]
    lines.append("|---|---|---|---|---|---|---|")
    size = each // len(PAIRS_MM)
    for number, (spacing_mm, slices_mm) in enumerate(PAIRS_MM):
        for tool, (told, _, _) in measured.items():
            part = told[number * size : (number + 1) * size]
            lines.append(f"| {tool}, {spacing_mm:g} and {slices_mm:g} mm | {_summary(part)} |")
    lines += ["", "| case | tool | greatest error, points | volume | D95 | warned |"]
    lines.append("|---|---|---|---|---|---|")
    for number in range(each, len(cases)):
        for tool, (told, warned, _) in measured.items():
            one = told[number]
            lines.append(
                f"| {cases[number].name} | {tool} | {one.most:.2f} | {one.volume_percent:+.1f} % |"
                f" {one.d95_gy:+.2f} Gy | {'yes' if warned[number] else 'no'} |"
            )
    return "\n".join(lines)


def _summary(told: list[Errors]) -> str:
    most = np.array([one.most for one in told])
    volume = np.abs([one.volume_percent for one in told])
    d95 = np.abs([one.d95_gy for one in told])
    over_doses = np.median([one.median for one in told])
    return (
        f"{np.median(most):.3f} | {most.max():.2f} | {over_doses:.3f} |"
        f" {np.median(volume):.2f} % | {volume.max():.1f} % | {d95.max():.2f} Gy"
    )


def main() -> list[Row]:
    """Measure, print the tables, and return the rows."""
    measured = measure()
    print(tables(measured))
    told, _, costs = measured["EncryptSecureRT"]
    size = len(list(nelms_cases())) // len(PAIRS_MM)
    parts = [told[number * size : (number + 1) * size] for number in range(len(PAIRS_MM))]
    rows = []
    lying = ["lying" in case.name for case in list(nelms_cases())[:size]]
    for (spacing_mm, slices_mm), part, bar in zip(PAIRS_MM, parts, BARS, strict=True):
        worst = max(one.most for one, lies in zip(part, lying, strict=True) if not lies)
        across = max(one.most for one, lies in zip(part, lying, strict=True) if lies)
        rows.append(
            Row(
                f"DVH, upright bodies, dose {spacing_mm:g} mm, slices {slices_mm:g} mm",
                f"worst V off by {worst:.3f} points (lying ones {across:.3f})",
                f"{bar:g}",
                worst <= bar,
            )
        )
    middle = float(np.median([one.most for one in told[: 4 * size]]))
    for tool, (others, _, other) in measured.items():
        theirs = float(np.median([one.most for one in others[: 4 * size]]))
        figure = f"median {theirs:.2f} points, {other.cpu_s:.1f} CPU s, {other.peak_mib:.0f} MiB"
        bar_text = f"ours {middle:.2f}" if others is not told else f"{MOST_MIB:.0f} MiB"
        reached = middle < theirs if others is not told else costs.peak_mib <= MOST_MIB
        rows.append(Row(f"DVH, 40 cases, {tool}", figure, bar_text, reached))
    return rows


if __name__ == "__main__":
    for row in main():
        state = "reached" if row.reached else "NOT REACHED"
        print(f"{row.what:<50} {row.figure:<44} {row.bar:<12} {state}")
