"""How a long computation reports and lets itself be stopped.

A `Progress` is called at the algorithm's check points, at least once a second of work, with the
stage (a fixed word of the algorithm) and the fraction of the whole job that is done. It raises
`Cancelled` to stop the computation there.
"""

from typing import Protocol


class Progress(Protocol):
    """A callable that hears of progress and may raise `Cancelled`."""

    def __call__(self, stage: str, fraction: float) -> None:
        """Take note that `fraction` (0 to 1) of the job is done, now in `stage`."""


def no_progress(stage: str, fraction: float) -> None:
    """Ignore progress: for callers that neither watch nor cancel."""
