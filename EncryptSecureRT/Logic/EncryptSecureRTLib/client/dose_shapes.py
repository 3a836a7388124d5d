"""Profiles and isodoses of a comparison, for people: words, tables, what pictures show."""

from collections.abc import Mapping

from encryptsecurert_protocol.dose_profiles import FieldFigures, Point, ProfilePart
from encryptsecurert_protocol.dose_results import DoseComparison
from EncryptSecureRTLib.client.dose_criteria import figures
from EncryptSecureRTLib.client.dose_facts import fixed, minus, number, signed
from EncryptSecureRTLib.client.dose_tables import Table

_UNITS = {"cc": "cc", "cm2": "cm²"}
_FIELD = (
    ("field_size_mm", "field size at 50 %, mm", 2),
    ("centre_mm", "centre, mm from the start", 2),
    ("penumbra_left_mm", "penumbra 80 % to 20 % at the start, mm", 2),
    ("penumbra_right_mm", "penumbra 80 % to 20 % at the end, mm", 2),
    ("axis_gy", "dose on the axis, Gy", 3),
    ("flatness_percent", "flatness, %", 2),
    ("symmetry_percent", "symmetry, %", 2),
)
FIELD_NOTE = (
    "IEC 60976; the axis is in the middle of the edges at half of the largest dose. Flatness and "
    "symmetry are of fields of 50 mm or more."
)


def isodose_table(comparison: DoseComparison, percent_gy: float | None = None) -> Table | None:
    """Return one row for each isodose, None if there are none.

    Parameters
    ----------
    percent_gy : what isodoses in percent were of, None if that is not known or none were.
    """
    parts = comparison.isodoses
    if not parts:
        return None
    unit = _UNITS[parts[0].unit]
    common = any(
        abs(one - other) > 1e-3 * one
        for part in parts
        for one, other in (
            (part.reference, part.common_reference),
            (part.evaluated, part.common_evaluated),
        )
    )
    note = "Each dose on its own grid. Dice: 2 x common / sum of both, 1 is the same shape."
    if common:
        note += " Dice is of the part where both doses are known, which is less."
    return Table(
        title="Isodoses",
        note=note,
        heads=(
            *("Isodose", f"reference, {unit}", f"evaluated, {unit}"),
            *(f"difference, {unit}", "difference, %", "Dice"),
        ),
        rows=tuple(
            (
                level_words(part.level_gy, percent_gy),
                fixed(part.reference, 2),
                fixed(part.evaluated, 2),
                signed(part.evaluated - part.reference, 2),
                signed(_percent(part.evaluated, part.reference), 2),
                fixed(part.dice, 4),
            )
            for part in parts
        ),
    )


def level_words(level_gy: float, percent_gy: float | None) -> str:
    """Return an isodose as people say it: `57 Gy`, or `57 Gy (95 %)`."""
    words = f"{figures(level_gy)} Gy"
    return words if percent_gy is None else f"{words} ({figures(100 * level_gy / percent_gy, 4)} %)"


def drawn_levels(
    comparison: DoseComparison, norm_gy: float, percents: tuple[int, ...]
) -> Mapping[float, str]:
    """Return which isodoses pictures show, with labels: those asked for, or the usual ones."""
    if comparison.isodoses:
        return {one.level_gy: f"{figures(one.level_gy)} Gy" for one in comparison.isodoses}
    return {p * norm_gy / 100: f"{p} %" for p in percents}


def _percent(evaluated: float, reference: float) -> float | None:
    return None if reference == 0 else 100 * (evaluated - reference) / reference


def profile_title(part: ProfilePart, place: int) -> str:
    """Return what a profile is called, `place` counted from 0."""
    ends = f"{_point_words(part.line.from_lps_mm)} to {_point_words(part.line.to_lps_mm)}"
    return f"Profile {place + 1}: {ends} mm (LPS)"


def _point_words(point: Point) -> str:
    return f"({', '.join(number(x, 6) for x in point)})"


def profile_table(part: ProfilePart, place: int) -> Table | None:
    """Return the figures of a profile as one across a field, None if it is none."""
    one, other = part.reference_field, part.evaluated_field
    if one is None and other is None:
        return None
    rows = []
    for name, words, places in _FIELD:
        pair = _value(one, name), _value(other, name)
        if pair != (None, None):
            cells = [fixed(value, places) for value in pair]
            rows.append((words, *cells, signed(minus(pair[1], pair[0]), places)))
    return Table(
        title=profile_title(part, place),
        note=FIELD_NOTE,
        heads=("", "reference", "evaluated", "difference"),
        rows=tuple(rows),
    )


def _value(field: FieldFigures | None, name: str) -> float | None:
    return None if field is None else getattr(field, name)


def profile_words(part: ProfilePart) -> str:
    """Say how a line was sampled, and where the doses differ most along it."""
    steps = part.line.points - 1
    words = f"{number(part.line.length_mm)} mm in {steps:,} steps"
    pairs = zip(part.position_mm, part.reference_gy, part.evaluated_gy, strict=True)
    apart = [(b - a, x) for x, a, b in pairs if a is not None and b is not None]
    if not apart:
        return f"{words}; nowhere along it are both doses known."
    most, where = max(apart, key=lambda pair: abs(pair[0]))
    inside = "" if len(apart) == steps + 1 else f"; both doses are known at {len(apart):,} points"
    return f"{words}; largest difference {signed(most, 3)} Gy at {number(where)} mm{inside}."
