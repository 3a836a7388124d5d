"""Structures, parameters and results of dose comparisons: what making them refuses."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.protocol.spoiling import altered
from Testing.vectors.make_vectors import FOLDER
from Testing.vectors.vector_file import parse

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.dose_curves import CurveOf, PackedCurve, pack_curves
from encryptsecurert_protocol.dose_figures import GammaFigures
from encryptsecurert_protocol.dose_jobs import DoseCompareParameters
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.figures import read_record, record_json
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.structures import (
    MAX_CONTOURS,
    MAX_STRUCTURES,
    MaskGrid,
    StructureEntry,
    StructureForm,
    StructuresHeader,
    pack_structures,
    unpack_structures,
)

_GRID = MaskGrid(
    shape=(2, 3, 5),
    spacing_mm=(3.0, 2.0, 2.0),
    origin_mm=(0.0, 0.0, 0.0),
    direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
)


def _contours(number: int, *points: int) -> StructureEntry:
    return StructureEntry(number=number, form=StructureForm.CONTOURS, points=points)


def _header(*structures: StructureEntry, grid: MaskGrid | None = None) -> StructuresHeader:
    return StructuresHeader(
        frame_of_reference="2.25.1", structure_set=None, grid=grid, structures=structures
    )


def _code(make: object) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        make()  # type: ignore[operator]  # a lambda of a test
    return refused.value.code


def _parameters() -> bytes:
    return parse((FOLDER / "dose-compare" / "ok.txt").read_text("utf-8")).payload


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(3, 9), min_size=1, max_size=4), min_size=1, max_size=4),
    st.integers(0, 2**30 - 1),
)
def test_structures_come_back_as_they_were(rings: list[list[int]], bits: int) -> None:
    entries = [_contours(n, *points) for n, points in enumerate(rings, start=1)]
    mask = StructureEntry(number=99, form=StructureForm.MASK, points=None)
    header = _header(*entries, mask, grid=_GRID)
    payloads = [bytes(24 * sum(points)) for points in rings] + [bits.to_bytes(4, "little")]

    found, parts = unpack_structures(pack_structures(header, payloads))

    assert found == header
    assert [bytes(part) for part in parts] == payloads


def test_as_many_structures_and_contours_as_there_may_be_and_not_one_more() -> None:
    most = [_contours(n, 3) for n in range(1, MAX_STRUCTURES + 1)]
    rings = (3,) * MAX_CONTOURS

    assert len(_header(*most).structures) == MAX_STRUCTURES
    assert _header(_contours(1, *rings)).sizes_bytes == (72 * MAX_CONTOURS,)
    assert len(_header(_contours(1, *rings)).frame_head()) < 2**20
    assert _code(lambda: _header(*most, _contours(MAX_STRUCTURES + 1, 3))) is ErrorCode.E_FORMAT
    assert _code(lambda: _header(_contours(1, *rings), _contours(2, 3))) is ErrorCode.E_TOO_LARGE


def test_a_payload_above_a_gibibyte_is_refused_before_it_is_there() -> None:
    rings = (1_000_000,) * 44  # 24 octets a point: 1.056e9

    assert sum(_header(_contours(1, *rings)).sizes_bytes) < 2**30
    assert _code(lambda: _header(_contours(1, *rings, 1_000_000))) is ErrorCode.E_TOO_LARGE


def test_a_payload_of_another_size_is_refused_when_packed() -> None:
    header = _header(_contours(1, 3))

    assert len(pack_structures(header, [bytes(72)])) > 72
    assert _code(lambda: pack_structures(header, [bytes(71)])) is ErrorCode.E_FORMAT


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.1e6])
def test_a_grid_of_masks_has_the_bounds_of_a_volume(value: float) -> None:
    assert _code(lambda: replace(_GRID, origin_mm=(value, 0.0, 0.0))) is ErrorCode.E_FORMAT
    assert _code(lambda: replace(_GRID, spacing_mm=(value, 1.0, 1.0))) is ErrorCode.E_FORMAT


def test_structures_are_a_kind_of_object() -> None:
    assert ObjectKind("structures") is ObjectKind.STRUCTURES


def test_parameters_with_one_spoiled_value_are_refused_by_their_code() -> None:
    rng = random.Random("dose-compare")  # noqa: S311 - repeatable mutations, not keys
    good, refused = _parameters(), 0
    for _ in range(600):
        octets = altered(good, rng)
        if octets is None:
            continue
        try:
            value = canonical.decode(octets)
        except EncryptSecureRTError:
            continue
        code = _refusal(value)
        assert code in (None, ErrorCode.E_PARAMETERS)
        refused += code is not None

    assert refused > 200


def _refusal(value: dict[str, Any]) -> ErrorCode | None:
    """Return the code of parameters that are refused; those that are taken come back the same."""
    try:
        parameters = DoseCompareParameters.from_json(value)
    except EncryptSecureRTError as error:
        return error.code
    assert parameters.as_json() == value
    return None


def test_a_record_of_figures_comes_back_with_its_nulls() -> None:
    figures = GammaFigures(
        evaluated=3,
        passed_certain=1,
        passed_possible=2,
        pass_percent_certain=100.0 / 3.0,
        pass_percent_possible=200.0 / 3.0,
        below_cutoff=0,
        outside=0,
        undefined=0,
        capped=0,
        mean=None,
        maximum=None,
        p99=None,
        above_1_5_percent=None,
    )

    assert read_record(GammaFigures, record_json(figures)) == figures
    assert record_json(figures)["mean"] is None


def test_a_curve_has_as_many_volumes_as_doses_and_one_of_each_dose() -> None:
    curve = PackedCurve(number=4, dose=CurveOf.REFERENCE, dose_gy=bytes(16), fraction=bytes(16))

    assert curve.points == 2
    assert _code(lambda: replace(curve, fraction=bytes(8))) is ErrorCode.E_FORMAT
    assert _code(lambda: replace(curve, dose_gy=b"", fraction=b"")) is ErrorCode.E_FORMAT
    assert _code(lambda: pack_curves([curve, curve])) is ErrorCode.E_FORMAT
