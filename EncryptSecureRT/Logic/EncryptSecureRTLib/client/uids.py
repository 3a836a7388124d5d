"""Which UIDs a protected series has in place of the original ones: for the program that shows it.

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

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.output import UidPairs
from EncryptSecureRTLib.client.series_headers import SliceHeader, read_header


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What the protected series is called.

    Attributes
    ----------
    pseudonym, study_instance_uid, series_instance_uid : of the protected series.
    pairs : (original, protected) UIDs: study, series, frame of reference, then each instance.
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


def replaced_uids(originals: Sequence[SliceHeader], protected: Sequence[Path]) -> Replaced:
    """Return what replaced what.

    Parameters
    ----------
    originals : the slices of one series, as they were.
    protected : their protected files, in the same order; each is named by its instance.

    Raises
    ------
    EncryptSecureRTError
        E_RESULT if a protected file cannot be read; E_LOCAL_FILE.
    """
    before, after = originals[0], read_header(protected[0])
    if after is None:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    instances = zip((s.sop_instance_uid for s in originals), protected, strict=True)
    return Replaced(
        pseudonym=after.patient_id,
        study_instance_uid=after.study_instance_uid,
        series_instance_uid=after.series_instance_uid,
        pairs=(
            (before.study_instance_uid, after.study_instance_uid),
            (before.series_instance_uid, after.series_instance_uid),
            (before.frame_of_reference_uid, after.frame_of_reference_uid),
            *((original, path.stem) for original, path in instances),
        ),
    )


def refuse_unless_piped(*, as_json: bool) -> None:
    """Refuse with E_USAGE unless what is said goes, as JSON lines, to a program."""
    if not (as_json and _is_pipe()):
        detail = "UIDs are told through a pipe only, with --json --request -"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)


def _is_pipe() -> bool:
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
