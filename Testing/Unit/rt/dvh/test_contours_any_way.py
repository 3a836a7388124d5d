"""The same structure however its contours are listed, and contours that are refused."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from dvh_bodies import even_dose, grid_of, of_rings, rectangle
from effort import times
from hypothesis import given, settings
from hypothesis import strategies as st

from encryptsecurert_rt.dvh import (
    ContourKind,
    ContourStructure,
    Dvh,
    PlanarContour,
    compute_dvh,
    contours,
)
from encryptsecurert_rt.errors import InvalidInput
from encryptsecurert_rt.phantoms.bodies import Sphere
from encryptsecurert_rt.phantoms.contour_stacks import StackOptions, contour_stack
from encryptsecurert_rt.phantoms.nelms import LinearDose, grid_around

FloatArray = npt.NDArray[np.float64]
BODY = Sphere(radius_mm=12.0, inner_radius_mm=6.0)
RINGS = contour_stack(BODY, StackOptions(slice_spacing_mm=3.0, points=64))
CENTRE_GY = 40.0
DOSE = LinearDose(gradient_gy_per_mm=(0.2, 0.5, 0.8), centre_gy=CENTRE_GY).on(
    grid_around(BODY, (2.5, 2.5, 2.5))
)
SQUARE = rectangle((-5, -5), (5, 5), 0.0)


def _dvh(rings: tuple[FloatArray, ...]) -> Dvh:
    return compute_dvh(of_rings(rings), DOSE)


REFERENCE = _dvh(RINGS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda rings: rings[::-1], id="in another order"),
        pytest.param(lambda rings: tuple(ring[::-1] for ring in rings), id="the other way round"),
        pytest.param(
            lambda rings: tuple(np.concatenate((ring, ring[:1])) for ring in rings), id="closed"
        ),
        pytest.param(
            lambda rings: tuple(np.repeat(ring, 2, axis=0) for ring in rings), id="points twice"
        ),
        pytest.param(
            lambda rings: tuple(np.roll(ring, 7, axis=0) for ring in rings), id="begun elsewhere"
        ),
    ],
)
def test_how_rings_are_listed_is_no_matter(
    change: Callable[[tuple[FloatArray, ...]], tuple[FloatArray, ...]],
) -> None:
    dvh = _dvh(change(RINGS))

    assert dvh.volume_cc == pytest.approx(REFERENCE.volume_cc, rel=1e-12)
    assert dvh.dose_at_percent(95.0) == pytest.approx(REFERENCE.dose_at_percent(95.0), abs=1e-9)


def test_jitter_across_the_planes_is_no_matter() -> None:
    rng = np.random.default_rng(7)
    jittered = tuple(
        ring + (0.0, 0.0, 1.0) * rng.uniform(-1e-3, 1e-3, (len(ring), 1)) for ring in RINGS
    )

    dvh = _dvh(jittered)

    assert len(of_rings(jittered).planes) == len(of_rings(RINGS).planes)
    # planes are the means of their points, so they move by less than the jitter
    assert dvh.volume_cc == pytest.approx(REFERENCE.volume_cc, rel=1e-4)
    assert dvh.dose_at_percent(95.0) == pytest.approx(REFERENCE.dose_at_percent(95.0), abs=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
def test_sagittal_and_coronal_planes_do_as_well(axis: int) -> None:
    order = [1, 2, 0] if axis == 0 else [2, 0, 1]  # z becomes x or y
    turned = tuple(np.ascontiguousarray(ring[:, np.argsort(order)]) for ring in RINGS)
    structure = of_rings(turned)

    dvh = compute_dvh(structure, DOSE)

    assert int(np.argmax(structure.normal_lps)) != 2
    # a ball is the same whichever way it is cut, but for the caps of the stack
    assert dvh.volume_cc == pytest.approx(REFERENCE.volume_cc, rel=1e-3)
    assert dvh.mean_gy == pytest.approx(CENTRE_GY, abs=0.01)


def test_contours_between_planes_of_the_dose_are_where_they_are() -> None:
    dose = even_dose(1.0, grid_of((11, 21, 21), (3.0, 2.0, 2.0)))

    volumes = [
        compute_dvh(
            of_rings(tuple(rectangle((-5, -5), (5, 5), z + shift) for z in (0.0, 2.0, 4.0))), dose
        ).volume_cc
        for shift in (0.0, 0.7, 1.3)
    ]

    assert volumes == pytest.approx([0.6, 0.6, 0.6], rel=1e-3)


def _contour(points: FloatArray) -> PlanarContour:
    return PlanarContour(points_lps_mm=points)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(SQUARE[:2], id="two points"),
        pytest.param(SQUARE[[0, 1, 0]], id="two points, closed"),
        pytest.param(np.empty((0, 3)), id="none"),
        pytest.param(SQUARE[:, :2], id="without z"),
        pytest.param(SQUARE.astype(np.float32), id="float32"),
        pytest.param(np.where(SQUARE == 5.0, np.nan, SQUARE), id="NaN"),
        pytest.param(np.where(SQUARE == 5.0, np.inf, SQUARE), id="infinity"),
        pytest.param(SQUARE + 1e6, id="a kilometre away"),
    ],
)
def test_a_contour_is_three_finite_points_or_more(points: FloatArray) -> None:
    assert len(_contour(SQUARE[:3]).ring_lps_mm) == 3
    with pytest.raises(InvalidInput):
        _contour(points)


@pytest.mark.parametrize("kind", ["OPEN_PLANAR", "OPEN_NONPLANAR", "POINT", ""])
def test_open_contours_are_refused(kind: str) -> None:
    assert ContourKind.of("CLOSED_PLANAR") is ContourKind.CLOSED_PLANAR
    assert ContourKind.of("CLOSEDPLANAR_XOR") is ContourKind.CLOSED_PLANAR_XOR
    with pytest.raises(InvalidInput, match="not closed"):
        ContourKind.of(kind)


def _tilted(ring: FloatArray) -> FloatArray:
    return ring + (0.0, 0.0, 0.1) * ring[:, :1]


@pytest.mark.parametrize(
    ("rings", "words"),
    [
        pytest.param((), "no contours", id="none"),
        pytest.param((SQUARE, _tilted(SQUARE) + 2.0), "parallel", id="two normals"),
        pytest.param((SQUARE + np.diag([0, 0, 1.0, 0])[:, :3],), "parallel", id="not planar"),
        pytest.param((SQUARE * 600.0,), "larger than any patient", id="six metres"),
        pytest.param((SQUARE[:, [0, 0, 2]],), "no area", id="a line"),
    ],
)
def test_contours_that_are_no_stack_are_refused(rings: tuple[FloatArray, ...], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        of_rings(rings)


def test_too_many_contours_or_points_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rings = tuple(rectangle((-5, -5), (5, 5), float(z)) for z in range(4))
    monkeypatch.setattr(contours, "MAX_CONTOURS", 4)
    monkeypatch.setattr(contours, "MAX_POINTS", 16)
    assert len(of_rings(rings).planes) == 4

    monkeypatch.setattr(contours, "MAX_CONTOURS", 3)
    with pytest.raises(InvalidInput, match="too many contours"):
        of_rings(rings)
    monkeypatch.setattr(contours, "MAX_CONTOURS", 4)
    monkeypatch.setattr(contours, "MAX_POINTS", 15)
    with pytest.raises(InvalidInput, match="too many points"):
        of_rings(rings)


@pytest.mark.parametrize("spacing_mm", [0.0, 0.049, 100.1, float("nan")])
def test_a_spacing_is_one_of_slices(spacing_mm: float) -> None:
    with pytest.raises(InvalidInput, match="spacing"):
        ContourStructure(contours=(_contour(SQUARE),), slice_spacing_mm=spacing_mm)


_coordinates = st.one_of(
    st.floats(min_value=-15.0, max_value=15.0, allow_subnormal=False), st.integers(-3, 3)
)


@settings(max_examples=times(300, 40), deadline=None)
@given(
    rings=st.lists(
        st.tuples(
            st.sampled_from([-2.0, 0.0, 2.0, 2.00001, 9.0]),
            st.lists(st.tuples(_coordinates, _coordinates), min_size=3, max_size=9),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_rings_give_a_histogram_or_are_refused(
    rings: list[tuple[float, list[tuple[float, float]]]],
) -> None:
    """Rings that cross themselves and each other, share points, or are hardly there."""
    points = tuple(np.array([(x, y, z) for x, y in ring], dtype=np.float64) for z, ring in rings)
    try:
        dvh = compute_dvh(of_rings(points), DOSE)
    except InvalidInput:
        return

    low, high = np.concatenate(points).min(axis=0), np.concatenate(points).max(axis=0)
    reach_mm = high - low + (0.0, 0.0, 12.0)  # ends of half a spacing: at most 11 mm
    assert 0.0 < dvh.volume_cc <= np.prod(reach_mm) / 1000.0 * (1.0 + 1e-9)
    assert 0.0 <= dvh.covered_fraction <= 1.0
    doses, volumes = dvh.curve_points()
    assert (np.diff(doses) >= 0.0).all()
    assert (np.diff(volumes) <= 0.0).all()
    if doses.size:
        assert dvh.minimum_gy <= dvh.mean_gy <= dvh.maximum_gy
