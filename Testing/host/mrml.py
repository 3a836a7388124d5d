"""The MRML side of the application: the scene and the module logics, in the order that they need.

These are Slicer's own classes. What it has besides, and this has not: a plugin handler (so a node
gets no item in the subject hierarchy by itself), slice views, and the application's file dialogs
and readers (`slicer.app.coreIOManager`). Scenes are read and written by `vtkMRMLScene` itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import slicer
import vtk

# Each under the name of its module. Terminologies come before segmentations, which look codes up
# in them; colours are the application's own.
_LOGICS = {
    "Terminologies": "vtkSlicerTerminologiesModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Sequences": "vtkSlicerSequencesLogic",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mrml:
    """A scene, the application logic, and the module logics by module name; keep it alive."""

    scene: Any
    application_logic: Any
    logics: dict[str, Any]
    kept: tuple[Any, ...]


def start_mrml(folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> Mrml:
    """Make a scene with every logic of the table.

    Parameters
    ----------
    folder : Path
        An empty folder for temporary files and for the data that modules bring with them; here
        they bring none.
    more : mapping
        Class names of further logics, by module name.
    """
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    application.SetTemporaryPath(str(folder))
    colours = application.GetColorLogic()
    colours.SetMRMLScene(scene)
    colours.AddDefaultColorNodes()
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(str(folder))  # without it no scene bundle can be read
    files = slicer.vtkDataIOManager()
    files.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    vtk.vtkObject.GlobalWarningDisplayOff()  # a logic complains of each file that it looks for
    try:
        logics = {
            name: _start(getattr(slicer, class_name)(), application, folder)
            for name, class_name in {**_LOGICS, **more}.items()
        }
    finally:
        vtk.vtkObject.GlobalWarningDisplayOn()
    logics["Colors"] = colours
    for name, logic in logics.items():
        application.SetModuleLogic(name, logic)  # where logics look for each other
    kept = (cache, files)
    return Mrml(scene=scene, application_logic=application, logics=logics, kept=kept)


def _start(logic: Any, application: Any, folder: Path) -> Any:
    if hasattr(logic, "SetModuleShareDirectory"):
        logic.SetModuleShareDirectory(str(folder))  # before the scene: it is read when that comes
    logic.SetMRMLApplicationLogic(application)
    logic.SetMRMLScene(application.GetMRMLScene())
    return logic
