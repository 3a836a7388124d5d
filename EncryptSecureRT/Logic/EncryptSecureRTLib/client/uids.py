"""Which UIDs a protected study has in place of the original ones: for the program that shows it.

A scene that holds the clear study can then put the protected UIDs in their place. The pairs join
a patient's study with its protected form, so they go through a pipe, to the program that started
the client and asked for them, and never to a file or a terminal.
"""

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.output import UidPairs
from EncryptSecureRTLib.client.study import read_file_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What the protected study and the first of its series are called.

    Attributes
    ----------
    pseudonym, study_instance_uid, series_instance_uid : of the protected series.
    pairs : (original, protected) UIDs: study, then by series: it, its frame of reference, each
        instance.
    """

    pseudonym: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    pairs: UidPairs = field(repr=False)

    def as_json(self) -> dict[str, str]:
        """Return what the result line says of it: of the protected series only."""
        return {
            "pseudonym": self.pseudonym,
            "study": self.study_instance_uid,
            "series": self.series_instance_uid,
        }


class Original(Protocol):
    """What must be known of an original file."""

    @property
    def study_instance_uid(self) -> str: ...  # noqa: D102 - named by the standard
    @property
    def series_instance_uid(self) -> str: ...  # noqa: D102 - named by the standard
    @property
    def sop_instance_uid(self) -> str: ...  # noqa: D102 - named by the standard
    @property
    def frame_of_reference_uid(self) -> str: ...  # noqa: D102 - named by the standard


def replaced_uids(originals: Sequence[Original], protected: Sequence[Path]) -> Replaced:
    """Return what replaced what.

    Parameters
    ----------
    originals : the files of one study, series by series, as they were.
    protected : their protected files, in the same order; each is named by its instance.

    Raises
    ------
    EncryptSecureRTError
        What `read_file_header` raises if a protected file cannot be read.
    """
    first = read_file_header(protected[0])
    pairs = [(originals[0].study_instance_uid, first.study_instance_uid)]
    series = ""
    for original, path in zip(originals, protected, strict=True):
        if original.series_instance_uid != series:
            series = original.series_instance_uid
            after = read_file_header(path)
            pairs.append((series, after.series_instance_uid))
            if original.frame_of_reference_uid:
                pairs.append((original.frame_of_reference_uid, after.frame_of_reference_uid))
        pairs.append((original.sop_instance_uid, path.stem))
    return Replaced(
        pseudonym=first.patient_id,
        study_instance_uid=first.study_instance_uid,
        series_instance_uid=first.series_instance_uid,
        pairs=tuple(dict.fromkeys(pairs)),
    )


def refuse_unless_piped(*, as_json: bool) -> None:
    """Refuse with E_USAGE unless what is said goes, as JSON lines, to a program."""
    if not (as_json and _is_pipe()):
        detail = "identifiers are told through a pipe only, with --json --request -"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)


def refuse_if_kept() -> None:
    """Refuse with E_USAGE unless what is said goes to a terminal or a program, not to a file."""
    if not (sys.stdout.isatty() or _is_pipe()):
        detail = "revealed values go to a terminal or a program's pipe, never into a file"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)


def _is_pipe() -> bool:
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
