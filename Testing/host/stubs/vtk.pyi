"""What type checks know of `vtk`: nothing. Its own stubs name arrays and pointers loosely."""

from typing import Any

def __getattr__(name: str) -> Any: ...
