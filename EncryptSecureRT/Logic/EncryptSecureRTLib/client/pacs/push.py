"""`pacs push`: protected objects into a PACS, and nothing else.

Every file is judged before the PACS hears of the first one. Originals refuse the command, unless
they are to be protected first, into a private folder that is removed afterwards.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.pacs.fitness import FitFiles, fit_files, has_originals
from EncryptSecureRTLib.client.pacs.model import Fate, Outgoing, Pacs, Stored
from EncryptSecureRTLib.client.pacs.workspace import private_folder
from EncryptSecureRTLib.client.protect import ProtectedSeries

Protect = Callable[[Path, Path], ProtectedSeries]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push came to.

    Attributes
    ----------
    studies : StudyInstanceUIDs, all of the protected form.
    stored : the fate of each instance, manifests first.
    protected : what was protected for it, if anything.
    """

    studies: tuple[str, ...]
    stored: tuple[Stored, ...] = field(repr=False)
    protected: ProtectedSeries | None

    @property
    def counts(self) -> Counter[Fate]:
        """How many instances had which fate."""
        return Counter(one.fate for one in self.stored)

    @property
    def failed(self) -> tuple[Stored, ...]:
        """The instances that the PACS has not taken."""
        return tuple(one for one in self.stored if one.fate is Fate.FAILED)


class HalfPushed(EncryptSecureRTError):
    """The user stopped a push on its way: what was stored stays there."""

    def __init__(self) -> None:
        detail = "the PACS keeps what it has taken already; push again"
        super().__init__(ErrorCode.E_CANCELLED, detail)

    @property
    def todo(self) -> str:
        """Say nothing of what was written: some was, over there."""
        return "Push again: an instance that is there already is stored anew."


def push_folder(
    pacs: Pacs, source: Path, protect: Protect | None, home: ClientHome, watcher: Watcher
) -> Pushed:
    """Send what may leave of a folder.

    Parameters
    ----------
    protect : callable
        Protects the study of one folder into another; None if originals are to be refused.

    Raises
    ------
    EncryptSecureRTError
        E_NOT_PROTECTED and others of `fit_files`, before the PACS was spoken to; what `protect`
        and the PACS raise.
    """
    watcher.stage("look")
    try:
        fit = fit_files(source, home)
    except EncryptSecureRTError as error:
        is_original = error.code is ErrorCode.E_NOT_PROTECTED and has_originals(source)
        if protect is None or not is_original:
            raise
    else:
        return _push(pacs, fit, None, watcher)
    with private_folder() as private:
        made = protect(source, private / "protected")
        return _push(pacs, fit_files(private / "protected", home), made, watcher)


def _push(pacs: Pacs, fit: FitFiles, made: ProtectedSeries | None, watcher: Watcher) -> Pushed:
    # By instance: a copy in another folder is the same file, since a manifest names both.
    by_instance = {one.outgoing.instance: one.outgoing for one in reversed(fit.all)}
    files: Sequence[Outgoing] = list(reversed(by_instance.values()))
    watcher.stage("echo")
    pacs.echo()
    watcher.stage("push")
    try:
        stored = pacs.store(files, watcher)
    except KeyboardInterrupt:
        raise HalfPushed from None
    return Pushed(
        studies=tuple(dict.fromkeys(one.study for one in fit.files)),
        stored=tuple(stored),
        protected=made,
    )
