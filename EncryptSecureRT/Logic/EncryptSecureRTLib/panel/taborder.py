"""Tab order as one reads. Qt's own is the order of making, and some widgets are made late."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import qt


def order_tabs(root: Any) -> None:
    """Let Tab go through the widgets of a panel in the order of its layouts."""
    for before, after in pairwise(list(_stops(root.layout()))):
        qt.QWidget.setTabOrder(before, after)


def _stops(layout: Any) -> Iterator[Any]:
    """Yield the widgets at which Tab stops; a composed one stands for what is inside."""
    for index in range(layout.count()):
        item = layout.itemAt(index)
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            proxy, inner = widget.focusProxy(), widget.layout()
            if proxy is not None:
                widget.focusPolicy = proxy.focusPolicy  # else Qt leaves it where it is
                inner = None
            if widget.focusPolicy & qt.Qt.TabFocus:
                yield widget
        if inner is not None:
            yield from _stops(inner)
