"""Layers of ion beams: spots, where they are, and what each gets of the beam."""

from dataclasses import replace

import numpy as np
import pytest
from Testing.Unit.rt.plan.made import (
    AT,
    arc,
    beam,
    beyond,
    delivered,
    plan,
    record,
    row,
    rows,
)

from encryptsecurert_rt.plan import Beam, ControlPoints, Verdict, compare_plans, compare_record
from encryptsecurert_rt.plan.model import Word


def _layers(shift_mm: float = 0.0, weight: float = 1.0, spots: int = 3) -> Beam:
    energies = [150.0, 150.0, 140.0, 140.0]
    layers = []
    for n in range(4):
        place = np.arange(spots, dtype=np.float64)
        layer = np.column_stack([place * 5.0 + shift_mm, place * 0.0, np.full(spots, 0.0)])
        layer[:, 2] = 0.0 if n % 2 else weight * 0.5 / 3
        layers.append(layer)
    points = ControlPoints(
        meterset=np.array([0.0, 0.5, 0.5, 1.0]),
        plan_point=np.full(4, np.nan),
        axes=np.tile(arc().axes[0], (4, 1)),
        spots=tuple(layers),
    )
    points.axes[:, AT["energy"]] = energies
    return beam(points=points, words={**beam().words, Word.RADIATION: "PROTON"})


def test_ion_layers_are_compared_spot_by_spot() -> None:
    same = compare_plans(plan(_layers()), plan(_layers()))
    assert beyond(same) == set()
    assert {row(same, w).compared for w in ("spots", "layer_meterset")} == {4}
    assert row(same, "energy").unit == "MeV/u"

    shifted_spots = compare_plans(plan(_layers()), plan(_layers(shift_mm=0.6)))
    assert row(shifted_spots, "spot_position").difference == pytest.approx(0.6)
    assert beyond(shifted_spots) == {"spot_position"}

    heavier = compare_plans(plan(_layers()), plan(_layers(weight=1.2)))
    assert row(heavier, "layer_meterset").difference == pytest.approx(10.0)  # of 50 % a layer
    assert row(heavier, "spot_meterset").difference == pytest.approx(10.0 / 3)
    assert beyond(heavier) == {"layer_meterset", "spot_meterset"}


def test_layers_with_other_numbers_of_spots_are_counted() -> None:
    check = compare_plans(plan(_layers()), plan(_layers(spots=4)))

    assert row(check, "spots").difference == 1.0
    assert row(check, "spots_of_uneven_layers").not_compared == 16
    assert rows(check, "spot_position") == []


def test_a_beam_without_spots_is_not_compared_with_one_that_scans() -> None:
    passive = _layers()
    passive = replace(passive, points=replace(passive.points, spots=None))

    check = compare_plans(plan(_layers()), plan(passive))
    assert row(check, "spots").verdict is Verdict.NOT_COMPARED


def test_spots_of_a_record_in_mu_are_held_against_weights() -> None:
    planned = _layers()
    spots = tuple(layer * [1.0, 1.0, 100.0] for layer in planned.points.spots or ())
    one = delivered(planned)
    points = replace(one.beam.points, spots=spots)
    whole = replace(one, beam=replace(one.beam, points=points))

    check = compare_record(plan(planned), record(whole))
    assert beyond(check) == set()
    assert row(check, "spot_meterset").difference == pytest.approx(0.0, abs=1e-9)
    assert row(check, "layer_meterset").expected == pytest.approx(50.0)
