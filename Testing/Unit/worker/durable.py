"""A state folder that outlives the starts made from it, with clocks that a test moves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from Testing.Unit.worker.made import NOW

from encryptsecurert_protocol.sealing import derive_key
from encryptsecurert_worker.vault.ledger import Ledger
from encryptsecurert_worker.vault.objects import ObjectStore
from encryptsecurert_worker.vault.quotas import Quotas
from encryptsecurert_worker.vault.time import WorkerTime

STORAGE_KEY = bytes(range(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The parts of one start."""

    ledger: Ledger
    time: WorkerTime
    objects: ObjectStore
    quotas: Quotas


class StateFolder:
    """One state folder; `now` is the host's clock, `running_s` the seconds that only grow."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now: datetime = NOW
        self.running_s = 0.0

    def pass_time(self, seconds: float) -> None:
        """Let both clocks go on."""
        self.now += timedelta(seconds=seconds)
        self.running_s += seconds

    def start(self) -> Start:
        """Start from the folder; a start before it is left as a crash leaves it."""
        ledger = Ledger(self.path, STORAGE_KEY)
        ledger.open()
        time = WorkerTime(ledger, lambda: self.now, lambda: self.running_s)
        time.restore()
        objects = ObjectStore(self.path / "objects", STORAGE_KEY, ledger, time)
        objects.restore()
        quotas = Quotas(ledger, time, derive_key(STORAGE_KEY, b"quota/v1"))
        return Start(ledger=ledger, time=time, objects=objects, quotas=quotas)

    def restart(self, before: Start) -> Start:
        """Stop one start in order, and start anew."""
        before.ledger.write([before.time.service_fact()])
        before.ledger.close()
        return self.start()

    @property
    def files(self) -> list[Path]:
        """The files of the objects."""
        return sorted((self.path / "objects").iterdir())
