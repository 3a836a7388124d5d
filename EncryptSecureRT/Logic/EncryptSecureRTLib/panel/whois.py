"""Who is this? The name of a protected study, in the panel only and for ten minutes.

The worker gives it to whoever may see the case, and the auditor sees who asked. It comes through
the client's pipe into this process's memory, is shown in the panel's case line, and is in no node,
file, setting or log. A session of its own asks, so that a job's results stay where they are.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from EncryptSecureRTLib.panel.children import ProcessChild, StartChild
from EncryptSecureRTLib.panel.log import Log
from EncryptSecureRTLib.panel.phases import Kind, Phase
from EncryptSecureRTLib.panel.session import Connection, Session
from EncryptSecureRTLib.panel.state import Notice, Outcome, PanelState, Tone
from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.names import ClearNames

KEEP_S = 600.0
_CLASSES = ("demographics", "identity")
_SHOWN = (("PatientName", "{}"), ("PatientID", "{}"), ("PatientBirthDate", _("born {}")))
Took = Callable[[str], None]


class WhoOrder:
    """Asks for the identity of the study in a folder of protected files.

    Parameters
    ----------
    took : given the words to show, once.
    """

    command = "reveal"

    def __init__(self, folder: Path, took: Took) -> None:
        self._folder, self._took = folder, took

    def prepare(self, folder: Path) -> Iterator[tuple[int, int]]:
        """Do nothing: the client reads the files itself."""
        return iter(())

    def request(self, folder: Path) -> Mapping[str, object]:
        """Return which study, and that one instance of it is enough."""
        return {"source": str(self._folder), "classes": list(_CLASSES), "first_only": True}

    def load(self, folder: Path, outcome: Outcome) -> Iterator[Outcome]:
        """Hand the words on; the outcome that stays holds none of them."""
        self._took(words_of(outcome.revealed))
        outcome.revealed.clear()
        yield outcome

    def notice(self, outcome: Outcome) -> Notice:
        """Say for how long it is shown, and that it is written nowhere."""
        words = _("Shown for {minutes} minutes, and written nowhere.")
        return Notice(tone=Tone.GOOD, what=words.format(minutes=round(KEEP_S / 60)))


def words_of(values: Mapping[str, str]) -> str:
    """Return name, ID and birth date as one line."""
    shown = [form.format(values[name]) for name, form in _SHOWN if values.get(name)]
    return ", ".join(shown) or _("The study names nobody.")


class WhoIs:
    """Asks, keeps, and forgets.

    Parameters
    ----------
    log : where stages and ids go; no value does.
    changed : called with each state of the session that asks.
    """

    def __init__(
        self, log: Log, changed: Callable[[PanelState], None], start: StartChild = ProcessChild
    ) -> None:
        self.session = Session(start)
        self.session.log = log
        self.session.listen(changed)
        self.names = ClearNames(KEEP_S)

    @property
    def busy(self) -> bool:
        """Whether it is being asked for."""
        return self.session.busy

    def ask(self, connection: Connection, folder: Path, label: str) -> None:
        """Ask who it is; the answer is kept for `label`."""
        self.session.configure(connection)
        if self.session.state.phase is Phase.REFUSED:
            self.session.happen(Kind.CONFIGURED)  # asked anew, a worker is checked anew
        self.session.apply(WhoOrder(folder, lambda words: self.names.remember(label, words)))

    def forget(self) -> None:
        """Drop every name."""
        self.names.forget()

    def close(self) -> None:
        """End what runs, and drop every name."""
        self.session.close()
        self.forget()
