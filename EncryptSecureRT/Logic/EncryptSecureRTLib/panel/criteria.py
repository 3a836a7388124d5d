"""By what two doses are compared: chosen in the panel or by a script, in words and as a request.

>>> Criteria().request()["dose_gamma"], Criteria(norm_gy=60.0).request()["dose_norm"]
('3%/2mm', '60Gy')
"""

from dataclasses import dataclass

from EncryptSecureRTLib.panel.words import _

MODES = ("certified", "pass-fail")
PERCENT_BOUNDS = (0.1, 100.0)
DTA_BOUNDS_MM = (0.1, 50.0)
MOST_GY = 10_000.0
METRICS = ("D2cc[Gy]",)
"""Figures of each structure beside those that are always told."""

_DIGITS = 6  # of a number on its way to the client


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Criteria that many use together, by the name that they have."""

    title: str
    dose_percent: float
    dta_mm: float
    threshold_percent: float = 10.0
    local: bool = False


PRESETS = (
    Preset(title=_("TG-218: 3 %/2 mm, global, from 10 %"), dose_percent=3.0, dta_mm=2.0),
    Preset(title=_("3 %/3 mm, global, from 10 %"), dose_percent=3.0, dta_mm=3.0),
    Preset(title=_("2 %/2 mm, global, from 10 %"), dose_percent=2.0, dta_mm=2.0),
)
CUSTOM = _("Custom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is asked of a comparison.

    Attributes
    ----------
    dose_percent, dta_mm : gamma's two criteria; the first of `norm_gy`, or of the reference dose
        at the point if `local`.
    threshold_percent : of `norm_gy`; points where the reference is below are not evaluated.
    norm_gy : None takes the maximum of the reference.
    mode : one of `MODES`; pass-fail is quicker, and gives no gamma volume.
    dvh : histograms of each structure.
    prescription_gy : for volumes at 95, 100 and 107 % of it, None for no such figures.
    """

    dose_percent: float = 3.0
    dta_mm: float = 2.0
    threshold_percent: float = 10.0
    local: bool = False
    norm_gy: float | None = None
    mode: str = MODES[0]
    dvh: bool = True
    prescription_gy: float | None = None

    def problems(self) -> list[str]:
        """Return what cannot be asked for, a sentence each."""
        found = []
        low, high = PERCENT_BOUNDS
        if not low <= self.dose_percent <= high:
            found.append(_("The dose difference is 0.1 to 100 %."))
        low, high = DTA_BOUNDS_MM
        if not low <= self.dta_mm <= high:
            found.append(_("The distance is 0.1 to 50 mm."))
        if not 0.0 <= self.threshold_percent <= 100.0:
            found.append(_("The threshold is 0 to 100 %."))
        given = (self.norm_gy, self.prescription_gy)
        if not all(dose is None or 0.0 < dose <= MOST_GY for dose in given):
            found.append(_("A dose that is given is above 0 and at most 10000 Gy."))
        if self.mode not in MODES:
            found.append(_("The mode is certified or pass-fail."))
        return found

    def request(self) -> dict[str, object]:
        """Return the members of a request line of `dose-compare`."""
        members: dict[str, object] = {
            "dose_gamma": f"{_figures(self.dose_percent)}%/{_figures(self.dta_mm)}mm",
            "dose_cutoff": f"{_figures(self.threshold_percent)}%",
            "dose_local": self.local,
            "dose_norm": "max" if self.norm_gy is None else f"{_figures(self.norm_gy)}Gy",
            "dose_mode": self.mode,
            "dose_no_dvh": not self.dvh,
        }
        if self.dvh:
            members["dose_metrics"] = list(METRICS)
        if self.dvh and self.prescription_gy is not None:
            members["dose_prescription"] = f"{_figures(self.prescription_gy)}Gy"
        return members

    def preset(self) -> int | None:
        """Return which of `PRESETS` these are, None for none of them."""
        asked = (self.dose_percent, self.dta_mm, self.threshold_percent, self.local)
        for place, one in enumerate(PRESETS):
            same = (one.dose_percent, one.dta_mm, one.threshold_percent, one.local) == asked
            if same and self.norm_gy is None:
                return place
        return None


def _figures(value: float) -> str:
    """Return a number without an exponent, which the client does not read."""
    return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".")
