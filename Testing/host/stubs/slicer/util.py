"""The part of `slicer.util` that we use."""

from typing import NoReturn


def exit(status: int = 0) -> NoReturn:
    """End the application with `status`."""
    raise SystemExit(status)


class VTKObservationMixin:
    """Takes observers, and never calls them: the stub has no events."""

    def addObserver(self, *_: object) -> None:  # noqa: N802 - the name is Slicer's
        """Do nothing."""

    def removeObservers(self) -> None:  # noqa: N802 - the name is Slicer's
        """Do nothing."""
