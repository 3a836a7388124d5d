"""Volume nodes of every kind, and what is wrong with each as a CT to be sent."""

from collections.abc import Callable
from typing import Any

import numpy as np
from Testing.Scene.made import (
    AXIAL,
    CT_SHAPE,
    Array,
    add_bending_transform,
    add_ct,
    add_linear_transform,
    matrix_of,
    numbered,
    put_under,
    rotation,
)

from EncryptSecureRTLib.scene.mrml import slicer
from EncryptSecureRTLib.scene.volumes import Problem


def _add(array: Array, class_name: str) -> Any:
    return slicer.util.addVolumeFromArray(array, ijkToRAS=AXIAL, nodeClassName=class_name)


def add_sequence_proxy(scene: Any) -> Any:
    """Return the node that shows the first of two time points."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "sequence a1b2c3")
    for time_point in ("0", "1"):
        node = add_ct(scene, numbered() + int(time_point))
        sequence.SetDataNodeAtValue(node, time_point)
        scene.RemoveNode(node)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser a1b2c3")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    own = browser.GetProxyNode(sequence)
    proxy = add_ct(scene)
    browser.AddProxyNode(proxy, sequence, False)
    scene.RemoveNode(own)  # the one that the browser made by itself
    return proxy


def add_dose(scene: Any) -> Any:
    """Return a volume that SlicerRT has marked."""
    node = add_ct(scene)
    node.SetAttribute("DicomRtImport.DoseVolume", "1")
    return node


def _sheared(scene: Any) -> Any:
    node = add_ct(scene, matrix=matrix_of(rotation((0, 0, 30)), (1, 1, 1), np.zeros(3)))
    put_under(node, add_linear_transform(scene, np.diag([2.0, 1.0, 1.0, 1.0])))
    return node


def _bent(scene: Any) -> Any:
    node = add_ct(scene)
    put_under(node, add_bending_transform(scene))
    return node


def add_moved_ct(scene: Any) -> Any:
    """Return a CT under a rotation by 30 degrees about the long axis, and a shift."""
    node = add_ct(scene)
    turn = matrix_of(rotation((0, 0, 30)), (1, 1, 1), np.array([1.0, 2.0, 3.0]))
    put_under(node, add_linear_transform(scene, turn))
    return node


_RGB = np.zeros((*CT_SHAPE, 3), np.uint8)
_FIELD = np.zeros((*CT_SHAPE, 3), np.float64)
CASES: dict[str, tuple[Callable[[Any], Any], tuple[Problem, ...]]] = {
    "a CT": (add_ct, ()),
    "a CT under a linear transform": (add_moved_ct, ()),
    "a float volume": (lambda scene: add_ct(scene, numbered(dtype="float32")), ()),
    "a label map": (
        lambda _: _add(numbered(dtype="uint8"), "vtkMRMLLabelMapVolumeNode"),
        (Problem.LABEL_MAP,),
    ),
    "a photograph": (lambda _: _add(_RGB, "vtkMRMLVectorVolumeNode"), (Problem.COLOUR,)),
    "a vector field": (lambda _: _add(_FIELD, "vtkMRMLVectorVolumeNode"), (Problem.NOT_SCALAR,)),
    "a time point of a sequence": (add_sequence_proxy, (Problem.SEQUENCE,)),
    "a dose": (add_dose, (Problem.DOSE,)),
    "nothing in it": (
        lambda s: s.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT a3f9c1"),
        (Problem.EMPTY,),
    ),
    "bent": (_bent, (Problem.NON_LINEAR_TRANSFORM,)),
    "sheared": (_sheared, (Problem.SHEARED,)),
}
