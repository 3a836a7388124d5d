"""What can be segmented, what comes back, and the fixed words in between."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from encryptsecurert_rt.errors import InvalidInput


class Structure(Enum):
    """A structure that `segment_ct` can find; sides are the patient's."""

    BODY = "body"
    LUNG_LEFT = "lung_left"
    LUNG_RIGHT = "lung_right"
    SKELETON = "skeleton"


class SegmentationWarning(Enum):
    """What a user must know about one segmented structure."""

    NOT_FOUND = "not_found"  # not in the image: the mask is empty
    CUT_BY_FIELD_OF_VIEW = "cut_by_field_of_view"  # reaches an end of the image or its padding
    LUNGS_SPLIT_BY_SHAPE = "lungs_split_by_shape"  # the lungs touch; the line between is a guess
    SIDE_UNCERTAIN = "side_uncertain"  # one lung only and no clear midline
    MAY_HOLD_CONTRAST = "may_hold_contrast"  # contrast agent may remain in the skeleton


class SegmentationStage(Enum):
    """The words that `segment_ct` reports to its progress function, in this order."""

    PREPARE = "prepare"
    BODY = "body"
    LUNGS = "lungs"
    SKELETON = "skeleton"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentedStructure:
    """One structure on the grid of the CT.

    Attributes
    ----------
    structure : which one.
    mask : bool (k, j, i), True inside; all False where the structure was not found.
    volume_cc : number of voxels inside times the volume of a voxel, cm3.
    warnings : what a user must know, without repeats, in the order of the enumeration.
    """

    structure: Structure
    mask: npt.NDArray[np.bool_]
    volume_cc: float
    warnings: tuple[SegmentationWarning, ...] = ()

    def __post_init__(self) -> None:
        if self.mask.ndim != 3 or self.mask.dtype != np.bool_:
            raise InvalidInput("a mask must be a bool array of three axes")
        if not 0 <= self.volume_cc < float("inf"):
            raise InvalidInput("a volume must be a finite count of cm3")
