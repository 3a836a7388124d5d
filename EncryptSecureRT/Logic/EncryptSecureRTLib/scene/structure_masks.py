"""Chosen segments of a segmentation node written as the object that goes to the worker.

    octets = header.frame_head() || for each structure: contour points, or the bits of its mask

Contours where they are what the segments were made of (a structure set that SlicerRT has read):
the worker then has what the planning system drew. Else masks, all on one grid: the one that
Slicer finds for the chosen segments, cut to where there is any of them.

Structures are numbers in the file. Which segment each number is stays here, with its name.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.structures import (
    MAX_STRUCTURES,
    MaskGrid,
    StructureEntry,
    StructureForm,
    StructuresHeader,
)
from EncryptSecureRTLib.scene.geometry import (
    ParentTransform,
    grid_of_image,
    parent_transform,
    points_to_world_lps,
)
from EncryptSecureRTLib.scene.mrml import Node, slicer, vtk
from EncryptSecureRTLib.scene.neutral import is_mapped_uid
from EncryptSecureRTLib.scene.private_files import new_private_file
from EncryptSecureRTLib.scene.segmentations import BINARY_LABELMAP

PLANAR_CONTOUR = "Planar contour"  # SlicerRT's name of the representation
_LEAST_POINTS = 3
Contour = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts:
    """A segment as the scene has it; `name` may tell something, and stays on this computer.

    `rgb` is 0 to 255 each.
    """

    segment_id: str = field(repr=False)
    name: str = field(repr=False)
    rgb: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenStructures:
    """What was written, and what each number stands for; the latter never leaves.

    Attributes
    ----------
    header : as it stands in the file.
    segments : by number.
    empty : chosen segments with nothing in them; they are not in the file.
    """

    header: StructuresHeader
    segments: Mapping[int, SegmentFacts] = field(repr=False)
    empty: tuple[SegmentFacts, ...] = field(repr=False)


def segment_facts(node: Node) -> tuple[SegmentFacts, ...]:
    """Return the segments of a vtkMRMLSegmentationNode in their order."""
    segmentation = node.GetSegmentation()
    return tuple(_facts(segmentation, segment_id) for segment_id in segmentation.GetSegmentIDs())


def writing_structures(
    node: Node, path: Path, segment_ids: Sequence[str], frame_of_reference: str
) -> Generator[tuple[int, int], None, WrittenStructures]:
    """Write segments as an object of structures; yield (steps done, steps in all).

    A linear parent transform is applied. Numbers are 1 to n in the order of `segment_ids`. The
    node is not changed: a representation that has to be made is made of a copy. If it fails or
    is closed before its end, the file is removed.

    Parameters
    ----------
    node : vtkMRMLSegmentationNode
        Its segments must stay as they are until the end.
    path : Path
        A new file, in a folder that is the caller's alone.
    segment_ids : 1 to 256 of the node's, none twice.
    frame_of_reference : str
        Mapped UID, the one that the dose is sent under.

    Raises
    ------
    EncryptSecureRTError
        E_STRUCTURES if a segment is not there, cannot be used, or all are empty; E_GEOMETRY for a
        transform that bends, and for a grid that is sheared or of no scanner; E_TOO_LARGE for more
        than the limits; E_NOT_PROTECTED for a frame that is not mapped; E_LOCAL_FILE.
    """
    segmentation = _checked(node, segment_ids, frame_of_reference)
    shapes = _shapes_of(node, segmentation, segment_ids)
    steps = 2 * len(segment_ids)
    full: list[str] = []
    counts: list[tuple[int, ...] | None] = []
    for n, segment_id in enumerate(segment_ids, 1):
        if not shapes.is_empty(segment_id):
            full.append(segment_id)
            counts.append(shapes.points(segment_id))
        yield n, steps
    header = _header(shapes.grid, counts, frame_of_reference)
    facts = {segment_id: _facts(segmentation, segment_id) for segment_id in segment_ids}
    with new_private_file(path, "the structures to send") as file:
        file.write(header.frame_head())
        for n, segment_id in enumerate(full, 1):
            for part in shapes.octets(segment_id):
                file.write(part)
            yield len(segment_ids) + n, steps
    return WrittenStructures(
        header=header,
        segments=MappingProxyType({n: facts[i] for n, i in enumerate(full, 1)}),
        empty=tuple(facts[i] for i in segment_ids if i not in full),
    )


def _checked(node: Node, segment_ids: Sequence[str], frame_of_reference: str) -> Node:
    segmentation = node.GetSegmentation()
    known = set(segmentation.GetSegmentIDs())
    if not 1 <= len(segment_ids) <= MAX_STRUCTURES:
        raise _unusable("1 to 256 segments have to be chosen")
    if len(set(segment_ids)) != len(segment_ids) or not known.issuperset(segment_ids):
        raise _unusable("a segment is not there, or chosen twice")
    if not is_mapped_uid(frame_of_reference):
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
    if parent_transform(node) is ParentTransform.NON_LINEAR:
        detail = "a non-linear transform bends the structures: harden it, or remove it"
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, detail)
    return segmentation


def _unusable(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_STRUCTURES, detail)


def _facts(segmentation: Node, segment_id: str) -> SegmentFacts:
    segment = segmentation.GetSegment(segment_id)
    red, green, blue = (round(255 * part) for part in segment.GetColor())
    return SegmentFacts(segment_id=segment_id, name=segment.GetName() or "", rgb=(red, green, blue))


def _header(
    grid: MaskGrid | None, counts: Sequence[tuple[int, ...] | None], frame_of_reference: str
) -> StructuresHeader:
    if not counts:
        raise _unusable("every chosen segment is empty")
    try:
        return StructuresHeader(
            frame_of_reference=frame_of_reference,
            structure_set=None,
            grid=grid,
            structures=tuple(
                StructureEntry(
                    number=n,
                    form=StructureForm.MASK if points is None else StructureForm.CONTOURS,
                    points=points,
                )
                for n, points in enumerate(counts, 1)
            ),
        )
    except EncryptSecureRTError as error:
        if error.code is not ErrorCode.E_FORMAT:
            raise
        raise _unusable("a contour has too many points") from None


class _Contours:
    """Segments as the planar contours that they were made of."""

    grid = None

    def __init__(self, node: Node, segmentation: Node) -> None:
        self._node, self._segmentation = node, segmentation

    def is_empty(self, segment_id: str) -> bool:
        """Return whether a segment has no contour."""
        return not self.points(segment_id)

    def points(self, segment_id: str) -> tuple[int, ...] | None:
        """Return how many points each contour has."""
        return tuple(len(contour) for contour in self._contours(segment_id))

    def octets(self, segment_id: str) -> Iterator[memoryview]:
        """Yield the points of each contour, LPS mm in the world, float64 little-endian."""
        for contour in self._contours(segment_id):
            lps = points_to_world_lps(self._node, contour)
            yield np.ascontiguousarray(lps, "<f8").data

    def _contours(self, segment_id: str) -> Iterator[Contour]:
        """Yield contours (n, 3), RAS of the node, without a last point that repeats the first."""
        surface = self._segmentation.GetSegment(segment_id).GetRepresentation(PLANAR_CONTOUR)
        if surface is None or surface.GetNumberOfPoints() == 0:
            return
        to_numpy = vtk.util.numpy_support.vtk_to_numpy
        points = np.asarray(to_numpy(surface.GetPoints().GetData()), np.float64)
        for cells in (surface.GetLines(), surface.GetPolys()):
            if cells.GetNumberOfCells() == 0:
                continue
            starts = to_numpy(cells.GetOffsetsArray())
            for ids in np.split(to_numpy(cells.GetConnectivityArray()), starts[1:-1]):
                closed = len(ids) > 1 and np.array_equal(points[ids[0]], points[ids[-1]])
                contour = points[ids[:-1] if closed else ids]
                if len(contour) >= _LEAST_POINTS:
                    yield contour


class _Masks:
    """Segments as masks on one grid, taken from a segmentation that has labelmaps of them."""

    def __init__(self, node: Node, segmentation: Node, segment_ids: Sequence[str]) -> None:
        self._segmentation = segmentation
        self._common = _common_geometry(segmentation, segment_ids)
        self.grid: MaskGrid | None = None
        self._reverse = False
        if self._common is None:
            return
        grid = grid_of_image(node, self._common)
        self._reverse = not grid.is_right_handed
        used = grid.with_slices_reversed() if self._reverse else grid
        try:
            self.grid = MaskGrid(
                shape=used.shape,
                spacing_mm=used.spacing_mm,
                origin_mm=used.origin_lps_mm,
                direction=used.direction,
            )
        except EncryptSecureRTError:
            detail = "the number of voxels, their spacing or the place is none of a scanner"
            raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, detail) from None

    def is_empty(self, segment_id: str) -> bool:
        """Return whether a segment has no voxel on the grid."""
        return self._common is None or not self._mask(segment_id).any()

    def points(self, segment_id: str) -> tuple[int, ...] | None:
        """Return None: there are no contours."""
        return None

    def octets(self, segment_id: str) -> Iterator[memoryview]:
        """Yield the bits of a mask (k, j, i), the lowest of an octet first."""
        mask = self._mask(segment_id)
        yield np.packbits(mask[::-1] if self._reverse else mask, bitorder="little").data

    def _mask(self, segment_id: str) -> Bits:
        segment = self._segmentation.GetSegment(segment_id)
        labels = slicer.vtkOrientedImageData()
        copied = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
            segment.GetRepresentation(BINARY_LABELMAP), self._common, labels, False
        )
        if not copied:
            raise _unusable("a segment cannot be brought onto the common grid")
        voxels = vtk.util.numpy_support.vtk_to_numpy(labels.GetPointData().GetScalars())
        mask: Bits = voxels.reshape(labels.GetDimensions()[::-1]) == segment.GetLabelValue()
        return mask


def _shapes_of(node: Node, segmentation: Node, segment_ids: Sequence[str]) -> _Contours | _Masks:
    if segmentation.GetSourceRepresentationName() == PLANAR_CONTOUR:
        return _Contours(node, segmentation)
    if segmentation.ContainsRepresentation(BINARY_LABELMAP):
        return _Masks(node, segmentation, segment_ids)
    return _Masks(node, _copy_with_labelmaps(segmentation, segment_ids), segment_ids)


def _copy_with_labelmaps(segmentation: Node, segment_ids: Sequence[str]) -> Node:
    """Return a vtkSegmentation of the chosen segments, with labelmaps made from their source."""
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(segmentation.GetSourceRepresentationName())
    copy.CopyConversionParameters(segmentation)
    copied = all(copy.CopySegmentFromSegmentation(segmentation, i) for i in segment_ids)
    if not copied or not copy.CreateRepresentation(BINARY_LABELMAP):
        raise _unusable("no masks can be made of these segments")
    return copy


def _common_geometry(segmentation: Node, segment_ids: Sequence[str]) -> Node | None:
    """Return a vtkOrientedImageData that holds all of the segments; None if they are all empty."""
    chosen = vtk.vtkStringArray()
    for segment_id in segment_ids:
        chosen.InsertNextValue(segment_id)
    mode = segmentation.EXTENT_UNION_OF_EFFECTIVE_SEGMENTS
    geometry = segmentation.DetermineCommonLabelmapGeometry(mode, chosen)
    image = slicer.vtkOrientedImageData()
    if not geometry or not slicer.vtkSegmentationConverter.DeserializeImageGeometry(
        geometry, image
    ):
        return None
    return image if min(image.GetDimensions()) > 0 else None
