"""The panel's few icons, drawn: a shield with a mark, in colours that suit the theme.

Drawn and not stored, so that they are sharp at every scale and readable in light and dark.
"""

import qt

from EncryptSecureRTLib.panel.state import Tone
from EncryptSecureRTLib.panel.view import Badge

_SIZE = 40
_LIGHT = {Tone.GOOD: "#14662a", Tone.INFO: "#4a4a4a", Tone.BAD: "#a31515"}
_DARK = {Tone.GOOD: "#7bd88f", Tone.INFO: "#c8c8c8", Tone.BAD: "#ff9d94"}
_SIMULATED_LIGHT, _SIMULATED_DARK = "#8a5a00", "#f0b84a"
_MARKS = {
    Badge.UNKNOWN: ("?", Tone.INFO),
    Badge.BUSY: ("…", Tone.INFO),
    Badge.VERIFIED: ("✓", Tone.GOOD),
    Badge.SIMULATED: ("S", None),
    Badge.REFUSED: ("✗", Tone.BAD),
}


def is_dark(widget: qt.QWidget) -> bool:
    """Tell whether the widget is drawn in a dark theme."""
    return bool(widget.palette.color(qt.QPalette.Window).lightness() < 128)


def tone_colour(tone: Tone, *, dark: bool) -> qt.QColor:
    """Return the text colour of a tone, with a contrast of at least 4.5 to 1."""
    return qt.QColor((_DARK if dark else _LIGHT)[tone])


def simulated_colour(*, dark: bool) -> qt.QColor:
    """Return the text colour of what is simulated."""
    return qt.QColor(_SIMULATED_DARK if dark else _SIMULATED_LIGHT)


def badge_colour(badge: Badge, *, dark: bool) -> qt.QColor:
    """Return the colour of a badge."""
    tone = _MARKS[badge][1]
    return simulated_colour(dark=dark) if tone is None else tone_colour(tone, dark=dark)


def badge_pixmap(badge: Badge, *, dark: bool) -> qt.QPixmap:
    """Return a shield with the badge's mark; what is simulated has a dashed edge and no filling."""
    pixmap = qt.QPixmap(_SIZE, _SIZE)
    pixmap.fill(qt.QColor(0, 0, 0, 0))
    colour = badge_colour(badge, dark=dark)
    painter = qt.QPainter(pixmap)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    pen = qt.QPen(colour)
    pen.setWidthF(2.5)
    if badge in (Badge.SIMULATED, Badge.UNKNOWN, Badge.BUSY):
        pen.setStyle(qt.Qt.DashLine)
    painter.setPen(pen)
    if badge in (Badge.VERIFIED, Badge.REFUSED):
        painter.setBrush(qt.QBrush(colour))
        painter.drawPath(_shield())
        painter.setPen(qt.QPen(qt.QColor("#1e1e1e" if dark else "#ffffff")))
    else:
        painter.drawPath(_shield())
    font = qt.QFont()
    font.setPixelSize(20)
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(qt.QRect(0, 0, _SIZE, _SIZE - 3), qt.Qt.AlignCenter, _MARKS[badge][0])
    painter.end()
    return pixmap


def _shield() -> qt.QPainterPath:
    path = qt.QPainterPath()
    path.moveTo(20, 2.5)
    path.lineTo(36, 8)
    path.lineTo(36, 20)
    path.cubicTo(36, 29, 29, 35, 20, 38)
    path.cubicTo(11, 35, 4, 29, 4, 20)
    path.lineTo(4, 8)
    path.closeSubpath()
    return path
