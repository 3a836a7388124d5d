"""The parameter node wrapper keeps typed fields in the scene and shows them in widgets."""

import enum
from typing import TYPE_CHECKING, Annotated, Any

import pytest

if TYPE_CHECKING:
    from Testing.host.load import Host


class Task(enum.Enum):
    """What a job does."""

    SEGMENT = 1
    COMPARE = 2


@pytest.fixture
def node(host: "Host") -> Any:
    """Give a parameter node in the scene."""
    return host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")


@pytest.fixture
def wrapper(host: "Host") -> Any:
    """Give a wrapper class with a field of each kind."""
    names = host.slicer.parameterNodeWrapper

    class Parameters:
        ct: host.slicer.vtkMRMLScalarVolumeNode  # type: ignore[name-defined] # known when it runs
        percent: Annotated[float, names.WithinRange(0.5, 20), names.Default(3.0)]
        count: int = 4
        preset: Annotated[str, names.Choice(["3/2", "2/2"])] = "2/2"
        note: str
        keep: bool
        task: Task

    return names.parameterNodeWrapper(Parameters)


def test_new_node_gets_the_defaults_as_slicer_writes_them(wrapper: Any, node: Any) -> None:
    wrapper(node)

    names = ("ct", "percent", "count", "preset", "note", "keep", "task")
    assert {name: node.GetParameter(name) for name in names} == {
        "ct": "",
        "percent": "3.0",
        "count": "4",
        "preset": "2/2",
        "note": "",
        "keep": "False",
        "task": "SEGMENT",
    }


def test_values_go_through_the_node_and_come_back_typed(
    host: "Host", wrapper: Any, node: Any
) -> None:
    volume = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT 1")
    parameters = wrapper(node)

    parameters.ct = volume
    parameters.percent, parameters.count, parameters.preset = 2, 7, "3/2"
    parameters.note, parameters.keep, parameters.task = "second try", True, Task.COMPARE

    restored = wrapper(node)
    assert restored.ct is volume
    assert (restored.percent, restored.count, restored.preset) == (2.0, 7, "3/2")
    assert (restored.note, restored.keep, restored.task) == ("second try", True, Task.COMPARE)
    assert node.GetParameter("keep") == "True"
    assert node.GetNodeReferenceID("ct") == volume.GetID()


def test_what_a_saved_node_has_is_not_replaced_by_defaults(wrapper: Any, node: Any) -> None:
    node.SetParameter("percent", "5.5")
    node.SetParameter("task", "COMPARE")

    parameters = wrapper(node)

    assert (parameters.percent, parameters.task) == (5.5, Task.COMPARE)


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("percent", 0.1, 0.5),
        ("percent", "3", 3),
        ("count", 2.5, 2),
        ("preset", "9/9", "3/2"),
        ("note", None, ""),
        ("keep", "yes", True),
        ("task", "SEGMENT", Task.SEGMENT),
        ("ct", "CT 1", None),
    ],
)
def test_value_that_is_not_allowed_is_refused_and_the_next_taken(
    wrapper: Any, node: Any, name: str, bad: Any, good: Any
) -> None:
    parameters = wrapper(node)
    before = getattr(parameters, name)

    with pytest.raises((TypeError, ValueError)):
        setattr(parameters, name, bad)
    kept = getattr(parameters, name)
    setattr(parameters, name, good)

    assert kept == before
    assert getattr(parameters, name) == good


def test_node_that_leaves_the_scene_is_none(host: "Host", wrapper: Any, node: Any) -> None:
    volume = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT 1")
    parameters = wrapper(node)
    parameters.ct = volume

    host.slicer.mrmlScene.RemoveNode(volume)

    assert parameters.ct is None


def test_field_that_the_host_cannot_keep_is_refused(host: "Host") -> None:
    class Parameters:
        names: list[str]

    with pytest.raises(TypeError, match="Unable to store the field names"):
        host.slicer.parameterNodeWrapper.parameterNodeWrapper(Parameters)


def test_name_that_the_wrapper_needs_is_refused(host: "Host") -> None:
    class Parameters:
        getValue: str = ""  # noqa: N815 - Slicer's name, which is the point

    with pytest.raises(ValueError, match="reserved name 'getValue'"):
        host.slicer.parameterNodeWrapper.parameterNodeWrapper(Parameters)


def test_fields_can_be_asked_for_by_name(wrapper: Any, node: Any) -> None:
    parameters = wrapper(node)

    parameters.setValue("count", 9)

    assert parameters.getValue("count") == 9
    assert parameters.default("percent").value == 3.0
    assert parameters.dataType("task") is Task
    with pytest.raises(ValueError, match="Cannot find a parameter"):
        parameters.getValue("missing")


@pytest.fixture
def widgets(host: "Host") -> dict[str, Any]:
    """Give a widget for each field."""
    return {
        "ct": host.slicer.qMRMLNodeComboBox(),
        "percent": host.qt.QDoubleSpinBox(),
        "count": host.qt.QSpinBox(),
        "preset": host.qt.QComboBox(),
        "note": host.qt.QLineEdit(),
        "keep": host.qt.QCheckBox(),
        "task": host.qt.QComboBox(),
    }


def test_connected_widgets_show_the_node_and_get_its_limits(
    wrapper: Any, node: Any, widgets: dict[str, Any]
) -> None:
    wrapper(node).connectParametersToGui(widgets)

    assert (widgets["percent"].value, widgets["percent"].maximum) == (3.0, 20.0)
    assert widgets["count"].value == 4
    assert widgets["preset"].currentText == "2/2"
    assert widgets["task"].currentText == "SEGMENT"
    assert widgets["task"].count == 2
    assert list(widgets["ct"].nodeTypes) == ["vtkMRMLScalarVolumeNode"]


def test_change_in_a_widget_reaches_the_node(
    host: "Host", wrapper: Any, node: Any, widgets: dict[str, Any]
) -> None:
    volume = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT 1")
    widgets["ct"].setMRMLScene(host.slicer.mrmlScene)
    parameters = wrapper(node)
    parameters.connectParametersToGui(widgets)

    widgets["ct"].setCurrentNode(volume)
    widgets["percent"].value = 7.0
    widgets["count"].value = 8
    widgets["preset"].currentIndex = 0
    widgets["note"].text = "typed"
    widgets["keep"].checked = True
    widgets["task"].currentIndex = 1

    assert parameters.ct is volume
    assert (parameters.percent, parameters.count, parameters.preset) == (7.0, 8, "3/2")
    assert (parameters.note, parameters.keep, parameters.task) == ("typed", True, Task.COMPARE)


def test_change_of_the_node_reaches_the_widgets(
    host: "Host", wrapper: Any, node: Any, widgets: dict[str, Any]
) -> None:
    volume = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT 1")
    widgets["ct"].setMRMLScene(host.slicer.mrmlScene)
    parameters = wrapper(node)
    parameters.connectParametersToGui(widgets)

    other = wrapper(node)
    other.ct, other.percent, other.keep, other.task = volume, 9.5, True, Task.COMPARE
    node.SetParameter("note", "loaded")

    assert widgets["ct"].currentNode() is volume
    assert (widgets["percent"].value, widgets["keep"].checked) == (9.5, True)
    assert (widgets["task"].currentText, widgets["note"].text) == ("COMPARE", "loaded")


def test_widget_that_shows_fewer_decimals_leaves_the_value_alone(
    wrapper: Any, node: Any, widgets: dict[str, Any]
) -> None:
    parameters = wrapper(node)
    parameters.connectParametersToGui(widgets)
    widgets["percent"].decimals = 1

    node.SetParameter("percent", "3.14159")

    assert widgets["percent"].value == 3.1
    assert parameters.percent == 3.14159


def test_disconnected_widgets_and_node_go_their_own_ways(
    wrapper: Any, node: Any, widgets: dict[str, Any]
) -> None:
    parameters = wrapper(node)
    tag = parameters.connectParametersToGui(widgets)

    parameters.disconnectGui(tag)
    parameters.count = 9
    widgets["percent"].value = 7.0

    assert widgets["count"].value == 4
    assert parameters.percent == 3.0


def test_widgets_are_found_by_their_parameter_name(
    host: "Host", wrapper: Any, node: Any, widgets: dict[str, Any]
) -> None:
    root = host.qt.QWidget()
    for name in ("count", "keep"):
        widgets[name].setParent(root)
        widgets[name].setProperty("SlicerParameterName", name)
    parameters = wrapper(node)

    parameters.connectGui(root)
    widgets["count"].value = 6
    widgets["note"].text = "not connected"

    assert (parameters.count, parameters.note) == (6, "")


@pytest.mark.parametrize(
    ("field", "class_name"),
    [("note", "QPlainTextEdit"), ("note", "QComboBox"), ("keep", "QLineEdit"), ("ct", "QComboBox")],
)
def test_pair_that_slicer_cannot_connect_is_refused(
    host: "Host", wrapper: Any, node: Any, field: str, class_name: str
) -> None:
    with pytest.raises(RuntimeError):
        wrapper(node).connectParametersToGui({field: getattr(host.qt, class_name)()})


def test_slider_needs_a_field_with_limits(host: "Host", wrapper: Any, node: Any) -> None:
    parameters = wrapper(node)

    with pytest.raises(RuntimeError, match="needs a field with limits"):
        parameters.connectParametersToGui({"count": host.qt.QSlider()})
    parameters.connectParametersToGui({"percent": host.ctk.ctkSliderWidget()})


def test_modification_can_be_held_back(host: "Host", wrapper: Any, node: Any) -> None:
    parameters = wrapper(node)
    seen: list[str] = []
    parameters.AddObserver(
        host.vtk.vtkCommand.ModifiedEvent, lambda caller, name: seen.append(name)
    )

    with host.slicer.util.NodeModify(parameters):
        parameters.count, parameters.note = 5, "both at once"

    assert seen == ["ModifiedEvent"]
