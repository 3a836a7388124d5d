"""What type checks know of `qt`: nothing. Slicer's binding is dynamic and has no stubs."""

from typing import Any

def __getattr__(name: str) -> Any: ...
