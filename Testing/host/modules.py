"""The C++ halves of a scripted module, and `slicer.modules` with what was loaded.

A script sees three of them: the `parent` of its module class, on which that sets title and the
rest; the `parent` of its widget class, which is also what reloads it; and `slicer.modules.<name>`,
which is the first of these again.
"""

# ruff: noqa: N801, N802, N815 - the names are Slicer's

import sys
import types
from dataclasses import dataclass, field
from typing import Any

import slicer
from Testing.host.binding import QtCore, QtGui, QtWidgets
from Testing.host.standins import standin
from Testing.host.widgets_mrml import qMRMLWidget


@dataclass(slots=True, kw_only=True, eq=False)
class qSlicerScriptedLoadableModule:
    """What Slicer knows of a scripted module; the module class fills it.

    The slots refuse what is not a property of the C++ class.
    """

    name: str
    path: str
    title: str = ""
    categories: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    contributors: list[str] = field(default_factory=list)
    associatedNodeTypes: list[str] = field(default_factory=list)
    helpText: str = ""
    acknowledgementText: str = ""
    icon: Any = field(default_factory=QtGui.QIcon)
    index: int = -1
    hidden: bool = False
    widgetRepresentationCreationEnabled: bool = True
    root: Any = None

    def widgetRepresentation(self) -> Any:
        """Return the widget, None before there is one."""
        return self.root


@standin
class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The widget that the panel of a scripted module is put into.

    Parameters
    ----------
    module : qSlicerScriptedLoadableModule
        Its Python file must have been imported, and be found in `sys.modules`.
    """

    def __init__(self, module: qSlicerScriptedLoadableModule) -> None:
        super().__init__()
        self._module = module
        self._entered = False
        self._self: Any = None
        self.setLayout(QtWidgets.QVBoxLayout())
        self.setWindowTitle(module.title)

    module = property(lambda self: self._module)
    isEntered = QtCore.Property(bool, lambda self: self._entered)

    def self(self) -> Any:
        """Return the Python half."""
        return self._self

    def make(self) -> None:
        """Make the Python half from the class of the imported file, and set it up."""
        class_name = f"{self._module.name}Widget"
        self._self = getattr(sys.modules[self._module.name], class_name)(self)
        setattr(slicer.modules, class_name, self._self)
        self._self.setup()

    reload = make

    def enter(self) -> None:
        """Come to the module, as a user does."""
        self._entered = True
        getattr(self._self, "enter", lambda: None)()

    def exit(self) -> None:
        """Leave the module."""
        self._entered = False
        getattr(self._self, "exit", lambda: None)()


def core_module(name: str, logic: Any) -> Any:
    """Return a module written in C++, of which there is only the logic."""
    return types.SimpleNamespace(name=name, logic=lambda: logic, widgetRepresentation=lambda: None)
