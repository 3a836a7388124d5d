"""A comparison with a measurement in sentences: what page and terminal say alike."""

from encryptsecurert_protocol.measurement_parts import MeasuredDose, ProcessPart, ShiftPart
from encryptsecurert_protocol.measurement_results import MeasurementComparison
from EncryptSecureRTLib.client.dose_facts import (
    Facts,
    dose_words,
    fixed,
    number,
    pass_words,
    percent,
    places_for,
    signed,
    tg218_words,
)
from EncryptSecureRTLib.client.dose_facts import warning_words as dose_warning_words
from EncryptSecureRTLib.client.dose_scene import Labels
from EncryptSecureRTLib.client.dose_tables import Table

CALCULATED_MINUS_MEASURED = "Calculated - measured"
_MOST_SHOWN_POINTS = 200
_WARNINGS = {
    "partly_outside_evaluated": "Part of the measurement is outside the calculated dose; nothing "
    "was compared there.",
    "calculated_effective": "The calculated dose is effective (RBE-weighted); detectors measure "
    "physical dose.",
    "no_gamma_of_points": "Points have no gamma, and no TG-218 verdict. A list that fills an "
    "evenly spaced rectangle can be made a plane.",
    "no_shift_of_points": "No shift was looked for: that needs a plane.",
    "points_as_plane": "The points were made a plane; the calculated dose is compared in all "
    "directions, as for any plane.",
    "local_limits_not_used": "The local limits cannot be used: the earlier results are too far "
    "from 100 %. The verdict rests on the universal limits.",
    "process_not_in_control": "Earlier results lie beyond the tolerance limits made of them: find "
    "the cause, leave those out that have one, and make the limits anew.",
    "shift_not_searched": "No shift was looked for: no measured point stays inside the calculated "
    "dose under every shift.",
    "shift_at_limit": "The best shift is on the border of what was searched; a better one may lie "
    "beyond.",
}
_STATES = {"not_found": "none found", "outside": "outside", "unfinished": "not finished"}
_VERDICTS = {"within": "within", "beyond": "BEYOND", "undecided": "undecided", "not_judged": "-"}


def measured_words(measured: MeasuredDose) -> str:
    """Say what was measured, and how large it is."""
    kind = {"matrix": "matrix of a CSV", "points": "points of a CSV"}.get(measured.form, "RTDOSE")
    words = f"{kind}, {measured.points:,} values"
    if measured.shape is not None and measured.spacing_mm is not None:
        (rows, columns), (row_mm, column_mm) = measured.shape, measured.spacing_mm
        words = f"{kind}, {columns} x {rows} values, {column_mm:g} x {row_mm:g} mm apart"
    words = f"{words}, maximum {number(measured.maximum_gy, 5)} Gy"
    facts = measured.facts
    return words if facts is None else f"{words}; {facts.dose_sop_instance_uid}"


def summary_facts(comparison: MeasurementComparison) -> Facts:
    """Return what stands on top: what is compared with what, and by what criteria."""
    facts = [
        ("Measured (reference)", measured_words(comparison.measured)),
        ("Calculated (evaluated)", dose_words(comparison.calculated)),
        ("Patient", f"pseudonym {comparison.calculated.facts.patient_id}"),
    ]
    if comparison.gamma is not None:
        facts.append(("Gamma criteria", comparison.gamma.words))
    return facts


def verdict_lines(comparison: MeasurementComparison) -> tuple[list[str], str]:
    """Return (lines of the outcome, `good`, `fair`, `bad` or empty)."""
    words, state = tg218_words(comparison.tg218)
    lines = []
    if words:
        local = comparison.process is not None and comparison.process.used
        lines.append(f"TG-218, {'local' if local else 'universal'} limits: {words}")
    if comparison.gamma is not None:
        lines.append(f"Gamma at most 1 at {pass_words(comparison.gamma.whole)}")
    composite = pass_words(comparison.agreement.whole)
    return [*lines, f"Within the dose or the distance criterion: {composite}"], state


def places_of(comparison: MeasurementComparison) -> int:
    """Return to how many places doses in Gy are told."""
    return places_for(comparison.measured.maximum_gy)


def process_facts(part: ProcessPart) -> Facts:
    """Return the local limits and whence they are."""
    beyond = ", ".join(str(n + 1) for n in part.beyond_tolerance)
    used = "the verdict rests on them" if part.used else "NOT used, see the warnings"
    return [
        ("Earlier results", f"{part.results}, mean {percent(part.centre_line_percent)} %, SD "
         f"{fixed(part.standard_deviation_percent, 2)} %, mean moving range "
         f"{fixed(part.mean_moving_range_percent, 2)} %"),
        ("Local limits", f"tolerance {fixed(part.tolerance_percent, 2)} %, action "
         f"{fixed(part.action_percent, 2)} %; {used}"),
        ("Earlier results beyond", f"number {beyond}" if beyond else "none"),
    ]  # fmt: skip


def shift_table(part: ShiftPart, places: int) -> Table:
    """Return the figures before and after a proposed shift, which was not applied."""
    options = part.options
    best = {"rms": "least RMS difference", "gamma": "largest pass rate"}[options.objective.value]
    where = "the plane and its normal" if options.along_normal else "the plane"
    heads = ["", "x mm", "y mm", "z mm", "RMS difference Gy"]
    rows = [["as measured", "0.00", "0.00", "0.00", fixed(part.before.rms_gy, places + 1)]]
    moved = [signed(one, 2) for one in (part.x_mm, part.y_mm, part.z_mm)]
    rows.append([f"if shifted ({part.STATE})", *moved, fixed(part.after.rms_gy, places + 1)])
    if part.before.pass_percent_certain is not None:
        heads.append("gamma pass %")
        for row, one in zip(rows, (part.before, part.after), strict=True):
            row.append(percent(one.pass_percent_certain))
    return Table(
        title="Proposed shift, NOT APPLIED",
        note=(
            f"LPS, to be added to measured positions; {best} within {options.within_mm:g} mm along "
            f"{where}, over {part.points:,} points of at least {part.cutoff_percent:g} % of the "
            "measured maximum. All other figures are without it."
        ),
        heads=tuple(heads),
        rows=tuple(tuple(row) for row in rows),
    )


def points_table(comparison: MeasurementComparison) -> Table | None:
    """Return the first points, None of a plane; a state tells which are beyond."""
    part, places = comparison.points, places_of(comparison)
    if part is None:
        return None
    shown = part.rows[:_MOST_SHOWN_POINTS]
    more = len(part.rows) - len(shown) + part.left_out
    rows = []
    for n, row in enumerate(shown, 1):
        one = row.values
        distance = _STATES.get(row.state) or fixed(one.distance_mm, 2)
        doses = (fixed(one.measured_gy, places), fixed(one.calculated_gy, places))
        apart = (signed(one.difference_gy, places), signed(one.difference_percent, 1))
        place = tuple(number(x, 6) for x in (one.x_mm, one.y_mm, one.z_mm))
        rows.append((str(n), *place, *doses, *apart, distance, _VERDICTS[row.verdict]))
    note = "LPS; differences are calculated - measured, in % of the measured dose at the point."
    return Table(
        title="Points",
        note=f"{note} {more:,} more points follow in points.csv." if more else note,
        heads=(
            *("", "x mm", "y mm", "z mm", "measured Gy", "calculated Gy", "difference Gy", "%"),
            *("distance mm", "dose or distance"),
        ),
        rows=tuple(rows),
        states=tuple("bad" if row.verdict == "beyond" else "" for row in shown),
    )


def warning_words(warning: str) -> str:
    """Say a warning's word as a sentence."""
    return _WARNINGS.get(warning) or dose_warning_words(warning, Labels())
