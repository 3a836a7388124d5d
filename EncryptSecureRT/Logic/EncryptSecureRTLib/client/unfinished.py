"""What remains of a job when the command that waited for it ends: its id.

Light, since Slicer's own process reads it from the client's last line.
"""

import re

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

NOT_FETCHED = ("protect", "reveal")
"""Tasks whose results only the command itself can use: it is run again."""

_JOB_ID = re.compile(r"[0-9a-f]{32}\Z")


class JobGoesOn(EncryptSecureRTError):
    """The command ends, not the job; `job` is its id."""

    def __init__(self, code: ErrorCode, job: str, detail: str) -> None:
        super().__init__(code, detail)
        self.job = job


def is_job_id(text: str) -> bool:
    """Tell whether a text has the form of a job id."""
    return _JOB_ID.match(text) is not None
