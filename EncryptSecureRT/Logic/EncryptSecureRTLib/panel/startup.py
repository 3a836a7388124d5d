"""What the module does once Slicer runs: it adds sample data, and an action of volumes.

And it removes what a Slicer that crashed has left of its files.
"""

import contextlib
from pathlib import Path

import slicer

from EncryptSecureRTLib.client.process import EncryptSecureRTError
from EncryptSecureRTLib.panel import sampledata, workfolder

PLUGIN_FILE = Path(__file__).with_name("EncryptSecureRTSubjectHierarchyPlugin.py")


def register(resources: Path) -> None:
    """Register both and tidy; where such a module is missing, nothing happens."""
    with contextlib.suppress(EncryptSecureRTError, OSError):  # the next start tries again
        workfolder.remove_left_behind(workfolder.root_folder())
    sampledata.register(resources)
    with contextlib.suppress(ImportError):
        import SubjectHierarchyPlugins  # noqa: F401 - it makes the plugins' base importable

        plugin = slicer.qSlicerSubjectHierarchyScriptedPlugin(None)
        plugin.setPythonSource(str(PLUGIN_FILE))
