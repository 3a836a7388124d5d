"""Files and folders of the custodian: whole or not there, private, never overwritten.

A file is written beside its place under a temporary name, brought to the disk (fsync), then
renamed. Several files that belong together are all written before the first is renamed, so a full
disk leaves none of them.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import random_octets

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
_EXISTS = "something is at that place already and is never overwritten"


def _refuse(detail: str = "") -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail)


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return a file's octets; E_LOCAL_FILE if it is not there, E_TOO_LARGE beyond `max_bytes`."""
    try:
        with path.open("rb") as file:
            octets = file.read(max_bytes + 1)
    except (OSError, ValueError):  # ValueError: a name with a zero octet
        raise _refuse() from None
    if len(octets) > max_bytes:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return octets


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk."""
    # Windows cannot open a folder; there the rename is as durable as it gets.
    with contextlib.suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


class StagedFiles:
    """Files of one folder that appear together: all are on the disk before the first has its name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     with StagedFiles(Path(name), {"a": b"1", "b": b"2"}) as staged:
    ...         before = sorted(p.name for p in Path(name).iterdir() if p.name in "ab")
    ...         staged.commit()
    ...     before, sorted(p.name for p in Path(name).iterdir())
    ([], ['a', 'b'])

    Parameters
    ----------
    folder : Path
        Made (0700) if it is not there.
    files : mapping
        File name to octets.
    replace : bool
        Whether files of these names may be there; otherwise that is refused before any writing.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE.
    """

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, bytes],
        *,
        replace: bool = False,
    ) -> None:
        self._folder = folder
        # No name that another could guess and be there before us; what a crash left stays unread.
        self._temporary = {
            folder / name: folder / f".{name}.{random_octets(8).hex()}.new" for name in files
        }
        self._replace = replace
        self._made_folder = False
        self._refuse_existing()
        try:
            self._made_folder = not folder.exists()
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            for path, temporary in self._temporary.items():
                _write(temporary, files[path.name])
        except (OSError, ValueError):
            self.discard()
            raise _refuse() from None
        except BaseException:
            self.discard()
            raise

    def _refuse_existing(self) -> None:
        if not self._replace and any(os.path.lexists(path) for path in self._temporary):
            raise _refuse(_EXISTS)

    def commit(self) -> None:
        """Give all files their names."""
        self._refuse_existing()
        named: list[Path] = []
        try:
            for path, temporary in self._temporary.items():
                temporary.replace(path)
                named.append(path)
            sync_folder(self._folder)
        except OSError:
            for path in () if self._replace else named:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise _refuse() from None
        self._made_folder = False

    def discard(self) -> None:
        """Remove what has not got its name."""
        for temporary in self._temporary.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        if self._made_folder:
            with contextlib.suppress(OSError):
                self._folder.rmdir()

    def __enter__(self) -> "StagedFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def write_files(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    replace: bool = False,
) -> None:
    """Write files together, see `StagedFiles`."""
    with StagedFiles(folder, files, replace=replace) as staged:
        staged.commit()


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, which gets its name when the block ends well, or is removed.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE; also if `folder` is there and not empty.
    """
    try:
        if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
            raise _refuse(_EXISTS)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # mkdtemp makes it 0700
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except (OSError, ValueError):
        raise _refuse() from None
    try:
        yield temporary
        sync_folder(temporary)
        if folder.is_dir():
            folder.rmdir()  # empty, as checked; Windows does not rename onto a folder
        temporary.rename(folder)
        sync_folder(folder.parent)
    except OSError:
        raise _refuse() from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
