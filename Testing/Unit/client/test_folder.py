"""The client folder of who chose none: one place for the command line and the panel."""

from pathlib import Path

import pytest

from EncryptSecureRTLib.client.arguments import parse
from EncryptSecureRTLib.client.folder import default_home
from EncryptSecureRTLib.panel.settings import Settings


class _NothingKept:
    """Settings of a first start."""

    def value(self, key: str) -> object:
        return None

    def setValue(self, key: str, value: object) -> None:  # noqa: N802 - Qt's name
        raise AssertionError(f"{key} is only asked for")

    def remove(self, key: str) -> None:
        raise AssertionError(f"{key} is only asked for")


def _of_command_line_and_panel() -> list[Path]:
    return [parse(["jobs", "--url", "https://w:1"]).home, Settings(_NothingKept()).home]


@pytest.mark.parametrize("told", [None, ""])
def test_folder_is_in_the_users_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str | None
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ENCRYPTSECURERT_HOME", raising=False)
    if told is not None:
        monkeypatch.setenv("ENCRYPTSECURERT_HOME", told)

    assert default_home() == tmp_path / ".config" / "encryptsecurert"
    assert _of_command_line_and_panel() == [default_home()] * 2


def test_environment_names_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENCRYPTSECURERT_HOME", str(tmp_path / "mine"))

    assert _of_command_line_and_panel() == [tmp_path / "mine"] * 2
