"""`segment`: a protected CT series in, RTSTRUCT and SEG out, made inside the attested worker."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.volumes import VolumeHeader
from EncryptSecureRTLib.attest.localfiles import write_whole
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher, run_job
from EncryptSecureRTLib.client.receipts import archive_receipt
from EncryptSecureRTLib.client.series import CtSeries, read_ct_series
from EncryptSecureRTLib.client.trust import utc_now
from EncryptSecureRTLib.client.upload import Content, upload

STRUCTURES = ("body", "lung_left", "lung_right", "skeleton")
OUTPUTS = ("rtstruct", "seg")
RECEIPT_FILE = "receipt.json"
_RESULT_FILES = ("rtstruct.dcm", "seg.dcm", RECEIPT_FILE)
_VOLUME_PREFIX = "volume_cc."


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest:
    """What to segment, from where, to where."""

    folder: Path
    out: Path
    structures: Sequence[str] = STRUCTURES
    outputs: Sequence[str] = OUTPUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented:
    """What `segment` wrote, and what the receipt says of it."""

    files: tuple[Path, ...]
    volumes_cc: dict[str, float]
    warnings: tuple[str, ...]
    finished: Finished
    series: CtSeries


def segment_series(
    channel: Channel, home: ClientHome, request: SegmentRequest, watcher: Watcher
) -> Segmented:
    """Segment the protected CT series in the folder; write results and receipt into `out`.

    Raises
    ------
    EncryptSecureRTError
        What `read_ct_series` raises; E_NOT_PROTECTED; E_LOCAL_FILE if `out` holds results
        already; what jobs raise. Nothing is written unless the receipt verified.
    """
    if any((request.out / name).exists() for name in _RESULT_FILES):
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the output folder holds results")
    watcher.stage("read")
    series = read_ct_series(request.folder)
    if not series.protected:
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
    watcher.stage("upload")
    uploaded = upload(
        channel,
        home.dedup_key(),
        ObjectKind.VOLUME,
        volume_content(series),
        progress=watcher.sent,
        stopped=watcher.stopped,
    )
    parameters = {
        "schema": "encryptsecurert.segment/1",
        "structures": list(request.structures),
        "outputs": list(request.outputs),
        "reference": {
            "study_instance_uid": series.study_instance_uid,
            "series_instance_uid": series.series_instance_uid,
            "patient_id": series.patient_id,
        },
    }
    finished = run_job(channel, home, "segment", [uploaded.name], parameters, watcher)
    watcher.stage("write")
    watcher.end_if_stopped()
    # First, so that no results are there whose receipt is not.
    archive_receipt(home, finished.receipt, utc_now())
    files = _write(request.out, finished, watcher)
    return Segmented(
        files=files,
        volumes_cc={
            name.removeprefix(_VOLUME_PREFIX): float(value)
            for name, value in finished.body.numbers
            if name.startswith(_VOLUME_PREFIX)
        },
        warnings=finished.body.warnings,
        finished=finished,
        series=series,
    )


def volume_content(series: CtSeries) -> Content:
    """Return the series as the octets of a volume object, voxels left where they lie."""
    header = VolumeHeader(
        shape=(series.hu.shape[0], series.hu.shape[1], series.hu.shape[2]),
        dtype="int16",
        spacing_mm=series.spacing_mm,
        origin_mm=series.origin_lps_mm,
        direction=series.direction,
        quantity="ct_number",
        unit="HU",
        frame_of_reference=series.frame_of_reference_uid,
        slice_uids=series.sop_instance_uids,
    )
    voxels = np.ascontiguousarray(series.hu, dtype="<i2")
    return Content([header.frame_head(), voxels.data])


def _write(out: Path, finished: Finished, watcher: Watcher) -> tuple[Path, ...]:
    """Write every result and the receipt, or none of them."""
    if not set(finished.results) < set(_RESULT_FILES):  # only these were seen not to be there
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    files = {out / name: bytes(octets) for name, octets in finished.results.items()}
    files[out / RECEIPT_FILE] = finished.receipt
    try:
        for path, octets in files.items():
            watcher.end_if_stopped()
            write_whole(path, octets)
    except BaseException:
        for path in files:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    return tuple(files)
