"""Classical segmentation of CT: body, lungs, skeleton. Numerics only; no learned weights.

>>> import numpy as np
>>> from encryptsecurert_rt.geometry import ImageGrid
>>> grid = ImageGrid(
...     shape=(4, 64, 64), spacing_mm=(5.0, 5.0, 5.0), origin_lps_mm=(0.0, 0.0, 0.0),
...     direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
... )
>>> hu = np.full(grid.shape, -1000, np.int16)
>>> hu[:, 16:48, 16:48] = 40
>>> (body,) = segment_ct(hu, grid, [Structure.BODY])
>>> body.volume_cc
512.0
"""

from encryptsecurert_rt.segmentation.classical import segment_ct
from encryptsecurert_rt.segmentation.types import (
    SegmentationStage,
    SegmentationWarning,
    SegmentedStructure,
    Structure,
)

__all__ = [
    "SegmentationStage",
    "SegmentationWarning",
    "SegmentedStructure",
    "Structure",
    "segment_ct",
]
