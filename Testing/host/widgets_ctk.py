"""Stand-ins for CTK's widgets that hold, name or show something: sections, paths, texts, buttons.

They behave and look as CTK's do as far as a panel and its pictures can tell. Numbers are in
`widgets_ctk_numbers`.
"""

# ruff: noqa: N801, N802 - the names are CTK's and Qt's

from typing import Any

from Testing.host.binding import QtCore, QtGui, QtWidgets
from Testing.host.i18n import tr as _
from Testing.host.standins import kept, standin

_SHOWN_WHEN_OPEN = "shownWhenOpen"  # of a child, while its section is collapsed
_HEADER_MARGIN_PX = 4
_TALLEST_PX = 16777215  # QWIDGETSIZE_MAX


def _repaint(widget: Any) -> None:
    widget.update()


@standin
class ctkCollapsibleButton(QtWidgets.QAbstractButton):  # type: ignore[misc] # no types, see binding
    """A section with a header that opens and closes it.

    As in CTK it is a checkable button, checked while open, and its children are hidden while it is
    collapsed. A child that a script shows or hides meanwhile is so when the section opens.
    """

    contentsCollapsed = QtCore.Signal(bool)  # noqa: N815

    flat = kept(bool, "flat", False, _repaint)
    collapsedHeight = kept(int, "collapsedHeight", 14)  # noqa: N815

    def __init__(self, *arguments: Any) -> None:
        texts = [item for item in arguments if isinstance(item, str)]
        super().__init__(*[item for item in arguments if not isinstance(item, str)])
        self._collapsed = False
        self._forcing = False
        self.setText(texts[0] if texts else "")
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred)
        self.setContentsMargins(0, self._header_px(), 0, 0)
        self.toggled.connect(self._toggle)

    def setCollapsed(self, collapsed: bool) -> None:
        """Open or close."""
        self.setChecked(not collapsed)

    collapsed = QtCore.Property(bool, lambda self: self._collapsed, setCollapsed)

    def sizeHint(self) -> Any:
        """Return the size of the header, and of what is in the section while it is open."""
        header = QtCore.QSize(self._header_width_px(), self._header_px())
        return header if self._collapsed else super().sizeHint.expandedTo(header)

    def minimumSizeHint(self) -> Any:
        """Return the smallest size, as `sizeHint` does."""
        header = QtCore.QSize(self._header_width_px(), self._header_px())
        return header if self._collapsed else super().minimumSizeHint.expandedTo(header)

    def hitButton(self, position: Any) -> bool:
        """Take clicks on the header only."""
        return bool(position.y() < self._header_px())

    def childEvent(self, event: Any) -> None:
        """Watch a new child; hide it if the section is closed."""
        child = event.child()
        if event.added() and child.isWidgetType():
            child.installEventFilter(self)
        elif event.polished() and child.isWidgetType() and self._collapsed:
            self._hide(child)

    def eventFilter(self, child: Any, event: Any) -> bool:
        """Keep in mind what a script wants of a child that is hidden by us."""
        if self._collapsed and not self._forcing:
            if event.type() == QtCore.QEvent.ShowToParent:
                self._hide(child)
            elif event.type() == QtCore.QEvent.HideToParent:
                child.setProperty(_SHOWN_WHEN_OPEN, False)
        return False

    def changeEvent(self, event: Any) -> None:
        """Fit the header to another font."""
        if event.type() in (QtCore.QEvent.FontChange, QtCore.QEvent.StyleChange):
            self.setContentsMargins(0, self._header_px(), 0, 0)
            self._limit_height()
        super().changeEvent(event)

    def paintEvent(self, event: Any) -> None:
        """Draw the header: an arrow and the text on a flat bar."""
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, option.rect.width(), self._header_px())
        if not self.flat:
            painter.setPen(option.palette.color(QtGui.QPalette.Mid))
            painter.setBrush(option.palette.color(QtGui.QPalette.Button))
            painter.drawRoundedRect(option.rect.adjusted(0, 0, -1, -1), 3, 3)
        text_rect = option.rect.adjusted(self._header_px(), 0, -_HEADER_MARGIN_PX, 0)
        align = QtCore.Qt.AlignLeft | QtCore.Qt.AlignVCenter | QtCore.Qt.TextShowMnemonic
        role = QtGui.QPalette.ButtonText
        painter.drawItemText(text_rect, align, option.palette, self.enabled, self.text, role)
        side = option.fontMetrics.height() // 2
        option.rect = QtCore.QRect(_HEADER_MARGIN_PX, (self._header_px() - side) // 2, side, side)
        style = QtWidgets.QStyle
        arrow = style.PE_IndicatorArrowRight if self._collapsed else style.PE_IndicatorArrowDown
        painter.drawPrimitive(arrow, option)

    def _header_px(self) -> int:
        return int(self.fontMetrics().height()) + 2 * _HEADER_MARGIN_PX

    def _header_width_px(self) -> int:
        return int(self.fontMetrics().horizontalAdvance(self.text)) + 2 * self._header_px()

    def _limit_height(self) -> None:
        self.setMaximumHeight(self._header_px() if self._collapsed else _TALLEST_PX)

    def _children(self) -> list[Any]:
        return [child for child in self.children() if child.isWidgetType()]

    def _toggle(self, is_open: bool) -> None:
        self._collapsed = not is_open
        for child in self._children():
            self._show_again(child) if is_open else self._hide(child)
        self._limit_height()
        self.updateGeometry()
        self.contentsCollapsed.emit(self._collapsed)

    def _hide(self, child: Any) -> None:
        explicit = QtCore.Qt.WA_WState_ExplicitShowHide
        shown_when_open = not (child.isHidden() and child.testAttribute(explicit))
        child.setProperty(_SHOWN_WHEN_OPEN, shown_when_open)
        self._force(child, shown=False)
        if shown_when_open:  # not the script's wish; it must still be able to hide the child
            child.setAttribute(explicit, False)

    def _show_again(self, child: Any) -> None:
        if child.property(_SHOWN_WHEN_OPEN) is not False:
            self._force(child, shown=True)

    def _force(self, child: Any, *, shown: bool) -> None:
        self._forcing = True
        child.setVisible(shown)
        self._forcing = False


@standin
class ctkPathLineEdit(QtWidgets.QWidget):  # type: ignore[misc] # no types, see binding
    """A path with a history and a button that opens a file dialog."""

    currentPathChanged = QtCore.Signal(str)  # noqa: N815
    validInputChanged = QtCore.Signal(bool)  # noqa: N815
    Dirs, Files, Drives, NoSymLinks = 0x1, 0x2, 0x4, 0x8
    Readable, Writable, Executable, Hidden = 0x10, 0x20, 0x40, 0x100
    NoDot, NoDotDot = 0x2000, 0x4000

    label = kept(str, "label", "")
    filters = kept(int, "filters", 0x1 | 0x2 | 0x4 | 0x2000 | 0x4000)
    nameFilters = kept("QStringList", "nameFilters", ())  # noqa: N815
    settingKey = kept(str, "settingKey", "")  # noqa: N815
    minimumContentsLength = kept(int, "minimumContentsLength", 0)  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._paths = QtWidgets.QComboBox(self)
        self._paths.setEditable(True)
        self._paths.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        self._paths.currentTextChanged.connect(self.currentPathChanged)
        self._button = QtWidgets.QToolButton(self)
        self._button.setText("...")
        self._button.clicked.connect(self.browse)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._paths)
        layout.addWidget(self._button)
        self.setFocusProxy(self._paths)

    def setCurrentPath(self, path: str) -> None:
        """Show a path."""
        self._paths.setCurrentText(path)

    currentPath = QtCore.Property(  # noqa: N815
        str, lambda self: self._paths.currentText, setCurrentPath
    )

    def _set_button_shown(self, shown: bool) -> None:
        self._button.setVisible(shown)

    showBrowseButton = QtCore.Property(  # noqa: N815
        bool, lambda self: not self._button.isHidden(), _set_button_shown
    )
    showHistoryButton = kept(bool, "showHistoryButton", True)  # noqa: N815

    def comboBox(self) -> Any:
        """Return the list of paths."""
        return self._paths

    def addCurrentPathToHistory(self) -> None:
        """Keep the path in the list, once."""
        if self.currentPath and self._paths.findText(self.currentPath) < 0:
            self._paths.insertItem(0, self.currentPath)

    def browse(self) -> None:
        """Let the user choose."""
        dialog = QtWidgets.QFileDialog(self, self.label or _("Select a path"))
        if not self.filters & self.Files:
            dialog.setFileMode(QtWidgets.QFileDialog.Directory)
        dialog.setNameFilters(list(self.nameFilters))
        if dialog.exec_():
            self.setCurrentPath(dialog.selectedFiles()[0])


@standin
class ctkFittedTextBrowser(QtWidgets.QTextBrowser):  # type: ignore[misc] # no types, see binding
    """A text as high as it has to be, without a scroll bar."""

    collapsed = kept(bool, "collapsed", True)
    disableMouseScroll = kept(bool, "disableMouseScroll", False)  # noqa: N815
    showDetailsText = kept(str, "showDetailsText", "")  # noqa: N815
    hideDetailsText = kept(str, "hideDetailsText", "")  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        self.textChanged.connect(self._fit)

    def resizeEvent(self, event: Any) -> None:
        """Fit to another width."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():  # the height is of our own making
            self._fit()

    def _fit(self) -> None:
        height_px = self.document.size.height() + 2 * self.frameWidth
        self.setFixedHeight(round(height_px))


@standin
class ctkMenuButton(QtWidgets.QPushButton):  # type: ignore[misc] # no types, see binding
    """A push button with a menu beside it; here Qt's own look of one with a menu."""


@standin
class ctkComboBox(QtWidgets.QComboBox):  # type: ignore[misc] # no types, see binding
    """A combo box with a text where nothing is selected."""

    defaultText = QtCore.Property(  # noqa: N815
        str,
        lambda self: self.placeholderText,
        lambda self, text: self.setPlaceholderText(text),
    )


@standin
class ctkMessageBox(QtWidgets.QMessageBox):  # type: ignore[misc] # no types, see binding
    """A message box that can be told not to come again."""

    dontShowAgainSettingsKey = kept(str, "dontShowAgainSettingsKey", "")  # noqa: N815

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._again = QtWidgets.QCheckBox(_("Don't show this message again"), self)
        self.setCheckBox(self._again)
        self._again.setVisible(False)

    def _set_asked(self, visible: bool) -> None:
        self._again.setVisible(visible)

    dontShowAgainVisible = QtCore.Property(  # noqa: N815
        bool, lambda self: not self._again.isHidden(), _set_asked
    )
    dontShowAgain = QtCore.Property(  # noqa: N815
        bool,
        lambda self: self._again.checked,
        lambda self, checked: self._again.setChecked(checked),
    )
