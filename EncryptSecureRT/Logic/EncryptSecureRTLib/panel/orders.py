"""What Apply starts, as the session sees it: something to prepare, to ask for, to load."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from EncryptSecureRTLib.panel.state import Notice, Outcome

RESULTS = "results"
DISPLAY = "display"


class Order(Protocol):
    """A job with its parameters frozen at the click.

    `prepare` and `load` are walked step by step between two turns of the event loop; a step is a
    few milliseconds of work. Closing either half-way undoes what it did to the scene.
    """

    @property
    def command(self) -> str:
        """The client's command."""

    def prepare(self, folder: Path) -> Iterator[tuple[int, int]]:
        """Write what the client needs into the private folder; yields (octets done, of all)."""

    def request(self, folder: Path) -> Mapping[str, object]:
        """Return the request line's members, but for address and client folder."""

    def load(self, folder: Path, outcome: Outcome) -> Iterator[Outcome]:
        """Bring the results into the scene; the last value is the outcome with what was made."""

    def notice(self, outcome: Outcome) -> Notice:
        """Return what is said when everything is in the scene."""
