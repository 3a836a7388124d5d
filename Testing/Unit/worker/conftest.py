"""Fixtures of the worker's unit tests."""

import pytest
from Testing.Unit.worker.made import HandMadeSite

from encryptsecurert_protocol.sealing import HpkeKeyPair


@pytest.fixture(scope="session")
def worker_key() -> HpkeKeyPair:
    return HpkeKeyPair.generate()


@pytest.fixture(scope="session")
def made(worker_key: HpkeKeyPair) -> HandMadeSite:
    return HandMadeSite(worker_key)
