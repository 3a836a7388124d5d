"""A book of jobs on a state folder, opened and opened again as starts of a worker do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from Testing.Unit.worker.kept import Kept
from Testing.Unit.worker.made import NOW, HandMadeSite, HandMadeUser
from Testing.Unit.worker.orders import OWNER, accept, order

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import Event, StateEvent, decode_event
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_worker.jobs.book import JobBook
from encryptsecurert_worker.jobs.job import Job
from encryptsecurert_worker.jobs.record import ResultFile
from encryptsecurert_worker.vault.site import Site


class Shelf:
    """One start: a book and what it stands on.

    Attributes
    ----------
    open : what the book is told when it asks whether jobs may start.
    """

    def __init__(self, folder: Path, made: HandMadeSite, kept: Kept | None = None) -> None:
        self.folder = folder
        self.made = made
        self.kept = kept or Kept(folder)
        self.site = Site()
        self.open = True
        self.provision()
        self.book = JobBook(
            folder / "results",
            ledger=self.kept.ledger,
            time=self.kept.time,
            audit=self.kept.audit,
            site=self.site,
            ready=lambda: self.open,
        )
        self.book.restore()

    def provision(self, *users: HandMadeUser, epoch: int = 3) -> None:
        """Have the site list these users."""
        message = self.made.message(self.made.core(*users, epoch=epoch))
        self.site.provision(message, [self.made.worker_key], NOW)

    def again(self) -> "Shelf":
        """Start once more on the same folder."""
        return Shelf(self.folder, self.made, self.kept.again())

    def accept(self, job: str, user: str = OWNER, **changes: object) -> Job:
        """Have the book accept an order."""
        return accept(self.book, order(job, user, **changes))

    def running(self, job: str, user: str = OWNER, **changes: object) -> Job:
        """Accept an order into an empty queue and start it."""
        self.accept(job, user, **changes)
        taken = self.book.take()
        assert taken is not None
        assert self.book.start(taken)
        return taken

    def done(self, job: str, user: str = OWNER, octets: bytes = b"sealed") -> Job:
        """Run an order to its end, with one result."""
        going = self.running(job, user)
        self.book.steps.finish(going, (self.result(octets),))
        return going

    def result(self, octets: bytes = b"sealed", name: str = "answer") -> ResultFile:
        """Write a result file."""
        return self.book.files.write(name, [octets])

    def find(self, job: Job) -> Job:
        """Return the same job in this start."""
        return self.book.get(*job.record.key)

    @property
    def files(self) -> list[str]:
        """Names of all result files."""
        return sorted(path.name for path in (self.folder / "results").iterdir())

    @property
    def told(self) -> list[tuple[str, str]]:
        """Event and code of every audit line."""
        return [(line.event.value, line.code) for line in self.kept.lines()]

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Have the journal take nothing, as a full disk does."""
        ledger = self.kept.ledger
        ledger.write = full  # type: ignore[method-assign]  # a disk that fills up
        try:
            yield
        finally:
            del ledger.write


def full(*_: object, **__: object) -> None:
    """Take nothing, as a full disk does."""
    raise EncryptSecureRTError(ErrorCode.E_BUSY)


def events(job: Job) -> list[Event]:
    """Return all events of a job."""
    return [decode_event(line) for _, line in job.events_after(0)[0]]


def place(job: Job) -> int:
    """Return the place that a job's followers were told last."""
    last = events(job)[-1]
    assert isinstance(last, StateEvent)
    assert last.state is JobState.QUEUED
    assert last.place == job.place
    return last.place


def at_once(*actions: Callable[[], object]) -> None:
    """Do several things in threads that start together."""
    gate = threading.Barrier(len(actions))

    def act(action: Callable[[], object]) -> None:
        gate.wait()
        action()

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
