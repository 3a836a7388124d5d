"""What a PACS can do for us, whichever protocol it speaks: the seam of this package.

    Pacs    echo, find, coming, fetch, store

What comes from a PACS is untrusted: these classes take checked UIDs, modality words and counts,
and nothing else of an answer goes further than the module that has parsed it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from encryptsecurert_protocol.bundles import PSEUDONYM
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.jobs import Watcher

MOST_STUDIES = 2000
MOST_SERIES = 1024
MOST_INSTANCES = 16_384  # as many as `protect` takes of one study

_UID = re.compile(r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+)+\Z")
_MODALITY = re.compile(r"[A-Z0-9_]{1,16}\Z")
_PSEUDONYM = re.compile(PSEUDONYM + r"\Z")


def wrong_answer(detail: str) -> EncryptSecureRTError:
    """Return the error for an answer that the standard does not have, or that was not asked for."""
    return EncryptSecureRTError(ErrorCode.E_PACS_ANSWER, detail)


def uid_in(value: object) -> str:
    """Return a UID of an answer, or refuse with E_PACS_ANSWER."""
    text = str(value).rstrip("\0 ")
    if not _UID.match(text):
        raise wrong_answer("a UID is missing or malformed")
    return text


def is_uid(text: str) -> bool:
    """Tell whether a text is a UID (PS3.5 section 9.1)."""
    return _UID.match(text) is not None


def modality_in(value: object) -> str:
    """Return a modality of an answer; what has not the form of one is ``?``."""
    text = str(value).strip(" \0")
    return text if _MODALITY.match(text) else "?"


def is_modality(text: str) -> bool:
    """Tell whether a text has the form of a modality (PS3.3 C.7.3.1.1.1)."""
    return _MODALITY.match(text) is not None


def pseudonym_in(value: object) -> str:
    """Return a pseudonym of ours; empty for anything else, which is somebody's number."""
    text = str(value).strip(" \0")
    return text if _PSEUDONYM.match(text) else ""


def is_pseudonym(text: str) -> bool:
    """Tell whether a text is a pseudonym of ours."""
    return _PSEUDONYM.match(text) is not None


def count_in(value: object) -> int | None:
    """Return a count of an answer, None where there is none."""
    text = str(value).strip(" \0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which studies: of a pseudonym, with a UID, with a modality; empty matches all."""

    pseudonym: str = ""
    study: str = ""
    modality: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """A study that a PACS holds; `instances` None where the PACS does not count."""

    study: str
    modalities: tuple[str, ...]
    instances: int | None
    pseudonym: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """What a PACS holds of one study.

    Attributes
    ----------
    modalities : of its series, one for each.
    instances : how many there are; None where the PACS does not say.
    sop_classes : of its instances; empty where the PACS does not say.
    looks_protected : study UID and patient number have the form of ours.
    """

    modalities: tuple[str, ...]
    instances: int | None
    sop_classes: frozenset[str]
    looks_protected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What tells that a file is still the one that was judged."""

    inode: int
    size_bytes: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> "Seen":
        """Look at a file, before it is read (E_LOCAL_FILE)."""
        try:
            facts = path.stat()
        except OSError:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
        return cls(inode=facts.st_ino, size_bytes=facts.st_size, changed_ns=facts.st_mtime_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A file that may leave.

    Attributes
    ----------
    sop_class, instance, syntax : what an association has to be opened for, from its data set.
    data_set_at : where that begins. What stands before it, preamble and file meta information,
        may hold anything and is sent to nobody.
    seen : before it was judged.
    """

    path: Path = field(repr=False)
    sop_class: str
    instance: str
    syntax: str
    data_set_at: int
    size_bytes: int
    seen: Seen

    def require_as_judged(self) -> None:
        """Refuse with E_LOCAL_FILE to send what was changed since it was judged."""
        if Seen.of(self.path) != self.seen:
            detail = "a file was changed after it was judged"
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail)


class Fate(Enum):
    """What became of an instance that was sent."""

    STORED = "stored"
    WARNING = "warning"  # stored, and something of it may have been changed
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An instance that was sent, and the status that the PACS gave (PS3.4 B.2.3, PS3.18 10.5)."""

    instance: str
    fate: Fate
    status: int


class Pacs(Protocol):
    """A PACS that answers."""

    def echo(self) -> None:
        """Return if the PACS answers, or raise E_PACS_*."""

    def find(self, query: Query) -> Sequence[StudyRow]:
        """Return the studies that match, `MOST_STUDIES` at most (else E_TOO_LARGE)."""

    def coming(self, study: str) -> Coming:
        """Return what `fetch` would bring; E_NOT_FOUND if the PACS has no such study."""

    def fetch(self, study: str, coming: Coming, folder: Path, watcher: "Watcher") -> int:
        """Write all instances of a study into a folder, and return how many came.

        Names are numbers. What came is whole, and not otherwise checked.
        """

    def store(self, files: Sequence[Outgoing], watcher: "Watcher") -> Sequence[Stored]:
        """Send files in their order; the fate of each, also if some were not taken."""
