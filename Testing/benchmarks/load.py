"""Clients that order mixed jobs from one worker at once, and what the worker's memory does."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from phantom_jobs import phantom_volume, segment_parameters
from stand import ProcessStand

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.framing import pack_batch
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.patience import PatientChannel
from EncryptSecureRTLib.client.runs import run_job
from EncryptSecureRTLib.client.upload import Content, upload

SMALL, LARGE = (24, 64, 64), (100, 256, 256)
_LARGE_EACH = 8
_STRUCTURES = ("body", "skeleton")


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


def tiny_job(channel: Line, home: ClientHome) -> None:
    """Run a job with next to nothing to compute: one header that is no DICOM."""
    content = Content([pack_batch([b"\x00\x00\x00\x02{}"])])
    name = upload(channel, home, ObjectKind.HEADERS, content).name
    parameters = {"schema": "encryptsecurert.protect/2", "dates": "remove", "pixels": "judged"}
    run_job(channel, home, "protect", lambda: [name], parameters, Watcher())


def segment_job(channel: Line, home: ClientHome, content: Content) -> None:
    """Run one segmentation."""
    name = upload(channel, home, ObjectKind.VOLUME, content).name
    run_job(channel, home, "segment", lambda: [name], segment_parameters(_STRUCTURES), Watcher())


@dataclass
class Load:
    """Mixed jobs of several clients; `memory_mib` has one value for each job that ended."""

    stand: ProcessStand
    homes: Sequence[ClientHome]
    more: Callable[[int], bool]
    memory_mib: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: int = 0

    def _next(self) -> int | None:
        with self._lock:
            if not self.more(self._begun):
                return None
            self._begun += 1
            return self._begun

    def __post_init__(self) -> None:
        self._small, self._large = phantom_volume(SMALL), phantom_volume(LARGE)

    def _client(self, home: ClientHome) -> None:
        with PatientChannel(partial(open_channel, home, self.stand.url)) as channel:
            while (number := self._next()) is not None:
                try:
                    if number % 3 == 0:
                        tiny_job(channel, home)
                    else:
                        segment_job(
                            channel, home, self._small if number % _LARGE_EACH else self._large
                        )
                except EncryptSecureRTError as error:
                    self.failed.append(error.code.name)
                with self._lock:
                    self.memory_mib.append(rss_mib(self.stand.worker_pid))

    def run(self) -> None:
        """Let all clients work until there is no more."""
        clients = [threading.Thread(target=self._client, args=(home,)) for home in self.homes]
        for client in clients:
            client.start()
        for client in clients:
            client.join()


def crowd(stand: ProcessStand, count: int) -> list[ClientHome]:
    """Enroll so many users and let the worker know them."""
    homes = stand.users([Role.PHYSICIST] * count)
    stand.provision()
    return homes
