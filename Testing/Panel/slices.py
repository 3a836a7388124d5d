"""A coronal and an axial slice of a CT with its segments, drawn from the scene's own nodes.

Slicer's views are not in the test host; this stands in for them in pictures, and says so.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_SCALE_PX = 300
WINDOW_HU = (-1000.0, 600.0)
_CAPTION = "synthetic data"
STANDS_IN = "drawn from the scene's nodes, in place of Slicer's views"
Pixels = npt.NDArray[np.uint8]


def with_slices(path: Path, ct: Any, segmentation: Any, *, dark: bool) -> None:
    """Put the slices to the right of a picture."""
    with_pictures(path, [_axial(ct, segmentation), _coronal(ct, segmentation)], dark=dark)


def with_pictures(path: Path, pictures: list[Pixels], *, dark: bool) -> None:
    """Put pictures, each (rows, columns, 3), to the right of one in a file."""
    from Testing.host.binding import QtCore, QtGui

    panel = QtGui.QImage(str(path))
    views = [_image(pixels) for pixels in pictures]
    width = max(view.width() for view in views)
    height = max(panel.height(), sum(view.height() + 12 for view in views) + 40)
    canvas = QtGui.QImage(panel.width() + width + 36, height, QtGui.QImage.Format_RGB32)
    canvas.fill(QtGui.QColor("#323232" if dark else "#efefef"))
    painter = QtGui.QPainter(canvas)
    painter.drawImage(0, 0, panel)
    top = 24
    for view in views:
        painter.drawImage(panel.width() + 12, top, view)
        top += view.height() + 12
    painter.setPen(QtGui.QColor("#f0f0f0" if dark else "#1a1a1a"))
    words = QtCore.QRect(panel.width() + 12, top, width, 40)
    painter.drawText(words, QtCore.Qt.TextWordWrap, STANDS_IN)
    painter.end()
    canvas.save(str(path))


def with_tooltip(path: Path, widget: Any, root: Any) -> None:
    """Draw a widget's tooltip into a picture of its window, below the middle of the widget."""
    from Testing.host.binding import QtCore, QtGui

    picture = QtGui.QImage(str(path))
    corner = widget.mapTo(root, QtCore.QPoint(widget.width // 3, round(widget.height * 0.8)))
    painter = QtGui.QPainter(picture)
    words = painter.boundingRect(picture.rect(), QtCore.Qt.AlignLeft, str(widget.toolTip))
    words.moveTopLeft(corner + QtCore.QPoint(8, 6))
    box = words.adjusted(-6, -4, 6, 4)
    painter.fillRect(box, QtGui.QColor("#ffffdc"))
    painter.setPen(QtGui.QColor("#1a1a1a"))
    painter.drawRect(box)
    painter.drawText(words, QtCore.Qt.AlignLeft, str(widget.toolTip))
    painter.end()
    picture.save(str(path))


def stamp(path: Path, *, dark: bool) -> None:
    """Write "synthetic data" into the lower right corner of a picture."""
    from Testing.host.binding import QtCore, QtGui

    picture = QtGui.QImage(str(path))
    painter = QtGui.QPainter(picture)
    painter.setPen(QtGui.QColor("#c8c8c8" if dark else "#4a4a4a"))
    corner = QtCore.QRect(0, picture.height() - 22, picture.width() - 12, 20)
    painter.drawText(corner, QtCore.Qt.AlignRight, _CAPTION)
    painter.end()
    picture.save(str(path))


def _axial(ct: Any, segmentation: Any) -> Pixels:
    volume, masks = _arrays(ct, segmentation)
    k = volume.shape[0] // 2
    return _draw(volume[k], [(mask[k], colour) for mask, colour in masks], 1.0)


def _coronal(ct: Any, segmentation: Any) -> Pixels:
    volume, masks = _arrays(ct, segmentation)
    j = volume.shape[1] // 2
    spacing_i_mm, _, spacing_k_mm = ct.GetSpacing()
    flipped = [(mask[::-1, j], colour) for mask, colour in masks]
    return _draw(volume[::-1, j], flipped, spacing_k_mm / spacing_i_mm)


def _arrays(ct: Any, segmentation: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    import slicer

    volume = slicer.util.arrayFromVolume(ct)
    container = segmentation.GetSegmentation()
    masks = []
    for key in container.GetSegmentIDs():
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, key, ct)
        colour = np.array(container.GetSegment(key).GetColor()) * 255
        masks.append((mask > 0, colour))
    return volume, masks


def _draw(hu: Any, masks: list[tuple[Any, Any]], stretch: float) -> Pixels:
    """Return (rows, columns, 3): grey values, and each segment's outline in its colour."""
    low, high = WINDOW_HU
    grey = np.clip((hu - low) / (high - low), 0, 1) * 255
    factor = max(1, round(_SCALE_PX / hu.shape[1]))
    rows = max(1, round(factor * stretch))
    big = np.repeat(np.repeat(grey, rows, axis=0), factor, axis=1)
    pixels = np.repeat(big[:, :, None], 3, axis=2)
    for mask, colour in masks:
        large = np.repeat(np.repeat(mask, rows, axis=0), factor, axis=1)
        inner = large.copy()
        for axis in (0, 1):
            for step in (-1, 1):
                inner &= np.roll(large, step, axis)
        pixels[large & ~inner] = colour
    return np.ascontiguousarray(pixels.astype(np.uint8))


def _image(pixels: Pixels) -> Any:
    from Testing.host.binding import QtGui

    rows, columns, _ = pixels.shape
    image = QtGui.QImage(pixels.tobytes(), columns, rows, 3 * columns, QtGui.QImage.Format_RGB888)
    return image.copy()  # the octets above go with this function
