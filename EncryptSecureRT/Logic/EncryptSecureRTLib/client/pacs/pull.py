"""`pacs pull`: a study comes, is protected by the worker, and only the protected copy stays.

    PACS --> private folder (originals, 0700) --> worker --> DIR (protected)
                        removed in every ending

A study that is protected already has to be what its manifests name, and is taken as it is.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.pacs.fitness import Fit, fit_files, is_sealed
from EncryptSecureRTLib.client.pacs.model import Coming, Pacs, wrong_answer
from EncryptSecureRTLib.client.pacs.workspace import private_folder
from EncryptSecureRTLib.client.protect import ProtectedSeries
from EncryptSecureRTLib.client.protect_place import publish, staging_in
from EncryptSecureRTLib.client.study import read_file_header
from EncryptSecureRTLib.client.study_files import sort_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What a pull came to.

    Attributes
    ----------
    came : how many instances the PACS sent.
    protected : what the worker made of them; None if they were protected already.
    folders : of the series below DIR.
    """

    came: int
    folders: tuple[Path, ...]
    protected: ProtectedSeries | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a pull needs of the command that asks for it.

    Attributes
    ----------
    attest : returns once the worker has proved itself.
    protect : protects the study of one folder into another, as `protect_series` does.
    held : a context within which a stop of the user waits.
    told : hears what would come.
    """

    attest: Callable[[], None]
    protect: Callable[[Path, Path], ProtectedSeries]
    held: Callable[[], AbstractContextManager[None]]
    told: Callable[[Coming], None]


def pull_study(
    pacs: Pacs, study: str, out: Path, hands: Hands, home: ClientHome, watcher: Watcher
) -> Pulled:
    """Pull a study, and have it protected or take it as it is.

    No original comes to this computer before the worker that protects it was attested.

    Raises
    ------
    EncryptSecureRTError
        What the PACS and `hands` raise; E_PACS_INCOMPLETE if fewer instances came than the PACS
        has; E_PACS_ANSWER if one of another study came; E_NOT_PROTECTED if files that say that
        they are protected are not what a manifest names; E_LOCAL_FILE. Nothing is written into
        `out` then.
    """
    watcher.stage("find")
    coming = pacs.coming(study)
    hands.told(coming)
    if not coming.looks_protected:
        hands.attest()
    watcher.stage("pull")
    with private_folder() as private:
        clear = private / "study"
        clear.mkdir(mode=0o700)
        came = pacs.fetch(study, coming, clear, watcher)
        watcher.stage("look")
        if _all_sealed(clear, study, coming, came):
            with hands.held():
                return Pulled(came=came, folders=_taken(clear, out, home), protected=None)
        made = hands.protect(clear, out)
    return Pulled(came=came, folders=made.folders, protected=made)


def _all_sealed(folder: Path, study: str, coming: Coming, came: int) -> bool:
    """Tell whether all that came is in the protected form, after a look at each file."""
    paths = sorted(folder.glob("*.dcm"))
    if not came or came < (coming.instances or 0):
        detail = f"{came} of {coming.instances or 'no'} instances came"
        raise EncryptSecureRTError(ErrorCode.E_PACS_INCOMPLETE, detail)
    if any(_study_of(path) not in (study, None) for path in paths):
        raise wrong_answer("an instance of another study came")
    files, manifests = sort_out(folder)
    return bool(files and manifests) and all(is_sealed(path) for path in files)


def _study_of(path: Path) -> str | None:
    """Return the study of a file, None for one that `protect` will refuse by itself."""
    try:
        return read_file_header(path).study_instance_uid
    except EncryptSecureRTError as error:
        if error.code is ErrorCode.E_LOCAL_FILE:
            raise
        return None


def _taken(folder: Path, out: Path, home: ClientHome) -> tuple[Path, ...]:
    """Move a study that is protected already to its place, named as `protect` names it."""
    fit = fit_files(folder, home)
    with staging_in(out) as staging:
        files, manifests = (_moved(some, staging) for some in (fit.files, fit.manifests))
        series = list(dict.fromkeys(path.parent.name for path in files))
        return publish(staging, out, series, manifests)


def _moved(some: Sequence[Fit], staging: Path) -> list[Path]:
    moved = []
    try:
        for one in some:
            path = staging / one.series / f"{one.outgoing.instance}.dcm"
            path.parent.mkdir(exist_ok=True)
            shutil.move(one.outgoing.path, path)
            moved.append(path)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return moved
