"""What the panel does to Slicer's views, behind a seam: in batch mode there are none."""

from typing import Any, Protocol

import slicer


class Views(Protocol):
    """The slice views."""

    def show_over(self, ct: Any, segmentation: Any) -> None:
        """Show a segmentation over its CT."""


class SliceViews:
    """Slicer's own views."""

    def show_over(self, ct: Any, segmentation: Any) -> None:
        """Put the CT into the background, the segmentation on top, and centre on the CT."""
        segmentation.GetDisplayNode().SetVisibility(True)
        if slicer.app.layoutManager() is None:
            return
        slicer.util.setSliceViewerLayers(background=ct, fit=True)
