"""The action "Segment in TEE" of a volume in the Data module; Slicer loads this file by its path.

It opens the module with that volume as its CT, and starts nothing: what is sent, and to whom, is
seen first.
"""

from typing import Any

import qt
import slicer
from AbstractScriptedSubjectHierarchyPlugin import AbstractScriptedSubjectHierarchyPlugin
from slicer.i18n import tr as _

_MODULE = "EncryptSecureRT"


class EncryptSecureRTSubjectHierarchyPlugin(AbstractScriptedSubjectHierarchyPlugin):
    """Offers the action for scalar volumes, and owns no item."""

    filePath = __file__  # noqa: N815 - Slicer's name

    def __init__(self, scriptedPlugin: Any) -> None:  # noqa: N803 - Slicer's name
        scriptedPlugin.name = _MODULE
        AbstractScriptedSubjectHierarchyPlugin.__init__(self, scriptedPlugin)
        self.action = qt.QAction(_("Segment in TEE..."), scriptedPlugin)
        self.action.objectName = "SegmentInTeeAction"
        self.action.connect("triggered()", self.open_module)

    def itemContextMenuActions(self) -> list[Any]:  # noqa: N802 - Slicer's name
        """Return the one action."""
        return [self.action]

    def showContextMenuActionsForItem(self, itemID: int) -> None:  # noqa: N802, N803 - as above
        """Show the action where the item is a scalar volume."""
        node = _volume_of(itemID)
        self.action.visible = node is not None

    def open_module(self) -> None:
        """Open the module with the volume of the current item as its CT."""
        handler = slicer.qSlicerSubjectHierarchyPluginHandler().instance()
        node = _volume_of(handler.currentItem())
        if node is None:
            return
        slicer.util.selectModule(_MODULE)
        panel = slicer.modules.encryptsecurert.widgetRepresentation().self().panel
        panel.choose_ct(node)


def _volume_of(item: int) -> Any:
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    node = tree.GetItemDataNode(item) if item else None
    if node is None or node.IsA("vtkMRMLLabelMapVolumeNode"):
        return None
    return node if node.IsA("vtkMRMLScalarVolumeNode") else None
