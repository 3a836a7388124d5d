"""What control points, beams and plans refuse to be."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from Testing.Unit.rt.plan.made import arc, beam, plan

from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.plan import (
    PLAN_TOLERANCES,
    ControlPoints,
    Device,
    DeviceKind,
    FractionGroup,
    Plan,
    Wedge,
)
from encryptsecurert_rt.plan.model import Count, Word

_TWO = np.zeros((9, 2))


@pytest.mark.parametrize(
    "changes",
    [
        {"meterset": np.array([0.0] * 8 + [-1.0])},
        {"meterset": np.array([0.0, 0.5, 0.4] + [1.0] * 6)},
        {"meterset": np.array([0.0] * 8 + [np.inf])},
        {"meterset": np.zeros(8)},
        {"axes": np.zeros((9, 3))},
        {"axes": np.full((9, 15), 1e8)},
        {"axes": np.zeros((9, 15), np.float32)},
        {"devices": (Device(kind=DeviceKind.ASYMX, positions_mm=_TWO),) * 2},
        {"devices": (Device(kind=DeviceKind.ASYMX, positions_mm=_TWO[:3]),)},
        {"spots": (np.zeros((1, 3)),)},
        {"spots": (np.zeros((1, 2)),) * 9},
    ],
)
def test_control_points_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(arc(), **changes)


def test_unknown_metersets_and_axes_are_nan() -> None:
    points = arc()

    unknown = replace(points, meterset=np.full(9, np.nan), axes=np.full((9, 15), np.nan))
    assert len(unknown) == 9


@pytest.mark.parametrize(
    ("kind", "columns", "edges"),
    [
        (DeviceKind.ASYMX, 4, None),
        (DeviceKind.MLCX, 3, None),
        (DeviceKind.MLCX, 0, None),
        (DeviceKind.MLCX, 514, None),
        (DeviceKind.MLCX, 4, 2),
    ],
)
def test_a_device_has_pairs_and_as_many_edges(
    kind: DeviceKind, columns: int, edges: int | None
) -> None:
    with pytest.raises(InvalidInput):
        Device(
            kind=kind,
            positions_mm=np.zeros((9, columns)),
            boundaries_mm=None if edges is None else np.zeros(edges),
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"words": {Word.RADIATION: "SOUND"}},
        {"counts": {Count.BLOCKS: -1}},
        {"final_weight": 0.0},
        {"final_weight": float("nan")},
        {"wedges": (Wedge(number=1, angle_deg=15.0, orientation_deg=0.0),) * 2},
    ],
)
def test_a_beam_says_what_beams_can_say(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        beam(**changes)


def test_numbers_of_beams_and_groups_are_there_once() -> None:
    group = FractionGroup(number=1, fractions=1, metersets={})
    with pytest.raises(InvalidInput):
        Plan(beams=(beam(), beam()), groups=())
    with pytest.raises(InvalidInput):
        Plan(beams=(beam(),), groups=(group, group))
    with pytest.raises(InvalidInput):
        FractionGroup(number=1, fractions=1, metersets={1: -1.0})


def test_a_meterset_that_groups_tell_differently_is_unknown() -> None:
    whole = plan()
    other = FractionGroup(number=2, fractions=5, metersets={1: 50.0})

    both = replace(whole, groups=(*whole.groups, other))
    assert (whole.meterset(1), whole.meterset(2), both.meterset(1)) == (100.0, None, None)
    assert (whole.fractions, both.fractions) == (25, None)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_a_tolerance_is_finite_and_not_negative(value: float) -> None:
    with pytest.raises(InvalidInput):
        replace(PLAN_TOLERANCES, leaf_mm=value)


def test_the_larger_tolerance_of_a_meterset_holds() -> None:
    both = replace(PLAN_TOLERANCES, meterset=1.0, meterset_percent=2.0)

    assert both.of_meterset(100.0) == 2.0
    assert both.of_meterset(10.0) == 1.0
    assert replace(both, meterset=None).of_meterset(10.0) == 0.2
    assert replace(both, meterset=None, meterset_percent=None).of_meterset(10.0) is None


def test_the_least_is_one_control_point() -> None:
    with pytest.raises(InvalidInput):
        ControlPoints(
            meterset=np.zeros(0), plan_point=np.zeros(0), axes=np.zeros((0, 15)), devices=()
        )
