"""Where the officer's report goes: two new files in a folder, both or none.

    protection-report.json   see report.py       protection-report.html   see report_html.py

Their names are taken, with empty files, before the first job: a study is not protected only to
learn that its report cannot be written, and nothing that is there is ever replaced.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.localfiles import write_whole
from EncryptSecureRTLib.client.report import StudyReport, study_report
from EncryptSecureRTLib.client.report_html import report_page
from EncryptSecureRTLib.client.trust import utc_now

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.protect import ProtectedSeries

JSON_FILE, HTML_FILE = "protection-report.json", "protection-report.html"


class ReportPlace:
    """Writes the report of a study once it is protected, and tells of it; or does nothing.

    Parameters
    ----------
    folder : where the names of both files are taken; None if no report is asked for.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.written: tuple[Path, ...] = ()

    def write_of(self, made: "ProtectedSeries") -> None:
        """Write the report of a study that was protected (E_LOCAL_FILE)."""
        if self._folder is not None:
            now = utc_now()
            self.write(study_report(made.reports, made.refused, instances=made.instances, now=now))

    def write(self, study: StudyReport) -> None:
        """Write both files (E_LOCAL_FILE)."""
        if self._folder is None:
            return
        files = {JSON_FILE: study.encode(), HTML_FILE: report_page(study)}
        for name, octets in files.items():
            write_whole(self._folder / name, octets)
        self.written = tuple(self._folder / name for name in files)

    def told(self, words: str, value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return what a command tells, with the files that were written."""
        if not self.written:
            return words, value
        words += "".join(f"\nreport: {path}" for path in self.written)
        return words, {**value, "report": [str(path) for path in self.written]}


@contextlib.contextmanager
def report_place(folder: Path | None) -> Iterator[ReportPlace]:
    """Take the names in a folder, made if need be; they are free again unless both were written.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if one of the files is there already, or the folder cannot be written.
    """
    place = ReportPlace(folder)
    if folder is None:
        yield place
        return
    taken: list[Path] = []
    try:
        _make(folder)
        for name in (JSON_FILE, HTML_FILE):
            _take(folder / name)
            taken.append(folder / name)
        yield place
    finally:
        if not place.written:
            for path in taken:
                with contextlib.suppress(OSError):
                    path.unlink()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _take(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        detail = "the folder holds a protection report already"
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail) from None
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
