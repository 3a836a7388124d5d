"""`protect` and `reveal` beside other de-identification tools: the same files, one run, processes.

    .venv/bin/python Testing/benchmarks/bench_peers.py [instances]

The files are the CT of the data pack, copied under new UIDs until there are enough of them. What
each tool does is not the same, and that is in its favour, not in ours: gdcmanon encrypts the few
attributes that the standard's table names, dicognito and dicom-anonymizer replace and encrypt
nothing, and none sends anything to another process. Times are those of whole processes, from their
start to the last file on the disk; ours are two, the client and a worker that has been started.
Each figure is the run in the middle of three: on a shared computer they differ by a fifth.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import pydicom
from bench_rows import Row
from data_pack import DATA
from pydicom.uid import generate_uid
from stand import ProcessStand

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.home import ClientHome

PEERS = Path(__file__).resolve().parents[2] / ".make" / "peers" / "bin"
INSTANCES = 1000
RUNS = 3
FLOOR, AIM, REVEAL_BAR = 250, 500, 400
FEW, MANY, SMALL_SIDE = 1000, 10_000, 32
_MARKS = ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence")
_CLIENT = (sys.executable, "-P", "-m", "EncryptSecureRTLib.client.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One tool's run: instances a second, CPU time an instance, peak memory."""

    per_s: float
    cpu_ms: float
    peak_mib: float

    def __str__(self) -> str:
        return f"{self.per_s:.0f}/s, {self.cpu_ms:.1f} ms CPU, {self.peak_mib:.0f} MiB"


def make_study(folder: Path, instances: int, side: int = 0) -> None:
    """Write one series of so many CT instances with the headers of real ones.

    `side` is the number of rows and columns; 0 leaves the pixels as they are.
    """
    folder.mkdir()
    originals = sorted(DATA.glob("ct_abdomen_crlm/*/*.dcm"))
    study, series = generate_uid(), generate_uid()
    for number in range(instances):
        ds = pydicom.dcmread(originals[number % len(originals)])
        if side:
            ds.Rows = ds.Columns = side
            ds.PixelData = bytes(2 * side * side)
        for keyword in _MARKS:  # gdcmanon refuses what was de-identified before
            if keyword in ds:
                delattr(ds, keyword)
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
        ds.SOPInstanceUID = generate_uid()
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.InstanceNumber = number + 1
        ds.save_as(folder / f"{number:05}.dcm")


def in_the_middle(make: Callable[[], Run]) -> Run:
    """Return the run that is neither the fastest nor the slowest."""
    runs = sorted((make() for _ in range(RUNS)), key=lambda one: one.per_s)
    return runs[RUNS // 2]


def run(command: list[str], out: Path, instances: int) -> Run:
    """Run a tool that writes below `out`, and see that it wrote what it was given.

    What was written before is on the disk then: no tool pays for another one's files.
    """
    os.sync()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        ["/usr/bin/time", "-f", "peak %M", *command], capture_output=True, check=False
    )
    elapsed_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    written = sum(path.stat().st_size > 0 for path in out.rglob("*") if path.is_file())
    if done.returncode or written < instances:
        raise SystemExit(f"{command[0]} ended with {done.returncode}, {written} files written")
    peak_kib = int(done.stderr.split(b"peak ")[-1].split()[0])
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(
        per_s=instances / elapsed_s, cpu_ms=1e3 * cpu_s / instances, peak_mib=peak_kib / 1024
    )


def peers(source: Path, folder: Path, instances: int) -> dict[str, Run]:
    """Run each peer that is installed."""
    key = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-subj", "/CN=0f3a", *key],
        check=True,
        capture_output=True,
    )
    commands = {
        "gdcmanon": ["gdcmanon", "-e", "-c", key[3], "-i", str(source), "-o"],
        "dicognito": [str(PEERS / "python"), "-m", "dicognito", "-q", str(source), "-o"],
        "dicom-anonymizer": [str(PEERS / "dicom-anonymizer"), str(source)],
    }
    done = {}
    for name, command in commands.items():
        if shutil.which(command[0]) is None:
            print(f"{name} is not installed")
            continue
        done[name] = in_the_middle(partial(_peer, command, folder / name, instances))
    return done


def _peer(command: list[str], out: Path, instances: int) -> Run:
    out.mkdir()
    try:
        return run([*command, str(out)], out, instances)
    finally:
        shutil.rmtree(out)


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    """Return the most memory that a process has held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@contextmanager
def _worker(folder: Path) -> Iterator[tuple[ProcessStand, ClientHome, list[str]]]:
    """Start a worker; give it, a user who may export, and a client's options for both."""
    with ProcessStand(folder / "stand") as stand:
        home = stand.user(Role.RADIATION_ONCOLOGIST)
        stand.provision()
        yield (
            stand,
            home,
            ["--url", stand.url, "--home", str(home.path), "--unsafe-allow-simulated"],
        )


def ours(source: Path, folder: Path, instances: int) -> tuple[Run, Run]:
    """Protect the study and reveal it to files, through a worker of its own."""
    with _worker(folder) as (stand, home, told):
        protected, revealed = folder / "protected", folder / "revealed"

        def timed(command: str, given: Path, out: Path) -> Run:
            shutil.rmtree(out, ignore_errors=True)
            before = cpu_s(stand.worker_pid)
            made = run([*_CLIENT, command, *told, str(given), str(out)], out, instances)
            worker_ms = 1e3 * (cpu_s(stand.worker_pid) - before) / instances
            return Run(
                per_s=made.per_s,
                cpu_ms=made.cpu_ms + worker_ms,
                peak_mib=made.peak_mib + peak_mib(stand.worker_pid),
            )

        protecting = in_the_middle(lambda: timed("protect", source, protected))
        first = next(protected.rglob("*.dcm"))
        stand.open_case(str(pydicom.dcmread(first, stop_before_pixels=True).PatientID), home)
        revealing = in_the_middle(lambda: timed("reveal", protected, revealed))
    for path in source.iterdir():
        if (revealed / path.name).exists() and (
            revealed / path.name
        ).read_bytes() != path.read_bytes():
            raise SystemExit("a revealed file is not its original")
    return protecting, revealing


def growth(folder: Path) -> Row:
    """Protect few small instances and many, and compare the memory of client and worker."""
    peaks = []
    for instances in (FEW, MANY):
        source = folder / f"small-{instances}"
        make_study(source, instances, SMALL_SIDE)
        place = folder / f"grown-{instances}"
        place.mkdir()
        with _worker(place) as (stand, _, told):
            out = place / "protected"
            made = run([*_CLIENT, "protect", *told, str(source), str(out)], out, instances)
            peaks.append((made.peak_mib, peak_mib(stand.worker_pid)))
        shutil.rmtree(place)
        shutil.rmtree(source)
    (few, worker_few), (many, worker_many) = peaks
    kib = 1024 * (many - few) / (MANY - FEW)
    return Row(
        f"memory for {FEW} and {MANY} instances",
        f"client {few:.0f} and {many:.0f} MiB ({kib:.1f} KiB an instance),"
        f" worker {worker_few:.0f} and {worker_many:.0f} MiB",
        "flat",
        many < 1.25 * few and worker_many < 1.25 * worker_few,
    )


def main(instances: int = INSTANCES) -> list[Row]:
    """Measure and return the rows; none without the data pack."""
    if not DATA.is_dir():
        print("protect beside others: the data pack beside the checkout is not there")
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_study(folder / "ct", instances)
        others = peers(folder / "ct", folder, instances)
        protecting, revealing = ours(folder / "ct", folder, instances)
        flat = growth(folder)
    fastest = max((one.per_s for one in others.values()), default=0.0)
    what = f"{instances} CT instances"
    return [
        Row(f"protect {what}", str(protecting), f"{FLOOR}/s", protecting.per_s >= FLOOR),
        Row("  aim", f"{protecting.per_s:.0f}/s", f"{AIM}/s", protecting.per_s >= AIM),
        Row(
            "  and the fastest peer below",
            f"{protecting.per_s:.0f}/s",
            f"{fastest:.0f}/s",
            protecting.per_s >= fastest,
        ),
        *(Row(f"  {name}", str(one), "", True) for name, one in others.items()),
        Row(
            f"reveal {what} to files",
            str(revealing),
            f"{REVEAL_BAR}/s",
            revealing.per_s >= REVEAL_BAR,
        ),
        flat,
    ]


if __name__ == "__main__":
    for row in main(int(sys.argv[1]) if len(sys.argv) > 1 else INSTANCES):
        state = "" if not row.bar else ("reached" if row.reached else "NOT REACHED")
        print(f"{row.what:<32} {row.figure:<34} {row.bar:<8} {state}")
