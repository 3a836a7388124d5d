"""Results of a dose comparison brought to the views, if there are any."""

import numpy as np

from EncryptSecureRTLib.scene.geometry import ras_from_lps
from EncryptSecureRTLib.scene.mrml import Node, slicer

_OPACITY = 0.5


def show_dose_map(foreground: Node, background: Node | None = None) -> None:
    """Show a map half transparent over a volume, or over what the slice views show already.

    Without views (a script, a test) nothing happens.
    """
    if not _has_views():
        return
    layers = {} if background is None else {"background": background}
    slicer.util.setSliceViewerLayers(
        foreground=foreground, foregroundOpacity=_OPACITY, fit=True, **layers
    )


def show_chart(chart: Node) -> None:
    """Show a chart in a layout that has a place for one."""
    if _has_views():
        slicer.modules.plots.logic().ShowChartInLayout(chart)


def show_point(point_lps_mm: tuple[float, float, float]) -> None:
    """Centre all slice views on a point."""
    if _has_views():
        x, y, z = ras_from_lps(np.asarray(point_lps_mm))[0].tolist()
        slicer.modules.markups.logic().JumpSlicesToLocation(x, y, z, True)


def _has_views() -> bool:
    application = getattr(slicer, "app", None)
    return application is not None and application.layoutManager() is not None
