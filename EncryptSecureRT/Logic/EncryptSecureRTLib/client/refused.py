"""Files of a study that cannot be protected: which, what kind, why, and what to do.

A file is told by its place in the folder, never by its name, which may name a patient; places
count as `files_of` does. What one file's fault is stays its own: the others go on, unless the
user asked for all or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dicomfiles.split import media_class_of

UNKNOWN_KIND = "unknown kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFile:
    """One file that is not protected.

    Attributes
    ----------
    place : its number in the folder by name, from 1.
    kind : the standard's name of its SOP class, or "unknown kind".
    detail : fixed words of ours that say more than the code.
    """

    place: int
    kind: str
    code: ErrorCode
    detail: str = ""

    @property
    def error(self) -> EncryptSecureRTError:
        """The error of this file, with what happened and what to do."""
        return EncryptSecureRTError(self.code, self.detail)

    def as_json(self) -> dict[str, str | int]:
        """Return the file's row."""
        error = self.error
        return {
            "place": self.place,
            "kind": self.kind,
            "code": self.code.name,
            "what": error.what,
            "todo": error.todo,
        }


class Refusals:
    """The files that were refused so far.

    Parameters
    ----------
    files : how many there are in all, those that are not refused too.
    all_or_nothing : whether one refused file ends everything.
    """

    def __init__(self, files: int, *, all_or_nothing: bool) -> None:
        self.files = files
        self._all_or_nothing = all_or_nothing
        self._rows: list[RefusedFile] = []

    @property
    def rows(self) -> tuple[RefusedFile, ...]:
        """The refused files by their place."""
        return tuple(sorted(self._rows, key=lambda one: one.place))

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, refused: Sequence[RefusedFile]) -> None:
        """Note refused files.

        Raises
        ------
        EncryptSecureRTError
            The code of the first in the folder, if it is all or nothing or no file is left.
        """
        self._rows += refused
        if self._rows and (self._all_or_nothing or len(self._rows) == self.files):
            first = self.rows[0]
            raise EncryptSecureRTError(first.code, self._in_words(first))

    def _in_words(self, first: RefusedFile) -> str:
        said = f"{first.kind}, {first.detail}" if first.detail else first.kind
        count = f"{len(self._rows)} of {self.files} files refused"
        return f"{count}; the first, file {first.place}: {said}"


def kind_name(sop_class_uid: str) -> str:
    """Return the standard's name of a SOP class; one that it does not have is not spelled."""
    from pydicom.uid import UID  # slow to load, and most studies have nothing to be told of

    name = UID(sop_class_uid).name
    return UNKNOWN_KIND if not name or name == sop_class_uid else name


def kind_in_meta(path: Path) -> str:
    """Return the kind that a file's meta information names, whatever else is wrong with it."""
    try:
        return kind_name(media_class_of(path))
    except EncryptSecureRTError:
        return UNKNOWN_KIND
