"""What an operator sets: a TOML file, flags that go before it, and their checks.

No key holds a secret: whoever may read the file learns where the worker listens and no more.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB

PROVIDERS = ("gramine", "simulated")
MAX_FILE_BYTES = 64 * 1024
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
# Key: least, greatest. A port 0 takes a free one.
_NUMBERS = {
    "port": (0, 65535),
    "metrics_port": (0, 65535),
    "threads": (1, 64),
    "memory_mib": (512, 1024 * 1024),
    "stop_s": (1, 20),
}


def _refuse(words: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_USAGE, words)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Where the worker listens and keeps its state, and how much it may take.

    Parameters
    ----------
    host, port : str, int
        Where jobs are served; port 0 takes a free one.
    state : Path
        Folder for the worker's sealed state, for one worker at a time.
    metrics_port : int, optional
        Port on loopback for measurements; none are served without it.
    provider : str
        Who vouches for the worker: "gramine", or "simulated", which protects nothing.
    threads : int
        Threads of one computing job.
    memory_mib : int
        What one job may take.
    stop_s : int
        How long a stop waits for the running job before that job is queued again.
    """

    host: str = "127.0.0.1"
    port: int = 8443
    state: Path
    metrics_port: int | None = None
    provider: str = "gramine"
    threads: int = 2
    memory_mib: int = 8192
    stop_s: int = 20

    def __post_init__(self) -> None:
        if not isinstance(self.host, str) or not _HOST.fullmatch(self.host):
            raise _refuse("host must be an address")
        if not isinstance(self.state, Path) or self.state == Path():
            raise _refuse("state must be a folder")
        if self.provider not in PROVIDERS:
            raise _refuse("provider must be gramine or simulated")
        for name, (least, greatest) in _NUMBERS.items():
            value = getattr(self, name)
            if value is None and name == "metrics_port":
                continue
            if type(value) is not int or not least <= value <= greatest:
                raise _refuse(f"{name} must be a whole number from {least} to {greatest}")

    @property
    def memory_bytes(self) -> int:
        """What one job may take, in octets."""
        return self.memory_mib * MIB

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "WorkerConfig":
        """Return the configuration of these values; a wrong or unknown one is E_USAGE."""
        known = [field.name for field in fields(cls)]
        if not set(values) <= set(known):
            raise _refuse(f"an unknown key; known are {', '.join(known)}")
        if not values.get("state"):
            raise _refuse("state is not given")
        state = values["state"]
        return cls(**{**values, "state": Path(state) if isinstance(state, str) else state})

    @classmethod
    def from_toml(cls, path: Path, flags: Mapping[str, Any]) -> "WorkerConfig":
        """Return the configuration of a file; what `flags` name goes before it."""
        try:
            with path.open("rb") as file:
                octets = file.read(MAX_FILE_BYTES + 1)
            if len(octets) > MAX_FILE_BYTES:
                raise _refuse("the configuration file is too large")
            values = tomllib.loads(octets.decode("utf-8"))
        except OSError:
            raise _refuse("the configuration file cannot be read") from None
        except (ValueError, RecursionError) as error:
            # The library's sentence may hold what stands there; the number of the line does not.
            line = re.search(r"at line (\d{1,6})", str(error))
            where = f", line {line.group(1)}" if line else ""
            raise _refuse(f"the configuration file is not TOML{where}") from None
        return cls.from_values({**values, **flags})
