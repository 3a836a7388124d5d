"""Structures loaded onto their CT as a segmentation node: whole, or not at all.

    loading = load_segments(ct, segments)
    for count in loading:          # after each segment; the caller lets events be processed
        show(count)                # a `return` or `loading.close()` here leaves nothing behind

The node is filled outside of the scene and enters it when it is complete, in one step. So nobody
sees half a result, and there is nothing to clean up but what that last step itself began.

Voxels are on the CT's own grid. The node is put under the CT's parent transform, not hardened: it
lies where the CT lies, also after that transform is changed or removed.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.geometry import image_shape
from EncryptSecureRTLib.scene.hierarchy import place_beside
from EncryptSecureRTLib.scene.mrml import Node, Scene, batch, in_scene, slicer, vtk
from EncryptSecureRTLib.scene.neutral import REF_ATTRIBUTE, new_ref
from EncryptSecureRTLib.scene.structures import terminology_entries

BINARY_LABELMAP = "Binary labelmap"  # Slicer's name of the representation
Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DisplaySegment:
    """One structure to load.

    Attributes
    ----------
    key : stable key of the structure, e.g. ``lung_left``; becomes the segment's ID.
    label : TG-263 name, e.g. ``Lung_L``; becomes the segment's name.
    rgb : display colour, 0 to 255 each.
    offset_kji : where the mask's first voxel is in the volume that was sent.
    mask : uint8 (k, j, i), cropped to the structure, not 0 inside; of no voxel if it is empty.

    Raises
    ------
    EncryptSecureRTError
        E_VERSION for a label that is not in our terminology, E_RESULT for anything malformed.
    """

    key: str
    label: str
    rgb: tuple[int, int, int]
    offset_kji: tuple[int, int, int]
    mask: npt.NDArray[np.uint8] = field(repr=False)

    def __post_init__(self) -> None:
        # A list that is ours, so that a result cannot put other words into the scene.
        if self.label not in terminology_entries():
            raise EncryptSecureRTError(ErrorCode.E_VERSION, "a structure that is not known here")
        malformed = (
            not self.key.replace("_", "").isalnum()
            or not self.key.isascii()
            or len(self.rgb) != 3
            or not all(0 <= value <= 255 for value in self.rgb)
            or self.mask.ndim != 3
            or self.mask.dtype != np.uint8
            or len(self.offset_kji) != 3
            or min(self.offset_kji) < 0
        )
        if malformed:
            raise EncryptSecureRTError(ErrorCode.E_RESULT, "a segment is malformed")


def load_segments(
    ct: Node,
    segments: Iterable[DisplaySegment],
    *,
    slices_reversed: bool = False,
    closed_surface: bool = False,
    into: Node | None = None,
) -> Generator[int, None, Node]:
    """Load segments onto a CT; yield how many are done, return the segmentation node.

    Parameters
    ----------
    ct : vtkMRMLScalarVolumeNode
        In a scene; the volume that was sent.
    segments : iterable of DisplaySegment
    slices_reversed : bool
        As `voxels.writing_volume` told when the volume was sent.
    closed_surface : bool
        Make surfaces for the 3D view too.
    into : vtkMRMLSegmentationNode
        One that was chosen for the result. If it has left the scene or got contents in the
        meantime, a new one is made: nothing is overwritten, and nothing is lost.

    Raises
    ------
    EncryptSecureRTError
        E_GEOMETRY if a mask is not inside the CT, E_RESULT if a structure comes twice,
        E_CANCELLED if the CT has left its scene in the meantime. The scene is then as before.
    """
    scene = ct.GetScene()
    shape = image_shape(ct.GetImageData())
    if scene is None or shape is None:
        raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, "the CT has no voxels")
    segmentation = slicer.vtkSegmentation()
    for count, segment in enumerate(segments, 1):
        if segmentation.GetSegment(segment.key) is not None:
            raise EncryptSecureRTError(ErrorCode.E_RESULT, "a structure comes twice")
        _add_segment(segmentation, segment, ct, reverse_in=shape if slices_reversed else None)
        yield count
    if not in_scene(ct, scene):
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED, "the CT is not in the scene any more")
    with batch(scene):
        if into is not None and in_scene(into, scene) and is_empty(into):
            return _fill(into, ct, segmentation, closed_surface=closed_surface)
        return _enter(scene, ct, segmentation, closed_surface=closed_surface)


def is_empty(node: Node) -> bool:
    """Tell whether a segmentation node has no segment."""
    return bool(node.GetSegmentation().GetNumberOfSegments() == 0)


def _add_segment(
    segmentation: Node, wanted: DisplaySegment, ct: Node, *, reverse_in: Shape | None
) -> None:
    segment = slicer.vtkSegment()
    segment.SetName(wanted.label)
    segment.SetNameAutoGenerated(False)
    segment.SetColor(*(value / 255 for value in wanted.rgb))
    segment.SetColorAutoGenerated(False)
    segment.SetTag(segment.GetTerminologyEntryTagName(), terminology_entries()[wanted.label])
    if wanted.mask.any():
        offset_k, offset_j, offset_i = wanted.offset_kji
        mask = wanted.mask
        if reverse_in is not None:
            offset_k = reverse_in[0] - offset_k - mask.shape[0]
            mask = mask[::-1]
        labelmap = _labelmap(ct, (offset_k, offset_j, offset_i), mask)
        segment.AddRepresentation(BINARY_LABELMAP, labelmap)
    segmentation.AddSegment(segment, wanted.key)  # without voxels it gets an empty labelmap


def _labelmap(ct: Node, offset_kji: Shape, mask: npt.NDArray[np.uint8]) -> Node:
    """Return a vtkOrientedImageData on the CT's grid that covers no more than the mask."""
    extent = []
    ct_extent = ct.GetImageData().GetExtent()
    for axis, (offset, size) in enumerate(zip(offset_kji[::-1], mask.shape[::-1], strict=True)):
        first, last = ct_extent[2 * axis] + offset, ct_extent[2 * axis] + offset + size - 1
        if offset < 0 or last > ct_extent[2 * axis + 1]:
            raise EncryptSecureRTError(ErrorCode.E_GEOMETRY, "a mask reaches beyond the CT")
        extent += [first, last]
    matrix = vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    labelmap = slicer.vtkOrientedImageData()
    labelmap.SetImageToWorldMatrix(matrix)
    labelmap.SetExtent(*extent)
    labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    voxels = vtk.util.numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())
    np.not_equal(mask, 0, out=voxels.reshape(mask.shape), casting="unsafe")
    return labelmap


def _enter(scene: Scene, ct: Node, segmentation: Node, *, closed_surface: bool) -> Node:
    """Make the node and everything that goes with it; on failure none of that stays."""
    node = scene.CreateNodeByClass("vtkMRMLSegmentationNode")
    node.UnRegister(None)  # else the one that was created is never freed
    try:
        node.SetName(scene.GenerateUniqueName(f"{ct.GetName()} segmentation"))
        node.SetAttribute(REF_ATTRIBUTE, new_ref())
        node.SetAndObserveSegmentation(segmentation)
        scene.AddNode(node)
        _put_onto(node, ct, closed_surface=closed_surface)
    except BaseException:
        remove_with_display(node)
        raise
    return node


def _fill(node: Node, ct: Node, segmentation: Node, *, closed_surface: bool) -> Node:
    """Give an empty node of the user's the segments; on failure it is empty again."""
    empty, transform = node.GetSegmentation(), node.GetTransformNodeID()
    try:
        node.SetAndObserveSegmentation(segmentation)
        _put_onto(node, ct, closed_surface=closed_surface)
        node.SetAttribute(REF_ATTRIBUTE, new_ref())
    except BaseException:
        node.SetAndObserveSegmentation(empty)
        node.SetAndObserveTransformNodeID(transform)
        raise
    return node


def _put_onto(node: Node, ct: Node, *, closed_surface: bool) -> None:
    # First the transform: the reference geometry is told in the node's own coordinates.
    node.SetAndObserveTransformNodeID(ct.GetTransformNodeID())
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    node.CreateDefaultDisplayNodes()
    place_beside(node, ct)
    if closed_surface and not node.CreateClosedSurfaceRepresentation():
        raise EncryptSecureRTError(ErrorCode.E_RESULT, "no surfaces could be made")


def remove_with_display(node: Node) -> None:
    """Remove a node and its display nodes, which stay when only the node itself goes."""
    scene = node.GetScene()
    if scene is None:
        return
    displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    for each in (node, *displays):
        if in_scene(each, scene):
            scene.RemoveNode(each)
