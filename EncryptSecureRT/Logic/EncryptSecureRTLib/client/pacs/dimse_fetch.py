"""C-GET and C-MOVE (PS3.4 C.4.2, C.4.3): data sets come, and are written as they come.

C-GET brings them over our own association, so no port is opened here. Many PACS do not answer it;
then C-MOVE has them open one to us. Both write into one folder, under numbers, and count.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.pacs.dimse_contexts import STUDY_ROOT_GET, STUDY_ROOT_MOVE
from EncryptSecureRTLib.client.pacs.dimse_line import Line
from EncryptSecureRTLib.client.pacs.model import MOST_INSTANCES, wrong_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset
    from pynetdicom.events import Event

_SUCCESS, _OUT_OF_RESOURCES, _WARNING = 0x0000, 0xA700, 0xB000
_PENDING = (0xFF00, 0xFF01)
Counted = Callable[[int], None]


class NotAnswered(Exception):
    """The PACS does not do it this way; nothing has come."""


class Arrivals:
    """Takes data sets, from one association or several, and gives them numbers for names."""

    def __init__(self, folder: Path, counted: Counted) -> None:
        self._folder = folder
        self._counted = counted
        self._lock = threading.Lock()
        self.count = 0
        self.refused = 0

    def take(self, event: "Event") -> int:
        """Take the data set of a C-STORE request, and return the status to answer with."""
        path = event.dataset_path
        with self._lock:
            if self.count >= MOST_INSTANCES:
                self.refused += 1
                path.unlink()
                return _OUT_OF_RESOURCES
            self.count += 1
            path.replace(self._folder / f"{self.count:06}.dcm")
            self._counted(self.count)
        return _SUCCESS


def get_study(line: Line, study: str, arrivals: Arrivals) -> None:
    """Have a study sent over this association.

    Raises
    ------
    NotAnswered
        If the PACS has not taken C-GET, or failed before anything came.
    EncryptSecureRTError
        E_PACS_INCOMPLETE if some instances did not come; E_TOO_LARGE; what the line raises.
    """
    taken = {context.abstract_syntax for context in line.association.accepted_contexts}
    if STUDY_ROOT_GET not in taken:
        raise NotAnswered
    try:
        _follow(line, line.association.send_c_get(_whole(study), STUDY_ROOT_GET), arrivals)
    except EncryptSecureRTError:
        if line.was_aborted and not arrivals.count:  # a way to say no
            raise NotAnswered from None
        raise


def move_study(line: Line, study: str, title: str, arrivals: Arrivals) -> None:
    """Have a study sent to the application entity `title`, which is ours.

    Raises
    ------
    EncryptSecureRTError
        E_PACS_REFUSED if the PACS does not know where that is; else as `get_study`.
    """
    try:
        answers = line.association.send_c_move(_whole(study), title, STUDY_ROOT_MOVE)
        _follow(line, answers, arrivals)
    except NotAnswered:
        detail = "it sends nothing here: --calling and --move-port must be entered there"
        raise EncryptSecureRTError(ErrorCode.E_PACS_REFUSED, detail) from None


def _whole(study: str) -> "Dataset":
    from pydicom.dataset import Dataset

    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.StudyInstanceUID = study
    return asked


def _follow(
    line: Line, answers: "Iterator[tuple[Dataset, Dataset | None]]", arrivals: Arrivals
) -> None:
    for answer, _ in answers:
        status = line.status(answer)
        if status in _PENDING:
            continue
        _judge(status, answer, arrivals)
        return
    raise line.failure()


def _judge(status: int, answer: "Dataset", arrivals: Arrivals) -> None:
    """Judge the last answer: its status, and the count of sub-operations that failed."""
    if arrivals.refused:
        detail = f"more than {MOST_INSTANCES} instances"
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, detail)
    if status not in (_SUCCESS, _WARNING):
        if arrivals.count == 0:
            raise NotAnswered
        raise EncryptSecureRTError(ErrorCode.E_PACS_INCOMPLETE, f"status {status:04X}")
    failed = answer.get("NumberOfFailedSuboperations") or 0
    if not isinstance(failed, int):
        raise wrong_answer("a count is none")
    if status == _WARNING or failed:
        if arrivals.count == 0:
            raise NotAnswered
        raise EncryptSecureRTError(ErrorCode.E_PACS_INCOMPLETE, f"{failed} did not come")
