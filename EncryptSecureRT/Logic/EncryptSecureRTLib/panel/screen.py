"""What the panel does to Slicer's views, behind a seam: in batch mode there are none."""

from typing import Any, Protocol

import slicer

from EncryptSecureRTLib.scene.dose_views import show_chart, show_dose_map

Point = tuple[float, float, float]


class Views(Protocol):
    """The slice views."""

    def show_over(self, ct: Any, segmentation: Any) -> None:
        """Show a segmentation over its CT."""

    def show_map(self, volume: Any, background: Any) -> None:
        """Show a map half transparent over a volume."""

    def show_plot(self, chart: Any) -> None:
        """Show a chart."""

    def centre_on(self, point_ras_mm: Point) -> None:
        """Let all slices go through a point."""


class SliceViews:
    """Slicer's own views."""

    def show_over(self, ct: Any, segmentation: Any) -> None:
        """Put the CT into the background, the segmentation on top, and centre on the CT."""
        segmentation.GetDisplayNode().SetVisibility(True)
        if slicer.app.layoutManager() is None:
            return
        slicer.util.setSliceViewerLayers(background=ct, fit=True)

    def show_map(self, volume: Any, background: Any) -> None:
        """Put the map into the foreground, half transparent."""
        show_dose_map(volume, background)

    def show_plot(self, chart: Any) -> None:
        """Choose a layout with a plot, if the present one has none."""
        show_chart(chart)

    def centre_on(self, point_ras_mm: Point) -> None:
        """Move the slice views, whose nodes are in the scene, to have it in their middle."""
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            node.JumpSliceByCentering(*point_ras_mm)
