"""What all tests share: imports of each other, the data pack, what is shown at the end of a run."""

import sys
from pathlib import Path

import pytest
from data_pack import DATA
from shown import SHOWN

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for imports from `Testing`


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the data pack."""
    if not DATA.is_dir():
        pytest.skip("the data pack ../shared/data is not beside the checkout")
    return DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest before the others; in a file nothing changes."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the texts in the order in which their tests ended."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in getattr(report, "user_properties", ()):
                if name == SHOWN:
                    terminalreporter.write_line(str(text))
