"""Puts the host together: what `import qt`, `import ctk` and `import slicer` find.

The order matters. Qt's classes are changed before anything is derived from them; stand-ins exist
before the modules that name them in type checks; the scene is there before the first panel.
"""

import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
import slicer.util
import vtk
from Testing.host import pythonqt
from Testing.host.app import Application, SliceLayers
from Testing.host.binding import QtCore, QtWidgets
from Testing.host.complaints import Complaints
from Testing.host.mrml import Mrml, start_mrml
from Testing.host.pictures import USUAL
from Testing.host.standins import STANDINS


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What `Host` is made of."""

    qt: Any
    ctk: Any
    slicer: Any
    vtk: Any
    application: Any
    mrml: Mrml
    complaints: Complaints
    slice_layers: SliceLayers


def assemble(folder: Path) -> Parts:
    """Start Qt and the scene, and put everything where scripts look for it.

    Parameters
    ----------
    folder : Path
        Empty; for settings and temporary files.
    """
    qt = pythonqt.install()
    application = _start_qt(folder)
    complaints = Complaints()
    complaints.start()
    mrml = start_mrml(folder)
    ctk = _install_standins()
    host: Any = slicer
    host.mrmlScene = mrml.scene
    host.selfTests = {}
    host.app = Application(mrml, folder)
    _install_modules(mrml)
    host.util.setSliceViewerLayers = SliceLayers(host.util.setSliceViewerLayers)
    return Parts(
        qt=qt,
        ctk=ctk,
        slicer=slicer,
        vtk=vtk,
        application=application,
        mrml=mrml,
        complaints=complaints,
        slice_layers=host.util.setSliceViewerLayers,
    )


def _start_qt(folder: Path) -> Any:
    QtCore.QSettings.setDefaultFormat(QtCore.QSettings.IniFormat)
    for scope in (QtCore.QSettings.UserScope, QtCore.QSettings.SystemScope):
        QtCore.QSettings.setPath(QtCore.QSettings.IniFormat, scope, str(folder))
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
    QtCore.QCoreApplication.setOrganizationName("Slicer")
    QtCore.QCoreApplication.setApplicationName("Slicer")
    USUAL.apply()
    return application


def _install_standins() -> types.ModuleType:
    """Give CTK's stand-ins to `ctk` and Slicer's to `slicer`."""
    from Testing.host import (  # noqa: F401 - importing them registers what they have
        modules,
        widgets_ctk,
        widgets_ctk_numbers,
        widgets_mrml,
        widgets_nodes,
        widgets_segments,
    )

    ctk = types.ModuleType("ctk")
    for name, cls in STANDINS.items():
        setattr(ctk if name.startswith("ctk") else slicer, name, cls)
    sys.modules["ctk"] = ctk
    slicer.qSlicerScriptedLoadableModule = modules.qSlicerScriptedLoadableModule
    return ctk


def _install_modules(mrml: Mrml) -> None:
    """Fill `slicer.modules`, and give Slicer's names to the Python modules that we have for it."""
    from Testing.host import bases, i18n, packaging, params, recorders
    from Testing.host.modules import core_module

    for name, module in (
        ("i18n", i18n),
        ("packaging", packaging),
        ("parameterNodeWrapper", params),
        ("ScriptedLoadableModule", bases),
    ):
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
    slicer.modules = types.SimpleNamespace(
        **{name.lower(): core_module(name, logic) for name, logic in mrml.logics.items()}
    )
    recorders.install()
