"""The part of `slicer.util` whose types matter to us; the rest is `Any`."""

# ruff: noqa: N802, N803 - the names are Slicer's

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import numpy as np

class VTKObservationMixin:
    def __init__(self) -> None: ...
    def addObserver(
        self,
        obj: Any,
        event: int | str,
        method: Callable[[Any, str], object],
        group: str = ...,
        priority: float = ...,
    ) -> None: ...
    def removeObserver(
        self, obj: Any, event: int | str, method: Callable[[Any, str], object]
    ) -> None: ...
    def removeObservers(self, method: Callable[[Any, str], object] | None = ...) -> None: ...
    def hasObserver(
        self, obj: Any, event: int | str, method: Callable[[Any, str], object]
    ) -> bool: ...

def arrayFromVolume(volumeNode: Any) -> np.ndarray[Any, Any]: ...
def confirmOkCancelDisplay(
    text: str, windowTitle: str | None = ..., parent: Any = ..., **kwargs: Any
) -> bool: ...
def confirmYesNoDisplay(
    text: str, windowTitle: str | None = ..., parent: Any = ..., **kwargs: Any
) -> bool: ...
def exit(status: int = ...) -> NoReturn: ...
def tryWithErrorDisplay(
    message: str | None = ..., show: bool = ..., waitCursor: bool = ...
) -> AbstractContextManager[None]: ...
def __getattr__(name: str) -> Any: ...
