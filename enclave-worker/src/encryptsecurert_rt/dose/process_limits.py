"""Local limits of a QA process from its own earlier results, as an individuals chart.

TG-218 (Miften et al., Med Phys 45, e53, 2018), after Sanghangthum et al., Phys Med Biol 58, 7025
(2013): tolerance limits are those of a chart of individuals and moving ranges,

    centre line -+ 2.660 x mean moving range          (2.660 = 3 / 1.128, 1.128 = d2 of two values)

and action limits are apart by beta sqrt(sd^2 + (mean - target)^2), half of it to each side of the
target: with beta = 6 a process that just fills them has the capability index Cpm = 1. For pass
rates the target is 100 % and only the lower limits can be missed. The limits hold for a process in
control: results beyond the tolerance limits are told, and it is for the physicist to find their
cause and to leave them out.
"""

import datetime
import re
from dataclasses import dataclass

import numpy as np

from encryptsecurert_rt.dose.grid import FloatArray
from encryptsecurert_rt.dose.text import lines_of, number, refuse
from encryptsecurert_rt.errors import InvalidInput

MIN_RESULTS = 20
MAX_RESULTS = 100_000
CHART_FACTOR = 2.660
DEFAULT_BETA = 6.0
DEFAULT_TARGET_PERCENT = 100.0
HEADER = "date,pass_percent"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLimits:
    """Limits from the results of one machine and technique, all in percent.

    Attributes
    ----------
    results : how many.
    centre_line, mean_moving_range : of the chart.
    standard_deviation : of the results about their mean, divided by n - 1.
    tolerance_low, tolerance_high : centre line -+ 2.660 x mean moving range; the upper one may be
        above 100.
    action_low : target - beta / 2 x sqrt(sd^2 + (mean - target)^2).
    beta, target : as used.
    beyond_tolerance : numbers (from 0) of results below or above the tolerance limits: the process
        was not in control there, and the limits are to be made anew without what has a cause.
    """

    results: int
    centre_line: float
    mean_moving_range: float
    standard_deviation: float
    tolerance_low: float
    tolerance_high: float
    action_low: float
    beta: float
    target: float
    beyond_tolerance: tuple[int, ...]


def process_limits(
    pass_percent: FloatArray,
    *,
    target_percent: float = DEFAULT_TARGET_PERCENT,
    beta: float = DEFAULT_BETA,
) -> ProcessLimits:
    """Return the local limits from earlier results.

    Parameters
    ----------
    pass_percent : float64 (n,), 0 to 100, in order of time (moving ranges depend on it), n >= 20.
    target_percent : what the process should give.
    beta : width of the action limits in units of the deviation about the target.

    Raises
    ------
    InvalidInput
        If there are fewer than 20 results, or one is no percentage.
    """
    if pass_percent.ndim != 1 or not MIN_RESULTS <= pass_percent.size <= MAX_RESULTS:
        raise InvalidInput("local limits need at least 20 earlier results")
    if not ((pass_percent >= 0.0) & (pass_percent <= 100.0)).all():
        raise InvalidInput("earlier results must be 0 to 100 percent")
    if not (0.0 <= target_percent <= 100.0 and 0.0 < beta <= 100.0):
        raise InvalidInput("the target must be a percentage and beta above 0")
    centre = float(pass_percent.mean())
    moving_range = float(np.abs(np.diff(pass_percent)).mean())
    deviation = float(pass_percent.std(ddof=1))
    low, high = centre - CHART_FACTOR * moving_range, centre + CHART_FACTOR * moving_range
    beyond = np.flatnonzero((pass_percent < low) | (pass_percent > high))
    half_width = 0.5 * beta * float(np.hypot(deviation, centre - target_percent))
    return ProcessLimits(
        results=pass_percent.size,
        centre_line=centre,
        mean_moving_range=moving_range,
        standard_deviation=deviation,
        tolerance_low=low,
        tolerance_high=high,
        action_low=target_percent - half_width,
        beta=beta,
        target=target_percent,
        beyond_tolerance=tuple(int(n) for n in beyond),
    )


def parse_earlier_results(text: str) -> FloatArray:
    """Return the pass rates of a CSV text, float64 (n,), in percent and in order of time.

    The first line is `date,pass_percent`, then one result a line, such as `2026-03-14,98.7`. Dates
    never go back; two results may share one.

    Raises
    ------
    InvalidInput
        If the text is of another form; with the number of the line.
    """
    lines = lines_of(text)
    if not lines or lines[0].strip() != HEADER:
        refuse("the first line must be date,pass_percent", 1)
    if len(lines) - 1 > MAX_RESULTS:
        refuse("there are more than 100 000 results")
    results: list[float] = []
    before = datetime.date.min
    for at, line in enumerate(lines[1:], 2):
        fields = line.split(",")
        if len(fields) != 2:
            refuse("a result is a date and a percentage", at)
        day = _date(fields[0].strip(), at)
        if day < before:
            refuse("dates must not go back", at)
        before = day
        percent = number(fields[1], at)
        if not 0.0 <= percent <= 100.0:
            refuse("a pass rate must be 0 to 100 percent", at)
        results.append(percent)
    return np.array(results, np.float64)


def _date(word: str, line: int) -> datetime.date:
    if not _DATE.fullmatch(word):
        refuse("a date must be like 2026-03-14", line)
    try:
        return datetime.date.fromisoformat(word)
    except ValueError:
        refuse("a date must be a day of the calendar", line)
