"""A worker process with SIMULATED evidence, for tests of the custodian's side."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.site import Site

_WORKER = [sys.executable, "-m", "encryptsecurert_worker"]
_WAIT_S = 60


@dataclass(frozen=True)
class Worker:
    """A running worker and what it says of its build."""

    url: str
    release: Release
    collateral: bytes

    def get(self, home: ClientHome, path: str) -> dict[str, Any]:
        """Ask a provisioned worker for something."""
        with open_channel(home, self.url) as channel:
            return channel.request_json("GET", path, None)

    def tasks(self, home: ClientHome) -> dict[str, Any]:
        """Ask for what is open to a user."""
        return self.get(home, "/v1/tasks")

    def is_ready(self, site: Site) -> bool:
        """Ask the worker whether it is."""
        with open_channel(site.home, self.url, allow_unprovisioned=True) as channel:
            return channel.request_json("GET", "/v1/health", None)["ready"] is True


@contextmanager
def running_worker(folder: Path) -> Iterator[Worker]:
    """Run a worker with its state below a folder."""
    state, out = folder / "worker", folder / "measured"
    simulated = ["--provider", "simulated", "--state", str(state)]
    subprocess.run(
        [*_WORKER, "measure", *simulated, "--out", str(out)], check=True, timeout=_WAIT_S
    )
    with subprocess.Popen(
        [*_WORKER, "serve", *simulated, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        try:
            yield Worker(
                url=ready["url"],
                release=Release.decode((out / "release.json").read_bytes()),
                collateral=(out / "collateral.json").read_bytes(),
            )
        finally:
            process.kill()


def with_collateral(home: ClientHome, site: Site) -> ClientHome:
    """Give a user's folder the collateral that the site's own folder has."""
    for file in site.home.state_path.glob("collateral-*.json"):
        home.state_path.mkdir(mode=0o700, exist_ok=True)
        (home.state_path / file.name).write_bytes(file.read_bytes())
    return home
