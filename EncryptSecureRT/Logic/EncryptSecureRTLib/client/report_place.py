"""Where the officer's report goes: two new files in a folder, both or none.

    protection-report.json   see report.py       protection-report.html   see report_html.py

Their names are taken, with empty files, before the first job: a study is not protected only to
learn that its report cannot be written, and nothing that is there is ever replaced.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.localfiles import write_whole
from EncryptSecureRTLib.client.report import StudyReport
from EncryptSecureRTLib.client.report_html import report_page

JSON_FILE, HTML_FILE = "protection-report.json", "protection-report.html"


@dataclass(slots=True)
class ReportPlace:
    """A folder in which the names of both files are taken."""

    folder: Path
    is_written: bool = False

    def write(self, study: StudyReport) -> tuple[Path, ...]:
        """Write both files (E_LOCAL_FILE)."""
        files = {JSON_FILE: study.encode(), HTML_FILE: report_page(study)}
        for name, octets in files.items():
            write_whole(self.folder / name, octets)
        self.is_written = True
        return tuple(self.folder / name for name in files)


@contextlib.contextmanager
def report_place(folder: Path) -> Iterator[ReportPlace]:
    """Take the names in a folder, made if need be; they are free again unless both were written.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE if one of the files is there already, or the folder cannot be written.
    """
    place = ReportPlace(folder)
    taken: list[Path] = []
    try:
        _make(folder)
        for name in (JSON_FILE, HTML_FILE):
            _take(folder / name)
            taken.append(folder / name)
        yield place
    finally:
        if not place.is_written:
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
