"""`segment`: a CT in, RTSTRUCT and SEG out, made inside the attested worker.

The CT is a protected series, to which the results then belong, or a volume object without any
DICOM, as a scene writes it; then the results are about nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

import numpy as np

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.volumes import VolumeHeader
from EncryptSecureRTLib.client.display_writer import (
    display_in,
    refuse_unless_ready,
    refuse_without_seg,
)
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.orders import Order
from EncryptSecureRTLib.client.results import Written, refuse_if_taken, write_results
from EncryptSecureRTLib.client.runs import Send, run_job, sending_all, submit_job
from EncryptSecureRTLib.client.series import CtSeries, read_ct_series
from EncryptSecureRTLib.client.structures import OUTPUTS, STRUCTURES
from EncryptSecureRTLib.client.upload import Content
from EncryptSecureRTLib.client.volume_file import read_ct_volume


class Reference(Enum):
    """What DICOM results refer to: the protected series, or nothing that exists."""

    SERIES = "series"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentOrder:
    """What to segment: a `folder` with a protected series, or a file with a `volume` object.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE unless exactly one of the two is given.
    """

    folder: Path | None = None
    volume: Path | None = None
    structures: Sequence[str] = STRUCTURES
    outputs: Sequence[str] = OUTPUTS

    def __post_init__(self) -> None:
        if len(self._given) != 1:
            detail = "one input is needed: a series or a volume"
            raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)

    @property
    def _given(self) -> list[Path]:
        return [path for path in (self.folder, self.volume) if path is not None]

    @property
    def source(self) -> Path:
        """Where the CT is, a folder or a file."""
        return self._given[0]

    @property
    def reference(self) -> Reference:
        """What the results will refer to."""
        return Reference.SERIES if self.volume is None else Reference.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest(SegmentOrder):
    """An order with the place for its results.

    Attributes
    ----------
    out : folder for the results.
    display : folder for what a scene shows of them, if that is wanted; then `seg` must be among
        the outputs (E_USAGE).
    """

    out: Path
    display: Path | None = None

    def __post_init__(self) -> None:
        SegmentOrder.__post_init__(self)  # with slots there is no super() without arguments
        if self.display is not None:
            refuse_without_seg(self.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented(Written):
    """What `segment` wrote, and the CT that it is about."""

    series: CtSeries


def segment_series(
    channel: Line, home: ClientHome, request: SegmentRequest, watcher: Watcher
) -> Segmented:
    """Segment the CT; write results and receipt into `out`, and a display if that is wanted.

    Raises
    ------
    EncryptSecureRTError
        What `read_ct_series` and `read_ct_volume` raise; E_NOT_PROTECTED; E_LOCAL_FILE if `out`
        holds results already; what `display_in` and jobs raise. Nothing is written unless the
        receipt verified, and then everything or nothing.
    """
    refuse_if_taken(request.out)
    if request.display is not None:
        refuse_unless_ready(request.display)
    series = _read(request, watcher)
    send, parameters = _send(channel, home, series, watcher), _parameters(series, request)
    finished = run_job(channel, home, "segment", send, parameters, watcher)
    with display_in(request.display, finished, watcher):
        written = write_results(home, request.out, finished, watcher)
    return Segmented(files=written.files, finished=finished, series=series)


def order_segmentation(
    channel: Line, home: ClientHome, order: SegmentOrder, watcher: Watcher
) -> Order:
    """Send the CT and have the worker take the job, no more."""
    series = _read(order, watcher)
    send, parameters = _send(channel, home, series, watcher), _parameters(series, order)
    return submit_job(channel, home, "segment", send, parameters, watcher)


def _read(order: SegmentOrder, watcher: Watcher) -> CtSeries:
    watcher.stage("read")
    read = read_ct_series if order.reference is Reference.SERIES else read_ct_volume
    series = read(order.source)
    if not series.protected:
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED)
    return series


def _send(channel: Line, home: ClientHome, series: CtSeries, watcher: Watcher) -> Send:
    contents = {ObjectKind.VOLUME: partial(volume_content, series)}
    return sending_all(channel, home, contents, watcher)


def _parameters(series: CtSeries, order: SegmentOrder) -> dict[str, object]:
    return {
        "schema": "encryptsecurert.segment/1",
        "structures": list(order.structures),
        "outputs": list(order.outputs),
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
