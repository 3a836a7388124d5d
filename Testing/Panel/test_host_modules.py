"""A scripted module runs in the host as its folder stands: load, reload, unload."""

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from Testing.Panel.small_module import write_module

if TYPE_CHECKING:
    from Testing.host.load import Host, Loaded


def test_module_folder_loads_with_its_ui_file(host: "Host", small: "Loaded") -> None:
    small.widget.ui.applyButton.click()

    assert small.module.parent.title == "Small"
    assert small.module.parent.categories == ["Testing"]
    assert small.root.windowTitle == "Small"
    assert small.widget.ui.ct.enabled
    assert small.widget.events == ["enter", "apply"]
    assert small.widget.parent is small.root
    assert small.root.isEntered is True


def test_startup_is_told_once(small: "Loaded") -> None:
    assert small.module.started == 1


def test_module_that_waits_for_no_startup_loads_too(host: "Host", tmp_path: Path) -> None:
    path = write_module(tmp_path)
    path.write_text(path.read_text("utf-8").replace("slicer.app.connect", "print"), "utf-8")

    loaded = host.load_module(path)
    host.unload(loaded)

    assert loaded.module.started == 0


def test_slicers_own_functions_find_the_module(host: "Host", small: "Loaded") -> None:
    util = host.slicer.util

    assert util.getModule("Small") is host.slicer.modules.small
    assert util.getModuleWidget("Small") is small.widget
    assert util.modulePath("Small") == small.module.parent.path
    assert host.slicer.modules.SmallWidget is small.widget
    assert Path(small.module.resourcePath("UI/Small.ui")).is_file()
    assert small.widget.resourcePath("UI/Small.ui") == small.module.resourcePath("UI/Small.ui")


def test_parameters_and_widgets_of_the_module_are_one(host: "Host", small: "Loaded") -> None:
    volume = host.slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT 1")

    small.widget.ui.ct.setCurrentNode(volume)
    small.widget.ui.percent.value = 8.0
    small.widget.parameters.keep = True

    assert small.widget.parameters.ct is volume
    assert small.widget.parameters.percent == 8.0
    assert small.widget.ui.keep.checked


def test_parameter_node_is_one_for_the_scene(host: "Host", small: "Loaded") -> None:
    logic = small.file.SmallLogic()

    node = logic.getParameterNode()

    assert node is small.file.SmallLogic().getParameterNode()
    assert node.GetAttribute("ModuleName") == "Small"
    assert logic.getAllParameterNodes() == [node]


def test_several_parameter_nodes_are_possible(host: "Host", small: "Loaded") -> None:
    logic = small.file.SmallLogic()
    logic.isSingletonParameterNode = False
    first = logic.getParameterNode()

    host.slicer.mrmlScene.AddNode(logic.createParameterNode())

    assert logic.getParameterNode() is first
    assert len(logic.getAllParameterNodes()) == 2


def test_reload_gives_new_classes_from_the_file(host: "Host", small: "Loaded") -> None:
    path = Path(small.module.parent.path)
    path.write_text(path.read_text("utf-8").replace('append("apply")', 'append("anew")'), "utf-8")

    again = host.reload(small)
    again.widget.ui.applyButton.click()

    assert type(again.widget) is not type(small.widget)
    assert small.widget.events == ["enter", "cleanup"]
    assert again.widget.events == ["anew"]
    assert again.root is small.root


def test_reload_from_the_panel_is_there_in_developer_mode(
    host: "Host", tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    host.qt.QSettings().setValue("Developer/DeveloperMode", True)
    request.addfinalizer(lambda: host.qt.QSettings().remove("Developer/DeveloperMode"))

    loaded = host.load_module(write_module(tmp_path))
    request.addfinalizer(lambda: host.unload(loaded))
    loaded.widget.reloadButton.click()

    assert loaded.root.self() is not loaded.widget


def test_unload_cleans_up_and_forgets(host: "Host", small: "Loaded", tmp_path: Path) -> None:
    host.unload(small)

    assert small.widget.events == ["enter", "exit", "cleanup"]
    assert not hasattr(host.slicer.modules, "small")
    assert "Small" not in sys.modules
    assert "Small" not in host.slicer.selfTests
    with pytest.raises(RuntimeError, match="deleted"):
        small.root.show()


def test_unloaded_module_can_be_loaded_again(host: "Host", small: "Loaded") -> None:
    path = small.module.parent.path
    with pytest.raises(ValueError, match="loaded already"):
        host.load_module(path)

    host.unload(small)
    again = host.load_module(path)
    host.unload(again)

    assert again.widget is not small.widget
    assert small.widget.events.count("cleanup") == 1


def test_module_that_fails_leaves_nothing_behind(host: "Host", tmp_path: Path) -> None:
    path = write_module(tmp_path)
    path.write_text(path.read_text("utf-8").replace("self.tag =", "self.tagg = missing ="), "utf-8")
    path.write_text(path.read_text("utf-8").replace("UI/Small.ui", "UI/Other.ui"), "utf-8")

    with pytest.raises(RuntimeError, match="file not found"):
        host.load_module(path)

    assert not hasattr(host.slicer.modules, "small")
    assert "Small" not in sys.modules


def test_self_test_runs_by_name_with_its_arguments(host: "Host", small: "Loaded") -> None:
    host.slicer.selfTests["Small"](msec=50, url="https://worker.site:8443")

    assert small.file.SmallTest.ran == 1


def test_module_takes_no_property_that_slicer_does_not_know(host: "Host", small: "Loaded") -> None:
    with pytest.raises(AttributeError):
        small.module.parent.titel = "typed wrong"
    small.module.parent.title = "typed right"


def test_panel_without_a_parent_is_a_window_of_its_own(host: "Host", small: "Loaded") -> None:
    widget = small.file.SmallWidget()

    assert widget.parent.visible
    assert widget.ui.ct.enabled
    widget.cleanup()
    widget.parent.close()


def test_closing_the_scene_reaches_the_module(host: "Host", small: "Loaded") -> None:
    host.close_scene()

    assert small.widget.events == ["enter", "closing"]


def test_sample_data_is_recorded_once(host: "Host") -> None:
    sample_data: Any = importlib.import_module("SampleData")
    register = sample_data.SampleDataLogic.registerCustomSampleDataSource

    for _ in range(2):
        register(category="Testing", sampleName="Phantom", fileNames=["ct.nrrd"])

    sources = sample_data.SampleDataLogic.sampleDataSourcesByCategory("Testing")
    assert [source["sampleName"] for source in sources] == ["Phantom"]
    assert host.slicer.modules.sampleDataSources["Testing"] == sources


_PLUGIN = """
import qt
from AbstractScriptedSubjectHierarchyPlugin import *

class Offering(AbstractScriptedSubjectHierarchyPlugin):
    def __init__(self, scriptedPlugin):
        scriptedPlugin.name = "Offering"
        AbstractScriptedSubjectHierarchyPlugin.__init__(self, scriptedPlugin)
        self.action = qt.QAction("Segment", scriptedPlugin)
"""


def test_subject_hierarchy_plugin_is_made_from_its_file_and_registered(
    host: "Host", tmp_path: Path
) -> None:
    path = tmp_path / "Offering.py"
    path.write_text(_PLUGIN, "utf-8")
    plugin = host.slicer.qSlicerSubjectHierarchyScriptedPlugin(None)

    made = plugin.setPythonSource(str(path))

    handler = host.slicer.qSlicerSubjectHierarchyPluginHandler
    assert made
    assert handler.instance().pluginByName("Offering") is plugin
    assert handler().instance() is handler.instance()
    assert plugin.self().action.text == "Segment"


def test_plugin_file_without_its_class_makes_nothing(host: "Host", tmp_path: Path) -> None:
    path = tmp_path / "Other.py"
    path.write_text(_PLUGIN, "utf-8")
    plugin = host.slicer.qSlicerSubjectHierarchyScriptedPlugin(None)

    assert plugin.setPythonSource(str(path)) is False
    assert plugin.self() is None
