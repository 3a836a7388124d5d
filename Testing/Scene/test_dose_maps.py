"""Gamma and dose difference in the scene: in place, with units, colours and what is not there."""

from typing import Any

import numpy as np
import pytest
from Testing.Scene.made import (
    AXIAL,
    Array,
    add_ct,
    add_linear_transform,
    matrix_of,
    put_under,
    refusal_of,
    rotation,
)
from Testing.Scene.made_doses import (
    add_dose,
    difference_values,
    gamma_values,
    grid_of,
    load,
    results_of,
)

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.dose_maps import DifferenceMap, GammaMap, worst_point
from EncryptSecureRTLib.scene.dose_results import DoseResults
from EncryptSecureRTLib.scene.hierarchy import hierarchy_of, item_of
from EncryptSecureRTLib.scene.mrml import slicer, vtk
from EncryptSecureRTLib.scene.neutral import is_neutral, ref_of


def _voxels(node: Any) -> Array:
    voxels: Array = slicer.util.arrayFromVolume(node)
    return voxels


def _drawn(node: Any) -> Array:
    """Return what a slice view draws of a volume: RGBA (k, j, i, 4), 0 to 255."""
    port = node.GetDisplayNode().GetImageDataConnection()
    port.GetProducer().Update()
    image = port.GetProducer().GetOutputDataObject(port.GetIndex())
    rgba = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    drawn: Array = rgba.reshape(*image.GetDimensions()[::-1], 4)
    return drawn


def _matrix(node: Any) -> Array:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    values: Array = slicer.util.arrayFromVTKMatrix(matrix)
    return values


# ---- voxels and place


def test_voxels_are_those_of_the_results(scene: Any) -> None:
    loaded = load(add_dose(scene))

    gamma, difference = _voxels(loaded.gamma), _voxels(loaded.difference)
    assert [voxels.dtype.name for voxels in (gamma, difference)] == ["float32", "float64"]
    assert np.array_equal(gamma, gamma_values(), equal_nan=True)
    assert np.array_equal(difference, difference_values(), equal_nan=True)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_maps_lie_on_the_dose(scene: Any, flip: float) -> None:
    oblique = matrix_of(rotation((20, -35, 50)), (0.7, 0.9, 3.1), np.array([12.5, -80.2, 40.0]))
    dose = add_dose(scene, matrix=oblique @ np.diag([1.0, 1.0, flip, 1.0]))

    loaded = load(dose)

    assert _matrix(loaded.gamma) == pytest.approx(_matrix(dose), abs=1e-9)
    assert _matrix(loaded.difference) == pytest.approx(_matrix(dose), abs=1e-9)


def test_maps_of_a_moved_dose_lie_where_it_was_compared(scene: Any) -> None:
    dose = add_dose(scene)
    turn = matrix_of(rotation((0, 0, 30)), (1, 1, 1), np.array([5.0, 6.0, 7.0]))
    put_under(dose, add_linear_transform(scene, turn))

    loaded = load(dose)

    assert loaded.gamma.GetParentTransformNode() is None
    assert _matrix(loaded.gamma) == pytest.approx(turn @ AXIAL, abs=1e-9)


def test_maps_stand_beside_the_dose_in_its_study(scene: Any) -> None:
    dose = add_dose(scene)
    tree = hierarchy_of(scene)

    loaded = load(dose)

    study = tree.GetItemParent(item_of(dose))
    nodes = (loaded.gamma, loaded.difference, loaded.table, loaded.curves, loaded.chart)
    assert {tree.GetItemParent(item_of(node)) for node in nodes} == {study}
    assert all(ref_of(node) for node in nodes)


def test_names_are_those_of_the_dose_and_never_twice(scene: Any) -> None:
    dose = add_dose(scene)

    first, second = load(dose), load(dose)

    assert first.gamma.GetName() == "dose b7e2d0 gamma"
    assert first.difference.GetName() == "dose b7e2d0 dose difference"
    assert second.gamma.GetName() == "dose b7e2d0 gamma_1"
    assert np.array_equal(_voxels(first.gamma), gamma_values(), equal_nan=True)


def test_name_that_may_tell_something_gets_no_further(scene: Any) -> None:
    loaded = load(add_dose(scene, name="Planted^Name plan 3"))

    nodes = (loaded.gamma, loaded.difference, loaded.table, loaded.curves, loaded.chart)
    assert all(is_neutral(node.GetName()) for node in nodes)


# ---- units


def test_units_and_quantities_are_told_with_codes(scene: Any) -> None:
    loaded = load(add_dose(scene))

    def codes(node: Any) -> list[str]:
        both = (node.GetVoxelValueQuantity(), node.GetVoxelValueUnits())
        return [f"{c.GetCodeValue()} {c.GetCodingSchemeDesignator()}" for c in both]

    assert codes(loaded.gamma) == ["gamma 99ESRT", "1 UCUM"]
    assert codes(loaded.difference) == ["128303 DCM", "Gy UCUM"]


@pytest.mark.parametrize(
    ("unit", "mark"), [("GY", "1"), ("cGy", None), ("RELATIVE", None), (None, None)]
)
def test_difference_is_a_dose_only_in_a_study_whose_doses_are_in_gy(
    scene: Any, unit: str | None, mark: str | None
) -> None:
    dose = add_dose(scene, unit)
    tree = hierarchy_of(scene)

    loaded = load(dose)

    assert loaded.difference.GetAttribute("DicomRtImport.DoseVolume") == mark
    assert loaded.gamma.GetAttribute("DicomRtImport.DoseVolume") is None
    study = tree.GetItemParent(item_of(dose))
    assert tree.GetItemAttribute(study, "DicomRtImport.DoseUnitName") == (unit or "")


# ---- what is drawn


def test_what_was_not_evaluated_is_transparent_and_all_else_is_not(scene: Any) -> None:
    loaded = load(add_dose(scene))

    for node, values in ((loaded.gamma, gamma_values()), (loaded.difference, difference_values())):
        assert np.array_equal(_drawn(node)[..., 3] == 0, np.isnan(values))


def test_gamma_of_one_is_drawn_as_passed_and_anything_above_as_failed(scene: Any) -> None:
    dose = add_dose(scene)
    values = gamma_values()
    edges = np.array([0.0, 0.999, 1.0, np.nextafter(np.float32(1), np.float32(2)), 1.0001, 2.0])
    values[1, 0, :3], values[1, 1, :3] = edges[:3], edges[3:]
    gamma = GammaMap(grid=grid_of(dose), values=values, cap=2.0)

    node = load(dose, DoseResults(gamma=gamma)).gamma

    red, green, _, _ = np.moveaxis(_drawn(node)[1].astype(int), -1, 0)
    assert (green[0, :3] >= 130).all()  # teal to pale yellow
    # The next number of single precision after 1 is nearer to 1 than any gamma is proven.
    assert (green[1, 1:3] <= 80).all()
    assert (red[1, 1:3] > green[1, 1:3]).all()


def test_difference_is_blue_below_zero_and_orange_to_red_above(scene: Any) -> None:
    node = load(add_dose(scene)).difference
    values = difference_values()

    red, _, blue, _ = np.moveaxis(_drawn(node).astype(int), -1, 0)
    assert (blue[values < -0.1] > red[values < -0.1]).all()
    assert (red[values > 0.1] > blue[values > 0.1]).all()


def test_range_of_a_difference_is_even_round_and_holds_most_of_it(scene: Any) -> None:
    display = load(add_dose(scene)).difference.GetDisplayNode()

    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (-2.0, 2.0)


@pytest.mark.parametrize(("largest", "limit"), [(0.0, 0.01), (0.003, 0.01), (0.3, 0.5), (73, 100)])
def test_range_follows_the_largest_difference(scene: Any, largest: float, limit: float) -> None:
    dose = add_dose(scene)
    values = np.zeros((6, 5, 4))
    values[:] = largest
    values[0] = -largest

    results = DoseResults(difference=DifferenceMap(grid=grid_of(dose), values_gy=values))

    assert load(dose, results).difference.GetDisplayNode().GetWindowLevelMax() == limit


def test_range_may_be_given(scene: Any) -> None:
    dose = add_dose(scene)
    given = DifferenceMap(grid=grid_of(dose), values_gy=difference_values(), limit_gy=0.7)

    display = load(dose, DoseResults(difference=given)).difference.GetDisplayNode()

    assert display.GetWindowLevelMax() == 0.7


def test_voxels_are_drawn_one_by_one(scene: Any) -> None:
    loaded = load(add_dose(scene))

    assert not loaded.gamma.GetDisplayNode().GetInterpolate()
    assert not loaded.difference.GetDisplayNode().GetInterpolate()


def test_legends_tell_what_is_drawn_and_its_unit(scene: Any) -> None:
    loaded = load(add_dose(scene))

    legends = [n.GetNthDisplayNode(1) for n in (loaded.gamma, loaded.difference)]
    assert [one.GetTitleText() for one in legends] == [
        "gamma index (1)",
        "evaluated - reference (Gy)",
    ]
    for node, legend in zip((loaded.gamma, loaded.difference), legends, strict=True):
        assert legend.IsA("vtkMRMLColorLegendDisplayNode")
        assert legend.GetPrimaryDisplayNode() is node.GetDisplayNode()
        assert legend.GetColorNode() is node.GetDisplayNode().GetColorNode()
        assert legend.GetVisibility()


def test_map_with_nothing_evaluated_is_loaded_and_invisible(scene: Any) -> None:
    dose = add_dose(scene)
    nothing = np.full((6, 5, 4), np.nan)
    results = DoseResults(
        gamma=GammaMap(grid=grid_of(dose), values=nothing.astype(np.float32), cap=2.0),
        difference=DifferenceMap(grid=grid_of(dose), values_gy=nothing),
    )

    loaded = load(dose, results)

    assert not _drawn(loaded.gamma)[..., 3].any()
    assert not _drawn(loaded.difference)[..., 3].any()


# ---- where it is worst


def test_worst_point_is_where_gamma_is_largest(scene: Any) -> None:
    grid = grid_of(add_dose(scene))
    values = gamma_values()
    values[3, 2, 1] = 1.9995  # all others are below, but for the last voxels
    values[5] = 0.5
    gamma = GammaMap(grid=grid, values=values, cap=2.0)

    expected = np.diag([-1, -1, 1, 1]) @ AXIAL @ (1, 2, 3, 1)

    assert worst_point(gamma) == pytest.approx(expected[:3])


def test_worst_point_within_a_mask_is_nowhere_if_nothing_is_evaluated_there(scene: Any) -> None:
    gamma = GammaMap(grid=grid_of(add_dose(scene)), values=gamma_values(), cap=2.0)
    mask = np.zeros((6, 5, 4), bool)
    mask[0] = True

    nowhere = worst_point(gamma, mask)
    mask[1, 0, 0] = True

    assert nowhere is None
    expected = np.diag([-1, -1, 1, 1]) @ AXIAL @ (0, 0, 1, 1)
    assert worst_point(gamma, mask) == pytest.approx(expected[:3])


# ---- what cannot be a map


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros((6, 5, 3), np.float32)},
        {"values": np.zeros((6, 5, 4), np.float64)},
        {"values": np.full((6, 5, 4), -0.1, np.float32)},
        {"values": np.full((6, 5, 4), np.inf, np.float32)},
        {"cap": 1.0},
        {"cap": np.inf},
        {"cap": np.nan},
    ],
)
def test_malformed_gamma_cannot_be_made(scene: Any, change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"grid": grid_of(add_ct(scene)), "values": gamma_values(), "cap": 2.0}

    assert GammaMap(**good).cap == 2.0
    with refusal_of(ErrorCode.E_RESULT):
        GammaMap(**good | change)


@pytest.mark.parametrize(
    "change",
    [
        {"values_gy": np.zeros((6, 5, 3))},
        {"values_gy": np.zeros((6, 5, 4), np.float32)},
        {"values_gy": np.full((6, 5, 4), -np.inf)},
        {"limit_gy": 0.0},
        {"limit_gy": np.nan},
    ],
)
def test_malformed_difference_cannot_be_made(scene: Any, change: dict[str, Any]) -> None:
    grid = grid_of(add_ct(scene))
    good: dict[str, Any] = {"grid": grid, "values_gy": difference_values(), "limit_gy": 1.0}

    assert DifferenceMap(**good).limit_gy == 1.0
    with refusal_of(ErrorCode.E_RESULT):
        DifferenceMap(**good | change)


def test_only_what_there_is_gets_a_node(scene: Any) -> None:
    dose = add_dose(scene)
    whole = results_of(dose)

    loaded = load(dose, DoseResults(difference=whole.difference))

    assert loaded.difference is not None
    assert [loaded.gamma, loaded.table, loaded.curves, loaded.chart] == [None] * 4
