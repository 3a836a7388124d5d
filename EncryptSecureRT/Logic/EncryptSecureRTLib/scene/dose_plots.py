"""Dose-volume histograms as a table, curves and a chart: reference solid, evaluated dashed.

A chart has no more than about a thousand points a curve. They are points of the curve itself,
even in the length of the line as it is drawn, so that what is between them is less than a pixel.
All points are in the files of the result.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from EncryptSecureRTLib.scene.dose_tables import enter_table, number_column, refuse_unless
from EncryptSecureRTLib.scene.hierarchy import place_beside
from EncryptSecureRTLib.scene.mrml import Node, Scene, vtk
from EncryptSecureRTLib.scene.neutral import REF_ATTRIBUTE, Kind, new_ref, result_name
from EncryptSecureRTLib.scene.structures import curve_name, is_harmless_structure
from EncryptSecureRTLib.scene.titles import DOSE_AXIS, DVH_TITLE, VOLUME_AXIS

REFERENCE, EVALUATED = "reference", "evaluated"
_MOST_POINTS = 1000
_LINE_WIDTH = 2.0
_DOSE, _VOLUME = "dose (Gy)", "volume (%)"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseCurve:
    """A cumulative DVH: the fraction of a structure, 0 to 1, that has at least each dose.

    `dose_gy` ascends; both are float64 of one length.
    """

    dose_gy: Floats = field(repr=False)
    fraction: Floats = field(repr=False)

    def __post_init__(self) -> None:
        dose_gy, fraction = self.dose_gy, self.fraction
        refuse_unless(dose_gy.ndim == 1 and dose_gy.shape == fraction.shape, "no curve")
        refuse_unless(dose_gy.size > 0 and bool(np.isfinite(dose_gy).all()), "no curve")
        refuse_unless(bool((np.diff(dose_gy) >= 0).all()), "doses of a curve do not ascend")
        refuse_unless(bool(((fraction >= 0) & (fraction <= 1)).all()), "no fraction of a volume")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureCurves:
    """A structure under both doses.

    Attributes
    ----------
    label : standard name or pseudo-label, see `structures.is_harmless_structure`.
    rgb : 0 to 255 each.
    reference, evaluated : None where there is no curve.
    """

    label: str
    rgb: tuple[int, int, int]
    reference: DoseCurve | None
    evaluated: DoseCurve | None

    def __post_init__(self) -> None:
        refuse_unless(is_harmless_structure(self.label), "a structure's label may tell something")
        refuse_unless(all(0 <= part <= 255 for part in self.rgb), "a colour is malformed")

    @property
    def drawn(self) -> Iterator[tuple[str, DoseCurve]]:
        """The curves that there are, each with its dose."""
        for dose, curve in ((REFERENCE, self.reference), (EVALUATED, self.evaluated)):
            if curve is not None:
                yield dose, curve


def prepared_curves(structures: tuple[StructureCurves, ...]) -> Node:
    """Return a vtkTable with two columns for each curve, all of one length.

    A curve with fewer points than the longest ends in repeats of its last one.
    """
    labels = [structure.label for structure in structures]
    refuse_unless(len(set(labels)) == len(labels), "a structure comes twice")
    columns: list[tuple[str, Floats]] = []
    for structure in structures:
        for dose, curve in structure.drawn:
            kept = _kept_points(curve)
            columns += [
                (_heading(structure.label, dose, _DOSE), curve.dose_gy[kept]),
                (_heading(structure.label, dose, _VOLUME), 100 * curve.fraction[kept]),
            ]
    rows = max((len(values) for _, values in columns), default=0)
    table = vtk.vtkTable()
    for heading, values in columns:
        padded = np.pad(values, (0, rows - len(values)), mode="edge")
        table.AddColumn(number_column(heading, padded))
    return table


def enter_curves(
    reference: Node, structures: tuple[StructureCurves, ...], table: Node
) -> tuple[Node, Node]:
    """Put the table of `prepared_curves` and a chart beside the reference dose; return both."""
    scene = reference.GetScene()
    table_node = enter_table(reference, table, "DVH table")
    name = scene.GenerateUniqueName(result_name(reference, Kind.DOSE, "DVH chart"))
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", name)
    chart.SetAttribute(REF_ATTRIBUTE, new_ref())
    chart.SetTitle(DVH_TITLE)
    chart.SetXAxisTitle(DOSE_AXIS)
    chart.SetYAxisTitle(VOLUME_AXIS)
    chart.SetYAxisRangeAuto(False)
    chart.SetYAxisRange(0.0, 100.0)
    for structure in structures:
        for dose, _ in structure.drawn:
            curve = _add_curve(scene, table_node, structure, dose)
            chart.AddAndObservePlotSeriesNodeID(curve.GetID())
    place_beside(chart, reference)
    return table_node, chart


def _add_curve(scene: Scene, table: Node, structure: StructureCurves, dose: str) -> Node:
    name = curve_name(structure.label, dose)
    node = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    node.SetName(name)  # what the legend shows: the same in each chart, and so not unique
    node.SetAttribute(REF_ATTRIBUTE, new_ref())
    node.SetPlotType(node.PlotTypeScatter)
    node.SetMarkerStyle(node.MarkerStyleNone)
    node.SetLineStyle(node.LineStyleSolid if dose == REFERENCE else node.LineStyleDash)
    node.SetLineWidth(_LINE_WIDTH)
    node.SetColor(*(part / 255 for part in structure.rgb))
    node.SetAndObserveTableNodeID(table.GetID())
    node.SetXColumnName(_heading(structure.label, dose, _DOSE))
    node.SetYColumnName(_heading(structure.label, dose, _VOLUME))
    return node


def _heading(label: str, dose: str, what: str) -> str:
    return f"{label} {dose} {what}"


def _kept_points(curve: DoseCurve) -> npt.NDArray[np.intp]:
    """Return the numbers of the points that are drawn: both ends, and even in between."""
    points = curve.dose_gy.size
    if points <= _MOST_POINTS:
        return np.arange(points)
    width_gy = float(curve.dose_gy[-1] - curve.dose_gy[0]) or 1.0
    steps = np.hypot(np.diff(curve.dose_gy) / width_gy, np.diff(curve.fraction))
    way = np.concatenate([[0.0], np.cumsum(steps)])
    kept = np.searchsorted(way, np.linspace(0.0, way[-1], _MOST_POINTS))
    return np.unique(np.concatenate([[0], kept, [points - 1]]).clip(0, points - 1))
