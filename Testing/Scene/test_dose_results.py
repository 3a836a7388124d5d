"""Results of a dose comparison enter the scene whole, or not at all, and overwrite nothing."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from Testing.Scene.made import (
    add_ct,
    add_linear_transform,
    numbered,
    put_under,
    refusal_of,
)
from Testing.Scene.made_doses import add_dose, gamma_values, load, results_of

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.dose_results import load_dose_results
from EncryptSecureRTLib.scene.dose_views import show_chart, show_dose_map, show_point
from EncryptSecureRTLib.scene.hierarchy import hierarchy_of, item_of
from EncryptSecureRTLib.scene.mrml import slicer

FULL = "EncryptSecureRTLib.scene.dose_results.enter_curves"


def _everything(scene: Any) -> set[str]:
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


def _fail(*_: object) -> None:
    raise MemoryError


def test_caller_gets_a_turn_after_each_part_and_sees_no_half_made_result(scene: Any) -> None:
    dose = add_dose(scene)
    before = _everything(scene)
    seen = []

    for count in load_dose_results(dose, results_of(dose)):
        seen.append((count, _everything(scene) == before, scene.IsBatchProcessing()))

    assert seen == [(1, True, False), (2, True, False), (3, True, False)]
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == 4
    assert not scene.IsBatchProcessing()


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_closing_the_loading_leaves_the_scene_as_it_was(scene: Any, after: int) -> None:
    dose = add_dose(scene)
    before = _everything(scene)
    loading = load_dose_results(dose, results_of(dose))
    for _ in range(after):
        next(loading)

    loading.close()

    assert _everything(scene) == before


@pytest.mark.parametrize(
    "where", ["enter_curves", "enter_table", "dose_maps.place_beside", "dose_plots.place_beside"]
)
def test_failure_anywhere_removes_all_that_was_made(
    scene: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    dose = add_dose(scene)
    results, before = results_of(dose), _everything(scene)
    module = "dose_results." if "." not in where else ""
    monkeypatch.setattr(f"EncryptSecureRTLib.scene.{module}{where}", _fail)

    with pytest.raises(MemoryError):
        load(dose, results)

    assert _everything(scene) == before
    assert not scene.IsBatchProcessing()


def test_dose_that_leaves_the_scene_in_the_meantime_ends_the_loading(scene: Any) -> None:
    dose = add_dose(scene)
    loading = load_dose_results(dose, results_of(dose))
    next(loading)

    scene.RemoveNode(dose)

    with refusal_of(ErrorCode.E_CANCELLED):
        list(loading)
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_scene_that_is_closed_in_the_meantime_ends_the_loading(scene: Any) -> None:
    dose = add_dose(scene)
    loading = load_dose_results(dose, results_of(dose))
    next(loading)

    scene.Clear(False)

    with refusal_of(ErrorCode.E_CANCELLED):
        list(loading)
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


# ---- nodes that were chosen


def test_empty_node_that_was_chosen_gets_the_map(scene: Any) -> None:
    dose = add_dose(scene)
    chosen = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "volume d1e2f3")
    put_under(chosen, add_linear_transform(scene, np.diag([2.0, 2.0, 2.0, 1.0])))

    loaded = load(dose, into_gamma=chosen)

    assert loaded.gamma is chosen
    assert chosen.GetName() == "volume d1e2f3"
    assert chosen.GetParentTransformNode() is None
    assert np.array_equal(slicer.util.arrayFromVolume(chosen), gamma_values(), equal_nan=True)
    assert loaded.difference is not chosen


@pytest.mark.parametrize("what", ["with voxels", "label map", "of the other map", "removed"])
def test_node_that_cannot_take_a_map_is_left_alone_and_nothing_is_lost(
    scene: Any, what: str
) -> None:
    dose = add_dose(scene)
    chosen = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "volume d1e2f3")
    if what == "with voxels":
        chosen = add_ct(scene)
    elif what == "label map":
        chosen = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "label map d1e2f3")
    elif what == "removed":
        scene.RemoveNode(chosen)

    also = chosen if what == "of the other map" else None
    loaded = load(dose, into_difference=chosen, into_gamma=also)

    assert loaded.difference is not chosen
    assert loaded.gamma is not loaded.difference
    if what == "with voxels":
        assert np.array_equal(slicer.util.arrayFromVolume(chosen), numbered())


def test_chosen_node_is_empty_again_and_where_it_was_after_a_failure(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dose = add_dose(scene)
    tree = hierarchy_of(scene)
    chosen = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "volume d1e2f3")
    transform = add_linear_transform(scene, np.eye(4))
    put_under(chosen, transform)
    folder = tree.CreateFolderItem(tree.GetSceneItemID(), "folder a1b2c3")
    tree.CreateItem(folder, chosen)
    before = _everything(scene)
    monkeypatch.setattr(FULL, _fail)

    with pytest.raises(MemoryError):
        load(dose, into_gamma=chosen)

    assert _everything(scene) == before
    assert chosen.GetImageData() is None
    assert chosen.GetName() == "volume d1e2f3"
    assert chosen.GetParentTransformNode() is transform
    assert chosen.GetNumberOfDisplayNodes() == 0
    assert list(chosen.GetAttributeNames()) == []
    assert chosen.GetVoxelValueUnits() is None
    assert tree.GetItemParent(item_of(chosen)) == folder


# ---- views


class _Views:
    """An application with a layout manager, and what it was asked to show."""

    def __init__(self) -> None:
        self.shown: list[Any] = []
        self.app = SimpleNamespace(layoutManager=lambda: self)
        logic = SimpleNamespace(ShowChartInLayout=self.shown.append)
        jump = SimpleNamespace(JumpSlicesToLocation=lambda *place: self.shown.append(place))
        self.modules = SimpleNamespace(
            plots=SimpleNamespace(logic=lambda: logic), markups=SimpleNamespace(logic=lambda: jump)
        )

    def layers(self, **options: Any) -> None:
        self.shown.append(options)


@pytest.mark.parametrize("application", [None, SimpleNamespace(layoutManager=lambda: None)])
def test_without_views_nothing_is_shown_and_nothing_fails(
    scene: Any, monkeypatch: pytest.MonkeyPatch, application: Any
) -> None:
    loaded = load(add_dose(scene))
    views = _Views()
    monkeypatch.setattr(slicer, "app", application, raising=False)
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", views.layers)

    show_dose_map(loaded.gamma)
    show_chart(loaded.chart)
    show_point((1.0, 2.0, 3.0))

    assert views.shown == []


def test_map_is_shown_half_transparent_over_the_chosen_ct(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ct, loaded, views = add_ct(scene), load(add_dose(scene)), _Views()
    monkeypatch.setattr(slicer, "app", views.app, raising=False)
    monkeypatch.setattr(slicer, "modules", views.modules)
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", views.layers)

    show_dose_map(loaded.gamma, ct)
    show_dose_map(loaded.difference)
    show_chart(loaded.chart)
    show_point((1.0, 2.0, 3.0))

    gamma, difference, chart, place = views.shown
    assert (gamma["background"], gamma["foreground"]) == (ct, loaded.gamma)
    assert gamma["foregroundOpacity"] == difference["foregroundOpacity"] == 0.5
    assert "background" not in difference
    assert chart is loaded.chart
    assert place == (-1.0, -2.0, 3.0, True)
