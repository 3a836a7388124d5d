"""The panel as a window of a certain look, for tests that look at it or type in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from Testing.host.pictures import USUAL, Look, looking

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench

WIDTH_PX = 420
SECTIONS = (
    "workerSection",
    "inputsSection",
    "criteriaSection",
    "outputsSection",
    "resultsSection",
    "receiptSection",
    "advancedSection",
    "logSection",
)


@contextmanager
def window(bench: "PanelBench", look: Look = USUAL, width_px: int = WIDTH_PX) -> Iterator[Any]:
    """Show the panel in a look, as high as it wants, with every section open; yields its root."""
    root = bench.loaded.root
    closed = [bench.named(name) for name in SECTIONS if bench.named(name).collapsed]
    with looking(look):
        for section in closed:
            section.collapsed = False
        root.show()
        root.activateWindow()
        fit(bench, width_px)
        yield root
        root.hide()
        for section in closed:
            section.collapsed = True


def fit(bench: "PanelBench", width_px: int = WIDTH_PX) -> None:
    """Give the panel the height that it wants; more than once, since sizes depend on sizes."""
    root = bench.loaded.root
    for _ in range(3):
        root.layout().activate()
        height_px = max(root.layout().totalHeightForWidth(width_px), root.sizeHint.height())
        root.resize(width_px, height_px)
        bench.host.process_events(lambda: True)


def widgets(root: Any, *, hidden_too: bool = False) -> Iterator[Any]:
    """Yield every widget that is seen, or that is there at all."""
    for child in root.children():
        if child.isWidgetType() and (hidden_too or child.isVisible()):
            yield child
            yield from widgets(child, hidden_too=hidden_too)
