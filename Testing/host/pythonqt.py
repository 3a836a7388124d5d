"""The module `qt`: all of Qt in one flat namespace, as PythonQt gives it to Slicer's scripts.

What Slicer's `qt` has not is not here either, so that a panel written against it cannot use it:
`Signal`, `Slot` and `Property`; `QInputDialog`, and the static functions of `QFileDialog`, whose
results differ between the two bindings. `QUiLoader` is ours, see `uiloader`.
"""

import sys
import types
from typing import Any

from Testing.host.binding import MODULES, QtWidgets
from Testing.host.uiloader import UiLoader

ABSENT = frozenset({"QInputDialog"})
_STATIC_FILE_DIALOGS = (
    "getExistingDirectory",
    "getExistingDirectoryUrl",
    "getOpenFileContent",
    "getOpenFileName",
    "getOpenFileNames",
    "getOpenFileUrl",
    "getOpenFileUrls",
    "getSaveFileName",
    "getSaveFileUrl",
)


class Absent:
    """Stands where PySide6 has something that may not be used; looking at it is an error."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        raise AttributeError(self._reason)


def install() -> types.ModuleType:
    """Return the module, and let `import qt` find it."""
    for name in _STATIC_FILE_DIALOGS:
        reason = (
            f"QFileDialog.{name} gives a string in PythonQt and a tuple here: ask by a callable"
        )
        setattr(QtWidgets.QFileDialog, name, Absent(reason))
    module = types.ModuleType("qt", __doc__)
    for source in MODULES:
        for name in dir(source):
            if name.startswith("Q") and name not in ABSENT:
                setattr(module, name, getattr(source, name))
    module.QUiLoader = UiLoader  # type: ignore[attr-defined] # a module made here has no stubs
    sys.modules["qt"] = module
    return module
