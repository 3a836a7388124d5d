"""Slicer's four bases of scripted modules, as far as we rely on them."""

# ruff: noqa: N802, N999 - the names are Slicer's

import unittest
from typing import Any

from qt import QVBoxLayout


class ScriptedLoadableModule:
    """Holds `parent`, on which a module sets its title and the rest."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent


class ScriptedLoadableModuleWidget:
    """Holds the layout; counts reloads."""

    def __init__(self, parent: Any = None) -> None:
        self.parent = parent
        self.layout = QVBoxLayout()
        self.reloads = 0

    def setup(self) -> None:
        """Do nothing: the stub has no reload buttons."""

    def onReload(self) -> None:
        """Note the call."""
        self.reloads += 1


class ScriptedLoadableModuleLogic:
    """Takes a parent, as Slicer's does."""

    def __init__(self, parent: Any = None) -> None:
        self.parent = parent


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Collects the messages that Slicer would show for a moment."""

    def __init__(self, methodName: str = "runTest") -> None:  # noqa: N803 - unittest's name
        super().__init__(methodName)
        self.messages: list[str] = []

    def delayDisplay(self, message: str, msec: int | None = None) -> None:
        """Keep the message."""
        self.messages.append(message)
