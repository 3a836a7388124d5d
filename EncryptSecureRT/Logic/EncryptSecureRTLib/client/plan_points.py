"""Control points of a beam as arrays, from a protected plan or treatment record.

A plan writes an attribute at the first control point and where it changes (PS3.3 C.8.8.14.5); in an
array each control point has it. What is never written is NaN, and so is a term that is not defined.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.plans import (
    COLUMNS,
    DEVICES,
    MAX_PAIRS,
    MAX_POINTS,
    MAX_SPOTS,
    DeviceEntry,
)

FloatArray = npt.NDArray[np.float64]

_KEYWORDS = {
    "gantry": "GantryAngle",
    "collimator": "BeamLimitingDeviceAngle",
    "couch": "PatientSupportAngle",
    "couch_pitch": "TableTopPitchAngle",
    "couch_roll": "TableTopRollAngle",
    "energy": "NominalBeamEnergy",
    "table_vertical": "TableTopVerticalPosition",
    "table_longitudinal": "TableTopLongitudinalPosition",
    "table_lateral": "TableTopLateralPosition",
    "snout": "SnoutPosition",
}
_RATES = ("DoseRateDelivered", "MetersetRateDelivered", "DoseRateSet", "MetersetRate")
_TURNS = {"CW": 1.0, "CC": -1.0, "NONE": 0.0}
_AT = {name: n for n, name in enumerate(COLUMNS)}
_POSITIONS = "BeamLimitingDevicePositionSequence"
# A pair of jaws that moves as one says the same as two that happen to be as far from the axis.
_KINDS = {"X": "asymx", "Y": "asymy"} | {name.upper(): name for name in DEVICES}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BeamNumbers:
    """The numbers of a beam in the order in which they travel.

    Attributes
    ----------
    devices : entries with the boundaries, if told, and positions of each.
    spots : (n, 3) of each control point, None for a beam that scans nothing.
    """

    table: FloatArray
    devices: tuple[tuple[DeviceEntry, FloatArray | None, FloatArray], ...]
    spots: tuple[FloatArray, ...] | None

    def pieces(self) -> list[FloatArray]:
        """Return what follows each other in the payload."""
        pieces = [self.table]
        for _, boundaries, positions in self.devices:
            pieces += [positions] if boundaries is None else [boundaries, positions]
        return [*pieces, *(self.spots or ())]


def read_points(
    beam: Dataset, points: Sequence[Dataset], devices: Sequence[Dataset], meterset: str
) -> BeamNumbers:
    """Return the numbers of a beam.

    Parameters
    ----------
    devices : items that say what limits the beam.
    meterset : keyword of the cumulative meterset of a control point.

    Raises
    ------
    EncryptSecureRTError
        E_DICOM (no control points, doubled devices, positions that do not fit), E_TOO_LARGE.
    """
    if not points:
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "a beam has no control points")
    if len(points) > MAX_POINTS:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    table = np.full((len(points), len(COLUMNS)), np.nan)
    for n, point in enumerate(points):
        table[n] = table[n - 1] if n else np.nan
        _fill(table[n], point, meterset)
    return BeamNumbers(
        table=table,
        devices=tuple(_devices(points, devices)),
        spots=_spots(beam, points),
    )


def number_of(ds: Dataset, keyword: str) -> float | None:
    """Return a number of a data set, None if it is not told (E_DICOM)."""
    value = ds.get(keyword)
    if value in (None, ""):
        return None
    number = float(value)
    if not np.isfinite(number):
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "a number is not finite")
    return number


def items_of(ds: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, none if it is not there."""
    return list(ds.get(keyword) or ())


def _fill(row: FloatArray, point: Dataset, meterset: str) -> None:
    """Write what a control point says over what the one before it said."""
    row[_AT["meterset"]] = _or_nan(number_of(point, meterset))
    row[_AT["plan_point"]] = _or_nan(number_of(point, "ReferencedControlPointIndex"))
    for name, keyword in _KEYWORDS.items():
        value = number_of(point, keyword)
        if value is not None:
            row[_AT[name]] = value
    rate = next((value for k in _RATES if (value := number_of(point, k)) is not None), None)
    if rate is not None:
        row[_AT["dose_rate"]] = rate
    turn = point.get("GantryRotationDirection")
    if turn:
        row[_AT["gantry_direction"]] = _TURNS.get(str(turn), np.nan)
    isocenter = point.get("IsocenterPosition")
    if isocenter:
        x, y, z = (float(value) for value in isocenter)
        row[_AT["isocenter_x"] : _AT["isocenter_z"] + 1] = x, y, z


def _devices(
    points: Sequence[Dataset], told: Sequence[Dataset]
) -> list[tuple[DeviceEntry, FloatArray | None, FloatArray]]:
    by_kind: dict[str, Dataset] = {}
    for item in told:
        kind = _kind(item)
        if kind in by_kind:
            raise EncryptSecureRTError(ErrorCode.E_DICOM, "a device is there twice")
        if kind is not None:
            by_kind[kind] = item
    found = []
    for kind, item in by_kind.items():
        pairs = int(item.get("NumberOfLeafJawPairs") or 0)
        if not 1 <= pairs <= (1 if kind.startswith("asym") else MAX_PAIRS):
            raise EncryptSecureRTError(ErrorCode.E_DICOM, "a number of leaves cannot be")
        boundaries = item.get("LeafPositionBoundaries")
        edges = np.array([float(v) for v in boundaries]) if boundaries else None
        if edges is not None and edges.shape != (pairs + 1,):
            raise EncryptSecureRTError(ErrorCode.E_DICOM, "leaf boundaries do not fit")
        entry = DeviceEntry(device=kind, pairs=pairs, has_boundaries=edges is not None)
        found.append((entry, edges, _positions(points, kind, pairs)))
    return found


def _positions(points: Sequence[Dataset], kind: str, pairs: int) -> FloatArray:
    positions = np.full((len(points), 2 * pairs), np.nan)
    for n, point in enumerate(points):
        positions[n] = positions[n - 1] if n else np.nan
        for item in items_of(point, _POSITIONS):
            if _kind(item) == kind:
                values = _numbers(item.get("LeafJawPositions"))
                if len(values) != 2 * pairs:
                    detail = "leaf positions do not fit the number of leaves"
                    raise EncryptSecureRTError(ErrorCode.E_DICOM, detail)
                positions[n] = values
    return positions


def _kind(item: Dataset) -> str | None:
    return _KINDS.get(str(item.get("RTBeamLimitingDeviceType") or ""))


def _spots(beam: Dataset, points: Sequence[Dataset]) -> tuple[FloatArray, ...] | None:
    """Return the spots of each control point: those of a layer stand where it begins and ends."""
    if not any(p.get("ScanSpotPositionMap") is not None for p in points):
        return None
    layers: list[FloatArray] = []
    places = np.empty((0, 2))
    for point in points:
        told = point.get("ScanSpotPositionMap")
        if told is not None:
            values = np.array(_numbers(told))
            if len(values) % 2 or len(values) > 2 * MAX_SPOTS:
                raise EncryptSecureRTError(ErrorCode.E_DICOM, "a map of spots does not fit")
            places = values.reshape(-1, 2)
        metersets = point.get("ScanSpotMetersetsDelivered", point.get("ScanSpotMetersetWeights"))
        weights = np.array(_numbers(metersets)) if metersets is not None else np.zeros(0)
        if len(weights) not in (0, len(places)):
            raise EncryptSecureRTError(ErrorCode.E_DICOM, "spots and their metersets do not fit")
        known = weights if len(weights) else np.full(len(places), np.nan)
        layers.append(np.column_stack([places, known]))
    return tuple(layers)


def _numbers(value: Any) -> list[float]:
    """Return the values of an element with one, several or none."""
    if value is None or isinstance(value, str):
        return [] if not value else [float(value)]
    try:
        return [float(one) for one in value]
    except TypeError:
        return [float(value)]


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
