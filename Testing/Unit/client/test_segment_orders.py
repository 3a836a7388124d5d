"""What `segment` takes: one input, of one kind, and what a display needs, before it connects."""

from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.client.people import refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from EncryptSecureRTLib.client.process import client_argv, run_client
from EncryptSecureRTLib.client.segment import Reference, SegmentOrder, SegmentRequest

_CT, _VOLUME, _OUT, _DISPLAY = Path("ct"), Path("volume"), Path("out"), Path("display")


def test_an_order_has_exactly_one_input() -> None:
    series, volume = SegmentOrder(folder=_CT), SegmentOrder(volume=_VOLUME)

    assert (series.source, series.reference) == (_CT, Reference.SERIES)
    assert (volume.source, volume.reference) == (_VOLUME, Reference.NONE)
    none: dict[str, Any] = {}
    for wrong in (none, {"folder": _CT, "volume": _VOLUME}):
        assert refusal_of(SegmentOrder, **wrong) is ErrorCode.E_USAGE
        assert refusal_of(SegmentRequest, **wrong, out=_OUT) is ErrorCode.E_USAGE


def test_a_display_needs_a_segmentation_among_the_outputs() -> None:
    request = SegmentRequest(folder=_CT, out=_OUT, outputs=("seg",), display=_DISPLAY)

    assert request.display == _DISPLAY
    assert SegmentRequest(folder=_CT, out=_OUT, outputs=("rtstruct",)).display is None
    wrong: dict[str, Any] = {"folder": _CT, "out": _OUT, "display": _DISPLAY}
    wrong["outputs"] = ("rtstruct",)
    assert refusal_of(SegmentRequest, **wrong) is ErrorCode.E_USAGE


def _refusal(tmp_path: Path, members: dict[str, object]) -> ErrorCode:
    """Return how `segment` ends with these members and a worker that is not there."""
    common = {"home": str(tmp_path / "home"), "url": "https://127.0.0.1:1", "patience_s": 0}
    return refusal_of(run_client, client_argv("segment"), {**common, **members})


@pytest.mark.parametrize(
    "members",
    [
        {"out": "o"},
        {"out": "o", "series": "ct", "volume": "v"},
        {"out": "o", "volume": "v", "outputs": ["rtstruct"], "display": "d"},
        {"volume": "v"},
        {"detach": True},
        {"detach": True, "volume": "v", "display": "d"},
        {"detach": True, "volume": "v", "series": "ct"},
    ],
)
def test_what_cannot_be_is_a_usage_error_before_anybody_is_asked(
    tmp_path: Path, members: dict[str, object]
) -> None:
    assert _refusal(tmp_path, members) is ErrorCode.E_USAGE


@pytest.mark.parametrize(
    "members",
    [
        {"out": "o", "volume": "v", "display": "d"},
        {"out": "o", "series": "ct", "outputs": ["seg"], "display": "d"},
        {"detach": True, "volume": "v"},
    ],
)
def test_what_can_be_goes_on_to_the_worker(tmp_path: Path, members: dict[str, object]) -> None:
    assert _refusal(tmp_path, members) is ErrorCode.E_POLICY_MISSING  # of a home without one
