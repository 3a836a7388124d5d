"""Fixtures of the worker's unit tests."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from Testing.Unit.worker.made import HandMadeSite  # noqa: E402  # needs the line above

from encryptsecurert_protocol.sealing import HpkeKeyPair  # noqa: E402  # as above


@pytest.fixture(scope="session")
def worker_key() -> HpkeKeyPair:
    return HpkeKeyPair.generate()


@pytest.fixture(scope="session")
def made(worker_key: HpkeKeyPair) -> HandMadeSite:
    return HandMadeSite(worker_key)
