"""Fixtures of the integration tests: one ward for all that leave it as it was."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from Testing.Integration.hospital import Busy, Ward, open_busy, open_ward  # noqa: E402  # needs the line above
from Testing.Integration.segmented import Done, segment  # noqa: E402  # needs the line above


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with open_ward(tmp_path_factory.mktemp("ward")) as opened:
        yield opened


@pytest.fixture(scope="session")
def done(ward: Ward, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return segment(ward, tmp_path_factory.mktemp("results") / "out")


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    with open_busy(tmp_path_factory.mktemp("busy")) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the data pack ../shared/data is not beside the checkout")
    return folder
