"""Where the client's folder is, for the command line and the panel alike.

Apart from `home.py`, so that who only asks for the place loads nothing of what is kept there.
"""

import os
from pathlib import Path

_VARIABLE = "ENCRYPTSECURERT_HOME"


def default_home() -> Path:
    """Return the client folder of who chose none: of the environment, else the usual one."""
    told = os.environ.get(_VARIABLE)
    return Path(told) if told else Path.home() / ".config" / "encryptsecurert"
