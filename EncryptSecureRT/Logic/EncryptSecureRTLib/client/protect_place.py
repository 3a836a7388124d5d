"""Where a protected copy is made and where it then is: all of it, or nothing.

It is made in a folder of a random name inside the destination, whose series folders are moved to
their place when all is done.
"""

import contextlib
import filecmp
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client.dicomfiles.splice import sync_folder


@contextlib.contextmanager
def staging_in(destination: Path) -> Iterator[Path]:
    """Make a folder to work in, and remove it in the end, whatever happens (E_LOCAL_FILE).

    A destination that was not there is removed, too, if it is empty then.
    """
    new_folder = not destination.exists()
    staging = destination / f".esrt-part-{random_octets(8).hex()}"
    try:
        try:
            staging.mkdir(parents=True)
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if new_folder:
            with contextlib.suppress(OSError):  # it stays if there is something in it
                destination.rmdir()


def publish(
    staging: Path, destination: Path, series: Sequence[str], manifests: Sequence[Path]
) -> tuple[Path, ...]:
    """Move the folders of series, named in this order, and the manifests to their place.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if a series or another file of a manifest's name is there already, or something
        cannot be moved. Then, and if the user stops it, nothing is moved.
    """
    folders = [staging / name for name in series]
    targets = [destination / name for name in series]
    moved: list[tuple[Path, Path]] = []
    try:
        if any(target.exists() for target in targets):
            raise EncryptSecureRTError(
                ErrorCode.E_LOCAL_FILE, "the destination holds this series already"
            )
        # First, so that no series is there that nobody can reveal.
        for path in manifests:
            _move_manifest(path, destination / path.relative_to(staging), moved)
        for folder, target in zip(folders, targets, strict=True):
            sync_folder(folder)
            moved.append((folder, target))
            folder.rename(target)
        sync_folder(destination)
    except OSError:
        _move_back(moved)
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    except BaseException:
        _move_back(moved)
        raise
    return tuple(targets)


def _move_manifest(path: Path, place: Path, moved: list[tuple[Path, Path]]) -> None:
    """Move a manifest's file; the same file may be there already, another is never replaced."""
    place.parent.mkdir(exist_ok=True)  # another series of the study may have it
    if place.exists():
        if not filecmp.cmp(path, place, shallow=False):
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "a manifest's name is taken")
        return
    moved.append((path, place))
    path.rename(place)
    sync_folder(place.parent)


def _move_back(moved: Sequence[tuple[Path, Path]]) -> None:
    """Undo moves, also one that was not done; folders that were made for manifests go."""
    for origin, place in reversed(moved):
        with contextlib.suppress(OSError):
            place.rename(origin)
        with contextlib.suppress(OSError):  # the destination itself is never empty here
            place.parent.rmdir()
