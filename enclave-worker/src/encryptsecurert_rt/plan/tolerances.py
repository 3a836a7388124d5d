"""How much may differ, by kind of comparison, with the sources of the defaults.

A tolerance is the last difference that is within. None: the difference is told, without a verdict.

    plans     what rounding of decimal strings leaves between two exports of the same plan; our own
              choice, since no report gives figures for a transfer that should change nothing
    record    the machine's own limits: AAPM TG-142 (Med. Phys. 36, 2009, 4197), monthly: gantry and
              collimator angle 1 deg, couch 1 deg, asymmetric jaws 1 mm, leaf position 1 mm.
              Meterset: our own choice, 1 % or 1 MU, whichever is more
    log       the same for axes and jaws. Leaves: TG-142, annual, has an RMS error and 95 % of all
              errors below 3.5 mm; of 85,000 logs the mean RMS error was 0.3 mm (dynamic) and
              0.5 mm (VMAT) (Radiat. Oncol. 9, 2014, 176), so 3.5 mm would find next to nothing.
              Ours: RMS 1 mm, 95th percentile 1.5 mm, none above 3.5 mm

They are where to start. A site sets its own, by machine and technique.
"""

from dataclasses import dataclass, fields
from math import isfinite

from encryptsecurert_rt.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """One comparison's tolerances, each not negative or None.

    Attributes
    ----------
    meterset, meterset_percent : of a beam's meterset, in its own unit and in per cent of the
        expected one; the larger of both holds. If one is None the other holds.
    weight_percent : of cumulative meterset, layers and spots, in per cent of the beam's meterset.
    energy : in MV, MeV or MeV/u.
    leaf_mm, leaf_rms_mm, leaf_p95_mm : any leaf, the worst leaf's RMS, 95 % of all.
    """

    meterset: float | None
    meterset_percent: float | None
    weight_percent: float | None
    gantry_deg: float | None
    collimator_deg: float | None
    couch_deg: float | None
    energy: float | None
    dose_rate: float | None
    isocenter_mm: float | None
    table_mm: float | None
    snout_mm: float | None
    wedge_deg: float | None
    jaw_mm: float | None
    leaf_mm: float | None
    leaf_rms_mm: float | None
    leaf_p95_mm: float | None
    spot_mm: float | None

    def __post_init__(self) -> None:
        for name in TOLERANCE_NAMES:
            value = self.named(name)
            if value is not None and not (isfinite(value) and value >= 0.0):
                raise InvalidInput("a tolerance must be finite and not negative")

    def named(self, name: str) -> float | None:
        """Return a tolerance by its name."""
        value: float | None = getattr(self, name)
        return value

    def of_meterset(self, expected: float) -> float | None:
        """Return what holds for a meterset, in its own unit."""
        relative = (
            None if self.meterset_percent is None else self.meterset_percent / 100.0 * expected
        )
        told = [value for value in (self.meterset, relative) if value is not None]
        return max(told, default=None)


TOLERANCE_NAMES = tuple(one.name for one in fields(Tolerances))

PLAN_TOLERANCES = Tolerances(
    meterset=0.05,
    meterset_percent=0.0,
    weight_percent=0.05,
    gantry_deg=0.1,
    collimator_deg=0.1,
    couch_deg=0.1,
    energy=0.01,
    dose_rate=1.0,
    isocenter_mm=0.1,
    table_mm=0.1,
    snout_mm=0.1,
    wedge_deg=0.1,
    jaw_mm=0.1,
    leaf_mm=0.1,
    leaf_rms_mm=0.1,
    leaf_p95_mm=0.1,
    spot_mm=0.1,
)
RECORD_TOLERANCES = Tolerances(
    meterset=1.0,
    meterset_percent=1.0,
    weight_percent=1.0,
    gantry_deg=1.0,
    collimator_deg=1.0,
    couch_deg=1.0,
    energy=0.01,
    dose_rate=None,  # the machine chooses it
    isocenter_mm=0.1,
    table_mm=None,  # that of the day's setup
    snout_mm=1.0,
    wedge_deg=0.1,
    jaw_mm=1.0,
    leaf_mm=1.0,
    leaf_rms_mm=1.0,
    leaf_p95_mm=1.0,
    spot_mm=1.0,
)
LOG_TOLERANCES = Tolerances(
    meterset=1.0,
    meterset_percent=1.0,
    weight_percent=1.0,
    gantry_deg=1.0,
    collimator_deg=1.0,
    couch_deg=1.0,
    energy=0.01,
    dose_rate=None,
    isocenter_mm=0.1,
    table_mm=None,
    snout_mm=1.0,
    wedge_deg=0.1,
    jaw_mm=1.0,
    leaf_mm=3.5,
    leaf_rms_mm=1.0,
    leaf_p95_mm=1.5,
    spot_mm=1.0,
)
