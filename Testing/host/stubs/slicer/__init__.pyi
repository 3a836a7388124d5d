"""What type checks know of Slicer's package: its submodules. MRML classes have no stubs."""

# ruff: noqa: N816 - the names are Slicer's

from typing import Any

from slicer import i18n as i18n
from slicer import packaging as packaging
from slicer import parameterNodeWrapper as parameterNodeWrapper
from slicer import util as util

app: Any
mrmlScene: Any
modules: Any

def __getattr__(name: str) -> Any: ...
