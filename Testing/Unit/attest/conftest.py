"""Fixtures of the attestation tests: a forged platform, and a bench on which it is judged."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from Testing.Unit.attest.bench import Bench  # noqa: E402  # needs the line above
from Testing.Unit.attest.forge import Platform  # noqa: E402


@pytest.fixture(scope="session")
def platform() -> Platform:
    return Platform()


@pytest.fixture
def bench(platform: Platform, tmp_path: Path) -> Bench:
    return Bench(platform, tmp_path)


@pytest.fixture(scope="session")
def quotes_folder() -> Path:
    folder = ROOT.parent / "shared" / "data" / "quotes"
    if not folder.is_dir():
        pytest.skip("the data pack ../shared/data is not beside the checkout")
    return folder
