"""A slice of a gamma volume over a CT, and a plot, drawn from the scene's own nodes.

Slicer's views are not in the test host; this stands in for them in pictures, and says so.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from Testing.Panel.slices import STANDS_IN, WINDOW_HU

_SIZE_PX = (680, 420)
_FRAME_PX = (64, 34, 206, 70)  # left, top, right and bottom of the plot
_FACTOR = 6
_MIDDLE, _RIGHT = 4, 2  # Qt.AlignHCenter, Qt.AlignRight
Pixels = npt.NDArray[np.uint8]


def map_pictures(volume: Any, ct: Any) -> list[Pixels]:
    """Return an axial and a coronal slice through the worst voxel: a map over a CT.

    Each is (rows, columns, 3); colours are those that the map's display node has.
    """
    import slicer

    from EncryptSecureRTLib.scene.geometry import volume_grid

    values = slicer.util.arrayFromVolume(volume)
    k, j, _ = np.unravel_index(int(np.nanargmax(np.abs(values))), values.shape)
    behind = _on_grid(
        slicer.util.arrayFromVolume(ct), volume_grid(ct, apply_transform=True), volume
    )
    painted = _painted(values, volume, behind)
    return [_large(painted[k]), _large(painted[::-1, j])]


def _on_grid(hu: Any, from_grid: Any, volume: Any) -> npt.NDArray[np.float64]:
    """Return the CT's nearest voxels at the places of a map's voxels."""
    from EncryptSecureRTLib.scene.geometry import volume_grid

    grid = volume_grid(volume, apply_transform=True)
    k, j, i = np.indices(grid.shape, dtype=np.float64)
    places = np.stack([i, j, k, np.ones(grid.shape)], axis=-1)
    to_ct = np.linalg.inv(from_grid.ijk_to_lps) @ grid.ijk_to_lps
    there = np.rint(places @ to_ct.T).astype(int)
    at = [np.clip(there[..., 2 - axis], 0, hu.shape[axis] - 1) for axis in range(3)]
    found: npt.NDArray[np.float64] = hu[at[0], at[1], at[2]].astype(np.float64)
    return found


def _painted(values: Any, volume: Any, hu: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    low, high = WINDOW_HU
    grey = np.clip((hu - low) / (high - low), 0, 1)[..., None] * np.array([255.0] * 3)
    display = volume.GetDisplayNode()
    table = display.GetColorNode().GetScalarsToColors()
    first = display.GetWindowLevelMin()
    span = display.GetWindowLevelMax() - first
    shares = np.clip((np.nan_to_num(values) - first) / span, 0, 1)
    colours = np.array([_colour(table, share) for share in np.linspace(0, 1, 256)])
    over = colours[np.rint(shares * 255).astype(int)] * 255
    is_there = np.isfinite(values)[..., None]
    painted: npt.NDArray[np.float64] = np.where(is_there, 0.5 * grey + 0.5 * over, grey)
    return painted


def _colour(table: Any, share: float) -> list[float]:
    low, high = table.GetRange()
    rgb = [0.0, 0.0, 0.0]
    table.GetColor(low + share * (high - low), rgb)
    return rgb


def _large(picture: npt.NDArray[np.float64]) -> Pixels:
    big = np.repeat(np.repeat(picture, _FACTOR, axis=0), _FACTOR, axis=1)
    return np.ascontiguousarray(big.astype(np.uint8))


def draw_chart(path: Path, chart: Any, *, dark: bool) -> None:
    """Draw a chart node's series as Slicer's plot view would, roughly."""
    from Testing.host.binding import QtCore, QtGui

    ink, paper = ("#f0f0f0", "#323232") if dark else ("#1a1a1a", "#ffffff")
    image = QtGui.QImage(*_SIZE_PX, QtGui.QImage.Format_RGB32)
    image.fill(QtGui.QColor(paper))
    painter = QtGui.QPainter(image)
    painter.setRenderHint(QtGui.QPainter.Antialiasing)
    left, top, right, bottom = _FRAME_PX
    box = QtCore.QRectF(left, top, _SIZE_PX[0] - left - right, _SIZE_PX[1] - top - bottom)
    series = [_series(chart, n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    most = max(float(x.max()) for _, x, _, _, _ in series)
    painter.setPen(QtGui.QColor(ink))
    painter.drawRect(box)
    painter.drawText(QtCore.QRectF(0, 4, _SIZE_PX[0] - right + left, 24), _MIDDLE, chart.GetTitle())
    _draw_axes(painter, box, most, chart)
    for line, (name, x, y, colour, is_dashed) in enumerate(series):
        pen = QtGui.QPen(QtGui.QColor.fromRgbF(*colour))
        pen.setWidthF(1.8)
        pen.setStyle(QtCore.Qt.DashLine if is_dashed else QtCore.Qt.SolidLine)
        painter.setPen(pen)
        points = [
            QtCore.QPointF(
                box.left() + box.width() * a / most, box.bottom() - box.height() * b / 100
            )
            for a, b in zip(x, y, strict=True)
        ]
        painter.drawPolyline(points)
        height = box.top() + 12 + 18 * line
        painter.drawLine(
            QtCore.QPointF(box.right() + 8, height), QtCore.QPointF(box.right() + 32, height)
        )
        painter.setPen(QtGui.QColor(ink))
        painter.drawText(QtCore.QPointF(box.right() + 38, height + 4), name)
    painter.drawText(QtCore.QPointF(8, _SIZE_PX[1] - 6), STANDS_IN)
    painter.end()
    image.save(str(path))


def _draw_axes(painter: Any, box: Any, most: float, chart: Any) -> None:
    from Testing.host.binding import QtCore

    for dose_gy in range(0, int(most) + 1, 10):
        x = box.left() + box.width() * dose_gy / most
        painter.drawText(QtCore.QRectF(x - 30, box.bottom() + 2, 60, 16), _MIDDLE, f"{dose_gy}")
    for percent in range(0, 101, 25):
        y = box.bottom() - box.height() * percent / 100
        painter.drawText(QtCore.QRectF(box.left() - 40, y - 8, 36, 16), _RIGHT, f"{percent}")
    words = QtCore.QRectF(box.left(), box.bottom() + 20, box.width(), 16)
    painter.drawText(words, _MIDDLE, chart.GetXAxisTitle())
    painter.save()
    painter.translate(14, box.bottom())
    painter.rotate(-90)
    painter.drawText(QtCore.QRectF(0, 0, box.height(), 16), _MIDDLE, chart.GetYAxisTitle())
    painter.restore()


def _series(chart: Any, place: int) -> tuple[str, Any, Any, Any, bool]:
    node = chart.GetNthPlotSeriesNode(place)
    table = node.GetTableNode().GetTable()
    columns = (node.GetXColumnName(), node.GetYColumnName())
    x, y = (
        np.array([table.GetColumnByName(name).GetValue(n) for n in range(table.GetNumberOfRows())])
        for name in columns
    )
    is_dashed = node.GetLineStyle() == node.LineStyleDash
    return str(node.GetName()), x, y, node.GetColor(), is_dashed
