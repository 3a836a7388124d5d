"""Fixtures of the attestation tests: a forged platform, and a bench on which it is judged."""

from pathlib import Path

import pytest
from Testing.Unit.attest.bench import Bench
from Testing.Unit.attest.forge import Platform


@pytest.fixture(scope="session")
def platform() -> Platform:
    return Platform()


@pytest.fixture
def bench(platform: Platform, tmp_path: Path) -> Bench:
    return Bench(platform, tmp_path)


@pytest.fixture(scope="session")
def quotes_folder(shared_data: Path) -> Path:
    return shared_data / "quotes"
