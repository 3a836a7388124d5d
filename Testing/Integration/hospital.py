"""The place where the integration tests happen: a tapped worker, a site, its users, a CT.

The worker is the production service in this process, SIMULATED, with an `InnerTap` where it
decrypts. `liar` starts a second service in which one thing was changed.
"""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from phantom_files import write_ct_series
from stand import Stand
from Testing.Integration.taps import InnerTap

from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.rights import Role
from encryptsecurert_rt.phantoms import CtPhantom, ct_phantom, default_phantom_grid
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.evidence.provider import QuoteProvider
from encryptsecurert_worker.server import service
from encryptsecurert_worker.server.building import build_core
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.server.service import WorkerService
from encryptsecurert_worker.vault.sealing_keys import SealingKeyProvider
from EncryptSecureRTLib.client.channel import Channel, open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series

# Coarse enough to be quick, fine enough for one per cent of volume (skeleton: 2.4 mm pixels).
SHAPE = (60, 192, 192)
Change = Callable[[WorkerCore], WorkerCore]
Lie = Callable[[WorkerCore, bytes], EvidenceAnswer]


def tapped_service(
    state: Path,
    provider: QuoteProvider,
    sealing: SealingKeyProvider,
    tap: InnerTap,
    change: Change = lambda core: core,
    config: WorkerConfig | None = None,
) -> WorkerService:
    """Return the production service with a tap where it decrypts, and one change if asked."""
    config = config or WorkerConfig(host="127.0.0.1", port=0, state=state)
    core = change(build_core(config, provider, sealing))
    with patch.object(service, "AttestedProtocol", tap.protocol()):
        return WorkerService(config, core)


def answering(lie: Lie) -> Change:
    """Return the change after which a worker answers nonces with `lie`."""

    class Lying(WorkerCore):
        def evidence(self, nonce: bytes) -> EvidenceAnswer:
            return lie(self, nonce)

    def change(core: WorkerCore) -> WorkerCore:
        return Lying(**{f.name: getattr(core, f.name) for f in dataclasses.fields(core)})

    return change


def truth_of(core: WorkerCore, nonce: bytes) -> EvidenceAnswer:
    """Answer as the production worker does."""
    return WorkerCore.evidence(core, nonce)


class Hospital(Stand):
    """A stand whose worker is tapped."""

    def __init__(self, folder: Path) -> None:
        self.tap = InnerTap()
        super().__init__(folder)
        self._liars = 0

    def _service(self) -> WorkerService:
        return tapped_service(
            self.state, self.provider, self._sealing, self.tap, config=self._config()
        )

    @contextmanager
    def liar(
        self, change: Change, *, provider: QuoteProvider | None = None
    ) -> Iterator[tuple[str, InnerTap]]:
        """Serve a second, unprovisioned worker with one thing changed; yields url and tap."""
        tap = InnerTap()
        self._liars += 1
        state = self.folder / f"liar-{self._liars}"
        worker = tapped_service(state, provider or self.provider, self._sealing, tap, change)
        worker.start()
        try:
            yield worker.url, tap
        finally:
            worker.stop()

    def fresh_home(self, home: ClientHome, path: Path) -> ClientHome:
        """Return a copy of a client folder, with a memory of its own from here on."""
        shutil.copytree(home.path, path)
        return ClientHome(path)

    def channel(self, home: ClientHome) -> Channel:
        """Open a channel to the worker."""
        return open_channel(home, self.url)


@contextmanager
def worker_process(hospital: Hospital) -> Iterator[str]:
    """Serve the hospital's state folder from a process of its own; yields the address.

    What the process logs is in `worker.log` of the hospital's folder.
    """
    command = [sys.executable, "-P", "-m", "encryptsecurert_worker", "serve", "--port", "0"]
    options = ["--provider", "simulated", "--state", str(hospital.state)]
    with (
        (hospital.folder / "worker.log").open("w") as log,
        subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait(30)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """A hospital at work: users of several roles, one CT as scanned and as protected."""

    hospital: Hospital
    physicist: ClientHome
    colleague: ClientHome
    technician: ClientHome
    researcher: ClientHome
    auditor: ClientHome
    phantom: CtPhantom
    original: Path
    protected: Path

    @property
    def url(self) -> str:
        """Where the worker listens."""
        return self.hospital.url

    def channel(self, home: ClientHome | None = None) -> Channel:
        """Open a channel, the physicist's unless told otherwise."""
        return self.hospital.channel(home or self.physicist)


def small_phantom() -> CtPhantom:
    """Return the CT of these tests."""
    return ct_phantom(default_phantom_grid(shape=SHAPE))


def write_series(folder: Path, *, slices: int = 4, hu: npt.NDArray[np.int16] | None = None) -> Path:
    """Write a tiny CT series, for tests that look at headers only."""
    shape = (slices, 16, 16) if hu is None else (hu.shape[0], hu.shape[1], hu.shape[2])
    grid = default_phantom_grid(shape=shape, extent_mm=(shape[0] * 5.0, 460.8, 460.8))
    write_ct_series(folder, np.zeros(grid.shape, np.int16) if hu is None else hu, grid)
    return folder


@contextmanager
def open_ward(folder: Path) -> Iterator[Ward]:
    """Open a hospital, enroll its people, scan a phantom and protect it."""
    phantom = small_phantom()
    original = folder / "original"
    write_ct_series(original, phantom.hu, phantom.grid)
    hospital = Hospital(folder / "stand")
    physicist, colleague, technician, researcher, auditor = hospital.users(
        [Role.PHYSICIST, Role.PHYSICIST, Role.TECHNICIAN, Role.RESEARCHER, Role.AUDITOR]
    )
    with hospital:
        hospital.provision()
        with hospital.channel(physicist) as channel:
            made = protect_series(channel, physicist, original, folder / "protected", Watcher())
        yield Ward(
            hospital=hospital,
            physicist=physicist,
            colleague=colleague,
            technician=technician,
            researcher=researcher,
            auditor=auditor,
            phantom=phantom,
            original=original,
            protected=made.folder,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A hospital with one user and a protected CT of full size: seconds of work."""

    hospital: Hospital
    home: ClientHome
    original: Path
    protected: Path


@contextmanager
def open_busy(folder: Path) -> Iterator[Busy]:
    """Open such a hospital; 512 x 512 x 120 is what a planning CT has."""
    hospital = Hospital(folder / "stand")
    home = hospital.user(Role.PHYSICIST)
    phantom = ct_phantom(default_phantom_grid(shape=(120, 512, 512)))
    write_ct_series(folder / "ct", phantom.hu, phantom.grid)
    with hospital:
        hospital.provision()
        with hospital.channel(home) as channel:
            made = protect_series(channel, home, folder / "ct", folder / "p", Watcher())
        yield Busy(hospital=hospital, home=home, original=folder / "ct", protected=made.folder)
