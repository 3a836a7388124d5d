"""Criteria of a dose comparison, as a person writes them.

    3%/2mm      dose difference and distance to agreement        --gamma
    60Gy, max   what a global percentage is of                   --norm
    10%         of that: where the reference is compared at all  --cutoff
    -30,0,0:30,0,0:0.5   from, to, longest step, LPS in mm       --profile
    95%,50%,20Gy         percent of the prescription or --norm   --isodose

>>> parse_gamma("3%/2mm")
(3.0, 2.0)
"""

import math
import re
from typing import TYPE_CHECKING

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

if TYPE_CHECKING:
    from encryptsecurert_protocol.dose_profiles import ProfileLine

PRESETS = {
    "tg218": (3.0, 2.0),  # AAPM TG-218 (2018): universal criteria, with a cutoff of 10 %, global
    "strict": (2.0, 2.0),
    "classic": (3.0, 3.0),
}
_NUMBER = r"([0-9]{1,6}(?:\.[0-9]{1,9})?)"
_GAMMA = rf"{_NUMBER}\s*%\s*/\s*{_NUMBER}\s*mm"
_DOSE = rf"{_NUMBER}\s*(?:Gy)?"
_PERCENT = rf"{_NUMBER}\s*%"
_LEVEL = rf"{_NUMBER}\s*(%|Gy)"
_PLACE = r"([+-]?[0-9]{1,6}(?:\.[0-9]{1,9})?)"
_POINT = rf"{_PLACE}\s*,\s*{_PLACE}\s*,\s*{_PLACE}"
_PROFILE = rf"{_POINT}\s*:\s*{_POINT}(?:\s*:\s*{_NUMBER})?"
_STEP_MM = 1.0  # of a profile that does not say


def usage(detail: str) -> EncryptSecureRTError:
    """Return the error of words that are not right."""
    return EncryptSecureRTError(ErrorCode.E_USAGE, detail)


def parse_gamma(text: str) -> tuple[float, float]:
    """Return (dose in %, distance in mm) of `3%/2mm` or of the name of a preset (E_USAGE)."""
    if text in PRESETS:
        return PRESETS[text]
    match = re.fullmatch(_GAMMA, text.strip())
    if not match:
        raise usage(f"--gamma is such as 3%/2mm, or one of {', '.join(PRESETS)}")
    return float(match[1]), float(match[2])


def parse_norm(text: str) -> float | None:
    """Return the dose in Gy of `60Gy`, None for `max` (E_USAGE)."""
    return None if text.strip() == "max" else parse_dose(text, "--norm is max, or")


def parse_percent(text: str, word: str) -> float:
    """Return the number of `10%` (E_USAGE)."""
    match = re.fullmatch(_PERCENT, text.strip())
    if not match:
        raise usage(f"{word} is a percentage such as 10%")
    return float(match[1])


def parse_dose(text: str, word: str) -> float:
    """Return the dose in Gy of `60Gy` or `60` (E_USAGE)."""
    match = re.fullmatch(_DOSE, text.strip())
    if not match or not 0 < float(match[1]) <= 10_000:
        raise usage(f"{word} a dose above 0 to 10000 Gy, such as 60Gy")
    return float(match[1])


def parse_profile(text: str) -> "ProfileLine":
    """Return the line of `-30,0,0:30,0,0:0.5`; without a step it is 1 mm (E_USAGE)."""
    from encryptsecurert_protocol.dose_profiles import ProfileLine

    match = re.fullmatch(_PROFILE, text.strip())
    if not match:
        raise usage("--profile is such as x,y,z:x,y,z or x,y,z:x,y,z:step, LPS in mm")
    x1, y1, z1, x2, y2, z2 = (float(place) + 0.0 for place in match.groups()[:6])
    try:
        return ProfileLine(
            from_lps_mm=(x1, y1, z1),
            to_lps_mm=(x2, y2, z2),
            step_mm=_STEP_MM if match[7] is None else float(match[7]),
        )
    except EncryptSecureRTError as error:
        raise usage(f"--profile: {error.detail}") from None


def parse_isodoses(text: str, percent_gy: float) -> tuple[float, ...]:
    """Return the levels of `95%,50%,20Gy` in Gy, ascending, each once (E_USAGE).

    Parameters
    ----------
    percent_gy : what percentages are of.
    """
    from encryptsecurert_protocol.dose_isodoses import refuse_levels

    levels_gy = set()
    for word in text.split(","):
        match = re.fullmatch(_LEVEL, word.strip())
        if not match:
            raise usage("--isodose is such as 95%,50%,20Gy")
        value = float(match[1])
        level_gy = value if match[2] == "Gy" else value / 100 * percent_gy
        levels_gy.add(round(level_gy, 9))  # 57 Gy for 95 % of 60 Gy, whatever the last bit says
    try:
        refuse_levels(sorted(levels_gy))
    except EncryptSecureRTError as error:
        raise usage(f"--isodose: {error.detail}") from None
    return tuple(sorted(levels_gy))


def figures(value: float, digits: int = 5) -> str:
    """Return a number with at most so many significant digits, without an exponent.

    >>> figures(62.61299896), figures(0.0001234567), figures(120000.0, 3)
    ('62.613', '0.00012346', '120000')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
