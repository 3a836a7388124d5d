"""What scripted modules register with other modules: kept, so that a test can look at it.

`SampleData` is a module of its own in Slicer; the plugin handler is a registry in C++ that would
give menus, of which there are none here. What is registered runs as far as Python goes.
"""

# ruff: noqa: N802, N803 - the names are Slicer's

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import slicer
from Testing.host.binding import QtCore
from Testing.host.standins import standin


class SampleDataLogic:
    """The part of Slicer's Sample Data module by which other modules add to it."""

    @staticmethod
    def registerCustomSampleDataSource(
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        **others: Any,
    ) -> None:
        """Keep a source under its category, in `slicer.modules.sampleDataSources`; once each."""
        source = {
            "sampleName": sampleName,
            "uris": uris,
            "fileNames": fileNames,
            "nodeNames": nodeNames,
            **others,
        }
        sources = slicer.modules.sampleDataSources.setdefault(category, [])
        if source not in sources:
            sources.append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category: str | None = None) -> Any:
        """Return the sources of a category, or all by category."""
        every = slicer.modules.sampleDataSources
        return every if category is None else every.get(category, [])


class PluginHandler:
    """Stands for the handler of subject hierarchy plugins; keeps them, in order."""

    def __init__(self) -> None:
        self.registered: list[Any] = []

    def __call__(self) -> "PluginHandler":
        """Return itself: scripts write both `Handler.instance()` and `Handler().instance()`."""
        return self

    def instance(self) -> "PluginHandler":
        """Return the one there is, as the C++ singleton does."""
        return self

    def registerPlugin(self, plugin: Any) -> bool:
        """Keep a subject hierarchy plugin."""
        self.registered.append(plugin)
        return True

    def pluginByName(self, name: str) -> Any:
        """Return a plugin, or None."""
        return next((plugin for plugin in self.registered if plugin.name == name), None)

    def currentItem(self) -> int:
        """Return 0: there is no item whose menu is open."""
        return 0


@standin
class ScriptedPlugin(QtCore.QObject):  # type: ignore[misc] # no types, see binding
    """The C++ half of a plugin whose behaviour is a Python file.

    It makes the Python half from the class that is named as the file. Here nothing asks that for
    its actions but a test.
    """

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._self: Any = None

    def setPythonSource(self, path: str) -> bool:
        """Make the Python half from a file; return whether the file has its class."""
        name = Path(path).stem
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            return False
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        cls = getattr(module, name, None)
        self._self = cls(self) if cls is not None else None
        return cls is not None

    def self(self) -> Any:
        """Return the Python half, None before there is one."""
        return self._self


class AbstractScriptedSubjectHierarchyPlugin:
    """The base of subject hierarchy plugins: registers its C++ half when it is made."""

    def __init__(self, scriptedPlugin: Any) -> None:
        self.scriptedPlugin = scriptedPlugin
        slicer.qSlicerSubjectHierarchyPluginHandler.instance().registerPlugin(scriptedPlugin)


def install() -> None:
    """Put all of it where scripts look for it."""
    slicer.modules.sampleDataSources = {}
    slicer.qSlicerSubjectHierarchyPluginHandler = PluginHandler()
    slicer.qSlicerSubjectHierarchyScriptedPlugin = ScriptedPlugin
    for module, member in (
        ("SampleData", SampleDataLogic),
        ("SubjectHierarchyPlugins", AbstractScriptedSubjectHierarchyPlugin),
        ("AbstractScriptedSubjectHierarchyPlugin", AbstractScriptedSubjectHierarchyPlugin),
    ):
        made = types.ModuleType(module)
        setattr(made, member.__name__, member)
        sys.modules[module] = made
