"""The simulation's MRENCLAVE: one digest over the code that a worker consists of.

That is Python files and, of the kernels in C, the shared object that was built from them.

It makes "the code changed" something that can be tried on any machine. It proves nothing: the
program that computes it is the program that is measured. The modules that make the simulation
itself (`evidence/simulated*.py`) are left out, since they are not in the measured image either.
"""

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

MEASURED_PACKAGES = ("encryptsecurert_protocol", "encryptsecurert_rt", "encryptsecurert_worker")
_CODE = (".py", ".so")
_NOT_IN_THE_IMAGE = "encryptsecurert_worker/evidence/simulated"


def installed_packages() -> dict[str, Path]:
    """Return the folders of the measured packages as Python would import them."""
    folders = {}
    for name in MEASURED_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE)
        folders[name] = Path(spec.origin).parent
    return folders


def _files(packages: Mapping[str, Path]) -> dict[str, Path]:
    files = {}
    for package, folder in packages.items():
        for path in sorted(folder.rglob("*")):
            name = f"{package}/{path.relative_to(folder).as_posix()}"
            if path.suffix in _CODE and not name.startswith(_NOT_IN_THE_IMAGE):
                files[name] = path
    return files


def simulated_mrenclave(packages: Mapping[str, Path], lock: Path | None = None) -> bytes:
    """Return SHA-256 over the canonical list of (path, SHA-256) of the packages' code.

    Parameters
    ----------
    packages : mapping
        Package name to folder, see `installed_packages`.
    lock : path, optional
        The lock file of the worker's dependencies, measured as one more file.
    """
    files = _files(packages)
    if lock is not None:
        files[lock.name] = lock
    try:
        listed = [
            {"path": name, "sha256": hashlib.sha256(files[name].read_bytes()).hexdigest()}
            for name in sorted(files)
        ]
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    return hashlib.sha256(canonical.encode({"files": listed})).digest()
