"""Jobs from order to result: right numbers, twice the same, watched, and failing cleanly."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
from pydicom import dcmread
from Testing.Integration.hospital import Ward, write_series
from Testing.Integration.orders import (
    draft,
    end_of,
    events_of,
    post,
    put_object,
    refusal_of,
    segment_order,
)
from Testing.Integration.segmented import Done, segment

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import (
    EndEvent,
    LogEvent,
    ProgressEvent,
    StateEvent,
)
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.volumes import VolumeHeader
from encryptsecurert_rt.phantoms import default_phantom_grid
from encryptsecurert_rt.segmentation import Structure
from encryptsecurert_worker.dicom.results.vocabulary import term
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.segment import SegmentRequest, segment_series
from EncryptSecureRTLib.client.segments import masks_from_seg


def test_volumes_are_within_one_per_cent_of_the_truth(ward: Ward, done: Done) -> None:
    truth = {term(key).name: value for key, value in ward.phantom.volume_cc.items()}

    found = done.made.volumes_cc
    assert set(found) == set(truth) == {"External", "Lung_L", "Lung_R", "Bone"}
    assert {name: abs(found[name] / truth[name] - 1) < 0.01 for name in truth} == dict.fromkeys(
        truth, True
    )


def test_every_structure_overlaps_the_truth_by_dice_of_at_least_0_97(
    ward: Ward, done: Done
) -> None:
    series = done.made.series
    segments = masks_from_seg(done.out / "seg.dcm", series.sop_instance_uids)
    drawn = {segment.label: segment.mask for segment in segments}
    dice = {}
    for structure in Structure:
        truth, mask = ward.phantom.truth[structure], drawn[term(structure).name]
        dice[structure] = 2 * np.count_nonzero(mask & truth) / (mask.sum() + truth.sum())

    assert min(dice.values()) >= 0.97, dice


def test_results_belong_to_the_protected_series(ward: Ward, done: Done) -> None:
    series = done.made.series
    for name in ("rtstruct.dcm", "seg.dcm"):
        result = dcmread(done.out / name, stop_before_pixels=True)
        assert result.StudyInstanceUID == series.study_instance_uid
        assert result.PatientID == series.patient_id
        assert result.SeriesInstanceUID != series.series_instance_uid
        assert str(result.PatientName) in {series.patient_id, ""}
    assert series.study_instance_uid != dcmread(next(ward.original.iterdir())).StudyInstanceUID


def test_the_same_job_gives_the_same_octets_also_for_another_user(
    ward: Ward, done: Done, tmp_path: Path
) -> None:
    again = segment(ward, tmp_path / "again")
    others = segment(ward, tmp_path / "other", ward.colleague)

    first = dict(done.made.finished.body.outputs)
    assert dict(again.made.finished.body.outputs) == first
    assert dict(others.made.finished.body.outputs) == first
    assert set(first) == {"rtstruct.dcm", "seg.dcm"}


def test_an_organ_that_is_not_in_the_image_is_empty_with_a_warning(
    ward: Ward, tmp_path: Path
) -> None:
    air = default_phantom_grid(shape=(4, 16, 16), extent_mm=(20.0, 460.8, 460.8))
    original = write_series(tmp_path / "air", hu=np.full(air.shape, -1000, np.int16))
    home = ward.physicist
    with ward.channel() as channel:
        protected = protect_series(channel, home, original, tmp_path / "p", Watcher()).folder
        made = segment_series(
            channel, home, SegmentRequest(folder=protected, out=tmp_path / "out"), Watcher()
        )

    assert set(made.volumes_cc.values()) == {0.0}
    assert {warning.split(".")[0] for warning in made.warnings} >= {"lung_left", "lung_right"}
    assert [path.name for path in made.files] == ["rtstruct.dcm", "receipt.json"]
    rois = dcmread(tmp_path / "out" / "rtstruct.dcm").StructureSetROISequence
    assert len(rois) == 4


# ---- events


def test_event_numbers_ascend_and_progress_never_goes_back(done: Done) -> None:
    events = done.events
    fractions = [e.fraction for e in events if isinstance(e, ProgressEvent)]
    states = [e.state for e in events if isinstance(e, StateEvent)]
    logs = {e.entry for e in events if isinstance(e, LogEvent)}

    numbers = [event.n for event in events]
    assert numbers == sorted(set(numbers))  # with gaps: what had passed before it was asked for
    assert numbers[0] >= 1
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(fractions) > 10
    assert states == [JobState.QUEUED, JobState.RUNNING]
    assert isinstance(events[-1], EndEvent)
    assert events[-1].state is JobState.DONE
    assert logs == {"input_bytes", *(f"volume_cc.{s.value}" for s in Structure)}


def test_done_is_said_at_the_end_only(done: Done) -> None:
    progress = [e for e in done.events if isinstance(e, ProgressEvent)]

    assert progress[0].stage == "opening"
    assert [e.fraction for e in progress if e.stage == "done"] == [1.0]


def test_events_can_be_taken_up_from_any_number(ward: Ward) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        header = draft(channel, home)
        post(channel, header, home.user().key)
        events_of(channel, header.job)
        whole = events_of(channel, header.job)

        # Numbers have gaps where a job has ended: most of its progress is left out.
        assert events_of(channel, header.job, after=2) == [e for e in whole if e.n > 2]
        assert events_of(channel, header.job, after=whole[-1].n) == []
        for bad in ("-1", "01", "x", "1e3"):
            path = f"/v1/jobs/{header.job}/events?after={bad}"
            assert refusal_of(channel.request, "GET", path) is ErrorCode.E_FORMAT


def test_a_failed_job_gives_its_code_and_leaves_no_result(ward: Ward, tmp_path: Path) -> None:
    home, results = ward.physicist, ward.hospital.state / "results"
    before = sorted(results.iterdir())
    header = VolumeHeader(
        shape=(1, 2, 2),
        dtype="float64",
        spacing_mm=(1.0, 1.0, 1.0),
        origin_mm=(0.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        quantity="dose",
        unit="Gy",
        frame_of_reference="2.25.1",
        slice_uids=("2.25.2",),
    )
    with ward.channel() as channel:
        dose = put_object(channel, home, header.frame_head() + bytes(32), ObjectKind.VOLUME)
        right = segment_order(channel, home, ward.protected)
        wrong = dataclasses.replace(segment_order(channel, home, ward.protected), inputs=(dose,))
        post(channel, wrong, home.user().key)
        end = end_of(channel, wrong.job)
        left = sorted(results.iterdir())
        missing = refusal_of(channel.request, "GET", f"/v1/results/{wrong.job}/receipt")
        post(channel, right, home.user().key)
        twin = end_of(channel, right.job)

    assert (end.state, end.error, end.results) == (JobState.FAILED, "E_PARAMETERS", ())
    assert missing is ErrorCode.E_NOT_FOUND
    assert left == before
    assert [name for name, _ in twin.results] == ["rtstruct.dcm", "seg.dcm", "receipt"]


def test_a_result_can_be_fetched_in_parts_by_who_names_it(ward: Ward) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        header = segment_order(channel, home, ward.protected)
        post(channel, header, home.user().key)
        end_of(channel, header.job)
        path = f"/v1/results/{header.job}/rtstruct.dcm"
        whole = channel.request("GET", path)
        tag = whole.headers["etag"]
        ranged = {"Range": "bytes=100-"}
        rest = channel.request("GET", path, headers={**ranged, "If-Range": tag})
        unnamed = channel.request("GET", path, headers=ranged)
        other = channel.request("GET", path, headers={**ranged, "If-Range": '"other"'})

    assert tag == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    assert [(r.status_code, r.content) for r in (unnamed, other)] == [(200, whole.content)] * 2


def test_one_whole_job_needs_four_connections_at_most(ward: Ward, tmp_path: Path) -> None:
    first = len(ward.hospital.tap.connections)
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")
    (home.path / "dedup.key").write_bytes(bytes(32))  # the worker holds nothing under that key
    segment(ward, tmp_path / "out", home)

    # Each one costs two verdicts: they must be kept and reused, not opened for each request.
    assert len(ward.hospital.tap.connections) - first <= 4
