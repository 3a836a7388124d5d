"""Segments as the worker gets them: numbers, bits or contours in place, and never a name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.Scene.made import (
    AXIAL,
    CT_SHAPE,
    Array,
    add_bending_transform,
    add_ct,
    add_linear_transform,
    matrix_of,
    put_under,
    refusal_of,
    rotation,
    to_the_end,
)

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.structures import StructureForm, StructuresHeader, unpack_structures
from EncryptSecureRTLib.client.structure_files import read_structures_object
from EncryptSecureRTLib.scene.mrml import slicer, vtk
from EncryptSecureRTLib.scene.structure_masks import (
    WrittenStructures,
    segment_facts,
    writing_structures,
)

FRAME = "2.25.99"
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def _mask(*box: slice) -> Array:
    mask = np.zeros(CT_SHAPE, np.uint8)
    mask[box] = 1
    return mask


MASKS = {
    "Planted^Heart": _mask(slice(1, 3), slice(1, 4), slice(1, 3)),
    "inside of it": _mask(slice(2, 3), slice(2, 3), slice(1, 2)),
    "far away": _mask(slice(5, 6), slice(4, 5), slice(3, 4)),
    "nothing": _mask(slice(0, 0)),
}


def _segmentation(scene: Any, matrix: Array = AXIAL) -> Any:
    """Add a segmentation with the masks as segments, drawn on a CT."""
    ct = add_ct(scene, matrix=matrix)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segmentation a1b2c3")
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    for number, (name, mask) in enumerate(MASKS.items()):
        node.GetSegmentation().AddEmptySegment(f"id {name}", name, (0.1 * number, 0.2, 1.0))
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, f"id {name}", ct)
    return node


def _write(node: Any, path: Path, names: Sequence[str]) -> WrittenStructures:
    ids = [f"id {name}" for name in names]
    return to_the_end(writing_structures(node, path, ids, FRAME))


def _points_of(header: StructuresHeader, bits: memoryview) -> set[tuple[float, ...]]:
    """Return the centres of a mask's voxels in LPS, by no code of ours but numpy's."""
    grid = header.grid
    assert grid is not None
    mask = np.unpackbits(np.frombuffer(bits, np.uint8), count=grid.voxels, bitorder="little")
    kji = np.argwhere(mask.reshape(grid.shape))
    axes = np.reshape(grid.direction, (3, 3)) * grid.spacing_mm[::-1]
    return {tuple(np.round(axes @ index[::-1] + grid.origin_mm, 6)) for index in kji}


def _expected(mask: Array, ijk_to_ras: Array) -> set[tuple[float, ...]]:
    ijk = np.argwhere(mask)[:, ::-1]
    ras = np.column_stack([ijk, np.ones(len(ijk))]) @ ijk_to_ras.T
    return {tuple(np.round(point, 6) + 0.0) for point in (ras @ TO_LPS)[:, :3]}


MATRICES = {
    "axial": AXIAL,
    "left-handed": AXIAL @ np.diag([1.0, 1.0, -1.0, 1.0]),
    "oblique": matrix_of(rotation((20, -35, 50)), (0.7, 0.9, 3.1), np.array([12.5, -80.2, 40.0])),
}


@pytest.mark.parametrize("name", MATRICES)
def test_every_voxel_of_every_mask_is_where_it_is_in_the_scene(
    scene: Any, tmp_path: Path, name: str
) -> None:
    node = _segmentation(scene, MATRICES[name])
    names = ["Planted^Heart", "inside of it", "far away"]

    written = _write(node, tmp_path / "structures", names)

    header, parts = unpack_structures((tmp_path / "structures").read_bytes())
    assert header == written.header
    assert [s.number for s in header.structures] == [1, 2, 3]
    assert header.frame_of_reference == FRAME
    assert header.grid is not None
    assert np.linalg.det(np.reshape(header.grid.direction, (3, 3))) == pytest.approx(1)
    for part, mask in zip(parts, names, strict=True):
        assert _points_of(header, part) == _expected(MASKS[mask], MATRICES[name]), mask


def test_grid_is_cut_to_the_segments_that_were_chosen(scene: Any, tmp_path: Path) -> None:
    header = _write(_segmentation(scene), tmp_path / "structures", ["Planted^Heart"]).header

    assert header.grid is not None
    assert header.grid.shape == (2, 3, 2)


def test_numbers_follow_the_order_of_choice_and_stand_for_segments_here_only(
    scene: Any, tmp_path: Path
) -> None:
    written = _write(_segmentation(scene), tmp_path / "structures", ["far away", "Planted^Heart"])

    assert {n: facts.name for n, facts in written.segments.items()} == {
        1: "far away",
        2: "Planted^Heart",
    }
    assert written.segments[2].segment_id == "id Planted^Heart"
    assert written.segments[1].rgb == (51, 51, 255)
    octets = (tmp_path / "structures").read_bytes()
    assert b"Planted" not in octets
    assert b"far" not in octets
    assert "Planted" not in repr(written)


def test_empty_segment_is_left_out_and_told(scene: Any, tmp_path: Path) -> None:
    written = _write(_segmentation(scene), tmp_path / "structures", ["nothing", "far away"])

    assert [facts.name for facts in written.empty] == ["nothing"]
    assert written.segments[1].name == "far away"
    assert len(written.header.structures) == 1


def test_nothing_but_empty_segments_is_refused(scene: Any, tmp_path: Path) -> None:
    with refusal_of(ErrorCode.E_STRUCTURES):
        _write(_segmentation(scene), tmp_path / "structures", ["nothing"])
    assert not (tmp_path / "structures").exists()


def test_segments_that_share_a_labelmap_are_told_apart(scene: Any, tmp_path: Path) -> None:
    node = _segmentation(scene)
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    assert node.GetSegmentation().GetNumberOfLayers() < 4
    names = ["Planted^Heart", "inside of it", "far away"]

    _write(node, tmp_path / "structures", names)

    header, parts = unpack_structures((tmp_path / "structures").read_bytes())
    for part, name in zip(parts, names, strict=True):
        assert _points_of(header, part) == _expected(MASKS[name], AXIAL), name


def test_linear_transform_is_applied_to_masks(scene: Any, tmp_path: Path) -> None:
    node = _segmentation(scene)
    turn = matrix_of(rotation((0, 0, 90)), (1, 1, 1), np.array([10.0, 0.0, 0.0]))
    put_under(node, add_linear_transform(scene, turn))

    _write(node, tmp_path / "structures", ["Planted^Heart"])

    header, parts = unpack_structures((tmp_path / "structures").read_bytes())
    assert _points_of(header, parts[0]) == _expected(MASKS["Planted^Heart"], turn @ AXIAL)


def test_transform_that_bends_is_refused(scene: Any, tmp_path: Path) -> None:
    node = _segmentation(scene)
    put_under(node, add_bending_transform(scene))

    with refusal_of(ErrorCode.E_GEOMETRY):
        _write(node, tmp_path / "structures", ["Planted^Heart"])


def test_segments_that_are_surfaces_become_masks_and_the_node_stays_as_it_was(
    scene: Any, tmp_path: Path
) -> None:
    # A sphere is no longer what its voxels were; its volume tells that it is in place.
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(12.0)
    sphere.SetThetaResolution(60)
    sphere.SetPhiResolution(60)
    sphere.Update()
    corner = matrix_of(np.eye(3), (1, 1, 1), np.full(3, -20.0))
    ct = add_ct(scene, np.zeros((30, 40, 40), np.int16), corner)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segmentation a1b2c3")
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    node.SetSourceRepresentationToClosedSurface()
    node.AddSegmentFromClosedSurfaceRepresentation(sphere.GetOutput(), "ball", (1, 0, 0), "id ball")

    header = _write(node, tmp_path / "structures", ["ball"]).header

    _, parts = unpack_structures((tmp_path / "structures").read_bytes())
    points = np.array(sorted(_points_of(header, parts[0])))
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")
    # Half of the voxels at the surface may be lost or won: 3 % of these 7,238 mm3 (1 mm voxels).
    below_the_top = 4 / 3 * np.pi * 12**3 - np.pi * 2.5**2 * (12 - 2.5 / 3)  # CT ends at z = 9.5
    assert len(points) == pytest.approx(below_the_top, rel=0.03)
    assert np.abs(points[:, :2].mean(axis=0)).max() < 0.1
    assert np.linalg.norm(points, axis=1).max() <= 12.5


def _contoured(scene: Any, contours: Sequence[Array], *, as_polygons: bool = False) -> Any:
    """Add a segmentation whose source are closed planar contours, as SlicerRT makes them."""
    surface, points, cells = vtk.vtkPolyData(), vtk.vtkPoints(), vtk.vtkCellArray()
    for contour in contours:
        ids = [points.InsertNextPoint(*point) for point in contour]
        ids = ids if as_polygons else [*ids, ids[0]]
        cells.InsertNextCell(len(ids))
        for point_id in ids:
            cells.InsertCellPoint(point_id)
    surface.SetPoints(points)
    (surface.SetPolys if as_polygons else surface.SetLines)(cells)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segmentation a1b2c3")
    segmentation = node.GetSegmentation()
    segmentation.SetSourceRepresentationName("Planar contour")
    for name in ("drawn", "nothing"):
        segment = slicer.vtkSegment()
        segment.SetName(name)
        drawn = surface if name == "drawn" else vtk.vtkPolyData()
        segment.AddRepresentation("Planar contour", drawn)
        segmentation.AddSegment(segment, f"id {name}")
    return node


SQUARE = np.array([[0, 0, 5], [10, 0, 5], [10, 10, 5], [0, 10, 5]], float)
TRIANGLE = np.array([[1, 2, 8], [9, 2, 8], [5, 7, 8]], float)


@pytest.mark.parametrize("as_polygons", [False, True])
def test_contours_are_sent_as_they_were_drawn(
    scene: Any, tmp_path: Path, as_polygons: bool
) -> None:
    node = _contoured(scene, [SQUARE, TRIANGLE], as_polygons=as_polygons)

    written = _write(node, tmp_path / "structures", ["nothing", "drawn"])

    header, parts = unpack_structures((tmp_path / "structures").read_bytes())
    lps_mm = np.frombuffer(parts[0], "<f8").reshape(-1, 3)
    assert header.grid is None
    assert [(s.form, s.points) for s in header.structures] == [(StructureForm.CONTOURS, (4, 3))]
    assert np.array_equal(lps_mm, np.vstack([SQUARE, TRIANGLE]) * (-1, -1, 1))
    assert [facts.name for facts in written.empty] == ["nothing"]


def test_linear_transform_is_applied_to_contours(scene: Any, tmp_path: Path) -> None:
    node = _contoured(scene, [TRIANGLE])
    turn = matrix_of(rotation((0, 0, 90)), (1, 1, 1), np.array([10.0, 0.0, 0.0]))
    put_under(node, add_linear_transform(scene, turn))

    _write(node, tmp_path / "structures", ["drawn"])

    _, parts = unpack_structures((tmp_path / "structures").read_bytes())
    # A quarter turn takes (x, y) to (-y, x).
    expected = [(-(10 - y), -x, z) for x, y, z in TRIANGLE]
    assert np.frombuffer(parts[0], "<f8").reshape(-1, 3) == pytest.approx(np.array(expected))


def test_line_of_two_points_is_no_contour(scene: Any, tmp_path: Path) -> None:
    node = _contoured(scene, [SQUARE[:2], TRIANGLE])

    header = _write(node, tmp_path / "structures", ["drawn"]).header

    assert header.structures[0].points == (3,)


@pytest.mark.parametrize(
    "ids", [[], ["id far away", "id far away"], ["id unknown"]], ids=["none", "twice", "unknown"]
)
def test_choice_that_makes_no_sense_is_refused(scene: Any, tmp_path: Path, ids: list[str]) -> None:
    with refusal_of(ErrorCode.E_STRUCTURES):
        to_the_end(writing_structures(_segmentation(scene), tmp_path / "s", ids, FRAME))


def test_frame_that_is_not_mapped_is_refused(scene: Any, tmp_path: Path) -> None:
    node, frame = _segmentation(scene), "1.2.840.113619.2.55"

    with refusal_of(ErrorCode.E_NOT_PROTECTED):
        to_the_end(writing_structures(node, tmp_path / "s", ["id far away"], frame))


def test_caller_gets_a_turn_for_each_segment_and_closing_removes_the_file(
    scene: Any, tmp_path: Path
) -> None:
    node, path = _segmentation(scene), tmp_path / "structures"
    ids = ["id Planted^Heart", "id far away"]
    assert list(writing_structures(node, path, ids, FRAME)) == [(1, 4), (2, 4), (3, 4), (4, 4)]
    path.unlink()

    writing = writing_structures(node, path, ids, FRAME)
    for _ in range(3):
        next(writing)
    assert path.exists()
    writing.close()

    assert not path.exists()


def test_segments_are_told_in_their_order(scene: Any) -> None:
    facts = segment_facts(_segmentation(scene))

    assert [one.name for one in facts] == list(MASKS)
    assert [one.segment_id for one in facts] == [f"id {name}" for name in MASKS]


def test_client_takes_what_the_scene_has_written(scene: Any, tmp_path: Path) -> None:
    _write(_segmentation(scene), tmp_path / "structures", ["Planted^Heart", "far away"])

    taken = read_structures_object(tmp_path / "structures")

    shown = [(one.number, one.shown_name) for one in taken.structures]
    assert shown == [(1, "ROI_1"), (2, "ROI_2")]
    assert taken.origin.frame_of_reference_uid == FRAME
