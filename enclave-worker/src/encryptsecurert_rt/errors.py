"""The error tree of the numerics.

RtError                 root; `what` says what happened in fixed words
InvalidInput          an array or a parameter is not what the function takes
Cancelled             the caller's progress function asked to stop
KernelFault           the kernels are not there, or one refused what Python had checked
"""


class RtError(Exception):
    """Root of every error that this package raises."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class InvalidInput(RtError):
    """An array or a parameter is not what the function takes."""


class Cancelled(RtError):
    """The caller asked to stop; nothing was produced."""

    def __init__(self) -> None:
        super().__init__("cancelled")


class KernelFault(RtError):
    """A kernel is not there or refused its arguments: a defect of ours or of the installation."""
