"""A state folder for unit tests: ledger, times and audit chain, opened and opened again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from Testing.Unit.worker.made import NOW

from encryptsecurert_protocol.audit import AuditLine, open_audit_line
from encryptsecurert_protocol.sealing import HpkeKeyPair
from encryptsecurert_worker.audit.chain import AuditChain
from encryptsecurert_worker.vault.ledger import Ledger
from encryptsecurert_worker.vault.time import WorkerTime

KEY = bytes(range(32))
INSTANCE, START = "0a" * 16, "0b" * 16
AUDITOR = HpkeKeyPair.generate()


@dataclass
class Clocks:
    """The host's clock and the monotonic one, both turned by hand."""

    host: datetime = NOW
    monotonic_s: float = 1000.0


@dataclass
class Kept:
    """What one start of a worker keeps in a folder."""

    folder: Path
    clocks: Clocks = field(default_factory=Clocks)
    start_id: str = START
    provisioned: bool = True

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder, KEY)
        self.ledger.open()
        self.time = WorkerTime(
            self.ledger, lambda: self.clocks.host, lambda: self.clocks.monotonic_s
        )
        self.time.restore()
        self.audit = AuditChain(self.folder, self.ledger, self.time, INSTANCE, self.start_id)
        self.audit.restore(AUDITOR.public if self.provisioned else None)

    def again(self, start_id: str = "0c" * 16) -> "Kept":
        """Close, and open the folder as the next start does; its monotonic clock begins anew."""
        self.ledger.close()
        self.clocks.monotonic_s = 5.0
        return Kept(self.folder, self.clocks, start_id)

    def lines(self) -> list[AuditLine]:
        """Return the whole audit chain, as the auditor reads it."""
        found: list[AuditLine] = []
        while page := self.audit.page(len(found)).lines:
            for sealed in page:
                octets = open_audit_line(sealed, len(found) + 1, INSTANCE, AUDITOR)
                found.append(AuditLine.decode(octets))
        return found


Opener = Callable[[Path], Kept]
