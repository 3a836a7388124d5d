"""What type checks know of Slicer's module `SampleData`: nothing."""

from typing import Any

def __getattr__(name: str) -> Any: ...
