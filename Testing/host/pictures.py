"""Pictures of a panel, in a light or a dark theme and with a font of another size.

The style is Fusion, which is what Slicer uses where it draws dark; the colours are set here, so
that a picture does not depend on the desktop of whoever makes it.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from Testing.host.binding import QtCore, QtGui, QtWidgets

_FONT_FAMILY = "DejaVu Sans"
_FONT_POINTS = 9.0
# Role: light, dark. Disabled text is set apart from these, below.
_COLOURS = {
    "Window": ("#efefef", "#323232"),
    "WindowText": ("#1a1a1a", "#f0f0f0"),
    "Base": ("#ffffff", "#232323"),
    "AlternateBase": ("#f5f5f5", "#2b2b2b"),
    "Text": ("#1a1a1a", "#f0f0f0"),
    "PlaceholderText": ("#6b6b6b", "#a0a0a0"),
    "Button": ("#e4e4e4", "#424242"),
    "ButtonText": ("#1a1a1a", "#f0f0f0"),
    "ToolTipBase": ("#ffffdc", "#424242"),
    "ToolTipText": ("#1a1a1a", "#f0f0f0"),
    "BrightText": ("#c00000", "#ff6b6b"),
    "Highlight": ("#308cc6", "#2a82da"),
    "HighlightedText": ("#ffffff", "#ffffff"),
    "Link": ("#0057ae", "#7ab8ff"),
    "Light": ("#ffffff", "#585858"),
    "Midlight": ("#f4f4f4", "#4d4d4d"),
    "Mid": ("#b8b8b8", "#5a5a5a"),
    "Dark": ("#9f9f9f", "#1c1c1c"),
    "Shadow": ("#767676", "#101010"),
}
_DISABLED_TEXT = ("#7d7d7d", "#8a8a8a")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the application looks: theme, and font in percent of the usual one."""

    dark: bool = False
    font_percent: int = 100

    def __post_init__(self) -> None:
        if not 50 <= self.font_percent <= 400:
            raise ValueError("a font is between 50 % and 400 %")

    def apply(self) -> None:
        """Let the application look so."""
        QtWidgets.QApplication.setPalette(_palette(dark=self.dark))
        font = QtGui.QFont(_FONT_FAMILY)
        font.setPointSizeF(_FONT_POINTS * self.font_percent / 100)
        QtWidgets.QApplication.setFont(font)
        QtWidgets.QApplication.processEvents()  # widgets learn of their font by an event
        # Last: a combo box forgets the size that it had with another font only at this.
        QtWidgets.QApplication.setStyle("Fusion")


USUAL = Look()


def _palette(*, dark: bool) -> Any:
    palette = QtGui.QPalette()
    for role, pair in _COLOURS.items():
        palette.setColor(getattr(QtGui.QPalette, role), QtGui.QColor(pair[dark]))
    for role in ("WindowText", "Text", "ButtonText", "HighlightedText"):
        colour = QtGui.QColor(_DISABLED_TEXT[dark])
        palette.setColor(QtGui.QPalette.Disabled, getattr(QtGui.QPalette, role), colour)
    return palette


@contextlib.contextmanager
def looking(look: Look) -> Iterator[None]:
    """Let the application look different inside the block."""
    look.apply()
    try:
        yield
    finally:
        USUAL.apply()


def screenshot(root: Any, path: Path, *, width_px: int, look: Look) -> None:
    """Write a PNG of a widget, as high as its contents want it.

    Parameters
    ----------
    root : QWidget
        A window; it is shown if it is not, at that width.
    path : Path
        Of the file; the picture is `width_px` wide.
    """
    with looking(look):
        hidden = not root.visible
        root.setAttribute(QtCore.Qt.WA_DontShowOnScreen, False)
        root.show()
        _settle(root, width_px)
        picture = root.grab()
        if hidden:
            root.hide()
    if not picture.save(str(path)):
        raise OSError("the picture cannot be written")


def _settle(root: Any, width_px: int) -> None:
    """Give the widget its size; twice, since texts that wrap learn their height from the first."""
    for _ in range(2):
        root.ensurePolished()
        root.layout().activate()
        height_px = max(root.layout().totalHeightForWidth(width_px), root.sizeHint.height())
        root.setFixedSize(width_px, max(height_px, root.minimumSizeHint.height()))
        QtWidgets.QApplication.processEvents()
    root.setMinimumSize(0, 0)
    root.setMaximumSize(16777215, 16777215)
