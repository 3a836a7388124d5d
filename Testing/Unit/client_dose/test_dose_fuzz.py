"""Whatever the octets are, readers give a dose that holds, or one error of ours."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from effort import times
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from Testing.Unit.client_dose.doses_made import contour, dose_file, square, structure_file

from encryptsecurert_protocol.errors import EncryptSecureRTError
from EncryptSecureRTLib.client.dose_files import read_dose, read_dose_volume
from EncryptSecureRTLib.client.dose_sheets import read_goals, read_names, read_registration
from EncryptSecureRTLib.client.structure_files import read_structures, read_structures_object

CHANGES = st.lists(st.tuples(st.integers(132, 4000), st.integers(0, 255)), min_size=1, max_size=8)
QUIETLY = settings(
    max_examples=times(600, 120),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _with(octets: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    changed = bytearray(octets)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed[: len(changed) - cut])


@pytest.fixture(scope="module")
def dose_octets(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return dose_file(tmp_path_factory.mktemp("dose") / "file").read_bytes()


@pytest.fixture(scope="module")
def structure_octets(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("structures") / "file"
    return structure_file(path, {7: [contour(square(0.0))], 9: []}).read_bytes()


@QUIETLY
@given(changes=CHANGES, cut=st.integers(0, 40))
def test_a_dose_that_is_read_from_anything_is_one(
    dose_octets: bytes, tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(_with(dose_octets, changes, cut))

    with contextlib.suppress(EncryptSecureRTError):
        dose = read_dose(path)
        assert dose.dose_gy.shape == dose.grid.shape
        assert np.isfinite(dose.dose_gy).all()
        assert dose.dose_gy.min() >= 0


@QUIETLY
@given(changes=CHANGES, cut=st.integers(0, 40))
def test_structures_that_are_read_from_anything_have_an_inside(
    structure_octets: bytes, tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(_with(structure_octets, changes, cut))

    with contextlib.suppress(EncryptSecureRTError):
        for one in read_structures(path).structures:
            assert one.contours
            assert all(np.isfinite(points).all() for points in one.contours)


READERS: list[Callable[[Path], object]] = [
    *(read_dose, read_structures, read_dose_volume, read_structures_object),
    *(read_names, read_goals, read_registration),
]


@settings(
    max_examples=times(300, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(octets=st.binary(max_size=300) | st.text(max_size=120).map(lambda text: text.encode()))
def test_readers_end_with_an_error_of_ours(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(octets)

    for read in READERS:
        with contextlib.suppress(EncryptSecureRTError):
            read(path)
