"""`segment`: a protected CT series in, RTSTRUCT and SEG out, made inside the attested worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.volumes import VolumeHeader
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.orders import Order
from EncryptSecureRTLib.client.results import Written, refuse_if_taken, write_results
from EncryptSecureRTLib.client.runs import Send, run_job, sending, submit_job
from EncryptSecureRTLib.client.series import CtSeries, read_ct_series
from EncryptSecureRTLib.client.upload import Content

STRUCTURES = ("body", "lung_left", "lung_right", "skeleton")
OUTPUTS = ("rtstruct", "seg")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest:
    """What to segment, from where, to where."""

    folder: Path
    out: Path
    structures: Sequence[str] = STRUCTURES
    outputs: Sequence[str] = OUTPUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented(Written):
    """What `segment` wrote, and the series that it belongs to."""

    series: CtSeries


def segment_series(
    channel: Line, home: ClientHome, request: SegmentRequest, watcher: Watcher
) -> Segmented:
    """Segment the protected CT series in the folder; write results and receipt into `out`.

    Raises
    ------
    EncryptSecureRTError
        What `read_ct_series` raises; E_NOT_PROTECTED; E_LOCAL_FILE if `out` holds results
        already; what jobs raise. Nothing is written unless the receipt verified.
    """
    refuse_if_taken(request.out)
    series = _read(request.folder, watcher)
    send = _send(channel, home, series, watcher)
    parameters = _parameters(series, request.structures, request.outputs)
    finished = run_job(channel, home, "segment", send, parameters, watcher)
    written = write_results(home, request.out, finished, watcher)
    return Segmented(files=written.files, finished=finished, series=series)


def order_segmentation(
    channel: Line,
    home: ClientHome,
    folder: Path,
    structures: Sequence[str],
    outputs: Sequence[str],
    watcher: Watcher,
) -> Order:
    """Send the protected CT series in the folder and have the worker take the job, no more."""
    series = _read(folder, watcher)
    send = _send(channel, home, series, watcher)
    parameters = _parameters(series, structures, outputs)
    return submit_job(channel, home, "segment", send, parameters, watcher)


def _read(folder: Path, watcher: Watcher) -> CtSeries:
    watcher.stage("read")
    series = read_ct_series(folder)
    if not series.protected:
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
    return series


def _send(channel: Line, home: ClientHome, series: CtSeries, watcher: Watcher) -> Send:
    content = partial(volume_content, series)
    return sending(channel, home, ObjectKind.VOLUME, content, watcher)


def _parameters(
    series: CtSeries, structures: Sequence[str], outputs: Sequence[str]
) -> dict[str, object]:
    return {
        "schema": "encryptsecurert.segment/1",
        "structures": list(structures),
        "outputs": list(outputs),
        "reference": {
            "study_instance_uid": series.study_instance_uid,
            "series_instance_uid": series.series_instance_uid,
            "patient_id": series.patient_id,
        },
    }


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
