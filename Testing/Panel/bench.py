"""The module in the test host, driven as a user does: by its widgets, found by their names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from Testing.Panel.answers import Answers

if TYPE_CHECKING:
    from Testing.host.load import Host, Loaded

    from encryptsecurert_rt.phantoms import CtPhantom

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE_FILE = REPOSITORY / "EncryptSecureRT/EncryptSecureRT.py"
RESOURCES = REPOSITORY / "EncryptSecureRT/Resources"
PATIENCE_S = 60.0


class PanelBench:
    """The loaded module.

    Attributes
    ----------
    answers : what the panel is told when it asks.
    """

    def __init__(self, host: "Host", place: Path) -> None:
        self.host = host
        host.slicer.app.userSettings().clear()
        self.answers = Answers(place)
        self.loaded: Loaded = host.load_module(MODULE_FILE)
        self.panel.asks = self.answers

    @property
    def panel(self) -> Any:
        """The panel object; use it to look, not to act."""
        return self.loaded.widget.panel

    @property
    def ui(self) -> Any:
        """The widgets of the `.ui` file by name."""
        return self.loaded.widget.ui

    @property
    def phase(self) -> str:
        """What the panel is doing."""
        return str(self.panel.session.state.phase.value)

    @property
    def message(self) -> str:
        """The message that is shown; empty if none is."""
        return str(self.ui.messageLabel.text) if self.shown("messageFrame") else ""

    def named(self, name: str) -> Any:
        """Return any widget of the panel by its name, those made from a description too."""
        found = self.host.slicer.util.findChildren(self.loaded.root, name=name)
        assert found, f"there is no widget {name}"
        return found[0]

    def shown(self, name: str) -> bool:
        """Tell whether a widget would be seen."""
        return not bool(self.named(name).isHidden())

    # ---- what a user does

    def connect(self, url: str, home: Path) -> None:
        """Enter client folder and address."""
        self.ui.homePathEdit.currentPath = str(home)
        self.ui.urlComboBox.setEditText(url)

    def choose(self, node: Any) -> None:
        """Choose the CT."""
        self.named("ctSelector").setCurrentNode(node)

    def choose_task(self, key: str) -> None:
        """Choose a task by its tab."""
        keys = [page.task.key for page in self.panel.tasks.pages]
        self.named("taskTabs").currentIndex = keys.index(key)

    def press(self, name: str) -> None:
        """Click on a button, which must be enabled."""
        button = self.named(name)
        assert button.enabled, f"{name} is disabled: {button.toolTip}"
        button.click()

    def wait_for(self, *phases: str, timeout_s: float = PATIENCE_S) -> str:
        """Let the event loop turn until the panel is in one of these phases; return which."""
        self.host.process_events(lambda: self.phase in phases, timeout_s)
        return self.phase

    def wait_idle(self) -> str:
        """Let the event loop turn until nothing runs; return the phase."""
        self.host.process_events(lambda: not self.panel.session.busy, PATIENCE_S)
        return self.phase

    # ---- what is in the scene

    def add_phantom(self) -> Any:
        """Load the module's own sample data."""
        from EncryptSecureRTLib.panel.sampledata import load_phantom

        return load_phantom(RESOURCES)

    def add_doses(self) -> tuple[Any, Any, Any]:
        """Load the module's own planned dose, moved dose and structures."""
        from EncryptSecureRTLib.panel.sampledata import load_doses

        return load_doses(RESOURCES)

    def add_large_phantom(self, shape: tuple[int, int, int]) -> Any:
        """Add a phantom of another size, for jobs that take long enough to be looked at."""
        from encryptsecurert_rt.phantoms import ct_phantom, default_phantom_grid

        return self.add_ct(ct_phantom(default_phantom_grid(shape=shape)), "CT phantom, large")

    def add_ct(self, phantom: "CtPhantom", name: str) -> Any:
        """Add a phantom as a volume that lies where the phantom's grid says."""
        from EncryptSecureRTLib.scene.geometry import GridGeometry, set_volume_grid

        node = self.host.slicer.util.addVolumeFromArray(phantom.hu, name=name)
        grid = phantom.grid
        geometry = GridGeometry(
            shape=grid.shape,
            spacing_mm=grid.spacing_mm,
            origin_lps_mm=grid.origin_lps_mm,
            direction=grid.direction,
        )
        set_volume_grid(node, geometry)
        return node

    def add_volume(self, array: Any, name: str = "volume") -> Any:
        """Add a scalar volume of 3 mm voxels."""
        node = self.host.slicer.util.addVolumeFromArray(np.asarray(array), name=name)
        node.SetSpacing(3.0, 3.0, 3.0)
        return node

    def segmentations(self) -> list[Any]:
        """Return the segmentation nodes of the scene."""
        return list(self.host.slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))

    def children(self) -> list[int]:
        """Return the client processes that run: children of this one."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _is_client(entry):
                found.append(int(entry.name))
        return found


def _is_client(entry: Path) -> bool:
    try:
        status = (entry / "stat").read_text("ascii").rsplit(")", 1)[1].split()
        words = (entry / "cmdline").read_bytes()
    except (OSError, IndexError):
        return False
    ours = int(status[1]) == os.getpid() and status[0] != "Z"
    return ours and b"EncryptSecureRTLib.client" in words
