"""How a widget of CTK or Slicer is stood in for: a class of ours that is known by its C++ name.

    @standin
    class ctkMenuButton(QtWidgets.QPushButton): ...

A stand-in takes no attributes but those declared on its class or beginning with `_`, as the C++
class does. Properties must be declared by `kept` or by `QtCore.Property`: what a `.ui` file sets
arrives by the meta-object, and what is not declared there would vanish without a word.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from Testing.host.binding import QtCore, close_class

Class = TypeVar("Class", bound=type)
STANDINS: dict[str, type] = {}
"""Every stand-in by the name of the C++ class."""
DECLARED: dict[str, frozenset[str]] = {}
"""The properties of each, read once: PySide6 may delete a class's meta-object later."""


def standin(cls: Class) -> Class:
    """Register a stand-in; its methods and properties are then all that scripts can use."""
    STANDINS[cls.__name__] = cls
    meta: Any = getattr(cls, "staticMetaObject")  # noqa: B009 - a plain type has none
    names = (meta.property(index).name() for index in range(meta.propertyCount()))
    DECLARED[cls.__name__] = frozenset(names)
    close_class(cls)
    return cls


def kept(kind: Any, name: str, default: Any, changed: Callable[[Any], object] | None = None) -> Any:
    """Return a Qt property that keeps its value in the instance, under `_` and its name.

    Parameters
    ----------
    kind : type or str
        Of the value, in Python or in C++ (`"QStringList"`).
    name, default
        What it is called, and its value before the first assignment, which tells its type.
    changed : callable, optional
        Called with the instance after a change.
    """
    attribute = f"_{name}"

    def read(self: Any) -> Any:
        return self.__dict__.get(attribute, default)

    def write(self: Any, value: Any) -> None:
        before = read(self)
        setattr(self, attribute, default if value is None else type(default)(value))
        if changed is not None and read(self) != before:
            changed(self)

    return QtCore.Property(kind, read, write)
