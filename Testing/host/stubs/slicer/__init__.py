"""The few names of Slicer's `slicer` package that we use, typed, and working just enough.

For type checks, and for tests of what needs no scene. This is not Slicer: it has no scene.
"""

# ruff: noqa: N802 - the names are Slicer's

from slicer import util as util


class _Application:
    """The application object; counts how often events were processed."""

    def __init__(self) -> None:
        self.events_processed = 0

    def connect(self, signal: str, slot: object) -> None:
        """Do nothing: the stub never starts up."""

    def processEvents(self) -> None:
        """Note the call."""
        self.events_processed += 1


class _Scene:
    """The scene; counts how often it was emptied."""

    def __init__(self) -> None:
        self.cleared = 0

    def Clear(self) -> None:
        """Note the call."""
        self.cleared += 1


app = _Application()
mrmlScene = _Scene()  # noqa: N816 - Slicer's name
