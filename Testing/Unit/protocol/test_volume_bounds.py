"""A volume's steps and place are those that a scanner or a dose grid can have."""

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.volumes import VolumeHeader

_UID = "2.25.1"


def _header(step_mm: float = 1.0, place_mm: float = 0.0) -> VolumeHeader:
    return VolumeHeader(
        shape=(1, 2, 2),
        dtype="int16",
        spacing_mm=(step_mm, 1.0, 1.0),
        origin_mm=(0.0, 0.0, place_mm),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        quantity="ct_number",
        unit="HU",
        frame_of_reference=_UID,
        slice_uids=(_UID,),
    )


@pytest.mark.parametrize(("step_mm", "place_mm"), [(0.05, -1e6), (100.0, 1e6)])
def test_steps_and_places_at_the_bounds_are_taken(step_mm: float, place_mm: float) -> None:
    assert _header(step_mm, place_mm).size_bytes == 8


@pytest.mark.parametrize(
    ("step_mm", "place_mm"), [(0.049, 0.0), (100.1, 0.0), (1e-300, 0.0), (1.0, 1.1e6)]
)
def test_steps_and_places_beyond_are_refused(step_mm: float, place_mm: float) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        _header(step_mm, place_mm)

    assert refusal.value.code is ErrorCode.E_FORMAT
