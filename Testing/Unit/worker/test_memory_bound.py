"""The memory that a task announces holds what it takes, and is not much more.

Admission goes by these bounds. What a task takes is measured as the resident memory of a process
of its own, so that what C code and the allocator take is seen, too.
"""

from pathlib import Path

import numpy as np
import pytest
from Testing.Integration.dose_orders import blob, dose_octets
from Testing.Unit.protect.conftest import Site, make_ct, request_of
from Testing.Unit.protect.wholes import whole
from Testing.Unit.worker.contexts import site_keys
from Testing.Unit.worker.peaks import (
    DOSES,
    PROTECT,
    SEGMENT,
    STATUS,
    TASKS,
    peak_bytes,
    volume_octets,
)

from encryptsecurert_protocol.framing import pack_batch
from encryptsecurert_protocol.headers import MAX_HEADER_BYTES, encode_request
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_rt.geometry import ImageGrid
from encryptsecurert_rt.phantoms import ct_phantom
from encryptsecurert_worker.tasks.break_glass import BreakGlassTask
from encryptsecurert_worker.tasks.dose_compare import DoseCompareTask
from encryptsecurert_worker.tasks.protect import ProtectTask
from encryptsecurert_worker.tasks.segment import SegmentTask
from encryptsecurert_worker.tasks.task import SiteKeys

pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="the system tells no peak memory")
Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]
PLANNING_CT: tuple[Shape, Spacing] = (120, 512, 512), (2.5, 0.9, 0.9)


def _grid(shape: Shape, spacing_mm: Spacing) -> ImageGrid:
    x, y, z = (-(n - 1) * s / 2 for n, s in zip(shape[::-1], spacing_mm[::-1], strict=True))
    return ImageGrid(
        shape=shape,
        spacing_mm=spacing_mm,
        origin_lps_mm=(x, y, z),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )


def _segment_peak_and_bound(octets: bytes, folder: Path) -> tuple[int, int]:
    path = folder / "volume"
    path.write_bytes(octets)
    bound = SegmentTask(threads=2).memory_bytes([len(octets)], SEGMENT)
    return peak_bytes("segment", path), bound


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((64, 64, 64), (5.0, 7.0, 7.0)),
        ((60, 192, 192), (5.0, 2.4, 2.4)),
        ((150, 300, 300), (2.0, 1.5, 1.5)),  # the working grid is as fine as the image
        ((400, 128, 128), (0.7, 3.5, 3.5)),
    ],
)
def test_segmenting_a_phantom_takes_no_more_than_announced(
    shape: Shape, spacing_mm: Spacing, tmp_path: Path
) -> None:
    grid = _grid(shape, spacing_mm)
    peak, bound = _segment_peak_and_bound(volume_octets(ct_phantom(grid).hu, grid), tmp_path)

    assert 2 * grid.shape[0] * grid.shape[1] * grid.shape[2] < peak <= bound


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((60, 192, 192), (5.0, 5.0, 5.0)),
        ((1, 2048, 2048), (2.0, 0.3, 0.3)),
        ((1500, 8, 8), (5.0, 5.0, 5.0)),  # many frames of few voxels
    ],
)
def test_segmenting_noise_takes_no_more_than_announced(
    shape: Shape, spacing_mm: Spacing, tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).integers(-1024, 3071, shape, np.int16)
    octets = volume_octets(noise, _grid(shape, spacing_mm))
    peak, bound = _segment_peak_and_bound(octets, tmp_path)

    assert peak <= bound


@pytest.mark.slow
def test_parts_as_many_as_can_be_take_no_more_than_announced(tmp_path: Path) -> None:
    shape = (60, 256, 256)
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    chessboard = np.where((k + j + i) % 2 == 0, 1000, 40).astype(np.int16)
    octets = volume_octets(chessboard, _grid(shape, (5.0, 5.0, 5.0)))
    peak, bound = _segment_peak_and_bound(octets, tmp_path)

    assert peak <= bound


@pytest.mark.slow
def test_the_bound_for_a_planning_ct_is_at_most_four_times_what_it_takes(tmp_path: Path) -> None:
    grid = _grid(*PLANNING_CT)
    peak, bound = _segment_peak_and_bound(volume_octets(ct_phantom(grid).hu, grid), tmp_path)

    assert peak <= bound <= 4 * peak


def test_the_bound_grows_with_the_volume() -> None:
    task = SegmentTask(threads=2)
    sizes = [0, MIB, 64 * MIB, 512 * MIB, LIMITS.object_bytes]
    bounds = [task.memory_bytes([size], SEGMENT) for size in sizes]

    assert bounds == sorted(bounds)
    assert all(bound > size for bound, size in zip(bounds, sizes, strict=True))


@pytest.fixture(scope="module")
def keys() -> SiteKeys:
    keys = Site().keys
    return site_keys(keys.recipient_certificate, keys.escrow_certificate)


@pytest.mark.slow
@pytest.mark.parametrize(("note_bytes", "count"), [(2, 2000), (14_000, 1000), (1_000_000, 20)])
def test_protecting_takes_no_more_than_announced(
    note_bytes: int, count: int, keys: SiteKeys, tmp_path: Path
) -> None:
    note = (b"UT", b"x" * note_bytes)
    requests = [
        encode_request(
            request_of(make_ct({0x00080018: (b"UI", b"1.2.3.%d" % number), 0x00204000: note}))
        )
        for number in range(count)
    ]
    batch = pack_batch(requests)
    path = tmp_path / "batch"
    path.write_bytes(batch)

    peak = peak_bytes("protect", path, keys)

    assert len(batch) < peak <= ProtectTask().memory_bytes([len(batch)], PROTECT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size_bytes", "count", "implicit"),
    [(MAX_HEADER_BYTES, 2, False), (MAX_HEADER_BYTES, 2, True), (MIB, 30, False)],
)
def test_sealing_files_whole_takes_no_more_than_announced(
    size_bytes: int, count: int, implicit: bool, keys: SiteKeys, tmp_path: Path
) -> None:
    room = size_bytes - len(make_ct(pixels=b"")) & ~1
    pixels = np.random.default_rng(1).bytes(room)
    requests = [
        encode_request(
            whole(
                make_ct({0x00080018: (b"UI", b"1.2.%d" % number)}, implicit=implicit, pixels=pixels)
            )
        )
        for number in range(10, 10 + count)
    ]
    batch = pack_batch(requests)
    path = tmp_path / "batch"
    path.write_bytes(batch)

    peak = peak_bytes("protect", path, keys)

    # The answers alone hold each file twice.
    assert 3 * len(batch) < peak <= ProtectTask().memory_bytes([len(batch)], PROTECT)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(24, 24, 24), (96, 128, 128), (1, 1024, 1024)])
def test_comparing_doses_takes_no_more_than_announced(shape: Shape, tmp_path: Path) -> None:
    octets = dose_octets(blob(_grid(shape, (2.0, 2.0, 2.0))))
    path = tmp_path / "dose"
    path.write_bytes(octets)
    bound = DoseCompareTask(threads=2).memory_bytes([len(octets)] * 2, DOSES)

    peak = peak_bytes("dose_compare", path)

    # Input, copies and maps; what a small comparison takes is the codes of DICOM.
    assert 2 * len(octets) < peak <= bound


def test_the_largest_batch_is_far_from_the_memory_of_a_small_worker() -> None:
    assert ProtectTask().memory_bytes([LIMITS.batch_bytes], PROTECT) <= 640 * MIB


def test_break_glass_takes_next_to_nothing() -> None:
    assert BreakGlassTask().memory_bytes([], {}) <= MIB


def test_the_parameters_of_the_measurement_are_ones_that_the_tasks_take() -> None:
    for task, parameters in TASKS.values():
        task.check(parameters)
