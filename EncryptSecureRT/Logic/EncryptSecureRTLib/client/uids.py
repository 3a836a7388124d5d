"""Which UIDs a protected study has in place of the original ones: for the program that shows it.

A scene that holds the clear study can then put the protected UIDs in their place. The pairs join
a patient's study with its protected form, so they go through a pipe, to the program that started
the client and asked for them, and never to a file or a terminal.
"""

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.output import UidPairs
from EncryptSecureRTLib.client.study import read_file_header


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What the protected study and its series are called.

    Attributes
    ----------
    pseudonym, study_instance_uid, series_instance_uid : of the first protected series.
    of_series : pairs of each original series.
    originals, names : files, and what the protected ones are called, for the pairs of instances.
    """

    pseudonym: str = field(repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    of_series: Mapping[str, UidPairs] = field(repr=False)
    originals: Sequence[Original] = field(repr=False)
    names: Sequence[str] = field(repr=False)

    @property
    def series(self) -> tuple[str, ...]:
        """Names of the folders of protected series, in the order of the originals."""
        return tuple(dict.fromkeys(name.split("/", 1)[0] for name in self.names))

    @property
    def pairs(self) -> UidPairs:
        """(original, protected) UIDs: study, then by series: it, its frame of reference, instances.

        They are made when they are asked for: of thousands of files they take some megabytes.
        """
        pairs = {(self.originals[0].study_instance_uid, self.study_instance_uid): None}
        for original, name in zip(self.originals, self.names, strict=True):
            pairs.update(dict.fromkeys(self.of_series[original.series_instance_uid]))
            pairs[original.sop_instance_uid, _instance_of(name)] = None
        return tuple(pairs)

    def as_json(self) -> dict[str, str]:
        """Return what the result line says of it: of the protected series only."""
        return {
            "pseudonym": self.pseudonym,
            "study": self.study_instance_uid,
            "series": self.series_instance_uid,
        }


def replaced_uids(originals: Sequence[Original], folder: Path, names: Sequence[str]) -> Replaced:
    """Return what replaced what.

    Parameters
    ----------
    originals : the files of one study, series by series, as they were.
    folder, names : their protected files in the same order, ``<series>/<instance>.dcm``.

    Raises
    ------
    EncryptSecureRTError
        What `read_file_header` raises if a protected file cannot be read.
    """
    of_series: dict[str, UidPairs] = {}
    for original, name in zip(originals, names, strict=True):
        series = original.series_instance_uid
        if series not in of_series:
            after = read_file_header(folder / name)
            pairs = [(series, after.series_instance_uid)]
            if original.frame_of_reference_uid:
                pairs.append((original.frame_of_reference_uid, after.frame_of_reference_uid))
            of_series[series] = tuple(pairs)
    first = read_file_header(folder / names[0])
    return Replaced(
        pseudonym=first.patient_id,
        study_instance_uid=first.study_instance_uid,
        series_instance_uid=first.series_instance_uid,
        of_series=of_series,
        originals=originals,
        names=names,
    )


def _instance_of(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".dcm")


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
