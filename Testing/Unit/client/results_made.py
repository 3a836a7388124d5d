"""Finished jobs as a worker ends them: a real Segmentation of given masks, and a receipt's body."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from pydicom.uid import CTImageStorage

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.receipts import ReceiptBody
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.segmentation import Structure
from encryptsecurert_worker.dicom.results import (
    Producer,
    ReferenceSeries,
    StructureMask,
    make_seg,
)
from encryptsecurert_worker.dicom.results.vocabulary import term
from EncryptSecureRTLib.client.jobs import Finished
from EncryptSecureRTLib.client.receipts import Judged

BoolVolume = npt.NDArray[np.bool_]
SHAPE = (6, 20, 30)
SPACING_MM = (2.5, 0.9, 0.8)
ORIGIN_LPS_MM = (-12.5, 7.25, 300.0)
DIRECTION = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)  # i to posterior, j to the right


def block(offset: tuple[int, int, int], shape: tuple[int, int, int]) -> BoolVolume:
    """Return a mask (k, j, i) of one full box."""
    mask = np.zeros(SHAPE, np.bool_)
    mask[tuple(slice(start, start + n) for start, n in zip(offset, shape, strict=True))] = True
    return mask


EMPTY = block((0, 0, 0), (0, 0, 0))


def seg_octets(masks: Mapping[str, BoolVolume]) -> bytes | None:
    """Return the worker's own Segmentation of these structures."""
    grid = ImageGrid(
        shape=SHAPE, spacing_mm=SPACING_MM, origin_lps_mm=ORIGIN_LPS_MM, direction=DIRECTION
    )
    reference = ReferenceSeries(
        study_instance_uid="2.25.1",
        series_instance_uid="2.25.2",
        frame_of_reference_uid="2.25.3",
        sop_class_uid=CTImageStorage,
        sop_instance_uids=tuple(f"2.25.{k + 10}" for k in range(SHAPE[0])),
        patient_pseudonym="PAAAAAAAAAAAAAAAA",
        grid=grid,
    )
    producer = Producer(version="0.1.0", measurement="ab" * 32, simulated=True)
    structures = [StructureMask(key=Structure(key), mask=mask) for key, mask in masks.items()]
    return make_seg(reference, structures, producer, uid_seed=bytes(32))


def receipt_body(
    masks: Mapping[str, BoolVolume], *, outputs: Sequence[str] = ("rtstruct", "seg"), **changes: Any
) -> ReceiptBody:
    """Return what a worker signs of a job that found these masks."""
    voxel_cc = math.prod(SPACING_MM) / 1000
    members: dict[str, Any] = {
        "job_sha256": "01" * 32,
        "task": "segment",
        "algorithm": "classical-ct-1",
        "parameters": {
            "schema": "encryptsecurert.segment/1",
            "structures": list(masks),
            "outputs": list(outputs),
            "reference": {},
        },
        "inputs": (),
        "outputs": (),
        "models": (),
        "numbers": tuple(
            (f"volume_cc.{term(Structure(key)).name}", fraction_text(mask.sum() * voxel_cc))
            for key, mask in masks.items()
        ),
        "warnings": (),
        "user": "02" * 16,
        "certificate": "03" * 32,
        "site_key_id": "04" * 32,
        "epoch": 1,
        "instance_id": "05" * 16,
        "start_id": "06" * 16,
        "audit_head": "07" * 32,
        "time_claimed": datetime(2026, 11, 26, tzinfo=UTC),
    }
    return ReceiptBody(**{**members, **changes})


def finished(body: ReceiptBody, seg: bytes | None) -> Finished:
    """Return a job whose receipt was judged."""
    judged = Judged(
        body=body,
        verdict=cast(Any, SimpleNamespace(simulated=True)),
        sha256="08" * 32,
        policy_sha256="09" * 32,
    )
    results = {} if seg is None else {"seg.dcm": bytearray(seg)}
    return Finished(results=results, receipt=b"{}", judged=judged)
