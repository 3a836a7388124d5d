"""Addresses and client folders with which nothing can begin, each with its reason."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from Testing.Panel.homes import copy_of
from Testing.Panel.traces import assert_untouched, details, enabled

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench
    from Testing.Panel.clinic import Clinic

_HTTPS = "The address must begin with https://."
_LOGIN = "Take user and password out of the address: your certificate is your login."
_HOST = "The address needs a host: https://host:port."
_END = "The address ends after host and port: https://host:port."
_FORM = "The address is not right. Write it as https://host:port."
_WRONG = {
    "http://worker.site:8443": _HTTPS,
    "worker.site:8443": _HTTPS,
    "ftp://worker.site": _HTTPS,
    "https://me@worker.site:8443": _LOGIN,
    "https://me:secret@worker.site:8443": _LOGIN,
    "https://": _HOST,
    "https://:8443": _HOST,
    "https://worker.site:0": _HOST,
    "https://worker site:8443": _HOST,
    "https://worker.site\t:8443": _HOST,
    "https://worker.site:8443/v1/jobs": _END,
    "https://worker.site:8443?user=me": _END,
    "https://worker.site:8443#top": _END,
    "https://worker.site:port": _FORM,
    "https://worker.site:70000": _FORM,
    "https://[::1": _FORM,
}
_GOOD = ("https://worker.site", "https://worker.site:8443/", "  https://10.0.0.7:1  ")


@pytest.fixture
def entered(bench: "PanelBench", clinic: "Clinic") -> "PanelBench":
    """Choose folder and volume, so that nothing but the address is missing."""
    bench.ui.homePathEdit.currentPath = str(clinic.physicist)
    bench.choose(bench.add_phantom())
    return bench


def _assert_nothing_can_begin(bench: "PanelBench") -> None:
    assert bench.phase == "unconfigured"
    assert bench.ui.trustBadge.text == "No worker chosen"
    assert enabled(bench, "applyButton", "testConnectionButton") == []
    assert bench.ui.applyButton.toolTip == "Enter the worker's address and the client folder."
    assert_untouched(bench)


def test_every_wrong_address_is_told_as_it_is_typed_and_nothing_can_begin(
    entered: "PanelBench",
) -> None:
    for text, words in _WRONG.items():
        entered.ui.urlComboBox.setEditText(text)

        assert (text, entered.ui.urlProblem.text) == (text, words)
        assert entered.shown("urlProblem")
        _assert_nothing_can_begin(entered)


def test_every_right_address_is_taken_as_it_is_typed(entered: "PanelBench") -> None:
    for text in _GOOD:
        entered.ui.urlComboBox.setEditText(text)

        assert (text, entered.shown("urlProblem")) == (text, False)
        assert entered.phase == "unchecked"
        assert enabled(entered, "applyButton", "testConnectionButton") == [
            "applyButton",
            "testConnectionButton",
        ]


def test_an_address_that_becomes_wrong_takes_the_verdict_away(ready: "PanelBench") -> None:
    assert ready.ui.trustBadge.text.startswith("SIMULATED TEE")
    ready.ui.urlComboBox.setEditText("http" + ready.ui.urlComboBox.currentText[5:])

    _assert_nothing_can_begin(ready)
    assert not ready.shown("checksFrame")
    assert not ready.ui.trustDetailsButton.enabled


def test_no_address_is_asked_for_kindly(entered: "PanelBench") -> None:
    assert entered.ui.urlProblem.text == "Enter the address that your key custodian gave you."
    _assert_nothing_can_begin(entered)


def test_a_wrong_address_is_never_kept(entered: "PanelBench", clinic: "Clinic") -> None:
    entered.ui.urlComboBox.setEditText("https://me:secret@worker.site:8443")
    entered.ui.urlComboBox.setEditText(clinic.url)
    entered.press("testConnectionButton")
    assert entered.wait_idle() == "ready"

    settings = entered.host.slicer.app.userSettings()
    kept = " ".join(str(settings.value(key)) for key in settings.allKeys())
    assert clinic.url in kept
    assert "secret" not in kept


_LACKS = {
    ("user.key",): "The client folder lacks your key.",
    ("user.pem",): "The client folder lacks your certificate.",
    ("policy.json",): "The client folder lacks the site's policy.",
    ("user.key", "user.pem", "policy.json"): (
        "The client folder lacks your key, your certificate, the site's policy."
    ),
}


def test_a_client_folder_that_lacks_something_is_told_with_what_to_do(
    entered: "PanelBench", clinic: "Clinic", tmp_path: Path
) -> None:
    for number, (names, words) in enumerate(_LACKS.items()):
        home = copy_of(clinic.physicist, tmp_path / f"home-{number}").path
        for name in names:
            (home / name).unlink()
        entered.connect(clinic.url, home)

        assert entered.ui.urlProblem.text.startswith(words)
        assert "encryptsecurert enroll" in entered.ui.urlProblem.text
        assert "Advanced" in entered.ui.urlProblem.text
        _assert_nothing_can_begin(entered)

    entered.connect(clinic.url, clinic.physicist)
    assert entered.phase == "unchecked"


def test_a_client_folder_that_is_not_there_lacks_everything(
    bench: "PanelBench", clinic: "Clinic", tmp_path: Path
) -> None:
    bench.connect(clinic.url, tmp_path / "nowhere")

    assert bench.ui.urlProblem.text.startswith("The client folder lacks your key")
    assert str(tmp_path) not in bench.ui.urlProblem.text
    assert enabled(bench, "testConnectionButton") == []


def test_a_key_that_is_not_the_certificates_own_is_refused_before_anything_is_sent(
    bench: "PanelBench", clinic: "Clinic", tmp_path: Path
) -> None:
    home = copy_of(clinic.physicist, tmp_path / "home")
    home.key_path.write_bytes((clinic.auditor / "user.key").read_bytes())
    bench.connect(clinic.url, home.path)
    bench.choose(bench.add_phantom())
    bench.press("applyButton")

    assert bench.wait_idle() == "failed"
    assert bench.message.startswith("Your key or certificate cannot be used")
    assert details(bench) == ["E_USER_KEY, exit code 4"]
    assert_untouched(bench)
