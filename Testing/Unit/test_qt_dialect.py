"""The panel is written in what PythonQt and PySide6 have in common, read from the source.

Slicer's binding and that of the test host differ: where one has a property the other has a method,
and some names exist in one of them only. What is not common to both is found here without either.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PANEL = REPOSITORY / "EncryptSecureRT/Logic/EncryptSecureRTLib/panel"
MODULE_FILE = REPOSITORY / "EncryptSecureRT/EncryptSecureRT.py"

# Properties of widgets that a panel has, which PythonQt reads without parentheses. Left out is what
# is a method of something else too: count and title of a text, width and height of a size.
PROPERTIES = frozenset(
    "accessibleDescription accessibleName alignment applicationName autoFillBackground checkable"
    " checked cleanText collapsed columnCount contentsMargins currentIndex currentNodeID"
    " currentPath currentText cursorPosition decimals displayText editable enabled"
    " focusPolicy frameShape html iconSize indeterminate interval isEntered isOpen"
    " itemsExpandable maximum maximumHeight maximumWidth minimum minimumHeight minimumWidth"
    " minimumSizeHint modal noneEnabled nodeTypes objectName openExternalLinks placeholderText"
    " plainText readOnly rowCount selectedText shortcut showGrid singleStep sizeHint sizePolicy"
    " sortingEnabled specialValueText statusTip styleSheet tabsClosable temporaryPath"
    " text textFormat textVisible toolTip toolTipDuration topLevelItemCount tristate value visible"
    " whatsThis windowModality windowTitle wordWrap wrapMode".split()
)
_NOT_IN_PYTHONQT = ("Signal", "Slot", "Property", "QInputDialog")
_BINDINGS = ("PySide6", "PySide2", "PyQt5", "PyQt6", "shiboken6")
_WIDGETS = ("Q", "ctk", "qMRML", "qSlicer")


def _dotted(node: ast.expr) -> tuple[str, ...]:
    """Return the names of `a.b.c`, nothing for what is not only names."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=value, attr=name):
            before = _dotted(value)
            return (*before, name) if before else ()
    return ()


def _absent(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute(value=ast.Name(id="qt"), attr=name) if name in _NOT_IN_PYTHONQT:
            return f"PythonQt has no qt.{name}"
        case ast.ImportFrom(module="qt", names=names):
            missing = [item.name for item in names if item.name in _NOT_IN_PYTHONQT]
            return f"PythonQt has no qt.{missing[0]}" if missing else None
        case ast.Attribute(value=ast.Attribute(attr="QFileDialog"), attr=name) if name.startswith(
            "get"
        ):
            return "a string in PythonQt, a tuple in PySide6: ask by a callable that is passed in"
    return None


def _keywords(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=function, keywords=[_, *_]):
            names = _dotted(function)
            if len(names) == 2 and names[0] in ("qt", "ctk", "slicer"):
                if names[1].startswith(_WIDGETS):
                    return "constructors of PythonQt take no keywords"
    return None


def _called_property(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Attribute(attr=name), args=[], keywords=[]) if name in PROPERTIES:
            return f"{name} is a property of PythonQt: without parentheses"
    return None


def _scoped_enum(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute():
            names = _dotted(node)
            if len(names) == 4 and names[0] == "qt" and all(n[:1].isupper() for n in names[1:]):
                return f"PythonQt has no scope {names[2]}: qt.{names[1]}.{names[3]}"
    return None


def _other_binding(node: ast.AST) -> str | None:
    match node:
        case ast.Import(names=names):
            roots = [item.name.split(".")[0] for item in names]
        case ast.ImportFrom(module=str(module)):
            roots = [module.split(".")[0]]
        case _:
            return None
    return "Slicer has no such binding: import qt" if set(roots) & set(_BINDINGS) else None


def _printed(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id="print")):
            return "what is printed lands in the application's log"
    return None


def _bare_signal(node: ast.AST) -> str | None:
    match node:
        case ast.Call(
            func=ast.Attribute(attr="connect" | "disconnect"),
            args=[ast.Constant(value=str(text)), _],
        ) if "(" not in text:
            return "a signal is named with its C++ signature"
    return None


def _bare_exec(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Attribute(attr="exec")):
            return "exec_ is in both bindings"
    return None


RULES: tuple[Callable[[ast.AST], str | None], ...] = (
    _absent,
    _keywords,
    _called_property,
    _scoped_enum,
    _other_binding,
    _printed,
    _bare_signal,
    _bare_exec,
)


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and reason for everything in a source text that is not in the dialect."""
    for node in ast.walk(ast.parse(source)):
        for rule in RULES:
            told = rule(node)
            if told is not None:
                yield getattr(node, "lineno", 0), told


def _files() -> list[Path]:
    return [*sorted(PANEL.rglob("*.py")), MODULE_FILE]


def test_there_are_files_to_read() -> None:
    assert MODULE_FILE in _files()
    assert len(_files()) > 2


@pytest.mark.parametrize("path", _files(), ids=lambda path: path.name)
def test_panel_is_written_in_the_common_dialect(path: Path) -> None:
    told = [f"{path.name}:{line} {reason}" for line, reason in faults(path.read_text("utf-8"))]

    assert told == []


_TWINS = [
    ("x = qt.Signal(str)", "x = Signal()"),
    ("@qt.Slot()\ndef f(): pass", "@slot\ndef f(): pass"),
    ("x = qt.Property(int)", "x = property(f)"),
    ("from qt import Signal", "from qt import QTimer"),
    ("qt.QInputDialog.getText(None, '', '')", "ask_text('')"),
    ("qt.QFileDialog.getOpenFileName()", "qt.QFileDialog().exec_()"),
    ("qt.QFileDialog.getExistingDirectory()", "qt.QFileDialog().selectedFiles()"),
    ("qt.QLabel(text='CT')", "qt.QLabel('CT')"),
    ("qt.QLabel(**options)", "options(qt.QLabel())"),
    ("ctk.ctkSliderWidget(maximum=3)", "ctk.ctkSliderWidget(parent)"),
    ("slicer.qMRMLNodeComboBox(parent=p)", "slicer.qMRMLNodeComboBox(p)"),
    ("slicer.qMRMLNodeComboBox(parent=p)", "slicer.util.errorDisplay('', detailedText='')"),
    ("qt.QTimer(interval=3)", "qt.QTimer.singleShot(3, f)"),
    ("w.text()", "w.text"),
    ("self.ui.applyButton.enabled()", "self.ui.applyButton.enabled"),
    ("box.checked()", "box.isChecked()"),
    ("box.value()", "settings.value('key')"),
    ("box.value()", "box.value"),
    ("box.visible()", "box.setVisible(True)"),
    ("combo.currentIndex()", "index.row()"),
    ("combo.currentText()", "combo.currentText"),
    ("w.toolTip()", "w.setToolTip('')"),
    ("w.objectName()", "w.objectName"),
    ("edit.plainText()", "edit.toPlainText()"),
    ("table.rowCount()", "table.rowCount"),
    ("self.parent.isEntered()", "self.parent.isEntered"),
    ("slicer.app.applicationName()", "slicer.app.testingEnabled()"),
    ("qt.Qt.AlignmentFlag.AlignLeft", "qt.Qt.AlignLeft"),
    ("qt.QMessageBox.StandardButton.Ok", "qt.QMessageBox.Ok"),
    ("qt.QSizePolicy.Policy.Fixed", "qt.QSizePolicy.Fixed"),
    ("qt.QSizePolicy.Policy.Fixed", "qt.QTimer.singleShot(0, panel.Machine.Ready)"),
    ("from PySide6 import QtCore", "import qt"),
    ("import PySide6.QtWidgets", "import ctk"),
    ("from PyQt6.QtCore import QTimer", "from slicer.i18n import tr"),
    ("print('job')", "log.info('job')"),
    ("b.connect('clicked', f)", "b.connect('clicked(bool)', f)"),
    ("b.disconnect('clicked', f)", "b.clicked.disconnect(f)"),
    ("b.connect('clicked', f)", "logic.connect('https://worker.site:8443')"),
    ("dialog.exec()", "dialog.exec_()"),
    ("dialog.exec()", "loader.exec_module(module)"),
]


@pytest.mark.parametrize(("bad", "good"), _TWINS)
def test_rule_finds_the_bad_line_and_leaves_the_good_one(bad: str, good: str) -> None:
    assert len(list(faults(bad))) == 1
    assert list(faults(good)) == []


def test_every_rule_is_tried_by_a_bad_line() -> None:
    nodes = [node for bad, _good in _TWINS for node in ast.walk(ast.parse(bad))]

    assert [rule.__name__ for rule in RULES if not any(map(rule, nodes))] == []
