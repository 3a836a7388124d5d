"""Bounding boxes of numbered components, few octets each.

Where voxels are large or the image is noise there may be half as many components as voxels: a
Python object for each, as `scipy.ndimage.find_objects` makes, would take many times the image.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_VOXELS_AT_ONCE = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """First and last index of each component, by axis and number."""

    first: npt.NDArray[np.signedinteger]
    last: npt.NDArray[np.signedinteger]

    @classmethod
    def of(cls, numbers: npt.NDArray[np.int32], count: int) -> "Boxes":
        """Find the boxes of the components 1 to `count` - 1 of an array of any axes."""
        index = np.int16 if max(numbers.shape) <= np.iinfo(np.int16).max else np.int32
        first = np.full((numbers.ndim, count), np.iinfo(index).max, index)
        last = np.zeros((numbers.ndim, count), index)
        flat = numbers.ravel()
        for start in range(0, flat.size, _VOXELS_AT_ONCE):
            at = start + np.flatnonzero(flat[start : start + _VOXELS_AT_ONCE])
            which = flat[at].astype(np.intp)
            for axis, places in enumerate(np.unravel_index(at, numbers.shape)):
                np.minimum.at(first[axis], which, places.astype(index))
                np.maximum.at(last[axis], which, places.astype(index))
        return cls(first=first, last=last)

    def __getitem__(self, number: int) -> tuple[slice, ...]:
        """Give the box of a component."""
        first, last = self.first[:, number].tolist(), self.last[:, number].tolist()
        return tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
