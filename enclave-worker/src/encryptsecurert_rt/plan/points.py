"""What a beam does: meterset, axes, leaves and spots at each control point, as arrays.

Angles, leaves and jaws are those of IEC 61217 as DICOM has them (PS3.3 C.8.8.14, C.8.8.25):
degrees, and mm at the isocentre plane. An array holds NaN where nothing is known; no value is ever
infinite.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MAX_PAIRS = 256  # of leaves; the largest collimators have 80
# Of any machine, with room: beyond, a number is an error of whoever wrote it.
_MAX_VALUE = 1e7


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One number that a machine has at each control point.

    Attributes
    ----------
    tolerance : the member of `Tolerances` that holds; empty: the two must be the same.
    is_angle : compared on the circle: 359.9 and 0.1 degrees are 0.2 degrees apart.
    holds : it is that of the whole segment that follows the control point, not on the way to the
        next one.
    is_essential : a comparison says so if neither side has it.
    """

    name: str
    unit: str
    tolerance: str
    is_angle: bool = False
    holds: bool = False
    is_essential: bool = False


AXES = (
    Axis(name="gantry", unit="deg", tolerance="gantry_deg", is_angle=True, is_essential=True),
    # +1 clockwise, -1 counter-clockwise, 0 none: (300A,011F), of the segment that follows.
    Axis(name="gantry_direction", unit="1", tolerance="", holds=True),
    Axis(
        name="collimator", unit="deg", tolerance="collimator_deg", is_angle=True, is_essential=True
    ),
    Axis(name="couch", unit="deg", tolerance="couch_deg", is_angle=True, is_essential=True),
    Axis(name="couch_pitch", unit="deg", tolerance="couch_deg", is_angle=True),
    Axis(name="couch_roll", unit="deg", tolerance="couch_deg", is_angle=True),
    # Its unit is that of the radiation, see `Beam.energy_unit`.
    Axis(name="energy", unit="", tolerance="energy", holds=True, is_essential=True),
    Axis(name="dose_rate", unit="MU/min", tolerance="dose_rate", holds=True),
    Axis(name="isocenter_x", unit="mm", tolerance="isocenter_mm"),
    Axis(name="isocenter_y", unit="mm", tolerance="isocenter_mm"),
    Axis(name="isocenter_z", unit="mm", tolerance="isocenter_mm"),
    Axis(name="table_vertical", unit="mm", tolerance="table_mm"),
    Axis(name="table_longitudinal", unit="mm", tolerance="table_mm"),
    Axis(name="table_lateral", unit="mm", tolerance="table_mm"),
    Axis(name="snout", unit="mm", tolerance="snout_mm"),
)
GANTRY, DIRECTION = 0, 1
COLUMNS = ("meterset", "plan_point", *(axis.name for axis in AXES))
"""The columns of a table of control points, as it travels."""


class DeviceKind(Enum):
    """What limits the beam (300A,00B8); symmetric jaws are told as asymmetric ones."""

    ASYMX = "asymx"
    ASYMY = "asymy"
    MLCX = "mlcx"
    MLCY = "mlcy"
    MLCX1 = "mlcx1"
    MLCX2 = "mlcx2"
    MLCY1 = "mlcy1"
    MLCY2 = "mlcy2"

    @property
    def is_jaw(self) -> bool:
        """Whether it is a pair of jaws."""
        return self in (DeviceKind.ASYMX, DeviceKind.ASYMY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Device:
    """Jaws or leaves of a beam.

    Attributes
    ----------
    positions_mm : float64 (control points, 2 x pairs); bank 1, then bank 2, as in (300A,011C).
    boundaries_mm : float64 (pairs + 1), where leaves meet, if that is known.
    """

    kind: DeviceKind
    positions_mm: FloatArray
    boundaries_mm: FloatArray | None = None

    def __post_init__(self) -> None:
        columns = self.positions_mm.shape[1] if self.positions_mm.ndim == 2 else 0
        if columns % 2 or not 2 <= columns <= 2 * MAX_PAIRS:
            raise InvalidInput("leaf positions must be a table of pairs")
        if self.kind.is_jaw and columns != 2:
            raise InvalidInput("jaws are one pair")
        refuse_beyond(self.positions_mm)
        if self.boundaries_mm is not None:
            if self.boundaries_mm.shape != (columns // 2 + 1,):
                raise InvalidInput("leaf boundaries must be one more than pairs")
            refuse_beyond(self.boundaries_mm)

    @property
    def pairs(self) -> int:
        """How many pairs it has."""
        return int(self.positions_mm.shape[1]) // 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlPoints:
    """All control points of a beam, or all samples of a log.

    Attributes
    ----------
    meterset : float64 (n), cumulative: weights of a plan, MU of a record or log; not negative,
        never less than before.
    plan_point : float64 (n), which control point of the plan a recorded one is; NaN if not told.
    axes : float64 (n, len(AXES)).
    devices : each kind once.
    spots : for each control point float64 (spots, 3): x and y in mm at the isocentre, and the
        meterset of that spot in the unit of `meterset`; None for a beam that scans nothing.
    """

    meterset: FloatArray
    plan_point: FloatArray
    axes: FloatArray
    devices: tuple[Device, ...] = ()
    spots: tuple[FloatArray, ...] | None = None

    def __post_init__(self) -> None:
        count = len(self.meterset)
        shapes = (self.meterset.shape, self.plan_point.shape, self.axes.shape)
        if count < 1 or shapes != ((count,), (count,), (count, len(AXES))):
            raise InvalidInput("a beam must have control points, each with every axis")
        for values in (self.meterset, self.plan_point, self.axes):
            refuse_beyond(values)
        known = self.meterset[np.isfinite(self.meterset)]
        if (known < 0.0).any() or (np.diff(known) < 0.0).any():
            raise InvalidInput("cumulative meterset must not be negative or fall")
        kinds = [device.kind for device in self.devices]
        if len(set(kinds)) != len(kinds):
            raise InvalidInput("a device may be there once")
        if any(len(device.positions_mm) != count for device in self.devices):
            raise InvalidInput("leaf positions must be those of every control point")
        if self.spots is not None:
            self._check_spots(count)

    def _check_spots(self, count: int) -> None:
        spots = self.spots or ()
        if len(spots) != count or any(s.ndim != 2 or s.shape[1] != 3 for s in spots):
            raise InvalidInput("spots must be triples for every control point")
        for layer in spots:
            refuse_beyond(layer)

    def __len__(self) -> int:
        return len(self.meterset)

    def device(self, kind: DeviceKind) -> Device | None:
        """Return a device of this kind, None if the beam has none."""
        return next((device for device in self.devices if device.kind is kind), None)


def refuse_beyond(values: FloatArray) -> None:
    """Refuse values that are infinite or that no machine has; NaN is unknown and stays.

    Raises
    ------
    InvalidInput
    """
    if values.dtype != np.float64:
        raise InvalidInput("numbers must be float64")
    if values.size and (
        np.fmax.reduce(values, axis=None) > _MAX_VALUE
        or np.fmin.reduce(values, axis=None) < -_MAX_VALUE
    ):
        raise InvalidInput("a number is beyond what machines have")
