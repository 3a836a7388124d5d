"""Which beam of one plan is which of the other: by number, and by what they do."""

from Testing.Unit.rt.plan.made import arc, beam, beyond, moved, plan, row, rows, shifted

from encryptsecurert_rt.plan import BeamMatching, DeviceKind, compare_plans

MLCX = DeviceKind.MLCX


def test_beams_missing_and_extra_are_told() -> None:
    other = arc(start_deg=100.0)
    one, two = plan(beam(1), beam(2, points=other)), plan(beam(1))

    assert beyond(compare_plans(one, two)) == {"beams", "beam_missing", "meterset_of_all"}
    assert row(compare_plans(one, two), "beam_missing").beam == 2
    assert row(compare_plans(two, one), "beam_extra").beam == 2


def test_beams_with_new_numbers_are_found_by_what_they_do() -> None:
    second = arc(start_deg=100.0)
    one = plan(beam(1), beam(2, points=second))
    renumbered = plan(beam(11, points=second), beam(12))

    check = compare_plans(one, renumbered)
    assert beyond(check) == set()
    told = {r.beam: r.found for r in rows(check, "beam_number")}
    assert told == {1: 12.0, 2: 11.0}


def test_swapped_numbers_are_differences_unless_geometry_is_asked_for() -> None:
    second = arc(start_deg=100.0)
    one = plan(beam(1), beam(2, points=second))
    swapped = plan(beam(1, points=second), beam(2))

    assert "gantry" in beyond(compare_plans(one, swapped))
    by_geometry = compare_plans(one, swapped, matching=BeamMatching.GEOMETRY)
    assert beyond(by_geometry) == set()


def test_beams_at_the_same_angles_are_told_apart_by_their_leaves() -> None:
    other = shifted(arc(), MLCX, 4.0)
    one = plan(beam(1), beam(2, points=other))
    renumbered = plan(beam(8, points=other), beam(9))

    assert beyond(compare_plans(one, renumbered)) == set()


def test_a_beam_of_another_angle_or_energy_is_no_match() -> None:
    for other in (moved(arc(), "gantry", 5.0), moved(arc(), "energy", 4.0)):
        check = compare_plans(plan(beam(1)), plan(beam(2, points=other)))
        assert beyond(check) >= {"beam_missing", "beam_extra"}
