"""What `slicer.app`, `slicer.util` and the host itself answer; what was complained of."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from Testing.host.load import Host


def _press(host: "Host", button: str) -> None:
    """Press a button of the message box that is open."""
    box = host.qt.QApplication.activeModalWidget()
    box.button(getattr(host.qt.QMessageBox, button)).click()


@pytest.mark.parametrize("name", ["confirmOkCancelDisplay", "confirmYesNoDisplay"])
def test_confirmation_in_testing_mode_is_false_as_in_slicer(host: "Host", name: str) -> None:
    assert host.slicer.app.testingEnabled()
    assert getattr(host.slicer.util, name)("Send the voxels?") is False


@pytest.mark.parametrize(("button", "confirmed"), [("Ok", True), ("Cancel", False)])
def test_confirmation_outside_testing_mode_is_what_the_user_says(
    host: "Host", button: str, confirmed: bool
) -> None:
    with host.without_testing_mode():
        host.qt.QTimer.singleShot(1, lambda: _press(host, button))
        result = host.in_event_loop(
            lambda: host.slicer.util.confirmOkCancelDisplay("Send the voxels?")
        )

    assert result is confirmed
    assert host.slicer.app.testingEnabled()


def test_error_display_logs_its_text_and_shows_nothing(
    host: "Host", caplog: pytest.LogCaptureFixture
) -> None:
    host.slicer.util.errorDisplay("The worker did not answer.", detailedText="details")

    assert "The worker did not answer." in caplog.text
    assert host.qt.QApplication.activeModalWidget() is None


def test_error_is_raised_again_after_it_was_displayed(host: "Host") -> None:
    passed = []

    with (
        pytest.raises(KeyError, match="ct"),
        host.slicer.util.tryWithErrorDisplay("Setup failed", waitCursor=True),
    ):
        raise KeyError("ct")
    with host.slicer.util.tryWithErrorDisplay("Setup failed", waitCursor=True):
        passed.append(True)

    assert passed == [True]
    assert host.qt.QApplication.overrideCursor() is None


def test_there_is_no_main_window_and_no_layout_manager(host: "Host") -> None:
    assert host.slicer.util.mainWindow() is None
    assert host.slicer.app.layoutManager() is None


def test_layout_manager_records_when_there_is_one(host: "Host") -> None:
    with host.layout_manager() as manager:
        host.slicer.app.layoutManager().setLayout(3)
        host.slicer.util.setSliceViewerLayers(background=None, fit=True)

    assert manager.layout == 3
    assert host.slicer.app.layoutManager() is None


def test_slice_layers_are_recorded(host: "Host") -> None:
    ct = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT 1")

    host.slicer.util.setSliceViewerLayers(background=ct, foregroundOpacity=0.5)

    assert host.slice_layers.calls == [
        {"background": ct, "foreground": "keep-current", "foregroundOpacity": 0.5}
    ]


@pytest.mark.parametrize("name", ["coreIOManager", "dicomDatabase", "pythonConsole"])
def test_what_the_host_has_not_is_missing(host: "Host", name: str) -> None:
    assert not hasattr(host.slicer.app, name)


def test_application_takes_no_new_attributes(host: "Host") -> None:
    with pytest.raises(AttributeError):
        host.slicer.app.applicationname = "Slicer"
    assert host.slicer.app.applicationName == "Slicer"


def test_closing_the_scene_is_told_before_and_after(host: "Host") -> None:
    scene = host.slicer.mrmlScene
    scene.AddNewNodeByClass("vtkMRMLTextNode", "notes")
    seen: list[tuple[str, int]] = []

    def noting(name: str) -> Callable[[Any, str], None]:
        return lambda caller, event: seen.append(
            (name, scene.GetNumberOfNodesByClass("vtkMRMLTextNode"))
        )

    tags = [
        scene.AddObserver(getattr(scene, name), noting(name))
        for name in ("StartCloseEvent", "EndCloseEvent")
    ]
    host.close_scene()
    for tag in tags:
        scene.RemoveObserver(tag)

    assert seen == [("StartCloseEvent", 1), ("EndCloseEvent", 0)]


def test_waiting_ends_when_the_condition_holds(host: "Host") -> None:
    got: list[int] = []
    host.qt.QTimer.singleShot(20, lambda: got.append(1))

    host.process_events(lambda: got, timeout_s=5)

    assert got == [1]


def test_waiting_for_what_does_not_come_is_an_error(host: "Host") -> None:
    with pytest.raises(TimeoutError):
        host.process_events(lambda: False, timeout_s=0.05)


def test_waiting_for_what_cannot_be_asked_is_its_error(host: "Host") -> None:
    nothing: dict[str, int] = {}

    with pytest.raises(KeyError, match="missing"):
        host.process_events(lambda: nothing["missing"], timeout_s=5)


def _beat(host: "Host", work_s: float) -> float:
    """Return the longest gap in ms while the loop turns for 0.2 s and works once."""
    end_s = time.monotonic() + 0.2
    with host.heartbeat() as beat:
        host.qt.QTimer.singleShot(20, lambda: time.sleep(work_s))
        host.process_events(lambda: time.monotonic() > end_s)
    assert beat.ticks > 5
    return float(beat.longest_ms)


def test_heartbeat_sees_a_block_of_80_ms(host: "Host") -> None:
    assert 70 < _beat(host, 0.08) < 1000


def test_heartbeat_sees_none_while_the_loop_is_idle(host: "Host") -> None:
    # The least of three: a busy machine can make any one of them late.
    assert min(_beat(host, 0.0) for _ in range(3)) < 40


def test_heartbeat_counts_what_never_lets_the_loop_turn(host: "Host") -> None:
    with host.heartbeat() as beat:
        time.sleep(0.05)

    assert beat.longest_ms > 40
    assert beat.ticks == 0


def test_text_is_translated_as_it_is_and_marked_on_demand(host: "Host") -> None:
    i18n = host.slicer.i18n

    with i18n.marked():
        inside = (i18n.tr("Apply"), i18n.translate("qSlicer", "Cancel"), i18n.tr(""))

    assert inside == ("⟦Apply⟧", "⟦Cancel⟧", "")
    assert i18n.tr("Apply") == "Apply"


def test_untranslated_texts_are_found_wherever_they_stand(host: "Host") -> None:
    qt, i18n = host.qt, host.slicer.i18n
    root, combo, tabs, table = qt.QWidget(), qt.QComboBox(), qt.QTabBar(), qt.QTableWidget(0, 1)
    for widget in (combo, tabs, table):
        widget.setParent(root)
    with i18n.marked():
        combo.addItems([i18n.tr("Global"), "Local"])
        tabs.addTab("Segment")
        table.setHorizontalHeaderLabels(["Check"])
        root.toolTip = "Reads the CT"
        root.windowTitle = i18n.tr("Panel")

    texts = [text for _name, text in i18n.untranslated(root)]

    assert sorted(texts) == ["Check", "Local", "Reads the CT", "Segment"]


def test_packages_are_noted_and_not_installed(host: "Host", tmp_path: Path) -> None:
    packaging = host.slicer.packaging
    path = tmp_path / "requirements.txt"
    path.write_text("# why\n--prefer-binary\nnumpy>=1\nno-such-package==1.0\n", "utf-8")

    packaging.pip_ensure(packaging.load_requirements(path), requester="EncryptSecureRT")

    (request,) = packaging.requests
    assert request.requirements == ("numpy>=1", "no-such-package==1.0")
    assert request.missing == ("no-such-package==1.0",)
    assert request.requester == "EncryptSecureRT"


def test_declined_installation_is_an_error_and_a_needless_one_is_not_asked(host: "Host") -> None:
    packaging = host.slicer.packaging

    with host.without_testing_mode():
        packaging.pip_ensure("numpy", requester="EncryptSecureRT")
        host.qt.QTimer.singleShot(1, lambda: _press(host, "Cancel"))
        with pytest.raises(RuntimeError, match="declined"):
            host.in_event_loop(lambda: packaging.pip_ensure("no-such-package", requester="E"))

    assert packaging.pip_check("numpy")
    assert not packaging.pip_check("numpy>=99")


def test_warning_of_qt_is_a_complaint(host: "Host") -> None:
    host.qt.QObject.setParent(host.qt.QTimer(), host.qt.QTimer())
    host.qt.QPixmap().toImage()
    host.qt.QPainter().drawPoint(1, 1)

    assert any("QPainter" in text for text in host.complaints.take())


def test_error_of_vtk_is_a_complaint(host: "Host") -> None:
    host.slicer.mrmlScene.CreateNodeByClass("vtkMRMLNoSuchNode")
    reader = host.vtk.vtkXMLImageDataReader()
    reader.SetFileName("missing.vti")
    reader.Update()

    assert any(text.startswith("VTK: ") for text in host.complaints.take())


def test_exception_in_a_callback_is_a_complaint(
    host: "Host", capsys: pytest.CaptureFixture[str]
) -> None:
    nothing: dict[str, int] = {}
    button = host.qt.QPushButton()
    button.connect("clicked()", lambda: nothing["missing"])
    scene = host.slicer.mrmlScene
    tag = scene.AddObserver(scene.StartCloseEvent, lambda caller, event: nothing["gone"])

    button.click()
    host.close_scene()
    scene.RemoveObserver(tag)

    told = "".join(host.complaints.take())
    assert "KeyError: 'missing'" in told
    assert "KeyError: 'gone'" in told
    assert "KeyError" in capsys.readouterr().err
