"""Stand-ins for CTK's widgets that hold a number or a range."""

# ruff: noqa: N801, N802 - the names are CTK's

from typing import Any

from Testing.host.binding import QtCore, QtWidgets
from Testing.host.standins import standin

_SLIDER_STEPS = 1000


def _of_box(kind: Any, name: str) -> Any:
    """Return a property that is the same property of the spin box inside."""
    return QtCore.Property(
        kind,
        lambda self: getattr(self._box, name),
        lambda self, value: setattr(self._box, name, value),
    )


class _AroundSpinBox(QtWidgets.QWidget):  # type: ignore[misc] # no types, see binding
    """A widget around one spin box, whose number it has."""

    valueChanged = QtCore.Signal(float)  # noqa: N815

    decimals = _of_box(int, "decimals")
    minimum = _of_box(float, "minimum")
    maximum = _of_box(float, "maximum")
    singleStep = _of_box(float, "singleStep")  # noqa: N815
    prefix = _of_box(str, "prefix")
    suffix = _of_box(str, "suffix")
    value = _of_box(float, "value")

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox(self)
        self._box.valueChanged.connect(self.valueChanged)
        self._row = QtWidgets.QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self._box)
        self.setFocusProxy(self._box)

    def setValue(self, value: float) -> None:
        """Set the number; it is kept within the limits."""
        self._box.setValue(value)

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set both limits."""
        self._box.setRange(minimum, maximum)


@standin
class ctkDoubleSpinBox(_AroundSpinBox):
    """A spin box for decimal numbers; a widget around one, as in CTK."""

    readOnly = _of_box(bool, "readOnly")  # noqa: N815


@standin
class ctkSliderWidget(_AroundSpinBox):
    """A slider with a spin box; both show the same number."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal, self)
        self._slider.setRange(0, _SLIDER_STEPS)
        self._slider.sliderMoved.connect(self._moved)
        self._row.insertWidget(0, self._slider, 1)
        self._box.valueChanged.connect(self._show)

    def _moved(self, step: int) -> None:
        low, high = self._box.minimum, self._box.maximum
        self._box.setValue(low + (high - low) * step / _SLIDER_STEPS)

    def _show(self, value: float) -> None:
        low, high = self._box.minimum, self._box.maximum
        fraction = (value - low) / (high - low) if high > low else 0.0
        self._slider.setValue(round(fraction * _SLIDER_STEPS))


@standin
class ctkDoubleRangeSlider(QtWidgets.QWidget):  # type: ignore[misc] # no types, see binding
    """A range; two sliders, one below the other, instead of one bar with two handles."""

    valuesChanged = QtCore.Signal(float, float)  # noqa: N815
    minimumValueChanged = QtCore.Signal(float)  # noqa: N815
    maximumValueChanged = QtCore.Signal(float)  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._low, self._high = ctkSliderWidget(self), ctkSliderWidget(self)
        self._high.setValue(self._high.maximum)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._low)
        column.addWidget(self._high)
        self._low.valueChanged.connect(self._low_changed)
        self._high.valueChanged.connect(self._high_changed)

    def setRange(self, minimum: float, maximum: float) -> None:
        """Set the limits of both ends."""
        self._low.setRange(minimum, maximum)
        self._high.setRange(minimum, maximum)

    def setValues(self, minimum: float, maximum: float) -> None:
        """Set both ends; each keeps within the limits and does not pass the other."""
        self._high.setValue(max(minimum, maximum))
        self._low.setValue(min(minimum, maximum))

    def setMinimumValue(self, value: float) -> None:
        """Set the lower end."""
        self._low.setValue(value)

    def setMaximumValue(self, value: float) -> None:
        """Set the upper end."""
        self._high.setValue(value)

    minimum = QtCore.Property(
        float,
        lambda self: self._low.minimum,
        lambda self, limit: self.setRange(limit, self.maximum),
    )
    maximum = QtCore.Property(
        float,
        lambda self: self._low.maximum,
        lambda self, limit: self.setRange(self.minimum, limit),
    )
    minimumValue = QtCore.Property(float, lambda self: self._low.value, setMinimumValue)  # noqa: N815
    maximumValue = QtCore.Property(float, lambda self: self._high.value, setMaximumValue)  # noqa: N815

    def _low_changed(self, value: float) -> None:
        if value > self._high.value:
            self._high.setValue(value)
        self.minimumValueChanged.emit(value)
        self.valuesChanged.emit(value, self._high.value)

    def _high_changed(self, value: float) -> None:
        if value < self._low.value:
            self._low.setValue(value)
        self.maximumValueChanged.emit(value)
        self.valuesChanged.emit(self._low.value, value)
