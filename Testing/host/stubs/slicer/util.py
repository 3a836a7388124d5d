"""The part of `slicer.util` that we use."""

from typing import NoReturn


def exit(status: int = 0) -> NoReturn:
    """End the application with `status`."""
    raise SystemExit(status)
