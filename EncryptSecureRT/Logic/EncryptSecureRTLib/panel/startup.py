"""What the module adds to other modules once Slicer runs: sample data, and an action of volumes."""

import contextlib
from pathlib import Path

import slicer

from EncryptSecureRTLib.panel import sampledata

PLUGIN_FILE = Path(__file__).with_name("EncryptSecureRTSubjectHierarchyPlugin.py")


def register(resources: Path) -> None:
    """Register both; where such a module is missing, nothing happens."""
    sampledata.register(resources)
    with contextlib.suppress(ImportError):
        import SubjectHierarchyPlugins  # noqa: F401 - it makes the plugins' base importable

        plugin = slicer.qSlicerSubjectHierarchyScriptedPlugin(None)
        plugin.setPythonSource(str(PLUGIN_FILE))
