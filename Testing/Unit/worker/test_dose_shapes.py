"""Profiles, isodoses and unusable structures of `dose_compare`: what they are, on a known blob.

The dose is 60 Gy x exp(-(r / 20 mm)^4): its isodoses are balls of a radius that is known, and a
profile through the middle is that formula, but for the trilinear way between voxels 2.5 mm apart.
"""

import dataclasses
import math

import numpy as np
import numpy.typing as npt
import pytest
from Testing.Integration.dose_orders import (
    BALL,
    BAR,
    DIFFERENCE_ONLY,
    EVALUATED,
    EVERYTHING,
    GRID,
    REFERENCE,
    blob,
    dose_octets,
    structure_octets,
)
from Testing.Unit.worker.test_dose_compare import compared, run

from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.dose_options import AgreementOptions
from encryptsecurert_protocol.dose_profiles import ProfileLine
from encryptsecurert_protocol.dose_results import DoseComparison
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.dose.grid import DoseGrid
from encryptsecurert_rt.dose.profile import dose_profile
from encryptsecurert_rt.dvh import ContourStructure, Structure, structure_mask
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_worker.tasks import dose_compare, dose_comparing

_SHIFT_MM = 1.5  # of the evaluated dose, along z
_EMPTY = np.zeros(GRID.shape, np.bool_)
_OF_STRUCTURES = dataclasses.replace(
    EVERYTHING, gamma=None, agreement=None, tg218=False, outputs=(), isodoses=()
)


def line(start: float, end: float, *, step_mm: float = 0.5, axis: int = 0) -> ProfileLine:
    """Return a line through the middle along x, y or z."""
    ends = np.zeros((2, 3))
    ends[:, axis] = start, end
    one, other = ((float(x), float(y), float(z)) for x, y, z in ends)
    return ProfileLine(from_lps_mm=one, to_lps_mm=other, step_mm=step_mm)


def asking(*lines: ProfileLine, isodoses: tuple[float, ...] = ()) -> DoseCompareParameters:
    return dataclasses.replace(DIFFERENCE_ONLY, difference=False, profiles=lines, isodoses=isodoses)


def radius_mm(level_gy: float, factor: float = 1.0) -> float:
    return float(20.0 * math.log(60.0 * factor / level_gy) ** 0.25)


def test_volumes_and_overlap_of_isodoses_are_those_of_two_balls() -> None:
    (low, high) = compared(asking(isodoses=(30.0, 45.0))).isodoses

    assert (low.level_gy, high.level_gy, low.unit) == (30.0, 45.0, "cc")
    for found in (low, high):
        one, other = radius_mm(found.level_gy), radius_mm(found.level_gy, 1.01)
        # Trilinear between voxels 2.5 and 3 mm apart: a ball with corners cut, a little smaller.
        assert found.reference == pytest.approx(4 / 3 * math.pi * one**3 / 1000, rel=0.04)
        assert found.evaluated == pytest.approx(4 / 3 * math.pi * other**3 / 1000, rel=0.04)
        assert found.both < found.common_reference
        # The same volume by other columns: those of both doses together.
        assert found.common_reference == pytest.approx(found.reference, rel=1e-4)
    # Two balls of nearly one radius r, d apart, have 1 - 3 d/(4 r) + d^3/(16 r^3) in common.
    part = _SHIFT_MM / radius_mm(30.0)
    assert low.dice == pytest.approx(1 - 0.75 * part + part**3 / 16, abs=0.01)


def test_a_profile_is_the_dose_along_its_line_and_shows_the_edges_of_the_field() -> None:
    (found,) = compared(asking(line(-30.0, 30.0, axis=2))).profiles
    position = np.array(found.position_mm) - 30.0

    assert found.line.points == len(found.position_mm) == 121
    known = np.array([np.nan if dose is None else dose for dose in found.reference_gy])
    inside = np.abs(position) <= 28.5  # the outermost voxel centres
    assert np.isfinite(known).tolist() == inside.tolist()
    truth = 60.0 * np.exp(-((position[inside] / 20.0) ** 4))
    # A chord of 3 mm lies below or above the curve by its second derivative x 3^2 / 8.
    assert known[inside] == pytest.approx(truth, abs=1.2)
    field, other = found.reference_field, found.evaluated_field
    assert field is not None
    assert other is not None
    assert field.field_size_mm == pytest.approx(2 * radius_mm(30.0), abs=0.4)
    assert field.centre_mm == pytest.approx(30.0, abs=1e-9)
    assert other.centre_mm - field.centre_mm == pytest.approx(_SHIFT_MM, abs=0.2)
    assert field.penumbra_left_mm == pytest.approx(radius_mm(12.0) - radius_mm(48.0), abs=0.4)
    assert field.flatness_percent is None  # a field below 50 mm has no flattened area


@pytest.mark.parametrize("step_mm", [0.3, 0.7, 2.5, 60.0, 100.0])
def test_parameters_and_library_agree_on_how_many_points_there_are(step_mm: float) -> None:
    asked = line(-30.0, 30.0, step_mm=step_mm)
    profile = dose_profile(
        REFERENCE,
        EVALUATED,
        start_lps_mm=asked.from_lps_mm,
        end_lps_mm=asked.to_lps_mm,
        step_mm=asked.step_mm,
    )

    assert asked.points == profile.position_mm.size


def test_a_line_that_misses_a_dose_has_none_there_and_is_warned_of_by_its_place() -> None:
    outside = line(200.0, 230.0)
    found = compared(asking(line(-20.0, 20.0), outside))

    assert found.warnings == ("profile_outside.2",)
    assert set(found.profiles[1].reference_gy) == {None}
    assert found.profiles[1].reference_field is None


def test_a_plane_and_a_volume_have_no_isodoses_to_compare() -> None:
    plane = DoseGrid(
        dose_gy=np.ascontiguousarray(REFERENCE.dose_gy[9:10]),
        grid=dataclasses.replace(
            GRID, shape=(1, *GRID.shape[1:]), origin_lps_mm=(-28.75, -28.75, -1.5)
        ),
    )
    with pytest.raises(EncryptSecureRTError) as refused:
        run(asking(isodoses=(30.0,)), dose_octets(plane), dose_octets(EVALUATED))
    flat = compared(asking(isodoses=(30.0,)), dose_octets(plane), dose_octets(plane))

    assert refused.value.code is ErrorCode.E_PARAMETERS
    assert (flat.isodoses[0].unit, flat.isodoses[0].dice) == ("cm2", 1.0)


@pytest.mark.parametrize("which", ["agreement", "isodoses"])
def test_hours_of_any_part_are_refused_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    agreement = AgreementOptions(
        radius_mm=6.0, dose_percent=3.0, distance_mm=2.0, cutoff_percent=10.0
    )
    asked = {
        "agreement": dataclasses.replace(DIFFERENCE_ONLY, agreement=agreement),
        "isodoses": asking(isodoses=(30.0,)),
    }[which]
    run(DIFFERENCE_ONLY)
    monkeypatch.setattr(dose_compare, "_MOST_SECONDS", 0.0)
    run(DIFFERENCE_ONLY)  # which has nothing that could take hours

    with pytest.raises(EncryptSecureRTError) as refused:
        run(asked)

    assert refused.value.code is ErrorCode.E_WORK


def _refusing_contours(structure: Structure, grid: ImageGrid) -> npt.NDArray[np.bool_]:
    """Refuse contours, as the library does with a structure that is found to be too large."""
    if isinstance(structure, ContourStructure):
        raise InvalidInput("too large")
    return structure_mask(structure, grid)


@pytest.mark.parametrize(
    ("octets", "number"),
    [(structure_octets(mask=_EMPTY), BAR), (structure_octets(), BALL)],
    ids=["refused when made", "refused when measured"],
)
def test_a_structure_that_cannot_be_used_is_left_out_and_said_to_be(
    monkeypatch: pytest.MonkeyPatch, octets: bytes, number: int
) -> None:
    logged: list[tuple[str, float]] = []
    pair = (dose_octets(REFERENCE), dose_octets(EVALUATED))
    whole = compared(_OF_STRUCTURES, *pair, structure_octets())
    if number == BALL:
        monkeypatch.setattr(dose_comparing, "structure_mask", _refusing_contours)
    made = run(_OF_STRUCTURES, *pair, octets, log=lambda *entry: logged.append(entry))
    found = DoseComparison.decode(made["comparison"])

    assert found.unusable == (number,)
    assert f"structure_unusable.{number}" in found.warnings
    assert ("structure_refused", float(number)) in logged
    assert found.dvh is not None
    assert whole.dvh is not None
    assert [p for p in whole.dvh if p.number != number] == list(found.dvh)
    assert found.difference is not None
    assert number not in {one.number for one in found.difference.structures}
    states = {g.goal.structure: (g.evaluated_state, g.evaluated_reason) for g in found.goals}
    assert states[number] == ("not_evaluable", "structure_unusable")
    assert states[99] == ("not_evaluable", "no_structure")


def test_structures_none_of_which_can_be_used_end_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = (dose_octets(REFERENCE), dose_octets(EVALUATED))
    monkeypatch.setattr(dose_comparing, "structure_mask", _refusing_contours)
    with pytest.raises(EncryptSecureRTError) as refused:
        run(_OF_STRUCTURES, *pair, structure_octets(mask=_EMPTY))

    assert refused.value.code is ErrorCode.E_STRUCTURES


def test_isodoses_profiles_and_the_rest_are_the_same_for_a_registered_pair() -> None:
    far = dataclasses.replace(blob(), grid=dataclasses.replace(GRID, origin_lps_mm=(0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, 3] = -np.array(GRID.origin_lps_mm)
    asked = dataclasses.replace(
        asking(line(-20.0, 20.0), isodoses=(30.0,)), registration=tuple(matrix.ravel().tolist())
    )
    found = compared(asked, dose_octets(REFERENCE), dose_octets(far, frame="2.25.32"))

    assert found.isodoses[0].dice == pytest.approx(1.0, abs=1e-9)
    reference, evaluated = found.profiles[0].reference_gy, found.profiles[0].evaluated_gy
    assert np.array(evaluated, float) == pytest.approx(np.array(reference, float), abs=1e-9)
