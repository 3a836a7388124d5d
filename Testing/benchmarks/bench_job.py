"""What the worker adds to a computation: the remote job beside the same task in this process.

The remote time is from the job's start to its end, as the events say it, so without upload and
download; sealing of the results and the receipt's quote are in it.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from bench_rows import Row
from phantom_files import write_ct_series
from stand import ProcessStand
from Testing.Unit.worker.contexts import Open, site_keys

from encryptsecurert_protocol.events import EndEvent, Event, StateEvent
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_rt.phantoms import ct_phantom, default_phantom_grid
from encryptsecurert_worker.server.building import utc_now
from encryptsecurert_worker.tasks.segment import SegmentTask
from encryptsecurert_worker.tasks.task import TaskContext
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.segment import SegmentRequest, segment_series, volume_content
from EncryptSecureRTLib.client.series import CtSeries, read_ct_series

SHAPE = (200, 512, 512)
EXTENT_MM = (400.0, 460.8, 460.8)
RUNS = 3


class _Clock:
    """Takes the times of a job's start and end."""

    def __init__(self) -> None:
        self.started_s = self.ended_s = 0.0

    def hear(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, StateEvent) and event.state is JobState.RUNNING:
            self.started_s = time.perf_counter()
        if isinstance(event, EndEvent):
            self.ended_s = time.perf_counter()


def local_s(series: CtSeries) -> float:
    """Return the time of the task in this process."""
    content = volume_content(series)
    volume = memoryview(content.chunk(0, content.size_bytes))
    parameters = {
        "schema": "encryptsecurert.segment/1",
        "structures": ["body", "lung_left", "lung_right", "skeleton"],
        "outputs": ["rtstruct", "seg"],
        "reference": {
            "study_instance_uid": series.study_instance_uid,
            "series_instance_uid": series.series_instance_uid,
            "patient_id": series.patient_id,
        },
    }
    context = TaskContext(
        progress=lambda stage, fraction: None,
        log=lambda entry, value: None,
        keys=site_keys(),
        kind=Kind.SIMULATED,
        measurement="0" * 64,
        input_sha256=("0" * 64,),
        admit_patient=lambda pseudonym: None,
        break_glass=lambda pseudonym, reason: utc_now(),
        rights=Open(),
        tell_vouched=lambda files: None,
        now=utc_now,
    )
    start = time.perf_counter()
    SegmentTask(threads=2).run([volume], parameters, context)
    return time.perf_counter() - start


def main() -> list[Row]:
    """Measure and return the rows."""
    with tempfile.TemporaryDirectory() as name, ProcessStand(Path(name)) as stand:
        folder = Path(name)
        phantom = ct_phantom(default_phantom_grid(shape=SHAPE, extent_mm=EXTENT_MM))
        write_ct_series(folder / "ct", phantom.hu, phantom.grid)
        del phantom
        home = stand.user(Role.PHYSICIST)
        stand.provision()
        remote = []
        with open_channel(home, stand.url) as channel:
            start = time.perf_counter()
            made = protect_series(channel, home, folder / "ct", folder / "protected", Watcher())
            protect_rate = made.instances / (time.perf_counter() - start)
            for run in range(RUNS):
                clock = _Clock()
                request = SegmentRequest(folder=made.folder, out=folder / f"out-{run}")
                segment_series(channel, home, request, Watcher(event=clock.hear))
                remote.append(clock.ended_s - clock.started_s)
        series = read_ct_series(made.folder)
    local = min(local_s(series) for _ in range(RUNS))
    ratio = min(remote) / local
    return [
        Row("segment 512x512x200 in this process, with DICOM", f"{local:.1f} s", "", True),
        Row(
            "the same as a remote job, beyond transfer",
            f"{min(remote):.1f} s = {ratio:.2f} x",
            "1.15 x",
            ratio <= 1.15,
        ),
        Row(
            "protect 200 CT instances, client to disk",
            f"{protect_rate:.0f} instances/s",
            "",
            True,
        ),
    ]


if __name__ == "__main__":
    for row in main():
        print(f"{row.what:<48} {row.figure:<28} {row.bar}")
