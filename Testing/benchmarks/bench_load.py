"""Many clients at once, the cost of the journal, and a restart with a thousand kept jobs."""

import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from bench_rows import Row
from load import Load, crowd, tiny_job
from stand import ProcessStand, Stand

from encryptsecurert_protocol.rights import Role
from encryptsecurert_worker.vault.ledger import Ledger
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.patience import PatientChannel

CLIENTS = 16
JOBS = 220
JOURNAL_JOBS = 60
KEPT_JOBS = 1000
KEEPERS = 4
_IMPORTS = "import encryptsecurert_worker.cli, encryptsecurert_worker.server.service"


def load_rows(folder: Path) -> list[Row]:
    """Run mixed jobs of many clients and look at the worker's memory."""
    with ProcessStand(folder) as stand:
        load = Load(stand, crowd(stand, CLIENTS), lambda begun: begun < JOBS)
        start = time.perf_counter()
        load.run()
        elapsed_s = time.perf_counter() - start
    early = statistics.median(load.memory_mib[14:26])
    late = statistics.median(load.memory_mib[194:206])
    growth = late / early - 1
    return [
        Row(
            f"{CLIENTS} clients, {JOBS} mixed jobs: lost or failed",
            f"{len(load.failed)} in {elapsed_s:.0f} s",
            "0",
            not load.failed,
        ),
        Row(
            "worker's memory, job 20 and job 200",
            f"{early:.0f} and {late:.0f} MiB = {growth:+.1%}",
            "5 %",
            growth <= 0.05,
        ),
    ]


def journal_row(folder: Path) -> Row:
    """Write down what real jobs write, and write that once more into a journal of its own.

    Within the jobs, writing also waits for the interpreter, which client and worker share here.
    """
    written: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    within_s = 0.0
    real = Ledger.write

    def noted(self: Ledger, *arguments: Any, **options: Any) -> None:
        nonlocal within_s
        start = time.perf_counter()
        real(self, *arguments, **options)
        within_s += time.perf_counter() - start
        written.append((arguments, options))

    with Stand(folder) as stand:
        home = stand.user(Role.PHYSICIST)
        stand.provision()
        with open_channel(home, stand.url) as channel:
            tiny_job(channel, home)
            Ledger.write = noted  # type: ignore[method-assign]  # to measure it
            for _ in range(JOURNAL_JOBS):
                tiny_job(channel, home)
            Ledger.write = real  # type: ignore[method-assign]  # as it was
    (folder / "again").mkdir()
    journal = Ledger(folder / "again", bytes(32))
    journal.open()
    start = time.perf_counter()
    for arguments, options in written:
        journal.write(*arguments, **options)
    alone_ms = (time.perf_counter() - start) / JOURNAL_JOBS * 1e3
    figure = f"{alone_ms:.2f} ms, {len(written) / JOURNAL_JOBS:.1f} entries"
    waits = f"{within_s / JOURNAL_JOBS * 1e3:.2f} ms beside the client"
    return Row("journal, a job", f"{figure} ({waits})", "2 ms", alone_ms <= 2)


def _keep(stand: ProcessStand, home: ClientHome) -> None:
    with PatientChannel(partial(open_channel, home, stand.url)) as channel:
        for _ in range(KEPT_JOBS // KEEPERS):
            tiny_job(channel, home)


def _kept(stand: ProcessStand, home: ClientHome) -> int:
    with open_channel(home, stand.url) as channel:
        return len(channel.request_json("GET", "/v1/jobs")["jobs"])


def restart_row(folder: Path) -> Row:
    """Start with a thousand kept jobs, and take off what the imports cost."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
    imports_s = time.perf_counter() - start
    with ProcessStand(folder) as stand:
        homes = crowd(stand, KEEPERS)
        with ThreadPoolExecutor(KEEPERS) as keepers:
            list(keepers.map(partial(_keep, stand), homes))
        stand.stop()
        start = time.perf_counter()
        stand.start()
        ready_s = time.perf_counter() - start - imports_s
        kept = sum(_kept(stand, home) for home in homes)
    figure = f"{ready_s:.2f} s beyond imports ({kept} jobs)"
    return Row(
        "restart to ready with 1,000 kept jobs", figure, "3 s", ready_s <= 3 and kept >= 1000
    )


def main() -> list[Row]:
    """Measure and return the rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            *load_rows(folder / "load"),
            journal_row(folder / "journal"),
            restart_row(folder / "restart"),
        ]


if __name__ == "__main__":
    for row in main():
        print(f"{row.what:<48} {row.figure:<36} {row.bar}")
