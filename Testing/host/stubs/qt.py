"""The Qt classes that the first panel uses, in Slicer's dialect: properties, not setters."""

# ruff: noqa: N802, N815 - the names are Qt's


class QWidget:
    """What has a name."""

    objectName: str = ""


class QLabel(QWidget):
    """A text."""

    wordWrap: bool = False

    def __init__(self, text: str = "") -> None:
        self.text = text


class QPlainTextEdit(QWidget):
    """A text of several lines."""

    readOnly: bool = False

    def __init__(self, text: str = "") -> None:
        self.plainText = text


class QVBoxLayout:
    """Keeps what was added, in order."""

    def __init__(self) -> None:
        self.widgets: list[QWidget] = []

    def addWidget(self, widget: QWidget) -> None:
        """Add a widget below the others."""
        self.widgets.append(widget)

    def addStretch(self, stretch: int = 0) -> None:
        """Do nothing: the stub has no sizes."""
