"""Reads measured planes and points from CSV text in the form of docs/planes.md.

The header is lines that begin with `#`, the first of them naming the form; the body is numbers
separated by commas. Nothing is guessed: unit, frame and place are stated, each exactly once.

    # encryptsecurert plane 1                # encryptsecurert plane 1
    # form: matrix                           # form: points
    # frame: LPS                             # frame: LPS
    # unit: cGy                              # unit: Gy
    # origin_mm: -50, 0, -50                 0, 0, 0, 2.013
    # along_row: 1, 0, 0                     10, 0, 0, 1.998
    # along_column: 0, 0, 1
    # spacing_mm: 10, 10
    0.1, 0.2, ...
"""

import numpy as np

from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.plane import MAX_POINTS, MeasuredPoints, Vector, plane_grid
from encryptsecurert_rt.dose.text import MAX_VALUES, lines_of, numbers, refuse

FIRST_LINE = "# encryptsecurert plane 1"
_UNITS_GY = {"Gy": 1.0, "cGy": 0.01}
# RAS has x to the right and y to the front: the other way round than LPS.
_FRAMES = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
_OF_ALL = {"form", "frame", "unit"}
_OF_A_MATRIX = {"origin_mm": 3, "along_row": 3, "along_column": 3, "spacing_mm": 2}
_UNIT_TOLERANCE = 1e-4
_Header = dict[str, tuple[str, int]]  # key -> value and the number of its line


def parse_plane(text: str) -> DoseGrid | MeasuredPoints:
    """Return the plane (form `matrix`) or the points (form `points`) of a text.

    Parameters
    ----------
    text : the whole file, decoded.

    Returns
    -------
    DoseGrid
        One slice, Gy, LPS mm, for a matrix.
    MeasuredPoints
        For a list of points.

    Raises
    ------
    InvalidInput
        If the text is not of the documented form; with the number of the line.
    """
    lines = lines_of(text)
    header, body = _header(lines)
    form, form_line = header["form"]
    unit, unit_line = header["unit"]
    frame, frame_line = header["frame"]
    if unit not in _UNITS_GY:
        refuse("the unit must be Gy or cGy", unit_line)
    if frame not in _FRAMES:
        refuse("the frame must be LPS or RAS", frame_line)
    if form not in ("matrix", "points"):
        refuse("the form must be matrix or points", form_line)
    wanted = _OF_ALL | (_OF_A_MATRIX.keys() if form == "matrix" else set())
    if header.keys() != wanted:
        refuse("the header lacks a line, or has one of another form")
    rows = [(numbers(line, at), at) for at, line in body]
    if not rows or sum(len(row) for row, _ in rows) > MAX_VALUES:
        refuse("the body must have 1 to 4 million values")
    if form == "points":
        return _points(rows, _UNITS_GY[unit], _FRAMES[frame])
    return _matrix(rows, header, _UNITS_GY[unit], _FRAMES[frame])


def _header(lines: list[str]) -> tuple[_Header, list[tuple[int, str]]]:
    """Return the header, and the lines of the body with their numbers."""
    if not lines or lines[0].rstrip(" ,") != FIRST_LINE:
        refuse("the first line must name the form of the file", 1)
    header: _Header = {}
    for at, line in enumerate(lines[1:], 2):
        if not line.startswith("#"):
            break
        key, colon, value = line[1:].partition(":")
        key = key.strip()
        if not colon or key in header or key not in _OF_ALL | _OF_A_MATRIX.keys():
            refuse("a line of the header is doubled or not known", at)
        # A spreadsheet that saves the file fills each line up with commas.
        header[key] = (value.strip(" ,"), at)
    if not header.keys() >= _OF_ALL:
        refuse("the header must say form, frame and unit")
    body = list(enumerate(lines, 1))[1 + len(header) :]
    return header, body


def _points(
    rows: list[tuple[list[float], int]], gy: float, signs: tuple[float, float, float]
) -> MeasuredPoints:
    for row, at in rows:
        if len(row) != 4:
            refuse("a point has four numbers: x, y, z and dose", at)
        if row[3] < 0.0:
            refuse("a measured dose must not be negative", at)
    if len(rows) > MAX_POINTS:
        refuse("there are more than a million points")
    values = np.array([row for row, _ in rows], np.float64)
    return MeasuredPoints(
        points_lps_mm=np.ascontiguousarray(values[:, :3] * signs), dose_gy=values[:, 3] * gy
    )


def _matrix(
    rows: list[tuple[list[float], int]],
    header: _Header,
    gy: float,
    signs: tuple[float, float, float],
) -> DoseGrid:
    columns = len(rows[0][0])
    for row, at in rows:
        if len(row) != columns:
            refuse("all rows must have the same number of values", at)
        if min(row) < 0.0:
            refuse("a measured dose must not be negative", at)
    stated = {
        key: numbers(header[key][0], header[key][1], count) for key, count in _OF_A_MATRIX.items()
    }
    x, y, z = (value * sign for value, sign in zip(stated["origin_mm"], signs, strict=True))
    rows_mm, columns_mm = stated["spacing_mm"]
    grid = plane_grid(
        len(rows),
        columns,
        origin_lps_mm=(x, y, z),
        along_row=_unit(stated["along_row"], signs, header["along_row"][1]),
        along_column=_unit(stated["along_column"], signs, header["along_column"][1]),
        spacing_mm=(rows_mm, columns_mm),
    )
    dose = np.array([row for row, _ in rows], np.float64) * gy
    return DoseGrid(dose_gy=dose[np.newaxis], grid=grid)


def _unit(vector: list[float], signs: tuple[float, float, float], line: int) -> Vector:
    """Return a unit vector in LPS; a few decimals are made exact."""
    length = float(np.linalg.norm(vector))
    if abs(length - 1.0) > _UNIT_TOLERANCE:
        refuse("a direction must have length 1", line)
    x, y, z = (value * sign / length for value, sign in zip(vector, signs, strict=True))
    return (x, y, z)
