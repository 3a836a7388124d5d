"""Where a comparison is worst: the point with the largest gamma, or difference, of a structure."""

from typing import Any

import numpy as np
import numpy.typing as npt
import slicer

from EncryptSecureRTLib.panel.compared import Compared
from EncryptSecureRTLib.panel.pages import node_by_id
from EncryptSecureRTLib.panel.screen import Point
from EncryptSecureRTLib.scene.geometry import ras_from_lps, volume_grid
from EncryptSecureRTLib.scene.segmentations import BINARY_LABELMAP


def worst_point(compared: Compared, segment: str) -> Point | None:
    """Return the worst voxel's centre (RAS, mm) in a segment, or in the whole grid if it is empty.

    None where nothing was evaluated, the segment has no mask, or nodes are gone.
    """
    volume = node_by_id(compared.gamma_id) or node_by_id(compared.difference_id)
    if volume is None or volume.GetImageData() is None:
        return None
    badness = np.abs(slicer.util.arrayFromVolume(volume))
    if segment:
        inside = _mask(node_by_id(compared.structures_id), segment, volume)
        if inside is None or inside.shape != badness.shape:
            return None
        badness = np.where(inside, badness, np.nan)
    if not np.isfinite(badness).any():
        return None
    k, j, i = np.unravel_index(int(np.nanargmax(badness)), badness.shape)
    point_lps = volume_grid(volume, apply_transform=True).ijk_to_lps @ np.array([i, j, k, 1.0])
    x, y, z = ras_from_lps([point_lps[:3]])[0].tolist()
    return x, y, z


def _mask(structures: Any, segment: str, volume: Any) -> npt.NDArray[np.bool_] | None:
    """Return a segment's voxels on the grid of a volume, None if it has no mask of its own."""
    if structures is None:
        return None
    segmentation = structures.GetSegmentation()
    is_there = segmentation.GetSegment(segment) is not None
    if not is_there or not segmentation.ContainsRepresentation(BINARY_LABELMAP):
        return None
    found = slicer.util.arrayFromSegmentBinaryLabelmap(structures, segment, volume)
    return None if found is None else found > 0
