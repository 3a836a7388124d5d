"""The host's `qt` speaks as Slicer's does, and refuses what Slicer's refuses."""

import gc
import weakref
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from Testing.host.load import Host


@pytest.fixture
def qt(host: "Host") -> Any:
    """Give the module that scripts import as `qt`."""
    import qt

    assert qt is host.qt
    return qt


def test_property_is_read_without_parentheses(qt: Any) -> None:
    button = qt.QPushButton("Apply")

    assert button.text == "Apply"
    assert button.enabled is True
    assert button.checked is False


def test_property_that_a_derived_class_overrides_is_one_too(qt: Any) -> None:
    button = qt.QPushButton("Apply")

    assert button.sizeHint.width() > 0
    assert button.minimumSizeHint.height() > 0


def test_property_with_parentheses_fails(qt: Any) -> None:
    label = qt.QLabel("CT")

    with pytest.raises(TypeError, match="not callable"):
        label.text()


def test_assignment_sets_the_property_in_qt(qt: Any) -> None:
    label, spin = qt.QLabel(), qt.QSpinBox()

    label.text = "Dose"
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignTop
    spin.maximum = 7
    spin.value = 100

    assert label.property("text") == "Dose"
    assert label.alignment == qt.Qt.AlignRight | qt.Qt.AlignTop
    assert spin.value == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 3), ("tooltip", "typed wrong"), ("show", "a method"), ("text", "typed right")],
)
def test_assignment_is_refused_for_what_is_no_property_to_write(
    qt: Any, name: str, value: Any
) -> None:
    label = qt.QLabel("CT")

    with pytest.raises(AttributeError) if name != "text" else nullcontext():
        setattr(label, name, value)


def test_assignment_is_refused_for_a_value_of_another_type(qt: Any) -> None:
    label = qt.QLabel("CT")

    with pytest.raises(TypeError):
        label.wordWrap = "yes"
    label.wordWrap = True

    assert label.wordWrap


def test_class_of_a_script_may_have_its_own_attributes(qt: Any) -> None:
    class Row(qt.QWidget):  # type: ignore[misc] # the binding has no types
        def __init__(self) -> None:
            super().__init__()
            self.structure = "Lung_L"

    row = Row()
    row.volume_cc = 3

    assert (row.structure, row.volume_cc) == ("Lung_L", 3)


@pytest.mark.parametrize("class_name", ["QLabel", "QWidget", "QVBoxLayout", "QTimer", "QColor"])
def test_constructor_refuses_keywords(qt: Any, class_name: str) -> None:
    with pytest.raises(TypeError, match="takes no keywords"):
        getattr(qt, class_name)(parent=None)


def test_constructor_takes_the_same_without_keywords(qt: Any) -> None:
    parent = qt.QWidget()

    label = qt.QLabel("CT", parent)

    assert label.parent() is parent


def test_connect_by_signature_and_by_attribute_both_call(qt: Any) -> None:
    button = qt.QPushButton()
    button.checkable = True
    got: list[tuple[Any, ...]] = []

    assert button.connect("clicked(bool)", lambda *given: got.append(("signature", *given)))
    button.clicked.connect(lambda checked: got.append(("attribute", checked)))
    button.connect("clicked()", lambda *given: got.append(("bare", *given)))
    button.click()

    assert sorted(got) == [("attribute", True), ("bare",), ("signature", True)]


def test_connect_takes_a_slot_of_another_object_by_signature(qt: Any) -> None:
    box, label = qt.QCheckBox(), qt.QLabel()

    box.connect("toggled(bool)", label, "setEnabled(bool)")
    box.checked = True
    box.checked = False

    assert not label.enabled


@pytest.mark.parametrize("signature", ["clicked", "clicked(int)", "pressedHard()"])
def test_connect_refuses_a_signal_that_is_not_there(qt: Any, signature: str) -> None:
    button = qt.QPushButton()

    with pytest.raises(ValueError, match="full C\\+\\+ signature"):
        button.connect(signature, print)


def test_disconnect_ends_one_connection_and_leaves_others(qt: Any) -> None:
    button = qt.QPushButton()
    got: list[str] = []

    def first() -> None:
        got.append("first")

    button.connect("clicked()", first)
    button.connect("clicked()", lambda: got.append("second"))

    assert button.disconnect("clicked()", first)
    assert not button.disconnect("clicked()", first)
    button.click()

    assert got == ["second"]


def test_object_that_qt_made_can_be_connected_too(qt: Any) -> None:
    menu, box = qt.QMenu(), qt.QMessageBox()
    got: list[str] = []

    action = menu.addAction("Copy")
    action.connect("triggered()", lambda: got.append("action"))
    button = box.addButton(qt.QMessageBox.Ok)
    button.connect("clicked()", lambda: got.append("button"))
    action.trigger()
    button.click()

    assert got == ["action", "button"]


def test_timer_has_property_and_static_function_of_one_name(host: "Host", qt: Any) -> None:
    got: list[str] = []
    timer = qt.QTimer()
    timer.singleShot = True
    timer.connect("timeout()", lambda: got.append("timer"))

    timer.start(1)
    qt.QTimer.singleShot(1, lambda: got.append("shot"))
    host.process_events(lambda: len(got) == 2)

    assert sorted(got) == ["shot", "timer"]
    assert timer.singleShot is True


def test_name_is_the_object_name_and_class_name_is_a_method(qt: Any) -> None:
    box = qt.QCheckBox()

    box.name = "keepInputs"

    assert box.objectName == "keepInputs"
    assert box.className() == "QCheckBox"


def test_enums_are_unscoped_and_dialogs_run_by_exec_(qt: Any) -> None:
    dialog = qt.QDialog()
    qt.QTimer.singleShot(1, dialog.accept)

    assert dialog.exec_() == qt.QDialog.Accepted
    assert qt.Qt.AlignLeft
    assert qt.QMessageBox.Ok | qt.QMessageBox.Cancel


@pytest.mark.parametrize("name", ["Signal", "Slot", "Property", "QInputDialog", "QDesktopWidget"])
def test_what_slicers_qt_lacks_is_not_there(qt: Any, name: str) -> None:
    assert not hasattr(qt, name)


@pytest.mark.parametrize("name", ["getOpenFileName", "getSaveFileName", "getExistingDirectory"])
def test_static_file_dialogs_are_not_there_but_the_dialog_is(qt: Any, name: str) -> None:
    assert not hasattr(qt.QFileDialog, name)
    assert qt.QFileDialog().fileMode == qt.QFileDialog.AnyFile


def test_classes_are_qts_own_so_that_checks_of_type_hold(qt: Any) -> None:
    parent = qt.QWidget()
    button = qt.QPushButton("Apply", parent)

    assert isinstance(button, qt.QAbstractButton)
    assert parent.findChildren(qt.QWidget) == [button]
    assert type(button) is qt.QPushButton


def test_widget_does_not_keep_itself_alive(qt: Any) -> None:
    button = qt.QPushButton()
    reference = weakref.ref(button)

    gc.disable()  # only then does the count of references decide
    try:
        del button
        assert reference() is None
    finally:
        gc.enable()


def test_settings_are_in_a_file_of_this_process(host: "Host", qt: Any) -> None:
    qt.QSettings().setValue("EncryptSecureRT/test", "kept")

    assert qt.QSettings().value("EncryptSecureRT/test") == "kept"
    assert qt.QSettings().fileName().startswith(host.slicer.app.temporaryPath)
    qt.QSettings().remove("EncryptSecureRT/test")
