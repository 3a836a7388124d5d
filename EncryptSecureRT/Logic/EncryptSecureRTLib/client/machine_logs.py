"""Machine logs as CSV: one row a sample, columns by name; the form is in docs/machine-logs.md.

    time_s,beam,mu,gantry_deg,collimator_deg,x1_mm,x2_mm,mlcx_b1_l1_mm,...
    0.00,1,0.000,180.0,10.0,-50.0,50.0,-12.50,...

Nothing is guessed: a column that is not known, a cell that is no plain number, a row of another
length, time or meterset that goes back are refused. An empty cell is unknown.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.plans import (
    COLUMNS,
    DEVICES,
    MAX_BEAMS,
    MAX_NUMBER,
    MAX_PAIRS,
    MAX_PAYLOAD_BYTES,
    MAX_POINTS,
    BeamEntry,
    DeviceEntry,
    PlanForm,
    PlansHeader,
)
from EncryptSecureRTLib.client.plan_files import PlansFile
from EncryptSecureRTLib.client.plan_points import FloatArray

MOST_BYTES = 256 * MIB
_MOST_COLUMNS = 2 * MAX_PAIRS * 2 + 32
_NEEDED = ("time_s", "beam", "mu")
_AXES = {
    "gantry_deg": "gantry",
    "collimator_deg": "collimator",
    "couch_deg": "couch",
    "couch_pitch_deg": "couch_pitch",
    "couch_roll_deg": "couch_roll",
    "dose_rate_mu_min": "dose_rate",
    "table_vertical_mm": "table_vertical",
    "table_longitudinal_mm": "table_longitudinal",
    "table_lateral_mm": "table_lateral",
}
_JAWS = {"x1_mm": ("asymx", 1), "x2_mm": ("asymx", 2), "y1_mm": ("asymy", 1), "y2_mm": ("asymy", 2)}
_LEAF = re.compile(r"(mlc[xy][12]?)_b([12])_l([1-9][0-9]{0,2})_mm\Z")
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?\Z")
_COUNT = re.compile(r"[0-9]{1,10}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Which column of the file is what.

    Attributes
    ----------
    axes : (column of the file, column of a beam's table).
    devices : kinds with the columns of the file in the order of their positions.
    """

    columns: int
    time: int
    beam: int
    axes: tuple[tuple[int, int], ...]
    devices: tuple[tuple[str, tuple[int, ...]], ...]


def read_log(path: Path) -> PlansFile:
    """Return a log of a CSV file.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_TOO_LARGE; E_PLAN (not of the form), with the number of the line.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        octets = path.read_bytes()
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    try:
        return parse_log(octets.decode("ascii"))
    except UnicodeDecodeError:
        raise _refusal("it is not plain ASCII text") from None


def parse_log(text: str) -> PlansFile:
    """Return the log of a text, see `read_log`."""
    if len(text) > MOST_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    lines = text.splitlines()
    layout = _layout(lines[0] if lines else "")
    most = MAX_PAYLOAD_BYTES // (8 * max(layout.columns, 1))
    if len(lines) - 1 > most:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, f"more than {most} samples")
    if len(lines) < 2:
        raise _refusal("there are no samples")
    values = np.full((len(lines) - 1, layout.columns), np.nan)
    for n, line in enumerate(lines[1:]):
        values[n] = _row(line, layout, n + 2)
    return _file(values, layout)


def _layout(line: str) -> _Layout:
    names = line.split(",")
    if len(names) > _MOST_COLUMNS:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    if len(set(names)) != len(names) or any(name not in names for name in _NEEDED):
        raise _refusal("line 1 must name time_s, beam and mu, and each column once")
    at = {name: n for n, name in enumerate(names)}
    banks: dict[str, dict[tuple[int, int], int]] = {}
    for name, column in at.items():
        if name in _JAWS:
            kind, bank = _JAWS[name]
            banks.setdefault(kind, {})[bank, 1] = column
        elif leaf := _LEAF.match(name):
            key = int(leaf[2]), int(leaf[3])
            banks.setdefault(leaf[1], {})[key] = column
        elif name not in _NEEDED and name not in _AXES:
            raise _refusal(f"column {column + 1} of line 1 is not known")
    axes = [(at["mu"], COLUMNS.index("meterset"))]
    axes += [(at[n], COLUMNS.index(axis)) for n, axis in _AXES.items() if n in at]
    return _Layout(
        columns=len(names),
        time=at["time_s"],
        beam=at["beam"],
        axes=tuple(axes),
        devices=tuple((kind, _in_order(banks[kind])) for kind in DEVICES if kind in banks),
    )


def _in_order(found: dict[tuple[int, int], int]) -> tuple[int, ...]:
    """Return the columns of both banks; leaves are numbered from 1 without gaps, alike in both."""
    pairs = len(found) // 2
    wanted = [(bank, leaf) for bank in (1, 2) for leaf in range(1, pairs + 1)]
    if pairs > MAX_PAIRS or set(wanted) != set(found):
        raise _refusal("line 1 must name every leaf or jaw of both banks, from 1")
    return tuple(found[key] for key in wanted)


def _row(line: str, layout: _Layout, number: int) -> list[float]:
    cells = line.split(",")
    if len(cells) != layout.columns:
        raise _refusal(f"line {number} has another number of cells")
    if not _COUNT.match(cells[layout.beam]) or not cells[layout.time]:
        raise _refusal(f"line {number} does not tell its beam and time")
    if not all(not cell or _NUMBER.match(cell) for cell in cells):
        raise _refusal(f"line {number} holds what is not a plain number")
    return [float(cell) if cell else np.nan for cell in cells]


def _file(values: FloatArray, layout: _Layout) -> PlansFile:
    entries, numbers = [], []
    for number, rows in _beams(values[:, layout.beam]):
        table = values[rows]
        _refuse_backwards(table, layout, number)
        made = np.full((len(table), len(COLUMNS)), np.nan)
        for column, axis in layout.axes:
            made[:, axis] = table[:, column]
        numbers.append(made)
        numbers += [table[:, list(columns)] for _, columns in layout.devices]
        devices = tuple(
            DeviceEntry(device=kind, pairs=len(columns) // 2, has_boundaries=False)
            for kind, columns in layout.devices
        )
        entries.append(BeamEntry(number=number, points=len(table), devices=devices))
    if len(entries) > MAX_BEAMS:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, f"more than {MAX_BEAMS} beams")
    header = PlansHeader(
        form=PlanForm.LOG,
        sop_instance_uids=(),
        plan_uids=(),
        frame_of_reference=None,
        groups=(),
        beams=tuple(entries),
    )
    return PlansFile(header=header, numbers=tuple(numbers), patient_id="")


def _beams(column: FloatArray) -> Iterator[tuple[int, slice]]:
    """Yield each beam with its samples, which follow each other."""
    changes = np.flatnonzero(np.diff(column)) + 1
    bounds: Sequence[int] = [0, *changes.tolist(), len(column)]
    seen: set[int] = set()
    for start, end in pairwise(bounds):
        number = int(column[start])
        if number in seen:
            raise _refusal(f"beam {number} comes back at line {start + 2}")
        if not 0 <= number <= MAX_NUMBER:
            raise _refusal(f"line {start + 2} names a beam that cannot be")
        if end - start > MAX_POINTS:
            detail = f"more than {MAX_POINTS} samples of a beam"
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, detail)
        seen.add(number)
        yield number, slice(start, end)


def _refuse_backwards(table: FloatArray, layout: _Layout, number: int) -> None:
    if (np.diff(table[:, layout.time]) < 0.0).any():
        raise _refusal(f"time goes back in beam {number}")
    meterset = table[:, layout.axes[0][0]]
    known = meterset[np.isfinite(meterset)]
    if (known < 0.0).any() or (np.diff(known) < 0.0).any():
        raise _refusal(f"mu is negative or goes back in beam {number}")


def _refusal(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_PLAN, detail)
