"""The base of subject hierarchy plugins, which Slicer puts on the path as a module of its own."""

# ruff: noqa: N803, N815 - the names are Slicer's

from typing import Any

class AbstractScriptedSubjectHierarchyPlugin:
    scriptedPlugin: Any
    def __init__(self, scriptedPlugin: Any) -> None: ...
