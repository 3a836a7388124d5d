"""Fixtures of the integration tests: one ward for all that leave it as it was."""

from collections.abc import Iterator

import pytest
from Testing.Integration.clinic import Clinic, open_clinic
from Testing.Integration.hospital import Busy, Ward, open_busy, open_ward
from Testing.Integration.segmented import Done, segment


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
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """Return a clinic for the tests that leave it as it was."""
    with open_clinic(tmp_path_factory.mktemp("clinic")) as opened:
        yield opened
