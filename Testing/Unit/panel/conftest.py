"""A session over fake children, with a private folder of the test's own."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from Testing.Unit.panel.children import Clock, FakeChild

from EncryptSecureRTLib.client.process import EncryptSecureRTError
from EncryptSecureRTLib.panel.orders import DISPLAY, RESULTS
from EncryptSecureRTLib.panel.phases import Kind
from EncryptSecureRTLib.panel.session import Connection, Session
from EncryptSecureRTLib.panel.state import Notice, Outcome, Structure, Tone

VERDICT = {
    "accepted": True,
    "simulated": True,
    "worker_name": "worker",
    "build_label": "1.4.0",
    "measurement": "7f3a",
    "rows": [],
}
JOB = "ab" * 16


class PlainOrder:
    """An order that prepares and loads in a few steps and touches no scene."""

    command = "segment"

    def __init__(self) -> None:
        self.prepared = self.loaded = self.undone = 0
        self.refusal: Exception | None = None

    def prepare(self, folder: Path) -> Iterator[tuple[int, int]]:
        """Write a file in two steps."""
        (folder / DISPLAY).mkdir()
        for done in (1, 2):
            yield done, 2
            self.prepared += 1
        (folder / "volume.bin").write_bytes(b"voxels")

    def request(self, folder: Path) -> Mapping[str, object]:
        """Return the two folders."""
        return {"out": str(folder / RESULTS), "display": str(folder / DISPLAY)}

    def notice(self, outcome: Outcome) -> Notice:
        """Say that it is done."""
        return Notice(tone=Tone.GOOD, what="Done.")

    def load(self, folder: Path, outcome: Outcome) -> Iterator[Outcome]:
        """Load in two steps, or refuse after the first."""
        body = Structure(key="body", label="External", colour=(1, 2, 3), volume_cc=12.5)
        try:
            yield outcome
            if self.refusal is not None:
                raise self.refusal
            yield replace(outcome, structures=(body,), node_id="node1")
            self.loaded += 1
        except GeneratorExit:
            self.undone += 1
            raise


class Bench:
    """A session with a clock, and the children that it started."""

    def __init__(self, root: Path) -> None:
        self.clock = Clock()
        self.children: list[FakeChild] = []
        self.fails_to_start: EncryptSecureRTError | None = None
        self.root = root
        self.session = Session(self._start, lambda: root, self.clock)
        self.connection = Connection(url="https://worker.site:8443", home=root / "home")
        self.order = PlainOrder()

    def _start(self, command: str, request: Mapping[str, object]) -> FakeChild:
        if self.fails_to_start is not None:
            raise self.fails_to_start
        self.children.append(FakeChild(command, request))
        return self.children[-1]

    @property
    def child(self) -> FakeChild:
        """The child that was started last."""
        return self.children[-1]

    def tick(self, times: int = 1, seconds: float = 0.05) -> None:
        """Let time pass and the session work."""
        for _ in range(times):
            self.clock.time_s += seconds
            self.session.tick()

    def checked(self) -> None:
        """Bring the session to READY."""
        self.session.configure(self.connection)
        self.session.happen(Kind.TEST)
        self.child.say("result", verdict=VERDICT, simulated=True)
        self.child.end(0)
        self.tick()

    def begun(self) -> FakeChild:
        """Bring the session to a job whose child runs; return that."""
        self.checked()
        self.session.apply(self.order)
        for _ in range(20):
            if self.child.command == "segment":
                break
            self.tick()
        return self.child

    def finish(self) -> None:
        """Have the child end with results."""
        results = Path(str(self.child.request["out"]))
        results.mkdir()
        (results / "receipt.json").write_text("{}")
        self.child.say(
            "result",
            files=["receipt.json"],
            outputs={"seg.dcm": "00"},
            warnings=[],
            receipt_sha256="cd" * 32,
            verdict=VERDICT,
            simulated=True,
        )
        self.child.end(0)
        self.tick()

    def folders(self) -> list[Path]:
        """Return the private folders that are there."""
        return sorted(path for path in self.root.iterdir() if path.name != "home")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
