"""PySide6 made to speak as PythonQt does, in place, so that its classes stay what they are.

    w.text, w.enabled           properties, read and assigned; `w.text()` fails
    w.tooltip = "typed wrong"   refused: a script cannot invent attributes of a Qt object
    qt.QLabel(text="x")         refused: constructors take no keywords
    w.connect("clicked()", f)   by C++ signature, as told in `signals`
    w.name, w.className()       `name` is the object name

Because the classes are PySide6's own, `isinstance`, `findChildren` and comparisons of types hold.
After this PySide6's type stubs are wrong, so the modules are given out here without types. The
change is made when this module is imported: nothing may be derived from a class before.
"""

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from PySide6 import QtCore as _QtCore
from PySide6 import QtGui as _QtGui
from PySide6 import QtPrintSupport as _QtPrintSupport
from PySide6 import QtWidgets as _QtWidgets
from Testing.host import signals

QtCore: Any = _QtCore
QtGui: Any = _QtGui
QtWidgets: Any = _QtWidgets
QtPrintSupport: Any = _QtPrintSupport
MODULES = (QtCore, QtGui, QtWidgets, QtPrintSupport)

_read_property: Any = _QtCore.QObject.property
_write_property: Any = _QtCore.QObject.setProperty
# Of QObject, which keeps its own: a class in between would make Python refuse the jump over it.
_set_attribute: Any = _QtCore.QObject.__setattr__

# Methods that hand out objects which Qt made itself: they pass by no constructor of ours.
_GIVING = frozenset(
    "addAction addButton addMenu button children completer currentWidget defaultAction document"
    " findChild findChildren horizontalHeader horizontalScrollBar itemDelegate layout lineEdit menu"
    " menuAction model parent parentWidget selectionModel sender tabBar verticalHeader"
    " verticalScrollBar view widget window".split()
)
_closed: set[type] = set()  # classes whose instances take no new attributes


class QtProperty:
    """A Qt property as an attribute.

    Asked on the class it gives what PySide6 has under that name: `QTimer.singleShot` is a property
    and a static function.
    """

    __slots__ = ("_getter", "_name", "_native", "_setter", "_writable")

    def __init__(self, cls: type, name: str, *, writable: bool) -> None:
        self._name = name
        self._writable = writable
        self._native = getattr(cls, name, None)
        static = isinstance(cls.__dict__.get(name), staticmethod)
        # The method, called on the class, does not ask an override in Python again.
        self._getter = None if static else self._native
        self._setter = getattr(cls, f"set{name[0].upper()}{name[1:]}", None)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self if self._native is None else self._native
        if self._getter is not None:
            return adopt(self._getter(instance))
        return adopt(_read_property(instance, self._name))

    def __set__(self, instance: Any, value: Any) -> None:
        if not self._writable:
            raise AttributeError(f"property {self._name!r} cannot be written")
        if self._setter is not None:
            self._setter(instance, value)
        elif not _write_property(instance, self._name, value):
            raise TypeError(f"property {self._name!r} does not take a {type(value).__name__}")


def close_class(cls: Any) -> None:
    """Let instances of exactly this class take no new attributes, but those with a `_`."""
    _closed.add(cls)
    if cls is not _QtCore.QObject:
        cls.__setattr__ = _assign


def adopt(made: Any) -> Any:
    """Give `connect` and `disconnect` by signature to an object, or a list of them; return it.

    PySide6 looks for these two in the instance before it takes its own.
    """
    if isinstance(made, list):
        for item in made:
            adopt(item)
    elif isinstance(made, _QtCore.QObject) and "connect" not in made.__dict__:
        reference = weakref.ref(made)  # the object must not keep itself alive
        made.__dict__["connect"] = functools.partial(signals.connect, reference)
        made.__dict__["disconnect"] = functools.partial(signals.disconnect, reference)
    return made


def _speak_pythonqt() -> None:
    """Change every class of the modules above."""
    classes = list(_qt_classes())
    objects: list[Any] = [cls for cls in classes if issubclass(cls, _QtCore.QObject)]
    for cls in objects:  # all of them first: a setter is looked up on the class as it was
        _make_properties(cls)
    for cls in classes:
        _refuse_keywords(cls)
    for cls in objects:
        close_class(cls)
        for name in _GIVING & cls.__dict__.keys():
            if not isinstance(cls.__dict__[name], QtProperty):
                setattr(cls, name, _adopting(cls.__dict__[name]))
        if "exec" in cls.__dict__:
            cls.exec_ = cls.__dict__["exec"]
        if "print_" in cls.__dict__:
            cls.print = cls.__dict__["print_"]
    QtCore.QObject.name = QtProperty(_QtCore.QObject, "objectName", writable=True)
    QtCore.QObject.className = lambda self: self.metaObject().className()


def _qt_classes() -> Iterator[type]:
    seen = set()
    for module in MODULES:
        for name in dir(module):
            cls = getattr(module, name)
            if isinstance(cls, type(_QtCore.QObject)) and cls not in seen:
                seen.add(cls)
                yield cls


def _make_properties(cls: Any) -> None:
    meta = cls.staticMetaObject
    made = {}
    for index in range(meta.propertyCount()):
        entry = meta.property(index)
        # Inherited ones too where the class has a method of that name: it would hide the property.
        if index >= meta.propertyOffset() or entry.name() in cls.__dict__:
            made[entry.name()] = QtProperty(cls, entry.name(), writable=entry.isWritable())
    for name, descriptor in made.items():
        setattr(cls, name, descriptor)


def _refuse_keywords(cls: Any) -> None:
    native = cls.__init__

    @functools.wraps(native, assigned=("__name__",))
    def initialise(self: Any, *arguments: Any, **keywords: Any) -> None:
        if keywords:
            raise TypeError(f"{cls.__name__} takes no keywords")
        native(self, *arguments)
        adopt(self)

    cls.__init__ = initialise


def _assign(self: Any, name: str, value: Any) -> None:
    cls = type(self)
    by_script = not isinstance(value, _QtCore.SignalInstance)  # PySide6 keeps signals so
    if by_script and cls in _closed and not name.startswith("_") and not _assignable(cls, name):
        raise AttributeError(f"{cls.__name__} has no property {name!r}; new ones are not allowed")
    _set_attribute(self, name, value)


def _assignable(cls: type, name: str) -> bool:
    found = getattr(cls, name, None)
    if isinstance(found, _QtCore.Property):
        return True
    declared = next((k.__dict__[name] for k in cls.__mro__ if name in k.__dict__), None)
    return hasattr(declared, "__set__")


def _adopting(native: Any) -> Callable[..., Any]:
    @functools.wraps(native, assigned=("__name__",))
    def give(self: Any, *arguments: Any, **keywords: Any) -> Any:
        return adopt(native(self, *arguments, **keywords))

    return give


_speak_pythonqt()
