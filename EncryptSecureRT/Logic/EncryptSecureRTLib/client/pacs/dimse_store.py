"""C-STORE (PS3.4 Annex B): files go as they are, manifests first, each with a status.

Every kind has to be taken before the first file goes: a study of which a PACS keeps no manifest
is one that nobody can reveal.
"""

from collections.abc import Iterable, Iterator, Sequence

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.pacs.dimse_bounds import asking
from EncryptSecureRTLib.client.pacs.dimse_contexts import MOST_CONTEXTS, to_send
from EncryptSecureRTLib.client.pacs.dimse_line import DimseSettings, Line, associated
from EncryptSecureRTLib.client.pacs.model import Fate, Outgoing, Stored
from EncryptSecureRTLib.client.pacs.quiet import files_as_they_are
from EncryptSecureRTLib.client.refused import kind_name

_SUCCESS, _WARNINGS = 0x0000, 0xB000
BROKEN = 0x0110
"""Processing failure: what stands for a file whose answer never came."""


def store_files(
    settings: DimseSettings, files: Sequence[Outgoing], watcher: Watcher
) -> list[Stored]:
    """Send files in their order, and return what became of each.

    Raises
    ------
    EncryptSecureRTError
        E_PACS_REFUSED if a kind is not taken: then nothing was sent; what the line raises
        before the first file; E_LOCAL_FILE if a file is no longer as it was judged. A line that
        breaks later fails the files that are left.
    """
    groups = list(_groups(files))
    if len(groups) > 1:
        for group in groups:  # so many kinds are rare: all are asked for first
            with associated(settings, to_send(group), asking(settings.silence_s)) as line:
                _check_all_taken(line)
    stored: list[Stored] = []
    for group in groups:
        try:
            with associated(settings, to_send(group), asking(settings.silence_s)) as line:
                _check_all_taken(line)
                _store(line, group, len(files), stored, watcher)
        except EncryptSecureRTError as error:
            if not stored or error.code is ErrorCode.E_LOCAL_FILE:
                raise
            break
    sent = {one.instance for one in stored}
    left = [one for one in files if one.instance not in sent]
    return stored + [Stored(instance=o.instance, fate=Fate.FAILED, status=BROKEN) for o in left]


def _groups(files: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Yield files by as many as one association has contexts for; there are rarely two."""
    group: list[Outgoing] = []
    pairs: set[tuple[str, str]] = set()
    for file in files:
        pair = (file.sop_class, file.syntax)
        if pair not in pairs and len(pairs) == MOST_CONTEXTS:
            yield group
            group, pairs = [], set()
        pairs.add(pair)
        group.append(file)
    if group:
        yield group


def _check_all_taken(line: Line) -> None:
    rejected = line.association.rejected_contexts
    if rejected:
        kinds = {kind_name(str(context.abstract_syntax)) for context in rejected}
        detail = f"it does not take {len(kinds)} of these kinds; one is {min(kinds)}"
        raise EncryptSecureRTError(ErrorCode.E_PACS_REFUSED, detail)


def _store(
    line: Line, files: Iterable[Outgoing], total: int, stored: list[Stored], watcher: Watcher
) -> None:
    with files_as_they_are():
        for file in files:
            file.require_as_judged()
            answer = line.association.send_c_store(file.path)
            status = line.status(answer)
            stored.append(Stored(instance=file.instance, fate=_fate(status), status=status))
            watcher.count(len(stored), total)


def _fate(status: int) -> Fate:
    """Return what a status means (PS3.4 B.2.3): B000 and its neighbours are warnings."""
    if status == _SUCCESS:
        return Fate.STORED
    return Fate.WARNING if status & 0xF000 == _WARNINGS else Fate.FAILED
