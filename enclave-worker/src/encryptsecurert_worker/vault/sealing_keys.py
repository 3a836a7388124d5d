"""Where the storage key comes from: the platform's sealing key, bound to the measurement."""

from pathlib import Path
from typing import Protocol

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.sealing import KEY_BYTES, derive_key, random_octets
from encryptsecurert_worker.vault.files import read_file, write_file

_SIMULATED_FUSE = "SIMULATED-fuse.key"


class SealingKeyProvider(Protocol):
    """Gives the key that only this measurement on this machine can get."""

    def sealing_key(self) -> bytes:
        """Return the platform's sealing key."""


class SimulatedSealingKey:
    """A file in the state folder beside what it seals: it protects nothing, hence its name."""

    def __init__(self, state: Path, measurement: str) -> None:
        self._path = state / _SIMULATED_FUSE
        self._measurement = measurement

    def sealing_key(self) -> bytes:
        """Return the simulated fuse key, bound to the measurement."""
        fuse = read_file(self._path)
        if fuse is None:
            fuse = random_octets(KEY_BYTES)
            write_file(self._path, fuse)
        return derive_key(fuse, b"simulated-sealing/" + self._measurement.encode("ascii"))


class GramineSealingKey:
    """Gramine's `_sgx_mrenclave` key: another measurement gets another key."""

    def __init__(self, device: Path) -> None:
        self._path = device / "keys" / "_sgx_mrenclave"

    def sealing_key(self) -> bytes:
        """Return the sealing key, or refuse where the platform has none."""
        key = read_file(self._path)
        if not key or not any(key):
            raise EncryptSecureRTError(ErrorCode.E_INTERNAL, "no sealing key on this platform")
        return key


def storage_key(provider: SealingKeyProvider) -> bytes:
    """Return the key under which the worker seals everything that it writes."""
    return derive_key(provider.sealing_key(), b"storage/v1")
