"""What type checks know of Slicer's base of scripted subject hierarchy plugins."""

from typing import Any

class AbstractScriptedSubjectHierarchyPlugin:
    def __init__(self, scriptedPlugin: Any) -> None: ...  # noqa: N803 - Slicer's name
