"""Fixtures of the tests of what may be hidden in pixel data."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from Testing.Unit.hidden.trips import Trip, trip
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dicomfiles import split_file


@pytest.fixture(scope="session")
def signing() -> SigningSite:
    return SigningSite()


@pytest.fixture
def protected(signing: SigningSite, tmp_path: Path) -> Callable[[bytes], Trip]:
    """Return what protects the octets of a file and proves that they come back."""
    return partial(trip, signing, folder=tmp_path)


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[bytes], str]:
    """Return what tells the words with which a file is refused as hiding something."""

    def split(octets: bytes) -> str:
        path = tmp_path / "refused.dcm"
        path.write_bytes(octets)
        with pytest.raises(EncryptSecureRTError) as refused:
            split_file(path)
        assert refused.value.code is ErrorCode.E_HIDDEN_DATA
        return refused.value.detail

    return split
