"""The panel without a mouse: Tab goes as one reads, keys do what they say, and all has a name."""

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from Testing.Panel.traces import choose_body_only
from Testing.Panel.windows import SECTIONS, fit, widgets, window

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic
    from Testing.Panel.held_clinic import HeldClinic

_CONTROLS = (
    "QAbstractButton",
    "QComboBox",
    "QAbstractSpinBox",
    "QLineEdit",
    "QAbstractItemView",
    "QPlainTextEdit",
    "QTabBar",
)


@pytest.fixture
def done(ready: "PanelBench") -> "PanelBench":
    """Run a job, and open everything that can be opened."""
    choose_body_only(ready)
    ready.press("applyButton")
    assert ready.wait_idle() == "done"
    ready.press("trustDetailsButton")
    ready.press("structuresButton")
    return ready


def _named(widget: Any) -> Any:
    """Return the widget itself, or what it is a part of: the first with a name of ours."""
    while not widget.objectName or widget.objectName.startswith("qt_"):
        widget = widget.parentWidget()
    return widget


def _tabbed_through(bench: "PanelBench", root: Any) -> list[Any]:
    """Press Tab until the first widget comes again; return all at which it stopped."""
    bench.ui.trustDetailsButton.setFocus()
    return _tabbed_from(bench, root)


def _tabbed_from(bench: "PanelBench", root: Any) -> list[Any]:
    """Do the same from the widget that has the focus."""
    from PySide6.QtTest import QTest

    qt = bench.host.qt
    seen = [qt.QApplication.focusWidget()]
    for _ in range(200):
        QTest.keyClick(seen[-1], qt.Qt.Key_Tab)
        focused = qt.QApplication.focusWidget()
        if focused is seen[0]:
            return seen
        assert focused not in seen, "Tab goes in a circle that leaves something out"
        seen.append(focused)
    raise AssertionError("Tab never comes back")


def _top_left(bench: "PanelBench", widget: Any) -> tuple[int, int]:
    corner = widget.mapTo(bench.loaded.root, bench.host.qt.QPoint(0, 0))
    return corner.y(), corner.x()


def _controls(bench: "PanelBench", *, hidden_too: bool = False) -> list[Any]:
    """Return what a user can use in the panel; a composed widget counts as one."""
    kinds = tuple(getattr(bench.host.qt, name) for name in _CONTROLS)
    found = {
        _named(widget).objectName: _named(widget)
        for widget in widgets(bench.loaded.root, hidden_too=hidden_too)
        if isinstance(widget, kinds)
        and not isinstance(widget.parentWidget(), bench.host.qt.QTabBar)
    }
    return list(found.values())


def test_tab_goes_through_all_of_the_panel_as_one_reads_it(done: "PanelBench") -> None:
    with window(done) as root:
        stops = _tabbed_through(done, root)
        corners = [_top_left(done, stop) for stop in stops]
        usable = {control.objectName for control in _controls(done) if control.enabled}

    for (y, x), (next_y, next_x), stop in zip(corners, corners[1:], stops[1:], strict=False):
        same_row = abs(next_y - y) < 6
        assert next_x > x if same_row else next_y > y, _named(stop).objectName
    names = {_named(stop).objectName for stop in stops}
    assert len(usable) > 20
    assert usable - names == set()
    assert {"ctSelector", "segmentationSelector", "homePathEdit"} <= names


def test_tab_goes_through_doses_and_criteria_as_one_reads_them(bench: "PanelBench") -> None:
    bench.choose_task("dose_compare")
    bench.ui.normComboBox.currentIndex = 1
    bench.connect("https://worker.site:8443", Path("/nowhere"))
    with window(bench) as root:
        bench.ui.urlComboBox.setFocus()
        stops = [_named(stop) for stop in _tabbed_from(bench, root)]
        usable = {control.objectName for control in _controls(bench) if control.enabled}
        corners = [_top_left(bench, stop) for stop in stops]

    names = [stop.objectName for stop in stops]
    assert usable - set(names) == set()
    first, last = names.index("referenceDoseSelector"), names.index("differenceVolumeSelector")
    assert names[first:last] == [
        *("referenceDoseSelector", "evaluatedDoseSelector", "backgroundSelector"),
        *("doseStructuresSelector", "criteriaSection", "presetComboBox"),
        *("doseDifferenceSpinBox", "dtaSpinBox", "thresholdSpinBox", "normComboBox"),
        *("normSpinBox", "localGammaCheckBox", "modeComboBox", "dvhCheckBox"),
        *("prescriptionSpinBox", "outputsSection", "gammaVolumeSelector"),
    ]
    pairs = zip(corners[first:last], corners[first + 1 :], strict=False)
    assert all(before[0] <= after[0] + 6 for before, after in pairs)


def test_every_control_has_a_name_and_says_what_it_is_for(bench: "PanelBench") -> None:
    qt, everything = bench.host.qt, list(widgets(bench.loaded.root, hidden_too=True))
    labelled = {widget.buddy() for widget in everything if isinstance(widget, qt.QLabel)}
    controls = _controls(bench, hidden_too=True)
    for control in controls:
        name, is_section = control.objectName, control.objectName in SECTIONS
        says = control.text if isinstance(control, qt.QAbstractButton) else ""
        assert says or control.accessibleName or control in labelled, f"{name} has no name"
        assert control.toolTip or is_section, f"{name} has no tooltip"
    assert len(controls) > 30


def _refuse(bench: "PanelBench", clinic: "Clinic") -> None:
    bench.connect(clinic.url, clinic.stranger)
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "refused"


def test_what_cannot_be_used_says_why_and_later_what_it_is_for_again(
    bench: "PanelBench", held: "HeldClinic"
) -> None:
    usual = {control.objectName: control.toolTip for control in _controls(bench, hidden_too=True)}
    held.hospital.gate.shut()
    bench.connect(held.url, held.physicist)
    bench.choose(bench.add_phantom())
    bench.press("applyButton")
    assert bench.wait_for("running", "failed", "done") == "running"
    disabled = [c for c in _controls(bench, hidden_too=True) if not c.enabled]

    assert len(disabled) > 6
    for control in disabled:
        assert control.toolTip, f"{control.objectName} does not say why"
        if control.objectName not in ("trustDetailsButton", "testConnectionButton"):
            assert control.toolTip != usual[control.objectName]
    held.let_go()
    assert bench.wait_idle() == "done"
    buttons = {"trustDetailsButton", "testConnectionButton", "applyButton"}
    assert {name: bench.named(name).toolTip for name in usual.keys() - buttons} == {
        name: tip for name, tip in usual.items() if name not in buttons
    }


def test_what_a_refusal_disables_says_so(bench: "PanelBench", clinic: "Clinic") -> None:
    bench.choose(bench.add_phantom())
    _refuse(bench, clinic)

    assert not bench.ui.applyButton.enabled
    assert "refused" in bench.ui.applyButton.toolTip
    assert all(control.toolTip for control in _controls(bench) if not control.enabled)


@pytest.mark.parametrize("task", ["segment", "dose_compare"])
def test_no_key_is_given_twice(bench: "PanelBench", task: str) -> None:
    bench.choose_task(task)
    kinds = bench.host.qt.QAbstractButton | bench.host.qt.QLabel
    texts = [
        widget.text
        for widget in widgets(bench.loaded.root, hidden_too=True)
        if isinstance(widget, kinds)
        and widget.objectName != "actionButton"
        and not _is_of_another_task(widget, task)
    ]
    usual = Counter(key for text in texts for key in _keys_in(text))
    usual["a"] += 1  # Apply, whose key is not in its text

    assert len(usual) > 15
    assert {key for key, times in usual.items() if times > 1} == set()
    for text in _offers():
        (key,) = _keys_in(text)
        assert usual[key] == 0, text


def _is_of_another_task(widget: Any, task: str) -> bool:
    """Tell whether a widget lies in what only another task shows: its keys do nothing then."""
    own = {"segment": ("segment",), "dose_compare": ("dose_compare", "criteria")}
    others = tuple(name for key, names in own.items() if key != task for name in names)
    while widget is not None:
        name = str(widget.objectName)
        if name.startswith(others) and name.endswith(("Inputs", "Outputs", "Section")):
            return True
        widget = widget.parentWidget()
    return False


def test_every_field_before_apply_is_reached_by_a_key(bench: "PanelBench") -> None:
    labels = {
        widget.buddy().objectName: widget.text
        for widget in widgets(bench.loaded.root, hidden_too=True)
        if isinstance(widget, bench.host.qt.QLabel) and widget.buddy() is not None
    }

    for name in (
        *("urlComboBox", "ctSelector", "structuresButton", "segmentationSelector"),
        *("referenceDoseSelector", "evaluatedDoseSelector", "backgroundSelector"),
        *("doseStructuresSelector", "presetComboBox", "gammaVolumeSelector"),
    ):
        assert len(_keys_in(labels[name])) == 1, name


def _keys_in(text: str) -> list[str]:
    return [key.lower() for key in re.findall(r"&(\w)", text.replace("&&", ""))]


def _offers() -> list[str]:
    """Return all that the one button of a message may say."""
    from EncryptSecureRTLib.panel.notices import BUTTONS

    return list(BUTTONS.values())


def _type(bench: "PanelBench", key: str, *, alt: bool = False) -> None:
    from PySide6.QtTest import QTest

    qt = bench.host.qt
    modifier = qt.Qt.AltModifier if alt else qt.Qt.NoModifier
    QTest.keyClick(bench.loaded.root, getattr(qt.Qt, f"Key_{key}"), modifier)


def test_alt_a_begins_and_escape_on_the_button_cancels(
    bench: "PanelBench", held: "HeldClinic"
) -> None:
    held.hospital.gate.shut()
    bench.connect(held.url, held.physicist)
    bench.choose(bench.add_phantom())
    with window(bench):
        _type(bench, "A", alt=True)
        assert bench.wait_for("running", "failed", "done") == "running"
        bench.ui.urlComboBox.setFocus()
        _type(bench, "Escape")
        assert bench.phase == "running"
        bench.ui.applyButton.setFocus()
        _type(bench, "Escape")
        assert bench.phase == "cancelling"
        assert bench.wait_idle() == "ready"
        _type(bench, "Escape")

    assert bench.phase == "ready"


def test_alt_a_does_nothing_while_something_is_missing(bench: "PanelBench") -> None:
    with window(bench):
        _type(bench, "A", alt=True)

    assert bench.phase == "unconfigured"
    assert bench.children() == []


def test_a_failure_takes_the_focus_to_what_it_says(bench: "PanelBench", held: "HeldClinic") -> None:
    bench.connect("https://127.0.0.1:1", held.physicist)
    with window(bench):
        bench.ui.testConnectionButton.setFocus()
        bench.press("testConnectionButton")
        assert bench.wait_idle() == "failed"
        fit(bench)

        assert bench.host.qt.QApplication.focusWidget() is bench.ui.messageLabel
