"""Tables with units and criteria, and histograms drawn from them: reference solid, other dashed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from Testing.Scene.made import refusal_of
from Testing.Scene.made_doses import add_dose, curves_of, load, result_table

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.scene.dose_plots import DoseCurve, StructureCurves, prepared_curves
from EncryptSecureRTLib.scene.dose_results import DoseResults
from EncryptSecureRTLib.scene.dose_tables import WHOLE_GRID, ResultColumn, ResultTable
from EncryptSecureRTLib.scene.labels import structure_labels
from EncryptSecureRTLib.scene.mrml import vtk
from EncryptSecureRTLib.scene.structures import is_harmless_structure

LINE = np.linspace(0.0, 1.0, 5)


def _column(table: Any, name: str) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = vtk.util.numpy_support.vtk_to_numpy(table.GetColumnByName(name))
    return values


def _curve(dose_gy: Any, fraction: Any) -> DoseCurve:
    return DoseCurve(
        dose_gy=np.asarray(dose_gy, np.float64), fraction=np.asarray(fraction, np.float64)
    )


# ---- the table of figures


def test_table_has_a_row_for_the_grid_and_each_structure_and_units_in_its_columns(
    scene: Any,
) -> None:
    node = load(add_dose(scene)).table

    table = node.GetTable()
    headings = [table.GetColumnName(n) for n in range(table.GetNumberOfColumns())]
    assert headings == ["structure", "gamma pass rate (%)", "volume (cc)", "criteria"]
    structures = [node.GetCellText(row, 0) for row in range(node.GetNumberOfRows())]
    assert structures == [WHOLE_GRID, "ROI_7"]
    assert _column(table, "gamma pass rate (%)").tolist() == [97.25, 91.5]
    assert np.isnan(_column(table, "volume (cc)")[0])
    assert {node.GetCellText(row, 3) for row in range(2)} == {result_table().criteria}


def test_figures_cannot_be_typed_over_by_chance(scene: Any) -> None:
    assert load(add_dose(scene)).table.GetLocked()


@pytest.mark.parametrize(
    "change",
    [
        {"rows": (WHOLE_GRID, "Planted^Heart")},
        {"rows": (WHOLE_GRID, WHOLE_GRID)},
        {"rows": (WHOLE_GRID,)},
        {"rows": (), "columns": ()},
        {"columns": result_table().columns * 2},
        {"criteria": "gamma\nof Planted"},
    ],
)
def test_malformed_table_cannot_be_made(change: dict[str, Any]) -> None:
    table = result_table()
    good: dict[str, Any] = {
        "criteria": table.criteria,
        "rows": table.rows,
        "columns": table.columns,
    }

    assert ResultTable(**good).rows == table.rows
    with refusal_of(ErrorCode.E_RESULT):
        ResultTable(**good | change)


@pytest.mark.parametrize(("name", "unit"), [("volume", "ml"), ("volume", ""), ("", "cc")])
def test_column_without_name_or_known_unit_cannot_be_made(name: str, unit: str) -> None:
    with refusal_of(ErrorCode.E_RESULT):
        ResultColumn(name=name, unit=unit, values=())


# ---- labels


@given(
    st.dictionaries(
        st.integers(1, 2**31 - 1),
        st.one_of(st.none(), st.sampled_from(["Lung_L", "ROI_2", "ROI_1", "Planted", ""])),
        max_size=8,
    )
)
def test_labels_of_structures_are_harmless_and_each_another_one(names: dict[int, Any]) -> None:
    labels = structure_labels(names)

    assert list(labels) == list(names)
    assert len(set(labels.values())) == len(names)
    assert all(map(is_harmless_structure, labels.values()))
    for name in set(names.values()) - {None, "Planted", ""}:
        assert name in labels.values()


# ---- histograms


def test_points_of_the_table_are_those_of_the_curves_in_gy_and_percent(scene: Any) -> None:
    curves = curves_of("Lung_L")

    table = load(add_dose(scene)).curves.GetTable()

    assert curves.reference is not None
    assert np.array_equal(_column(table, "Lung_L reference dose (Gy)"), curves.reference.dose_gy)
    expected = 100 * curves.reference.fraction
    assert np.array_equal(_column(table, "Lung_L reference volume (%)"), expected)


def test_shorter_curve_ends_in_repeats_of_its_last_point(scene: Any) -> None:
    table = load(add_dose(scene)).curves.GetTable()

    dose = _column(table, "Lung_L evaluated dose (Gy)")
    volume = _column(table, "Lung_L evaluated volume (%)")
    assert (len(dose), dose[99], dose[100]) == (201, pytest.approx(2.49), pytest.approx(2.5))
    assert set(zip(dose[100:], volume[100:], strict=True)) == {(dose[100], 0.0)}


def test_chart_has_units_on_its_axes_and_says_which_line_is_which(scene: Any) -> None:
    chart = load(add_dose(scene)).chart

    assert chart.GetXAxisTitle() == "Dose (Gy)"
    assert chart.GetYAxisTitle() == "Volume (%)"
    assert chart.GetTitle() == "DVH: reference solid, evaluated dashed"
    assert tuple(chart.GetYAxisRange()) == (0.0, 100.0)
    assert not chart.GetYAxisRangeAuto()


def test_curves_have_names_line_styles_colours_and_columns(scene: Any) -> None:
    loaded = load(add_dose(scene))

    series = [loaded.chart.GetNthPlotSeriesNode(n) for n in range(4)]
    names = [one.GetName() for one in series]
    reference, evaluated = series[:2]
    assert names == [f"{s}, {d}" for s in ("Lung_L", "ROI_7") for d in ("reference", "evaluated")]
    assert reference.GetLineStyle() == reference.LineStyleSolid
    assert evaluated.GetLineStyle() == evaluated.LineStyleDash
    assert reference.GetMarkerStyle() == reference.MarkerStyleNone
    assert np.rint(np.multiply(evaluated.GetColor(), 255)).tolist() == [90, 160, 255]
    for one in series:
        assert one.GetTableNode() is loaded.curves
        assert one.GetPlotType() == one.PlotTypeScatter
        for column in (one.GetXColumnName(), one.GetYColumnName()):
            assert loaded.curves.GetTable().GetColumnByName(column) is not None


def test_legend_says_the_same_for_a_second_comparison(scene: Any) -> None:
    dose = add_dose(scene)

    first, second = load(dose).chart, load(dose).chart

    names = [chart.GetNthPlotSeriesNode(0).GetName() for chart in (first, second)]
    assert names == ["Lung_L, reference"] * 2
    assert first.GetNthPlotSeriesNodeID(0) != second.GetNthPlotSeriesNodeID(0)


def test_structure_under_one_dose_only_gets_one_curve(scene: Any) -> None:
    curve = curves_of()
    alone = StructureCurves(label="ROI_1", rgb=(1, 2, 3), reference=None, evaluated=curve.evaluated)

    loaded = load(add_dose(scene), DoseResults(structures=(alone,)))

    assert loaded.chart.GetNumberOfPlotSeriesNodes() == 1
    assert loaded.curves.GetNumberOfColumns() == 2


def test_structure_that_comes_twice_is_refused_and_nothing_stays(scene: Any) -> None:
    dose = add_dose(scene)
    nodes = scene.GetNumberOfNodes()

    with refusal_of(ErrorCode.E_RESULT):
        load(dose, DoseResults(structures=(curves_of("ROI_1"), curves_of("ROI_1"))))

    assert scene.GetNumberOfNodes() == nodes


@given(st.integers(1001, 20_000), st.floats(0.3, 40.0))
def test_curve_of_many_points_is_thinned_by_less_than_a_pixel(
    points: int, steepness: float
) -> None:
    dose_gy = np.linspace(0.0, 70.0, points)
    fraction = 1 / (1 + np.exp(steepness * (dose_gy - 60)))
    both = StructureCurves(
        label="ROI_1", rgb=(0, 0, 0), reference=_curve(dose_gy, fraction), evaluated=None
    )

    table = prepared_curves((both,))

    kept_gy = _column(table, "ROI_1 reference dose (Gy)")
    percent = _column(table, "ROI_1 reference volume (%)")
    assert len(kept_gy) <= 1002
    assert (kept_gy[0], kept_gy[-1]) == (0.0, 70.0)
    assert set(kept_gy) <= set(dose_gy)  # points of the curve, none in between
    # Of a plot of 1000 x 1000 pixels: the line through the kept points is nowhere further from
    # the whole curve than one step of a thousandth of the way, which is at most 2.
    drawn = np.interp(dose_gy, kept_gy, percent)
    assert np.minimum(np.abs(drawn - 100 * fraction), 100.0).max() <= 0.2 + _own_step(fraction)


def _own_step(fraction: np.ndarray[Any, Any]) -> float:
    """Return the largest step between neighbours in %: a curve may jump, and then so does it."""
    return 100 * float(np.abs(np.diff(fraction)).max())


@pytest.mark.parametrize(
    ("dose_gy", "fraction"),
    [
        ([], []),
        ([0.0, 1.0], [1.0]),
        ([1.0, 0.0], [1.0, 0.0]),
        ([0.0, np.nan], [1.0, 0.0]),
        ([0.0, np.inf], [1.0, 0.0]),
        ([0.0, 1.0], [1.0, np.nan]),
        ([0.0, 1.0], [1.1, 0.0]),
        ([0.0, 1.0], [1.0, -0.1]),
    ],
)
def test_malformed_curve_cannot_be_made(dose_gy: list[float], fraction: list[float]) -> None:
    assert _curve(LINE, LINE[::-1]).dose_gy.size == 5
    with refusal_of(ErrorCode.E_RESULT):
        _curve(dose_gy, fraction)


@pytest.mark.parametrize("label", ["Planted^Heart", "", "ROI_7, reference", "ROI_0"])
def test_label_that_may_tell_something_cannot_enter_the_scene(label: str) -> None:
    with refusal_of(ErrorCode.E_RESULT):
        curves_of(label)


def test_colour_that_is_none_cannot_enter_the_scene() -> None:
    with refusal_of(ErrorCode.E_RESULT):
        StructureCurves(label="ROI_1", rgb=(0, 0, 256), reference=None, evaluated=None)
