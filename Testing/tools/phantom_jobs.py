"""Segmentation jobs on a phantom: what is uploaded, and what is asked for."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from encryptsecurert_protocol.volumes import VolumeHeader
from encryptsecurert_rt.phantoms import CtPhantom, ct_phantom, default_phantom_grid
from EncryptSecureRTLib.client.upload import Content


@cache
def _phantom(shape: tuple[int, int, int]) -> CtPhantom:
    return ct_phantom(default_phantom_grid(shape=shape))


def phantom_volume(shape: tuple[int, int, int], series: int = 0) -> Content:
    """Return a phantom's CT as the octets of a volume object, another one for each series."""
    phantom = _phantom(shape)
    header = VolumeHeader(
        shape=shape,
        dtype="int16",
        spacing_mm=phantom.grid.spacing_mm,
        origin_mm=phantom.grid.origin_lps_mm,
        direction=phantom.grid.direction,
        quantity="ct_number",
        unit="HU",
        frame_of_reference=f"2.25.{series + 1}",
        slice_uids=tuple(f"2.25.{k + 10}" for k in range(shape[0])),
    )
    return Content([header.frame_head(), np.ascontiguousarray(phantom.hu, dtype="<i2").data])


def segment_parameters(structures: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of a job that makes an RTSTRUCT of these structures."""
    return {
        "schema": "encryptsecurert.segment/1",
        "structures": list(structures),
        "outputs": ["rtstruct"],
        "reference": {
            "study_instance_uid": "2.25.2",
            "series_instance_uid": "2.25.3",
            "patient_id": "PAAAAAAAAAAAAAAAA",
        },
    }
