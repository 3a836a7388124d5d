"""Which widget shows which kind of field, how it is read and written, and what tells of a change.

The pairs are those of Slicer 5.12, and as there the class of the widget has to be exactly the one
named: a `QPlainTextEdit` for a text is refused, and so is a combo box for a text without `Choice`.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ctk
import qt
import slicer
from Testing.host.params_types import (
    Choice,
    Decimals,
    Field,
    Maximum,
    Minimum,
    SingleStep,
    WithinRange,
)

_INT_LIMIT = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A widget that shows a field.

    Attributes
    ----------
    signal
        The bound signal that tells of a change, None if there is none.
    read, write : callable
        Get the value of the widget, and set it.
    """

    signal: Any
    read: Callable[[], Any]
    write: Callable[[Any], object]

    def listen(self, callback: Callable[[], object]) -> None:
        """Call back at each change."""
        if self.signal is not None:
            self.signal.connect(callback)

    def stop(self, callback: Callable[[], object]) -> None:
        """Call back no more."""
        if self.signal is not None:
            self.signal.disconnect(callback)


def connector_for(widget: Any, field: Field) -> Connector:
    """Return the connector of a widget and a field.

    Raises
    ------
    RuntimeError
        There is none for this pair.
    """
    kind = type(widget)
    if field.is_node and kind is slicer.qMRMLNodeComboBox:
        return _nodes(widget, field)
    if field.kind is bool and kind in (qt.QCheckBox, qt.QPushButton):
        return _button(widget)
    if field.kind is int and kind in (qt.QSlider, qt.QSpinBox):
        return _number(widget, field, -_INT_LIMIT, _INT_LIMIT - 1)
    if field.kind in (int, float) and kind in (
        qt.QDoubleSpinBox,
        ctk.ctkSliderWidget,
        ctk.ctkDoubleSpinBox,
    ):
        return _number(widget, field, -math.inf, math.inf)
    if kind in (qt.QComboBox, ctk.ctkComboBox) and not field.is_node:
        return _choice(widget, field)
    if field.kind is str and kind in (qt.QLineEdit, qt.QLabel, qt.QTextEdit):
        return _text(widget)
    raise RuntimeError(f"Unable to connect a field of type {field.kind} to a {kind.__name__}")


def _nodes(widget: Any, field: Field) -> Connector:
    widget.nodeTypes = [field.kind().GetClassName()]
    return Connector(
        signal=widget.currentNodeChanged, read=widget.currentNode, write=widget.setCurrentNode
    )


def _button(widget: Any) -> Connector:
    if not widget.checkable:
        logging.getLogger(__name__).warning("a push button is made checkable")
        widget.checkable = True
    return Connector(signal=widget.toggled, read=lambda: widget.checked, write=widget.setChecked)


def _number(widget: Any, field: Field, lowest: float, highest: float) -> Connector:
    both = field.annotation(WithinRange)
    low, high = field.annotation(Minimum) or both, field.annotation(Maximum) or both
    if isinstance(widget, qt.QSlider | ctk.ctkSliderWidget) and not (low and high):
        raise RuntimeError(f"The slider of {field.name} needs a field with limits")
    for annotation, name in ((Decimals, "decimals"), (SingleStep, "singleStep")):
        found = field.annotation(annotation)
        if found is not None:
            setattr(widget, name, found.value)
    widget.minimum = low.minimum if low else lowest
    widget.maximum = high.maximum if high else highest
    return Connector(
        signal=widget.valueChanged,
        read=lambda: field.kind(widget.value),
        write=lambda value: setattr(widget, "value", value),
    )


def _choice(widget: Any, field: Field) -> Connector:
    if field.is_enum:
        label = getattr(field.kind, "label", lambda member: member.name)
        values = list(field.kind)
        texts = [label(member) for member in values]
    else:
        choice = field.annotation(Choice)
        if choice is None:
            raise RuntimeError(f"The combo box of {field.name} needs a field with a Choice")
        values = list(choice.choices)
        texts = [str(value) for value in values]
    widget.clear()
    widget.addItems(texts)
    return Connector(
        signal=widget.currentIndexChanged,
        read=lambda: values[widget.currentIndex],
        write=lambda value: setattr(widget, "currentIndex", values.index(value)),
    )


def _text(widget: Any) -> Connector:
    if isinstance(widget, qt.QTextEdit):
        return Connector(
            signal=widget.textChanged, read=widget.toPlainText, write=widget.setPlainText
        )

    def write(text: str) -> None:
        if text != widget.text:  # else the cursor of a line would jump to its end
            widget.text = text

    signal = getattr(widget, "textChanged", None)
    return Connector(signal=signal, read=lambda: widget.text, write=write)
