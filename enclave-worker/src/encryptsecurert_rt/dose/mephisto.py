"""Reads scans of water tanks from PTW MEPHYSTO text files (.mcc).

The format is that of the exporter "CC-Export": blocks of tab-indented `KEY=value` lines, and data
as a position in mm, a reading and, in some files, a reading of the reference detector after `#`.
There is no public specification; this reader takes the blocks and keys that measured files have,
refuses all else that would change a number, and leaves out every word that names a person, machine
or detector.

    BEGIN_SCAN_DATA
        FORMAT=CC-Export V1.9
        BEGIN_SCAN  1
            SCAN_CURVETYPE=CROSSPLANE_PROFILE
            MEAS_UNIT=cGy/MU
            BEGIN_DATA
                -123.53     38.513E-06
            END_DATA
        END_SCAN  1
    END_SCAN_DATA
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from encryptsecurert_rt.dose.grid import FloatArray
from encryptsecurert_rt.dose.text import lines_of, number, refuse

MAX_SCANS = 2000  # an array of 40 x 40 detectors has 40; a beam commissioning some hundreds
MAX_SAMPLES = 100_000  # of one scan
_FORMAT = "CC-Export V"


class CurveType(Enum):
    """Along what a scan went."""

    CROSSPLANE_PROFILE = "CROSSPLANE_PROFILE"
    INPLANE_PROFILE = "INPLANE_PROFILE"
    PDD = "PDD"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MephistoScan:
    """One measured curve.

    Attributes
    ----------
    curve : along what.
    unit : of the readings as the file has it, such as "cGy/MU"; None if it has none.
    depth_mm : of a profile in water; None for a depth dose or if not stated.
    offaxis_inplane_mm, offaxis_crossplane_mm : of the scan's line, None if not stated.
    field_inplane_mm, field_crossplane_mm : nominal field size, None if not stated.
    energy : nominal, MV or MeV, None if not stated.
    position_mm : float64 (n,), strictly increasing: off-axis distance, or depth.
    reading : float64 (n,), in `unit`.
    reference_reading : float64 (n,) of the reference detector; None if the file has none.
    """

    curve: CurveType
    unit: str | None
    depth_mm: float | None
    offaxis_inplane_mm: float | None
    offaxis_crossplane_mm: float | None
    field_inplane_mm: float | None
    field_crossplane_mm: float | None
    energy: float | None
    position_mm: FloatArray
    reading: FloatArray
    reference_reading: FloatArray | None


# Units seen in files and documents; another one could be a name, and is refused.
_UNITS = frozenset({"Gy", "cGy", "mGy", "Gy/min", "Gy/s", "cGy/MU", "Gy/MU", "C", "nC", "A", "%"})
_NUMBERS = {
    "depth_mm": "SCAN_DEPTH",
    "offaxis_inplane_mm": "SCAN_OFFAXIS_INPLANE",
    "offaxis_crossplane_mm": "SCAN_OFFAXIS_CROSSPLANE",
    "field_inplane_mm": "FIELD_INPLANE",
    "field_crossplane_mm": "FIELD_CROSSPLANE",
    "energy": "ENERGY",
}
# A scan along a diagonal or at an angle has positions that are not those of its curve type.
_MUST_BE = {"SCAN_DIAGONAL": ("NOT_DIAGONAL",), "SCAN_ANGLE": ("0.00", "0.0", "0")}
_KEPT = {"SCAN_CURVETYPE", "MEAS_UNIT", *_NUMBERS.values(), *_MUST_BE}


class _Reader:
    """The lines that are left, each with its number."""

    def __init__(self, text: str) -> None:
        self._lines = [(at, line.strip(" \t")) for at, line in enumerate(lines_of(text), 1)]
        self._next = 0

    def take(self) -> tuple[int, str]:
        """Return the next line that is not empty."""
        while self._next < len(self._lines):
            at, line = self._lines[self._next]
            self._next += 1
            if line:
                return at, line
        refuse("the file ends within a block")

    def at_end(self) -> bool:
        return not any(line for _, line in self._lines[self._next :])


def parse_mephisto(text: str) -> tuple[MephistoScan, ...]:
    """Return the scans of a file, in its order.

    Parameters
    ----------
    text : the whole file, decoded (such files are ASCII or Latin-1).

    Raises
    ------
    InvalidInput
        If it is not such a file, or a scan is of a kind whose positions are not known here.
    """
    reader = _Reader(text)
    at, line = reader.take()
    if line != "BEGIN_SCAN_DATA":
        refuse("the file must begin with BEGIN_SCAN_DATA", at)
    at, line = reader.take()
    if not line.startswith(f"FORMAT={_FORMAT}"):
        refuse("the format must be a CC-Export", at)
    scans: list[MephistoScan] = []
    while True:
        at, line = reader.take()
        if line == "END_SCAN_DATA":
            break
        if line.split() == ["BEGIN_SCAN", str(len(scans) + 1)]:
            if len(scans) == MAX_SCANS:
                refuse("there are more than 2000 scans", at)
            scans.append(_scan(reader, len(scans) + 1, at))
        elif scans or "=" not in line:
            refuse("a scan must follow, numbered in order", at)
    if not scans:
        refuse("there is no scan", at)
    if not reader.at_end():
        refuse("there is text behind the end")
    return tuple(scans)


def _scan(reader: _Reader, count: int, began: int) -> MephistoScan:
    kept: dict[str, tuple[str, int]] = {}
    while True:
        at, line = reader.take()
        if line == "BEGIN_DATA":
            break
        key, equals, value = line.partition("=")
        if not equals or key in kept:
            refuse("a line of a scan must be a key with a value, each key once", at)
        if key in _KEPT:
            kept[key] = (value.strip(), at)
    position, reading, reference = _data(reader, began)
    at, line = reader.take()
    if line.split() != ["END_SCAN", str(count)]:
        refuse("a scan must end after its data", at)
    for key, allowed in _MUST_BE.items():
        value, at = kept.get(key, (allowed[0], at))
        if value not in allowed:
            refuse("a diagonal or turned scan is not read", at)
    curve, at = kept.get("SCAN_CURVETYPE", ("", began))
    if curve not in CurveType.__members__:
        refuse("the curve must be a profile or a depth dose", at)
    unit, at = kept.get("MEAS_UNIT", ("", began))
    if unit and unit not in _UNITS:
        refuse("the unit of measurement is not known", at)
    stated = {name: number(*kept[key]) if key in kept else None for name, key in _NUMBERS.items()}
    if CurveType[curve] is CurveType.PDD:
        stated["depth_mm"] = None
    return MephistoScan(
        curve=CurveType[curve],
        unit=unit or None,
        position_mm=position,
        reading=reading,
        reference_reading=reference,
        **stated,
    )


def _data(reader: _Reader, began: int) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Return positions in increasing order, readings, and readings of the reference detector."""
    rows: list[list[float]] = []
    while True:
        at, line = reader.take()
        if line == "END_DATA":
            break
        if len(rows) == MAX_SAMPLES:
            refuse("a scan has more than 100 000 samples", at)
        fields = line.split()
        if len(fields) == 3 and fields[2].startswith("#"):
            fields[2] = fields[2][1:]
        elif len(fields) != 2:
            refuse("a sample has a position, a reading and at most a reference after #", at)
        row = [number(field, at) for field in fields]
        if rows and len(row) != len(rows[0]):
            refuse("all samples of a scan must have as many numbers", at)
        rows.append(row)
    if len(rows) < 2:
        refuse("a scan must have two samples at least", began)
    values = np.array(rows, np.float64)
    if values[0, 0] > values[-1, 0]:
        values = values[::-1]
    if (np.diff(values[:, 0]) <= 0.0).any():
        refuse("positions of a scan must go one way", began)
    columns = [np.ascontiguousarray(values[:, column]) for column in range(values.shape[1])]
    return columns[0], columns[1], columns[2] if len(columns) == 3 else None
