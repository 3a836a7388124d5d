"""Results of a dose comparison loaded beside the reference dose: whole, or not at all.

    loading = load_dose_results(reference, results)
    for count in loading:          # after each part; the caller lets events be processed
        show(count)                # a `return` or `loading.close()` here leaves nothing behind

Everything is prepared outside of the scene and enters it in one step; if that step fails, what it
added is removed and a node that was chosen for a result is as it was.
"""

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.dose_maps import (
    DifferenceMap,
    GammaMap,
    PreparedMap,
    enter_map,
    prepared_difference,
    prepared_gamma,
    takes_a_map,
)
from EncryptSecureRTLib.scene.dose_plots import StructureCurves, enter_curves, prepared_curves
from EncryptSecureRTLib.scene.dose_tables import ResultTable, enter_table, prepared_table
from EncryptSecureRTLib.scene.hierarchy import hierarchy_of, item_of
from EncryptSecureRTLib.scene.mrml import Node, Scene, in_scene, whole_or_not_at_all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseResults:
    """What a comparison brought, as far as the scene shows it.

    Attributes
    ----------
    structures : those that have a curve; none without histograms.
    """

    gamma: GammaMap | None = None
    difference: DifferenceMap | None = None
    table: ResultTable | None = None
    structures: tuple[StructureCurves, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedDoseResults:
    """The nodes that were made, None for what there is not.

    `curves` is the table that the chart's curves are drawn from.
    """

    gamma: Node | None
    difference: Node | None
    table: Node | None
    curves: Node | None
    chart: Node | None


def load_dose_results(
    reference: Node,
    results: DoseResults,
    *,
    into_gamma: Node | None = None,
    into_difference: Node | None = None,
) -> Generator[int, None, LoadedDoseResults]:
    """Load results beside the reference dose; yield how many parts are prepared, return the nodes.

    Parameters
    ----------
    reference : vtkMRMLVolumeNode
        In a scene; the dose that was the reference.
    into_gamma, into_difference : vtkMRMLScalarVolumeNode, optional
        Chosen for the maps. One that has left the scene or got voxels in the meantime is left
        alone and a new node is made: nothing is overwritten, and nothing is lost.

    Raises
    ------
    EncryptSecureRTError
        E_RESULT if a structure comes twice, E_CANCELLED if the reference is not in its scene any
        more. The scene is then as before.
    """
    scene = reference.GetScene()
    gamma = None if results.gamma is None else prepared_gamma(results.gamma)
    yield 1
    difference = None if results.difference is None else prepared_difference(results.difference)
    yield 2
    table = None if results.table is None else prepared_table(results.table)
    curves = prepared_curves(results.structures) if results.structures else None
    yield 3
    if scene is None or not in_scene(reference, scene):
        detail = "the reference dose is not in the scene any more"
        raise EncryptSecureRTError(ErrorCode.E_CANCELLED, detail)
    into_gamma = _usable(into_gamma, scene)
    into_difference = _usable(into_difference, scene)
    if into_difference is into_gamma:
        into_difference = None
    with (
        whole_or_not_at_all(scene),
        _as_it_was_on_failure(into_gamma),
        _as_it_was_on_failure(into_difference),
    ):
        curve_node, chart = None, None
        gamma_node = _entered(reference, gamma, into_gamma)
        difference_node = _entered(reference, difference, into_difference)
        table_node = None if table is None else enter_table(reference, table)
        if curves is not None:
            curve_node, chart = enter_curves(reference, results.structures, curves)
    return LoadedDoseResults(
        gamma=gamma_node,
        difference=difference_node,
        table=table_node,
        curves=curve_node,
        chart=chart,
    )


def _usable(node: Node | None, scene: Scene) -> Node | None:
    return node if node is not None and in_scene(node, scene) and takes_a_map(node) else None


def _entered(reference: Node, prepared: PreparedMap | None, into: Node | None) -> Node | None:
    return None if prepared is None else enter_map(reference, prepared, into)


@contextlib.contextmanager
def _as_it_was_on_failure(node: Node | None) -> Iterator[None]:
    """Give a node of the user's back as it was, if the block fails."""
    if node is None:
        yield
        return
    before = node.CreateNodeInstance()
    before.UnRegister(None)  # else the copy is never freed
    before.Copy(node)
    tree, item = hierarchy_of(node.GetScene()), item_of(node)
    parent = tree.GetItemParent(item) if item else None
    try:
        yield
    except BaseException:
        node.Copy(before)
        node.SetVoxelValueQuantity(before.GetVoxelValueQuantity())  # not copied if there is none
        node.SetVoxelValueUnits(before.GetVoxelValueUnits())
        if item and parent:
            tree.SetItemParent(item, parent)
        raise
