"""`slicer.parameterNodeWrapper`: a class whose fields live in a node of the scene.

    @parameterNodeWrapper
    class Parameters:
        ct: vtkMRMLScalarVolumeNode
        dosePercent: Annotated[float, WithinRange(0.1, 20), Default(3)]

    parameters = Parameters(logic.getParameterNode())
    tag = parameters.connectGui(self.ui)

This is the part of Slicer's that a panel of ours may use: see `Field` for the types and
`params_gui` for the widgets. There are no parameter packs, lists, paths or unions.
"""

# ruff: noqa: N802, N803 - the names are Slicer's

from collections.abc import Callable
from typing import Any, get_type_hints

import qt
import slicer
import vtk
from Testing.host.params_gui import Connector, connector_for
from Testing.host.params_types import (
    Choice,
    Decimals,
    Default,
    Exclude,
    Field,
    Maximum,
    Minimum,
    SingleStep,
    Validator,
    WithinRange,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "Maximum",
    "Minimum",
    "SingleStep",
    "Validator",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]
_WIDGET_PROPERTY = "SlicerParameterName"


def parameterNodeWrapper(cls: type | None = None) -> Any:
    """Turn the annotated names of a class into fields of a parameter node.

    Raises
    ------
    TypeError
        For a field that cannot be stored.
    ValueError
        If the class has something under a name that is taken.
    """
    if cls is None:
        return parameterNodeWrapper
    hints = get_type_hints(cls, include_extras=True)
    fields = {name: Field.of(name, hint, cls) for name, hint in hints.items()}
    for name, field in fields.items():
        setattr(cls, name, _property_of(field))
    members = {name: item for name, item in vars(_Wrapped).items() if not name.startswith("__")}
    for name, item in {**members, "allParameters": fields}.items():
        if hasattr(cls, name):
            raise ValueError(f"Cannot use reserved name {name!r} in a parameterNodeWrapper")
        setattr(cls, name, item)
    cls.__init__ = _Wrapped.__init__  # type: ignore[misc] # the class becomes a wrapper
    return cls


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    """Whether a class, or an object of it, was made by the decorator."""
    return hasattr(classOrObj, "allParameters")


def _property_of(field: Field) -> property:
    return property(
        lambda self: field.read(self.parameterNode),
        lambda self, value: field.write(self.parameterNode, value),
    )


class _Connection:
    """Widgets that show fields of a wrapper, until they are let go."""

    def __init__(self, wrapper: Any, connectors: dict[str, Connector]) -> None:
        self._wrapper = wrapper
        self._connectors = connectors
        self._callbacks = {name: self._callback(name) for name in connectors}
        for name, connector in connectors.items():
            connector.write(wrapper.getValue(name))
            connector.listen(self._callbacks[name])
        event = vtk.vtkCommand.ModifiedEvent
        self._tag = wrapper.AddObserver(event, lambda caller, name: self.show())

    def _callback(self, name: str) -> Callable[..., None]:
        def changed(*_: object) -> None:
            if not self._wrapper._showing:
                with slicer.util.NodeModify(self._wrapper):
                    self._wrapper.setValue(name, self._connectors[name].read())

        return changed

    def show(self) -> None:
        """Bring the widgets up to what the node has."""
        if self._wrapper._showing:
            return
        self._wrapper._showing = True
        try:
            for name, connector in self._connectors.items():
                connector.write(self._wrapper.getValue(name))
        finally:
            self._wrapper._showing = False

    def end(self) -> None:
        """Let the widgets go."""
        self._wrapper.RemoveObserver(self._tag)
        for name, connector in self._connectors.items():
            connector.stop(self._callbacks[name])


class _Wrapped:
    """What the decorator gives to a class."""

    allParameters: dict[str, Field]  # noqa: N815

    def __init__(self, parameterNode: Any) -> None:
        self.parameterNode = parameterNode
        self._showing = False
        self._connections: dict[int, _Connection] = {}
        self._next_tag = 0
        for field in self.allParameters.values():
            field.read(parameterNode)  # stores the default where nothing is

    def _field(self, name: str) -> Field:
        if name not in self.allParameters:
            raise ValueError(f"Cannot find a parameter with the given name: {name}")
        return self.allParameters[name]

    def dataType(self, membername: str) -> Any:
        """Return the type of a field."""
        return self._field(membername).kind

    def default(self, paramName: str) -> Default:
        """Return the default of a field."""
        return self._field(paramName).default

    def getValue(self, name: str) -> Any:
        """Return the value of a field by name."""
        return self._field(name).read(self.parameterNode)

    def setValue(self, name: str, value: Any) -> None:
        """Set a field by name."""
        self._field(name).write(self.parameterNode, value)

    def connectGui(self, gui: Any) -> int:
        """Connect the widgets with a `SlicerParameterName` that are below a widget or its names."""
        if getattr(gui, "isWidgetType", lambda: False)():
            widgets = gui.findChildren(qt.QWidget)
        else:
            widgets = list(vars(gui).values())
        named = {widget.property(_WIDGET_PROPERTY): widget for widget in widgets}
        return self.connectParametersToGui({name: w for name, w in named.items() if name})

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Connect fields to widgets, both ways; return what `disconnectGui` wants."""
        connectors = {name: connector_for(w, self._field(name)) for name, w in mapping.items()}
        self._next_tag += 1
        self._connections[self._next_tag] = _Connection(self, connectors)
        return self._next_tag

    def disconnectGui(self, guiTag: int) -> None:
        """Undo `connectGui`."""
        connection = self._connections.pop(guiTag, None)
        if connection is not None:
            connection.end()

    def StartModify(self) -> int:
        """Hold events back."""
        return int(self.parameterNode.StartModify())

    def EndModify(self, wasModified: int) -> None:
        """Let events go."""
        self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: int, callback: Any, priority: float = 0.0) -> int:
        """Observe the node."""
        return int(self.parameterNode.AddObserver(event, callback, priority))

    def RemoveObserver(self, tag: int) -> None:
        """Observe no more."""
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        """Tell observers."""
        self.parameterNode.Modified()
