"""An hour of mixed jobs from sixteen clients with a restart each ten minutes; run by hand.

    .venv/bin/python Testing/benchmarks/soak.py --minutes 60 --out Testing/benchmarks/soak

Writes the memory of worker and client over time as CSV and as a plot, and the figures as text.
"""

import argparse
import csv
import os
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import matplotlib as mpl
from load import Load, crowd, rss_mib
from stand import ProcessStand

mpl.use("Agg")
from matplotlib import pyplot as plt

CLIENTS = 16
_SAMPLE_S = 5.0


class _Watch:
    """Samples memory and disk until told to stop."""

    def __init__(self, stand: ProcessStand) -> None:
        self.rows: list[tuple[float, float, float, float]] = []
        self._stand = stand
        self._over = threading.Event()
        self._start_s = time.monotonic()
        self._thread = threading.Thread(target=self._loop)

    def _loop(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            try:
                worker = rss_mib(self._stand.worker_pid)
                disk = sum(f.stat().st_size for f in self._stand.state.rglob("*") if f.is_file())
            except (RuntimeError, OSError):  # between two starts
                continue
            minute = (time.monotonic() - self._start_s) / 60
            self.rows.append((minute, worker, rss_mib(os.getpid()), disk / 2**20))

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _draw(rows: list[tuple[float, float, float, float]], restarts: list[float], out: Path) -> None:
    figure, (memory, disk) = plt.subplots(2, 1, figsize=(9, 6), sharex=True)
    minutes = [row[0] for row in rows]
    memory.plot(minutes, [row[1] for row in rows], label="worker")
    memory.plot(minutes, [row[2] for row in rows], label="all 16 clients, one process")
    memory.set_ylabel("resident memory (MiB)")
    memory.set_ylim(bottom=0)
    memory.legend(loc="lower right")
    memory.set_title("Mixed jobs of 16 clients; native, SIMULATED; dotted: the worker restarts")
    disk.plot(minutes, [row[3] for row in rows], color="tab:green")
    disk.set_ylabel("state folder (MiB)")
    disk.set_xlabel("time (min)")
    disk.set_ylim(bottom=0)
    for axes in (memory, disk):
        axes.grid(visible=True, alpha=0.3)
        for minute in restarts:
            axes.axvline(minute, color="grey", linestyle=":", linewidth=1)
    figure.tight_layout()
    figure.savefig(out.with_suffix(".png"), dpi=120)


def main() -> None:
    """Run the soak and write what it showed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--restart-minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, required=True, help="without suffix")
    options = parser.parse_args()
    end_s = time.monotonic() + options.minutes * 60
    restarts: list[float] = []
    with (
        tempfile.TemporaryDirectory() as name,
        ProcessStand(Path(name)) as stand,
        _Watch(stand) as watch,
    ):
        load = Load(stand, crowd(stand, CLIENTS), lambda begun: time.monotonic() < end_s)
        clients = threading.Thread(target=load.run)
        began_s = time.monotonic()
        clients.start()
        while clients.is_alive():
            clients.join(options.restart_minutes * 60)
            if clients.is_alive() and time.monotonic() < end_s:
                restarts.append((time.monotonic() - began_s) / 60)
                stand.restart()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["minute", "worker_rss_mib", "clients_rss_mib", "state_folder_mib"])
        writer.writerows([f"{value:.2f}" for value in row] for row in watch.rows)
    _draw(watch.rows, restarts, options.out)
    worker = [row[1] for row in watch.rows]
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, {options.minutes:.0f} min, {CLIENTS} clients, "
        f"{len(restarts)} restarts in between: {len(load.memory_mib)} jobs, "
        f"{len(load.failed)} failed {sorted(set(load.failed))}. Worker's memory "
        f"{min(worker):.0f} to {max(worker):.0f} MiB, at the end {worker[-1]:.0f} MiB.\n"
    )
    options.out.with_suffix(".txt").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
