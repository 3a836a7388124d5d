"""The stand-ins for CTK's widgets behave as those do."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from Testing.host.load import Host


@pytest.fixture
def section(host: "Host") -> Any:
    """Give an open section, shown, with a label and a check box in it."""
    section = host.ctk.ctkCollapsibleButton("Advanced")
    layout = host.qt.QVBoxLayout(section)
    for made in (host.qt.QLabel("Proxy"), host.qt.QCheckBox("Keep")):
        layout.addWidget(made)
    section.show()
    return section


def _visible(section: Any) -> list[bool]:
    return [child.visible for child in section.children() if child.isWidgetType()]


def test_collapsed_section_hides_its_children_and_opens_again(section: Any) -> None:
    shown = _visible(section)
    section.collapsed = True
    hidden = _visible(section)
    section.collapsed = False

    assert (shown, hidden, _visible(section)) == ([True, True], [False, False], [True, True])


def test_collapsed_section_is_as_high_as_its_header(section: Any) -> None:
    open_px = section.sizeHint().height()

    section.collapsed = True

    assert section.sizeHint().height() == section.maximumHeight < open_px


def test_section_collapsed_before_it_has_children_hides_them_when_shown(host: "Host") -> None:
    section = host.ctk.ctkCollapsibleButton()
    section.collapsed = True
    label = host.qt.QLabel("Proxy")
    host.qt.QVBoxLayout(section).addWidget(label)

    section.show()
    host.slicer.app.processEvents()

    assert section.visible
    assert not label.visible


def test_child_shown_by_a_script_stays_hidden_until_the_section_opens(section: Any) -> None:
    label = section.layout().itemAt(0).widget()
    label.visible = False
    section.collapsed = True

    label.visible = True
    while_closed = label.visible
    section.collapsed = False

    assert (while_closed, label.visible) == (False, True)


def test_child_hidden_by_a_script_stays_hidden_when_the_section_opens(section: Any) -> None:
    section.collapsed = True
    section.layout().itemAt(0).widget().visible = False

    section.collapsed = False

    assert _visible(section) == [False, True]


def test_section_is_a_checkable_button_that_tells_when_it_collapses(
    host: "Host", section: Any
) -> None:
    got: list[bool] = []
    section.connect("contentsCollapsed(bool)", got.append)

    section.checked = False
    section.click()

    assert isinstance(section, host.qt.QAbstractButton)
    assert got == [True, False]
    assert section.text == "Advanced"


def test_section_takes_clicks_on_its_header_only(host: "Host", section: Any) -> None:
    section.resize(300, 200)

    assert section.hitButton(host.qt.QPoint(150, 5))
    assert not section.hitButton(host.qt.QPoint(150, 150))


@pytest.mark.parametrize("class_name", ["ctkSliderWidget", "ctkDoubleSpinBox"])
def test_number_is_kept_within_limits_and_tells_of_changes(host: "Host", class_name: str) -> None:
    number = getattr(host.ctk, class_name)()
    number.minimum, number.maximum = 0.5, 20.0
    got: list[float] = []
    number.connect("valueChanged(double)", got.append)

    number.value = 3.0
    number.setValue(50.0)

    assert got == [3.0, 20.0]
    assert number.value == 20.0


def test_slider_moves_the_number_and_the_number_the_slider(host: "Host") -> None:
    number = host.ctk.ctkSliderWidget()
    number.maximum = 10.0
    slider = number.findChild(host.qt.QSlider)

    number.value = 5.0
    half = slider.value
    slider.sliderMoved.emit(slider.maximum)

    assert half == slider.maximum // 2
    assert number.value == 10.0


def test_ends_of_a_range_do_not_pass_each_other(host: "Host") -> None:
    both = host.ctk.ctkDoubleRangeSlider()
    both.setRange(0.0, 10.0)
    both.setValues(2.0, 4.0)

    both.minimumValue = 6.0
    low_pushed = (both.minimumValue, both.maximumValue)
    both.maximumValue = 1.0

    assert low_pushed == (6.0, 6.0)
    assert (both.minimumValue, both.maximumValue) == (1.0, 1.0)


def test_path_is_a_text_with_a_history(host: "Host") -> None:
    edit = host.ctk.ctkPathLineEdit()
    got: list[str] = []
    edit.connect("currentPathChanged(QString)", got.append)

    edit.currentPath = "policy.json"
    edit.addCurrentPathToHistory()
    edit.addCurrentPathToHistory()

    assert got == ["policy.json"]
    assert edit.comboBox().count == 1


def test_browse_button_can_be_hidden(host: "Host") -> None:
    edit = host.ctk.ctkPathLineEdit()
    edit.show()
    button = edit.findChild(host.qt.QToolButton)

    before = button.visible
    edit.showBrowseButton = False

    assert (before, button.visible) == (True, False)


def test_text_browser_grows_with_its_text(host: "Host") -> None:
    browser = host.ctk.ctkFittedTextBrowser()
    browser.resize(300, 40)
    browser.show()
    browser.setPlainText("one line")
    one_px = browser.height

    browser.setPlainText("line\n" * 10)

    assert browser.height > 3 * one_px


def test_combo_box_without_a_choice_shows_its_default_text(host: "Host") -> None:
    combo = host.ctk.ctkComboBox()

    combo.defaultText = "Choose a model"

    assert combo.placeholderText == "Choose a model"
    assert isinstance(combo, host.qt.QComboBox)


def test_message_box_asks_whether_to_come_again_only_if_told(host: "Host") -> None:
    box = host.ctk.ctkMessageBox()
    before = box.dontShowAgainVisible

    box.dontShowAgainVisible = True
    box.dontShowAgain = True

    assert (before, box.dontShowAgainVisible, box.dontShowAgain) == (False, True, True)


def test_stand_in_refuses_what_the_real_widget_has_not(host: "Host") -> None:
    number = host.ctk.ctkSliderWidget()

    with pytest.raises(AttributeError, match="has no property 'tooltip'"):
        number.tooltip = "typed wrong"
    number.toolTip = "typed right"

    assert number.toolTip == "typed right"
