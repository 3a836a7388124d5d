"""`slicer.i18n`: no translation, or marks around each text, so that what was forgotten shows.

with marked():
    _("Apply")          gives "⟦Apply⟧"
untranslated(root)      the texts below a widget that carry no mark
"""

import contextlib
from collections.abc import Iterator
from typing import Any

_OPEN, _CLOSE = "⟦", "⟧"
_TEXT_PROPERTIES = (
    "text",
    "title",
    "windowTitle",
    "toolTip",
    "statusTip",
    "placeholderText",
    "accessibleName",
    "accessibleDescription",
    "suffix",
    "prefix",
    "noneDisplay",
)
_WITH_PARTS_OF_QT = ("QTabBar", "QDialogButtonBox")  # buttons in it have texts of Qt's own
_marking = False


def tr(text: str) -> str:
    """Translate a text; Slicer finds the context from the caller's file."""
    return translate("", text)


def translate(context: str, text: str) -> str:
    """Translate a text of a context: as it is, or marked inside `marked`."""
    return f"{_OPEN}{text}{_CLOSE}" if _marking and text.strip() else text


@contextlib.contextmanager
def marked() -> Iterator[None]:
    """Mark every text that is translated inside the block; make the widgets inside it too."""
    global _marking  # noqa: PLW0603 - Slicer's functions are global, and so is the language
    before, _marking = _marking, True
    try:
        yield
    finally:
        _marking = before


def untranslated(root: Any) -> list[tuple[str, str]]:
    """Return (object name, text) of each text with a letter in it that has no mark.

    Looks at the widget and all below it: their text properties, the entries of combo boxes and tab
    bars, and the headers of tables. What a user or a scene put there is returned too; only the
    caller knows it.
    """
    found = []
    for widget in [root, *_widgets_below(root)]:
        for text in _texts_of(widget):
            if any(letter.isalpha() for letter in text) and _OPEN not in text:
                found.append((widget.objectName, text))
    return found


def _widgets_below(root: Any) -> Iterator[Any]:
    for child in root.children():
        if child.isWidgetType():
            yield child
            if child.className() not in _WITH_PARTS_OF_QT:
                yield from _widgets_below(child)


def _texts_of(widget: Any) -> Iterator[str]:
    for name in _TEXT_PROPERTIES:
        value = widget.property(name)
        if isinstance(value, str):
            yield value
    for entry in ("itemText", "tabText"):
        reader = getattr(widget, entry, None)
        if reader is not None:
            yield from (reader(index) for index in range(widget.property("count")))
    header = getattr(widget, "horizontalHeaderItem", None)
    if header is not None:
        items = (header(column) for column in range(widget.property("columnCount")))
        yield from (item.text() for item in items if item is not None)
