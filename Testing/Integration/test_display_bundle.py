"""What a scene gets: masks without DICOM, from a series or from a volume, now or later."""

import stat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pydicom import dcmread
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Ward
from Testing.Integration.requests_of_a_panel import Message, ask, refusal
from Testing.Integration.segmented import Done

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.volumes import VolumeHeader
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms import default_phantom_grid
from EncryptSecureRTLib.client.display import Display, read_display
from EncryptSecureRTLib.client.segments import masks_from_seg
from EncryptSecureRTLib.client.structures import STRUCTURES, TERMS

_SMALL = default_phantom_grid(shape=(4, 16, 16), extent_mm=(20.0, 460.8, 460.8))


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True)
    return folder


def _write_volume(path: Path, hu: npt.NDArray[np.int16], grid: ImageGrid) -> VolumeHeader:
    """Write a volume object as a scene does."""
    header = VolumeHeader(
        shape=grid.shape,
        dtype="int16",
        spacing_mm=grid.spacing_mm,
        origin_mm=grid.origin_lps_mm,
        direction=grid.direction,
        quantity="ct_number",
        unit="HU",
        frame_of_reference="2.25.900",
        slice_uids=tuple(f"2.25.{1000 + k}" for k in range(grid.shape[0])),
    )
    path.write_bytes(header.frame_head() + np.ascontiguousarray(hu, "<i2").tobytes())
    return header


def _whole(display: Display) -> dict[str, npt.NDArray[np.bool_]]:
    """Return each mask in its place in the volume, by label."""
    assert display.grid is not None
    volumes = {}
    for one in display.structures:
        volume = np.zeros(display.grid.shape, np.bool_)
        box = tuple(slice(o, o + n) for o, n in zip(one.offset_kji, one.shape_kji, strict=True))
        volume[box] = one.mask()
        volumes[one.label] = volume
    return volumes


def _from_seg(seg: Path) -> dict[str, npt.NDArray[np.bool_]]:
    named = dcmread(seg).ReferencedSeriesSequence[0].ReferencedInstanceSequence
    uids = [str(item.ReferencedSOPInstanceUID) for item in named]
    return {drawn.label: drawn.mask for drawn in masks_from_seg(seg, uids)}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def shown(ward: Ward, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Message]:
    """Segment the ward's series for a scene; (results, display, the result line)."""
    folder = tmp_path_factory.mktemp("shown")
    out, display = folder / "out", _private(folder / "display")
    result, _ = ask(ward, "segment", series=ward.protected, out=out, display=display)
    return out, display, result


@pytest.fixture(scope="module")
def volume_shown(
    ward: Ward, tmp_path_factory: pytest.TempPathFactory
) -> tuple[VolumeHeader, Path, Path, Message]:
    """Segment the same voxels as a volume object; (header, results, display, result line)."""
    folder = tmp_path_factory.mktemp("volume")
    header = _write_volume(folder / "volume", ward.phantom.hu, ward.phantom.grid)
    out, display = folder / "out", _private(folder / "display")
    result, _ = ask(ward, "segment", volume=folder / "volume", out=out, display=display)
    return header, out, display, result


# ---- from a series


def test_masks_are_those_of_the_segmentation_bit_for_bit(
    shown: tuple[Path, Path, Message], done: Done
) -> None:
    out, folder, result = shown
    display = read_display(folder)

    drawn = masks_from_seg(out / "seg.dcm", done.made.series.sop_instance_uids)
    whole = _whole(display)
    assert [one.key for one in display.structures] == list(STRUCTURES)
    assert list(whole) == [one.label for one in drawn]
    for one in drawn:
        np.testing.assert_array_equal(whole[one.label], one.mask)
    assert result["reference"] == "series"
    assert {one.label: one.volume_cc for one in display.structures} == result["volumes_cc"]


def test_what_is_shown_is_the_truth_of_the_phantom(
    shown: tuple[Path, Path, Message], ward: Ward
) -> None:
    display = read_display(shown[1])
    assert display.grid is not None
    voxel_cc = np.prod(display.grid.spacing_mm) / 1000

    whole = _whole(display)
    for one in display.structures:
        truth = {s.value: mask for s, mask in ward.phantom.truth.items()}[one.key]
        mask = whole[TERMS[one.key].label]
        dice = 2 * np.count_nonzero(mask & truth) / (mask.sum() + truth.sum())
        assert dice >= 0.97
        assert one.volume_cc == pytest.approx(np.count_nonzero(mask) * voxel_cc, rel=1e-9)


def test_the_grid_is_that_of_the_scan(
    shown: tuple[Path, Path, Message], done: Done, ward: Ward
) -> None:
    grid, series = read_display(shown[1]).grid, done.made.series
    assert grid is not None

    assert grid.shape == series.hu.shape == ward.phantom.grid.shape
    np.testing.assert_allclose(grid.spacing_mm, series.spacing_mm, atol=1e-7)
    np.testing.assert_allclose(grid.origin_lps_mm, series.origin_lps_mm, atol=1e-6)
    np.testing.assert_allclose(grid.direction, series.direction, atol=1e-9)


def test_the_body_touches_the_border_and_the_lungs_do_not(
    shown: tuple[Path, Path, Message],
) -> None:
    display = read_display(shown[1])

    touches = {one.key: one.touches_border for one in display.structures}
    assert touches["body"]  # the phantom ends where the scan does
    assert not touches["lung_left"]
    assert not touches["lung_right"]


def test_results_are_the_same_with_and_without_a_display(
    shown: tuple[Path, Path, Message], done: Done
) -> None:
    out, folder, result = shown

    assert result["outputs"] == dict(done.made.finished.body.outputs)
    assert _names(out) == ["receipt.json", "rtstruct.dcm", "seg.dcm"]
    assert _names(folder) == [*(f"segment-{n}.npy" for n in range(1, 5)), "segments.json"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


# ---- from a volume


def test_a_volume_gives_the_same_masks_as_the_series_of_the_same_voxels(
    shown: tuple[Path, Path, Message], volume_shown: tuple[VolumeHeader, Path, Path, Message]
) -> None:
    series, volume = _whole(read_display(shown[1])), _whole(read_display(volume_shown[2]))

    assert list(series) == list(volume)
    for label, mask in series.items():
        np.testing.assert_array_equal(volume[label], mask)
    for label, mask in _from_seg(volume_shown[1] / "seg.dcm").items():
        np.testing.assert_array_equal(volume[label], mask)


def test_results_of_a_volume_belong_to_nobody_and_to_each_other(
    volume_shown: tuple[VolumeHeader, Path, Path, Message], done: Done, ward: Ward
) -> None:
    header, out, _, result = volume_shown
    rtstruct, seg = dcmread(out / "rtstruct.dcm"), dcmread(out / "seg.dcm")

    assert result["reference"] == "none"
    assert rtstruct.PatientID == seg.PatientID != done.made.series.patient_id
    assert rtstruct.StudyInstanceUID == seg.StudyInstanceUID != done.made.series.study_instance_uid
    assert seg.FrameOfReferenceUID == header.frame_of_reference
    named = seg.ReferencedSeriesSequence[0]
    uids = tuple(item.ReferencedSOPInstanceUID for item in named.ReferencedInstanceSequence)
    assert uids == header.slice_uids
    assert named.SeriesInstanceUID != done.made.series.series_instance_uid
    assert run_client("verify", out / "receipt.json", home=ward.physicist).code == 0


def test_an_oblique_volume_comes_back_on_its_grid(ward: Ward, tmp_path: Path) -> None:
    cos, sin = np.cos(0.3), np.sin(0.3)
    grid = ImageGrid(
        shape=(12, 40, 48),
        spacing_mm=(3.1, 7.3, 6.7),
        origin_lps_mm=(-151.37, -142.11, 17.003),
        direction=(cos, 0.0, sin, 0.0, 1.0, 0.0, -sin, 0.0, cos),
    )
    hu = np.full(grid.shape, -1000, np.int16)
    hu[1:-1, 5:-5, 6:-6] = 40
    _write_volume(tmp_path / "volume", hu, grid)
    display = _private(tmp_path / "display")

    members = {"volume": tmp_path / "volume", "out": tmp_path / "out", "display": display}
    ask(ward, "segment", structures=["body"], **members)
    read = read_display(display)

    assert read.grid is not None
    np.testing.assert_allclose(read.grid.origin_lps_mm, grid.origin_lps_mm, atol=1e-6)
    np.testing.assert_allclose(read.grid.direction, grid.direction, atol=1e-9)
    assert read.grid.spacing_mm == grid.spacing_mm
    (body,) = read.structures
    assert (body.offset_kji, body.shape_kji) == ((1, 5, 6), (10, 30, 36))
    assert not body.touches_border
    assert bool(body.mask().all())


# ---- what is not there


def test_an_organ_that_is_not_there_is_shown_empty_beside_one_that_is(
    ward: Ward, tmp_path: Path
) -> None:
    hu = np.full(_SMALL.shape, -1000, np.int16)
    hu[:, 4:12, 4:12] = 40
    _write_volume(tmp_path / "volume", hu, _SMALL)
    display = _private(tmp_path / "display")

    members = {"volume": tmp_path / "volume", "out": tmp_path / "out", "display": display}
    result, _ = ask(ward, "segment", structures=["lung_left", "body"], **members)
    lung, body = read_display(display).structures

    assert (lung.key, lung.path, lung.volume_cc) == ("lung_left", None, 0.0)
    assert lung.mask().size == 0
    assert (body.key, body.touches_border) == ("body", True)
    assert "lung_left.not_found" in result["warnings"]


def test_where_nothing_is_found_all_is_empty_now_and_later(ward: Ward, tmp_path: Path) -> None:
    _write_volume(tmp_path / "volume", np.full(_SMALL.shape, -1000, np.int16), _SMALL)
    at_once, later = _private(tmp_path / "now"), _private(tmp_path / "later")
    order = {"volume": tmp_path / "volume", "structures": ["lung_right", "body"]}

    ask(ward, "segment", **order, out=tmp_path / "out", display=at_once)
    job = ask(ward, "segment", **order, detach=True)[0]["job"]
    ask(ward, "fetch", job=job, out=tmp_path / "out2", display=later)

    for folder in (at_once, later):
        display = read_display(folder)
        assert display.grid is None
        assert [(one.key, one.path) for one in display.structures] == [
            ("lung_right", None),
            ("body", None),
        ]
    assert not (tmp_path / "out" / "seg.dcm").exists()


# ---- later, from another process


def test_another_process_fetches_what_one_has_ordered_and_shows_it(
    ward: Ward, shown: tuple[Path, Path, Message], tmp_path: Path
) -> None:
    ordered, _ = ask(ward, "segment", series=ward.protected, detach=True)
    display = _private(tmp_path / "display")

    _, lines = ask(ward, "fetch", job=ordered["job"], out=tmp_path / "out", display=display)

    assert ordered["reference"] == "series"
    assert read_display(display).encode() == read_display(shown[1]).encode()
    for name in _names(display):
        assert (display / name).read_bytes() == (shown[1] / name).read_bytes()
    stages = [line["stage"] for line in lines if line["kind"] == "stage"]
    assert stages == ["connect", "run", "fetch", "display", "write"]
    assert lines[0]["kind"] == "hello"


def test_a_job_that_made_no_segmentation_cannot_be_shown_but_be_fetched(
    ward: Ward, tmp_path: Path
) -> None:
    order = {"series": ward.protected, "outputs": ["rtstruct"], "structures": ["body"]}
    job = ask(ward, "segment", **order, detach=True)[0]["job"]
    display, out = _private(tmp_path / "display"), tmp_path / "out"

    refused = refusal(ward, "fetch", job=job, out=out, display=display)

    assert refused is ErrorCode.E_USAGE
    assert (_names(display), out.exists()) == ([], False)
    assert ask(ward, "fetch", job=job, out=out)[0]["kind"] == "result"


# ---- refusals leave nothing


def test_nothing_is_shown_or_written_where_one_of_the_two_cannot_be(
    ward: Ward, tmp_path: Path
) -> None:
    job = ask(ward, "segment", series=ward.protected, detach=True)[0]["job"]
    out, display = tmp_path / "out", _private(tmp_path / "display")
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    full = _private(tmp_path / "full")
    (full / "x").touch()
    (tmp_path / "file").touch()

    for folder in (shared, full, tmp_path / "missing"):
        code = refusal(ward, "fetch", job=job, out=out, display=folder)
        assert code is ErrorCode.E_LOCAL_FILE
    assert not out.exists()
    below_a_file = tmp_path / "file" / "out"
    code = refusal(ward, "fetch", job=job, out=below_a_file, display=display)
    assert code is ErrorCode.E_LOCAL_FILE
    assert _names(display) == []
    ask(ward, "fetch", job=job, out=out, display=display)
    assert "segments.json" in _names(display)
