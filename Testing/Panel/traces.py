"""What a job that came to nothing must not leave: nodes, files, processes; and what it says."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench


def run_folders() -> list[Path]:
    """Return the private folders of runs of this process that are on the disk."""
    from EncryptSecureRTLib.panel import workfolder

    return sorted(workfolder.root_folder().glob(f"{os.getpid()}-*"))


def assert_untouched(bench: "PanelBench", *, segmentations: int = 0) -> None:
    """Check that no result is in the scene or shown, no file is left, and no client runs.

    Parameters
    ----------
    segmentations : how many were in the scene before.
    """
    assert len(bench.segmentations()) == segmentations
    assert not bench.shown("resultsSection")
    assert not bench.shown("receiptSection")
    assert run_folders() == []
    assert bench.children() == []


def badge(bench: "PanelBench") -> str:
    """Return what the badge says, without the places at which it may be broken."""
    return str(bench.ui.trustBadge.text).replace("\u200b", "")


def details(bench: "PanelBench") -> list[str]:
    """Open the details of the message that is shown, and return their lines."""
    bench.press("detailsButton")
    assert bench.shown("detailsText")
    return str(bench.ui.detailsText.plainText).splitlines()


def enabled(bench: "PanelBench", *names: str) -> list[str]:
    """Return those of the named widgets that can be used; the others say why not."""
    widgets = {name: bench.named(name) for name in names}
    assert all(widget.enabled or widget.toolTip for widget in widgets.values())
    return [name for name, widget in widgets.items() if widget.enabled]


def choose_body_only(bench: "PanelBench") -> None:
    """Ask for one structure, which makes the job short."""
    bench.press("structuresButton")
    boxes = bench.named("structuresList")
    for row in range(1, boxes.count):
        boxes.item(row).setCheckState(bench.host.qt.Qt.Unchecked)
    bench.press("structuresButton")
    assert bench.named("structuresButton").text == f"1 of {boxes.count} structures"
