"""Loads the kernels and says which ones they are."""

import ctypes
import hashlib
import importlib.machinery
from functools import cache
from pathlib import Path

from encryptsecurert_rt.errors import KernelFault

_STEM = "_kernels"


@cache
def library_path() -> Path:
    """Return the shared object that the build put beside this module.

    Raises
    ------
    KernelFault
        If there is none for this interpreter: the package was not built.
    """
    folder = Path(__file__).parent
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        path = folder / f"{_STEM}{suffix}"
        if path.is_file():
            return path
    raise KernelFault("the kernels are not built: install the package anew")


@cache
def kernels() -> ctypes.CDLL:
    """Return the loaded kernels; whoever calls one declares its argument types."""
    try:
        return ctypes.CDLL(str(library_path()))
    except OSError:
        raise KernelFault("the kernels cannot be loaded on this machine") from None


@cache
def kernels_sha256() -> str:
    """Return the SHA-256 of the shared object, hex: reports say by what they were computed."""
    return hashlib.sha256(library_path().read_bytes()).hexdigest()
