"""The panel in light and dark and in large letters: nothing is cut off, nothing is empty."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from Testing.host.pictures import USUAL, Look
from Testing.Panel import doses
from Testing.Panel.traces import choose_body_only
from Testing.Panel.windows import WIDTH_PX, widgets, window

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic

_LOOKS = [
    Look(),
    Look(dark=True),
    Look(font_percent=125),
    Look(dark=True, font_percent=200),
]
_BUTTONS = {"Apply", "Test", "Reconnect", "Details", "Advanced"}  # named in messages


@pytest.fixture(
    params=_LOOKS, ids=lambda look: f"{'dark' if look.dark else 'light'}{look.font_percent}"
)
def look(host: Any, request: pytest.FixtureRequest) -> Iterator[Look]:
    """Let the application look so before the panel is made, as it does when Slicer starts."""
    chosen: Look = request.param
    chosen.apply()
    yield chosen
    USUAL.apply()


def _check(bench: "PanelBench", clinic: "Clinic") -> None:
    bench.connect(clinic.url, clinic.physicist)
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "ready"
    bench.press("trustDetailsButton")


def _fail(bench: "PanelBench", clinic: "Clinic") -> None:
    bench.connect("https://127.0.0.1:1", clinic.physicist)
    bench.press("testConnectionButton")
    assert bench.wait_idle() == "failed"
    bench.press("detailsButton")


def _finish(bench: "PanelBench", clinic: "Clinic") -> None:
    bench.connect(clinic.url, clinic.physicist)
    choose_body_only(bench)
    bench.press("applyButton")
    assert bench.wait_idle() == "done"
    bench.press("structuresButton")


def _text_of(widget: Any) -> str:
    return re.sub(r"&(\w)", r"\1", widget.text)


def _cut_labels(bench: "PanelBench", root: Any) -> list[str]:
    """Return the names of labels whose text needs more room than they have."""
    qt, cut = bench.host.qt, []
    for label in widgets(root):
        if not isinstance(label, qt.QLabel) or not label.text:
            continue
        flags = qt.Qt.TextWordWrap if label.wordWrap else qt.Qt.TextSingleLine
        if "\n" in label.text and not label.wordWrap:
            flags = qt.Qt.TextExpandTabs
        inside = label.contentsRect()
        room = qt.QRect(0, 0, inside.width(), 10000)
        needs = label.fontMetrics().boundingRect(room, flags, _text_of(label))
        if needs.width() > inside.width() or needs.height() > inside.height():
            cut.append(f"{label.objectName}: {needs.width()} x {needs.height()}")
    return cut


def _cut_buttons(bench: "PanelBench", root: Any) -> list[str]:
    """Return the names of buttons whose text needs more room than they have."""
    qt, cut = bench.host.qt, []
    kinds = (qt.QPushButton, qt.QToolButton, qt.QCheckBox)
    for button in widgets(root):
        if isinstance(button, kinds) and button.text:
            needs = button.sizeHint
            if needs.width() > button.width or needs.height() > button.height:
                cut.append(f"{button.objectName}: {needs.width()} x {needs.height()}")
    return cut


@pytest.mark.parametrize("reach", [_check, _fail], ids=["checked", "failed"])
def test_no_label_and_no_button_is_cut_off(
    look: Look, bench: "PanelBench", clinic: "Clinic", reach: Any
) -> None:
    bench.choose(bench.add_phantom())
    reach(bench, clinic)
    with window(bench, look) as root:
        _assert_all_is_read(bench, root)
        assert _faint(bench, root) == []


@pytest.mark.parametrize("look", [_LOOKS[0], _LOOKS[-1]], indirect=True, ids=["usual", "large"])
def test_no_label_and_no_button_of_results_is_cut_off(
    look: Look, bench: "PanelBench", clinic: "Clinic"
) -> None:
    bench.choose(bench.add_phantom())
    _finish(bench, clinic)
    with window(bench, look) as root:
        assert bench.shown("exportDicomButton")
        _assert_all_is_read(bench, root)


@pytest.mark.parametrize("look", [_LOOKS[1], _LOOKS[-1]], indirect=True, ids=["dark", "large"])
def test_no_label_and_no_button_of_a_comparison_is_cut_off(
    look: Look, bench: "PanelBench", clinic: "Clinic", without_report: None
) -> None:
    bench.connect(clinic.url, clinic.physicist)
    reference, evaluated = doses.add_pair(bench)
    doses.choose_pair(bench, reference, evaluated, doses.add_structures(bench, reference))
    bench.ui.normComboBox.currentIndex = 1
    bench.press("applyButton")
    assert bench.wait_idle() == "done", bench.message
    bench.ui.resultTable.setCurrentCell(1, 0)
    with window(bench, look) as root:
        for name in ("exportReportButton", "plotButton", "detailTable", "normSpinBox"):
            assert bench.shown(name)
        _assert_all_is_read(bench, root)
        assert _faint(bench, root) == []


def _assert_all_is_read(bench: "PanelBench", root: Any) -> None:
    assert root.width == WIDTH_PX
    assert _cut_labels(bench, root) == []
    assert _cut_buttons(bench, root) == []


def test_a_clear_study_and_a_wrong_address_are_not_cut_off(look: Look, bench: "PanelBench") -> None:
    from Testing.Scene.planted_study import plant

    bench.choose(plant(bench.host.slicer.mrmlScene).nodes["ct"])
    bench.connect("https://me@worker.site", Path("/nowhere"))
    with window(bench, look) as root:
        assert bench.shown("sealStudyButton")
        assert bench.shown("urlProblem")
        _assert_all_is_read(bench, root)


def test_a_label_that_is_too_small_is_found(bench: "PanelBench") -> None:
    with window(bench) as root:
        bench.ui.warningLabel.setFixedHeight(5)
        bench.ui.testConnectionButton.setFixedWidth(20)

        assert [each.split(":")[0] for each in _cut_labels(bench, root)] == ["warningLabel"]
        assert [each.split(":")[0] for each in _cut_buttons(bench, root)] == [
            "testConnectionButton"
        ]


def _faint(bench: "PanelBench", root: Any) -> list[str]:
    """Return the names of labels whose words stand out too little from what is behind them."""
    qt = bench.host.qt
    bench.host.process_events(lambda: bench.panel._dark is (_luminance(_paper(bench)) < 0.2))
    labels = [widget for widget in widgets(root) if isinstance(widget, qt.QLabel) and widget.text]
    assert any(label.objectName == "trustBadge" for label in labels)
    return [label.objectName for label in labels if _contrast(bench, label) < 4.5]


def _contrast(bench: "PanelBench", label: Any) -> float:
    """Return the contrast of a label's text as WCAG 2 defines it."""
    ink = label.palette.color(bench.host.qt.QPalette.WindowText)
    light, dark = sorted((_luminance(ink), _luminance(_paper(bench))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _paper(bench: "PanelBench") -> Any:
    return bench.loaded.root.palette.color(bench.host.qt.QPalette.Window)


def _luminance(colour: Any) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(c) for c in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_no_words_are_empty_and_all_are_in_sentence_case(
    bench: "PanelBench", clinic: "Clinic"
) -> None:
    bench.choose(bench.add_phantom())
    _finish(bench, clinic)
    with window(bench) as root:
        qt = bench.host.qt
        kinds = (qt.QPushButton, qt.QToolButton, qt.QLabel)
        said = {w.objectName: _text_of(w) for w in widgets(root) if isinstance(w, kinds)}
        pictures = {w.objectName for w in widgets(root) if _has_picture(bench, w)}

    for name, text in said.items():
        assert text.strip() or name in pictures, f"{name} is empty"
    ours = [text for name, text in said.items() if not name.startswith(("check", "verdict"))]
    assert len(ours) > 20
    for sentence in (part for text in ours for part in re.split(r"\.\s+|\n", text)):
        assert not sentence[:1].islower(), sentence
        inner = [word for part in sentence.split(": ") for word in re.findall(r"\w+", part)[1:]]
        assert {word for word in inner if word.istitle()} - _BUTTONS == set(), sentence


def _has_picture(bench: "PanelBench", widget: Any) -> bool:
    is_label = isinstance(widget, bench.host.qt.QLabel)
    return is_label and not widget.pixmap.isNull()
