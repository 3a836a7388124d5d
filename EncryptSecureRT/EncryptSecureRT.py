"""The Slicer module: four classes that delegate to `EncryptSecureRTLib`.

Slicer imports this file at start: the rest is imported when it is used.
"""

# ruff: noqa: PLR0913 - late imports as told above; scripts get keywords, not a dataclass

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

_SOURCE_ROOT = str(Path(__file__).resolve().parent / "Logic")
if _SOURCE_ROOT not in sys.path:
    sys.path.append(_SOURCE_ROOT)  # last: we never shadow the application's packages
_OUR_PACKAGES = ("EncryptSecureRTLib", "encryptsecurert_protocol")


class EncryptSecureRT(ScriptedLoadableModule):
    """What Slicer shows of the module in its menus and help."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.parent.title = _("EncryptSecureRT")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Radiotherapy")]
        self.parent.dependencies = []
        self.parent.contributors = ["The EncryptSecureRT contributors"]
        self.parent.helpText = _(
            "Sends segmentation jobs to a worker that has proved which code it runs."
            " No DICOM metadata is readable outside that worker. Not a medical device."
        )


class EncryptSecureRTWidget(ScriptedLoadableModuleWidget):
    """The panel; what is in it comes from `EncryptSecureRTLib.panel`."""

    def setup(self) -> None:
        """Fill the panel, once."""
        super().setup()
        from EncryptSecureRTLib.panel.first import fill_panel

        self.widgets = fill_panel(self.layout)

    def onReload(self) -> None:
        """Forget our packages too, so that Reload in developer mode takes their new text."""
        for name in list(sys.modules):
            if name.split(".")[0] in _OUR_PACKAGES:
                del sys.modules[name]
        super().onReload()


class EncryptSecureRTLogic(ScriptedLoadableModuleLogic):
    """Jobs for scripts. Each runs in a child process and returns when that has ended.

    Parameters
    ----------
    clientArgv : sequence of str, optional
        Another client to start, for tests.
    """

    def __init__(self, clientArgv: Sequence[str] | None = None) -> None:
        super().__init__()
        self._clientArgv = clientArgv
        self._cancelRequested = False

    def cancel(self) -> None:
        """End the job that runs; it raises E_CANCELLED where it was started."""
        self._cancelRequested = True

    def segment(
        self,
        *,
        ctFolder: str | Path,
        outputFolder: str | Path,
        url: str,
        homeFolder: str | Path,
        structures: Sequence[str],
        outputs: Sequence[str] = ("rtstruct", "seg"),
        progress: Callable[[dict[str, object]], None] | None = None,
    ) -> dict[str, object]:
        """Segment a protected CT series in the worker at `url`.

        `homeFolder` holds the user's certificate, policy and collateral. `progress` gets each
        event. Returns the client's result line; raises EncryptSecureRTError with its code.
        """
        from EncryptSecureRTLib.client.process import client_argv, run_client

        self._cancelRequested = False
        request = {
            "command": "segment",
            "series": str(ctFolder),
            "out": str(outputFolder),
            "url": url,
            "home": str(homeFolder),
            "structures": list(structures),
            "outputs": list(outputs),
        }
        return run_client(
            self._clientArgv or client_argv("segment"),
            request,
            on_event=progress,
            cancelled=lambda: self._cancelRequested,
            idle=slicer.app.processEvents,
        )


class EncryptSecureRTTest(ScriptedLoadableModuleTest):
    """Slicer's self test. The worker comes as arguments of `runTest`, never by environment."""

    worker: dict[str, Any] | None = None

    def runTest(self, **worker: Any) -> None:
        """Run all; `worker` holds the arguments of `segment` (and `clientArgv`), or nothing."""
        self.worker = worker or None
        self.setUp()
        self.test_clientAnswersWithTypedError()
        if self.worker is None:
            self.delayDisplay("No worker was given: segmentation was not tried.")
        else:
            self.test_segmentsInGivenWorker()

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def test_clientAnswersWithTypedError(self) -> None:
        """A series that is not there is refused by the client, in its own words."""
        from EncryptSecureRTLib.panel.selftest import check_client_refuses_missing_series

        check_client_refuses_missing_series(EncryptSecureRTLogic().segment)

    def test_segmentsInGivenWorker(self) -> None:
        """The worker that was given segments the series that was given."""
        from EncryptSecureRTLib.panel.selftest import check_segmentation

        if self.worker is None:
            self.skipTest("no worker was given")
        arguments = dict(self.worker)
        logic = EncryptSecureRTLogic(arguments.pop("clientArgv", None))
        check_segmentation(logic.segment, arguments)
