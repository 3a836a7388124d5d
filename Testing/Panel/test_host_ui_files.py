"""`.ui` files in the host: stand-ins, what they lack, connections, and translated texts."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from Testing.Panel.small_module import VOLUMES, column, prop, ui_file, widget

if TYPE_CHECKING:
    from Testing.host.load import Host

_VOLUMES = prop("nodeTypes", VOLUMES)
Load = Callable[[str], Any]


def _child(host: "Host", root: Any, name: str) -> Any:
    return host.slicer.util.findChild(root, name)


def test_named_children_are_attributes_under_their_names(host: "Host", ui: Load) -> None:
    root = ui(ui_file(widget("QPushButton", "applyButton", prop("text", "<string>Go</string>"))))

    found = host.slicer.util.childWidgetVariables(root)

    assert found.applyButton.text == "Go"
    assert type(found.applyButton) is host.qt.QPushButton


def test_widget_from_a_file_is_connected_by_signature(host: "Host", ui: Load) -> None:
    root = ui(ui_file(widget("QPushButton", "applyButton")))
    got: list[bool] = []

    _child(host, root, "applyButton").connect("clicked(bool)", got.append)
    _child(host, root, "applyButton").click()

    assert got == [False]


@pytest.mark.parametrize("class_name", ["qMRMLSliceWidget", "ctkVTKRenderView", "QFancyButton"])
def test_class_without_a_stand_in_is_an_error(ui: Load, class_name: str) -> None:
    with pytest.raises(LookupError, match=f"no stand-in for the class {class_name}"):
        ui(ui_file(widget(class_name, "thing")))


@pytest.mark.parametrize(
    "class_name", ["QTableWidget", "qMRMLNodeComboBox", "qMRMLSegmentsTableView", "ctkSliderWidget"]
)
def test_class_with_a_stand_in_and_qts_own_are_made(
    host: "Host", ui: Load, class_name: str
) -> None:
    root = ui(ui_file(widget(class_name, "thing")))

    assert _child(host, root, "thing").className() == class_name


def test_property_that_a_stand_in_lacks_is_an_error(ui: Load) -> None:
    with pytest.raises(LookupError, match="ctkSliderWidget has no property valu"):
        ui(ui_file(widget("ctkSliderWidget", "slider", prop("valu", "<double>3</double>"))))


def test_property_that_a_stand_in_has_arrives(host: "Host", ui: Load) -> None:
    slider = widget(
        "ctkSliderWidget",
        "slider",
        prop("maximum", "<double>20</double>"),
        prop("value", "<double>7.5</double>"),
        prop("suffix", '<string notr="true"> mm</string>'),
    )

    found = _child(host, ui(ui_file(slider)), "slider")

    assert (found.maximum, found.value, found.suffix) == (20, 7.5, " mm")


def test_property_that_designer_adds_stays_a_dynamic_one(host: "Host", ui: Load) -> None:
    text = '<string notr="true">percent</string>'
    slider = widget("ctkSliderWidget", "s", prop("SlicerParameterName", text, dynamic=True))

    assert _child(host, ui(ui_file(slider)), "s").property("SlicerParameterName") == "percent"


def test_flags_of_a_stand_in_arrive_as_a_number(host: "Host", ui: Load) -> None:
    flags = "<set>ctkPathLineEdit::Files|ctkPathLineEdit::Readable</set>"

    root = ui(ui_file(widget("ctkPathLineEdit", "path", prop("filters", flags))))

    paths = host.ctk.ctkPathLineEdit
    assert _child(host, root, "path").filters == paths.Files | paths.Readable


def test_only_what_the_file_connects_gets_the_scene(host: "Host", ui: Load) -> None:
    root = ui(
        ui_file(
            widget("qMRMLNodeComboBox", "connected", _VOLUMES),
            widget("qMRMLNodeComboBox", "forgotten", _VOLUMES),
            scene_for=("connected",),
        )
    )

    root.setMRMLScene(host.slicer.mrmlScene)

    assert _child(host, root, "connected").enabled
    assert not _child(host, root, "forgotten").enabled


def test_connection_to_what_is_not_there_is_an_error(ui: Load) -> None:
    with pytest.raises(LookupError, match="names nobody"):
        ui(ui_file(widget("QLabel", "label"), scene_for=("nobody",)))


def test_connection_to_a_widget_without_that_slot_is_an_error(ui: Load) -> None:
    with pytest.raises(LookupError, match="QLabel has no slot setMRMLScene"):
        ui(ui_file(widget("QLabel", "label"), scene_for=("label",)))


def test_texts_of_a_file_are_translated_unless_it_says_not(host: "Host", ui: Load) -> None:
    button = widget("QPushButton", "a", prop("text", "<string>Apply</string>"))
    unit = widget("QLabel", "b", prop("text", '<string notr="true">mm</string>'))

    with host.slicer.i18n.marked():
        root = ui(ui_file(button, unit))

    assert _child(host, root, "a").text == "⟦Apply⟧"
    assert host.slicer.i18n.untranslated(root) == [("b", "mm")]


def test_layouts_in_layouts_and_lines_come_as_they_stand(host: "Host", ui: Load) -> None:
    inner = column(widget("QLabel", "first"), widget("Line", "line"), widget("QLabel", "last"))
    root = ui(ui_file(widget("QWidget", "box", inner)))

    layout = _child(host, root, "box").layout()

    assert [layout.itemAt(i).widget().objectName for i in range(layout.count())] == [
        "first",
        "line",
        "last",
    ]
    assert _child(host, root, "line").className() == "QFrame"


def test_missing_file_is_slicers_own_error(host: "Host") -> None:
    with pytest.raises(RuntimeError, match="file not found"):
        host.slicer.util.loadUI("missing.ui")
