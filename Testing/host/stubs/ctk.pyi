"""What type checks know of `ctk`: nothing, as of `qt`."""

from typing import Any

def __getattr__(name: str) -> Any: ...
