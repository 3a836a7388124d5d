"""A small scripted module, written as one for Slicer is: file, `.ui` file, nothing of the host."""

from pathlib import Path

SOURCE = '''
"""A module for tests of the host."""

import enum
from typing import Annotated

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class Mode(enum.Enum):
    GLOBAL = 1
    LOCAL = 2


@parameterNodeWrapper
class SmallParameters:
    ct: slicer.vtkMRMLScalarVolumeNode
    percent: Annotated[float, WithinRange(0.5, 20), Default(3.0)]
    mode: Mode
    preset: Annotated[str, Choice(["3/2", "2/2"])] = "2/2"
    keep: bool


class Small(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Small")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Testing")]
        self.started = 0
        slicer.app.connect("startupCompleted()", self.onStartup)

    def onStartup(self):
        self.started += 1


class SmallWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.events = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/Small.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.parameters = SmallParameters(SmallLogic().getParameterNode())
        self.tag = self.parameters.connectGui(self.ui)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onClose)

    def enter(self):
        self.events.append("enter")

    def exit(self):
        self.events.append("exit")

    def cleanup(self):
        self.events.append("cleanup")
        self.removeObservers()
        self.parameters.disconnectGui(self.tag)

    def onClose(self, caller, event):
        self.events.append("closing")

    def onApply(self, checked):
        self.events.append("apply")


class SmallLogic(ScriptedLoadableModuleLogic):
    pass


class SmallTest(ScriptedLoadableModuleTest):
    ran = 0

    def runTest(self, **worker):
        self.delayDisplay("a message")
        SmallTest.ran += 1
'''

_PROPERTY = '<property name="{name}"{mark}>{value}</property>'
_UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>{name}</class><widget class="qMRMLWidget" name="{name}">
<layout class="QVBoxLayout" name="rootLayout">{items}</layout></widget>
<connections>{connections}</connections></ui>
"""
_CONNECTION = """<connection>
<sender>{sender}</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>{receiver}</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>"""


def prop(name: str, value: str, *, dynamic: bool = False) -> str:
    """Return a property as Designer writes it; `value` is the inner element."""
    mark = ' stdset="0"' if dynamic else ""
    return _PROPERTY.format(name=name, value=value, mark=mark)


def widget(class_name: str, name: str, *inside: str) -> str:
    """Return a widget with what is inside of it."""
    return f'<widget class="{class_name}" name="{name}">{"".join(inside)}</widget>'


def field(class_name: str, name: str, *inside: str) -> str:
    """Return a widget that is tied to the parameter of its name."""
    text = f'<string notr="true">{name}</string>'
    return widget(class_name, name, prop("SlicerParameterName", text, dynamic=True), *inside)


def column(*widgets: str) -> str:
    """Return a layout with widgets below each other."""
    items = "".join(f"<item>{item}</item>" for item in widgets)
    return f'<layout class="QVBoxLayout" name="column">{items}</layout>'


def ui_file(*widgets: str, scene_for: tuple[str, ...] = (), name: str = "Small") -> str:
    """Return a `.ui` file with a `qMRMLWidget` as root, and the widgets that it gives the scene."""
    items = "".join(f"<item>{item}</item>" for item in widgets)
    connections = (_CONNECTION.format(sender=name, receiver=receiver) for receiver in scene_for)
    return _UI.format(name=name, items=items, connections="".join(connections))


VOLUMES = '<stringlist notr="true"><string>vtkMRMLScalarVolumeNode</string></stringlist>'
UI = ui_file(
    widget(
        "ctkCollapsibleButton",
        "inputs",
        prop("text", "<string>Inputs</string>"),
        column(
            field(
                "qMRMLNodeComboBox",
                "ct",
                prop("nodeTypes", VOLUMES),
            ),
            field("ctkSliderWidget", "percent"),
            field("QComboBox", "mode"),
            field("QComboBox", "preset"),
            field("QCheckBox", "keep", prop("text", "<string>Keep</string>")),
        ),
    ),
    widget(
        "ctkCollapsibleButton",
        "advanced",
        prop("text", "<string>Advanced</string>"),
        prop("collapsed", "<bool>true</bool>"),
        column(widget("QLabel", "hint", prop("text", "<string>Rarely needed</string>"))),
    ),
    widget("QPushButton", "applyButton", prop("text", "<string>Apply</string>")),
    scene_for=("ct",),
)


def write_module(folder: Path) -> Path:
    """Write the module into a folder, as an extension lays it out, and return its file."""
    path = folder / "Small" / "Small.py"
    (path.parent / "Resources" / "UI").mkdir(parents=True)
    path.write_text(SOURCE, "utf-8")
    (path.parent / "Resources" / "UI" / "Small.ui").write_text(UI, "utf-8")
    return path
