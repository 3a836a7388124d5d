"""Everything that the panel says goes through Slicer's translation."""

import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from Testing.host.load import Host
    from Testing.Panel.clinic import Clinic

# What is no text of ours: names, addresses, numbers, what the worker or the client said.
_DATA = {
    "ctSelector",
    "urlComboBox",
    "homePathEdit",
    "patienceSpinBox",
    "checkWords",
    "logView",
    "receiptView",
    "detailsText",
    "verdictFacts",
}


def _is_data(name: str) -> bool:
    return any(name.startswith(each) for each in _DATA)


def test_no_text_of_the_panel_misses_its_translation(
    host: "Host", clinic: "Clinic", tmp_path: "Path"
) -> None:
    from Testing.host.i18n import marked, untranslated
    from Testing.Panel.bench import PanelBench

    _forget_panel()
    try:
        with marked():
            bench = PanelBench(host, tmp_path)
            bench.add_volume(np.zeros((2, 3, 4), np.int16), name="123")
            bench.connect(clinic.url, clinic.physicist)
            bench.press("testConnectionButton")
            bench.wait_idle()
            found = untranslated(bench.loaded.root)
            host.unload(bench.loaded)
    finally:
        _forget_panel()  # it has marks in its tables

    typed = {clinic.url, str(clinic.physicist), "https://worker.site:8443", "None"}
    assert [each for each in found if not _is_data(each[0]) and each[1] not in typed] == []


def _forget_panel() -> None:
    for name in list(sys.modules):
        if name.startswith("EncryptSecureRTLib.panel"):
            del sys.modules[name]
