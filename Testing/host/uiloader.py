"""`QUiLoader` that knows the stand-ins, and says what a `.ui` file holds that they do not have.

Qt's own loader puts a plain widget where it does not know a class, drops properties that a class
lacks, cannot read the flags of a stand-in, and cannot connect signals that carry MRML objects. Here
the first two are errors. The others are done by hand: only what the file connects gets the scene,
as in Slicer, so a selector that was forgotten in Designer stays disabled here too.
"""

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from PySide6.QtUiTools import QUiLoader
from Testing.host import i18n
from Testing.host.binding import QtCore, QtGui, QtWidgets
from Testing.host.standins import DECLARED, STANDINS

_LINE = "Line"  # what Designer calls a frame that is a line
_MRML_TYPES = ("vtkMRMLScene*", "vtkMRMLNode*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A line of a `.ui` file: when `signal` of `sender` comes, call `slot` of `receiver`."""

    sender: str
    signal: str
    receiver: str
    slot: str


class UiLoader(QUiLoader):
    """Loads a `.ui` file; every widget in it is made in Python and speaks as `qt` does.

    Raises
    ------
    LookupError
        The file has a class without a stand-in, or sets a property that its stand-in lacks, or
        connects an object that is not there.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._failures: list[Exception] = []

    def load(self, device: Any, parentWidget: Any = None) -> Any:  # noqa: N803 - Qt's name
        """Return the root widget described by an open `QFile`."""
        tree = ElementTree.fromstring(device.readAll().data())  # noqa: S314 - our own file
        problems = _problems(tree)
        if problems:
            raise LookupError("; ".join(problems))
        connections = _take_mrml_connections(tree)
        flags = _take_flags(tree)
        _translate(tree)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree))
        buffer.open(QtCore.QIODevice.ReadOnly)
        self._failures.clear()
        root: Any = super().load(buffer, parentWidget)
        for failure in self._failures:
            raise failure
        for widget, name, value in flags:
            setattr(_named(root, widget), name, value)
        for connection in connections:
            _connect(root, connection)
        return root

    def createWidget(self, className: str, parent: Any = None, name: str = "") -> Any:  # noqa: N802, N803 - Qt calls this
        """Make a widget of a class that `load` has found to exist."""
        try:
            made = _class_of(className)(parent)
        except Exception as error:  # Qt would crash on it; `load` raises it
            self._failures.append(error)
            made = QtWidgets.QWidget(parent)
        made.setObjectName(name)
        return made

    def createLayout(self, className: str, parent: Any = None, name: str = "") -> Any:  # noqa: N802, N803 - Qt calls this
        """Make a layout; on a widget only where it has none, else it will be nested."""
        owner = parent if isinstance(parent, QtWidgets.QWidget) else None
        made = getattr(QtWidgets, className)(*([owner] if owner and not owner.layout() else []))
        made.setObjectName(name)
        return made

    def createAction(self, parent: Any = None, name: str = "") -> Any:  # noqa: N802 - Qt calls this
        """Make an action."""
        made = QtGui.QAction(parent)
        made.setObjectName(name)
        return made


def _class_of(name: str) -> Any:
    return STANDINS.get(name) or getattr(QtWidgets, "QFrame" if name == _LINE else name, None)


def _problems(tree: ElementTree.Element) -> list[str]:
    told = []
    for element in tree.iter("widget"):
        name = element.get("class", "")
        cls = _class_of(name)
        if cls is None:
            told.append(f"no stand-in for the class {name}")
        elif name in STANDINS:
            for item in element.findall("property"):
                # Designer marks with stdset="0" what is added to a widget, not declared by it.
                declared = item.get("name", "") in DECLARED[name]
                if not declared and item.get("stdset") != "0":
                    told.append(f"the stand-in of {name} has no property {item.get('name')}")
    return told


def _take_mrml_connections(tree: ElementTree.Element) -> list[Connection]:
    """Remove and return those that Qt's loader could not make."""
    taken = []
    for connections in tree.iter("connections"):
        for item in connections.findall("connection"):
            texts = {field: item.findtext(field, "") for field in Connection.__slots__}
            if any(kind in texts["signal"] for kind in _MRML_TYPES):
                taken.append(Connection(**texts))
                connections.remove(item)
    return taken


def _take_flags(tree: ElementTree.Element) -> list[tuple[str, str, int]]:
    """Remove and return (widget, property, number) of each enum and flag of a stand-in."""
    taken = []
    for element in tree.iter("widget"):
        cls: Any = STANDINS.get(element.get("class", ""))
        for item in element.findall("property") if cls is not None else ():
            text = item.findtext("set") or item.findtext("enum")
            names = [name.rpartition("::") for name in text.split("|")] if text else []
            # Those of Qt itself, in properties that the stand-in inherits, Qt's loader can read.
            if names and all(owner == cls.__name__ for owner, _, _ in names):
                value = sum(getattr(cls, name) for _, _, name in names)
                taken.append((element.get("name", ""), item.get("name", ""), value))
                element.remove(item)
    return taken


def _translate(tree: ElementTree.Element) -> None:
    context = tree.findtext("class", "")
    for item in tree.iter("string"):
        if item.text and item.get("notr") != "true":
            item.text = i18n.translate(context, item.text)


def _connect(root: Any, connection: Connection) -> None:
    sender = _named(root, connection.sender)
    receiver = _named(root, connection.receiver)
    slot = getattr(receiver, connection.slot.partition("(")[0], None)
    if slot is None:
        raise LookupError(f"{receiver.className()} has no slot {connection.slot}")
    sender.connect(connection.signal, slot)


def _named(root: Any, name: str) -> Any:
    found = root if root.objectName == name else root.findChild(QtCore.QObject, name)
    if found is None:
        raise LookupError(f"a connection names {name}, which is not there")
    return found
