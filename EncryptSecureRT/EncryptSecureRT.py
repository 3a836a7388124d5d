"""The Slicer module: four classes that delegate to `EncryptSecureRTLib`.

Slicer imports this file at start: the rest is imported when it is used.
"""

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
from slicer.util import VTKObservationMixin

_SOURCE_ROOT = str(Path(__file__).resolve().parent / "Logic")
if _SOURCE_ROOT not in sys.path:
    sys.path.append(_SOURCE_ROOT)  # last: we never shadow the application's packages
_RESOURCES = Path(__file__).resolve().parent / "Resources"
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
            "Sends segmentation jobs and dose comparisons to a worker that has proved which code it"
            " runs. No DICOM metadata is readable outside that worker. Not a medical device."
        )
        self.parent.acknowledgementText = _(
            "Grown out of the use cases of the European project ENCRYPT. Apache-2.0."
        )
        slicer.app.connect("startupCompleted()", _register_with_others)


def _register_with_others() -> None:
    from EncryptSecureRTLib.panel.startup import register

    register(_RESOURCES)


class EncryptSecureRTWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel; what is in it comes from `EncryptSecureRTLib.panel`."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.panel: Any = None

    def setup(self) -> None:
        """Fill the panel, once."""
        ScriptedLoadableModuleWidget.setup(self)
        from EncryptSecureRTLib.panel.widget import Panel

        root = slicer.util.loadUI(self.resourcePath("UI/EncryptSecureRT.ui"))
        self.layout.addWidget(root)
        self.ui = slicer.util.childWidgetVariables(root)
        root.setMRMLScene(slicer.mrmlScene)
        self.logic = EncryptSecureRTLogic()
        self.panel, scene = Panel(self.ui, self.logic.session), slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.panel.scene_closing)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.NodeRemovedEvent, self.panel.nodes_removed)
        self.enter()

    def enter(self) -> None:
        """Take up the scene's parameter node."""
        if self.panel is not None:
            self.panel.use_parameters(self.logic.getParameterNode())

    def cleanup(self) -> None:
        """End what runs, forget everything."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()

    def onSceneEndClose(self, _caller: Any, _event: Any) -> None:
        """Take up the new scene."""
        if self.parent.isEntered:
            self.enter()

    def onReload(self) -> None:
        """Forget our packages too, so that Reload in developer mode takes their new text."""
        self.cleanup()
        for name in list(sys.modules):
            if name.split(".")[0] in _OUR_PACKAGES:
                del sys.modules[name]
        super().onReload()


class EncryptSecureRTLogic(ScriptedLoadableModuleLogic):
    """Checks and jobs for scripts: the session is the same as the panel's."""

    def __init__(self) -> None:
        super().__init__()
        from EncryptSecureRTLib.panel import scripting

        self._scripting = scripting
        self.session = scripting.Session()

    def getParameterNode(self) -> Any:
        """Return the scene's parameter node, typed."""
        return self._scripting.parameters(super().getParameterNode())

    def connect(self, url: str, *, home: str | None = None, patienceS: int = 120) -> None:
        """Choose the worker; `home` holds the user's certificate and policy."""
        self._scripting.connect(self.session, url, home, patienceS)

    def check(self) -> Any:
        """Check the worker; `.wait()` raises what refuses it."""
        return self._scripting.check(self.session)

    def segment(
        self,
        ct: Any,
        *,
        structures: Sequence[str] | None = None,
        progress: Callable[[str], object] | None = None,
        output: Any = None,
    ) -> Any:
        """Segment a CT into a new or empty node that `.wait()` returns; `.cancel()` ends it."""
        return self._scripting.segment(self.session, ct, structures, progress, output)

    def compareDoses(self, reference: Any, evaluated: Any, **asked: Any) -> Any:
        """Compare two doses; `.wait()` returns nodes, pass rate, criteria and receipt.

        `asked`: dosePercent=3, dtaMm=2, thresholdPercent=10, local=False, normGy (the reference's
        maximum), mode="certified" or "pass-fail", structures, dvh=True, prescriptionGy, progress.
        """
        return self._scripting.compare_doses(self.session, reference, evaluated, **asked)


class EncryptSecureRTTest(ScriptedLoadableModuleTest):
    """Slicer's self test; what it checks is in `EncryptSecureRTLib.panel.selftest`."""

    def runTest(self, **worker: Any) -> None:
        """Run all; `worker` holds `url` and `home` of a worker to be tried, or nothing."""
        from EncryptSecureRTLib.panel import selftest

        slicer.mrmlScene.Clear()
        selftest.check_client_answers(EncryptSecureRTLogic())
        selftest.check_sample_data(_RESOURCES)
        if worker:
            selftest.check_segmentation(EncryptSecureRTLogic(), worker, _RESOURCES)
        else:
            self.delayDisplay("No worker was given: segmentation was not tried.")
