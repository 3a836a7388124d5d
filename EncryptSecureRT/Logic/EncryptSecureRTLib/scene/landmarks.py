"""Landmarks: fiducials of the scene as points in LPS, and points as fiducials with neutral labels.

Points are where they are seen, with all parent transforms applied; a non-linear one moves a point
as exactly as a linear one. Labels stay in the scene: what leaves it is an order of points.
"""

import numpy as np
import numpy.typing as npt

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.scene.geometry import lps_from_ras, ras_from_lps
from EncryptSecureRTLib.scene.mrml import Node, Scene, batch, slicer
from EncryptSecureRTLib.scene.neutral import Kind, make_neutral

Points = npt.NDArray[np.float64]
LABEL_FORMAT = "F-%d"  # the last part is Slicer's place for the number


def landmark_label(number: int) -> str:
    """Return the neutral label of the landmark with that number, from 1."""
    return LABEL_FORMAT % number


def read_landmarks(node: Node) -> Points:
    """Return the points of a fiducial node.

    Parameters
    ----------
    node : vtkMRMLMarkupsFiducialNode

    Returns
    -------
    float64 (n, 3), LPS mm in the world, in the order of the node.

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if a point was not placed: leaving it out would shift the pairs of all that
        follow.
    """
    count = node.GetNumberOfControlPoints()
    placed = slicer.vtkMRMLMarkupsNode.PositionDefined
    if any(node.GetNthControlPointPositionStatus(n) != placed for n in range(count)):
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "a landmark has no position")
    return lps_from_ras(slicer.util.arrayFromMarkupsControlPoints(node, world=True))


def add_landmarks(scene: Scene, points_lps_mm: Points) -> Node:
    """Add a fiducial node with the points, neutral in name and labels, and return it.

    Parameters
    ----------
    scene : vtkMRMLScene
    points_lps_mm : (n, 3)

    Raises
    ------
    EncryptSecureRTError
        E_PARAMETERS if the points are not finite numbers in rows of three.
    """
    points = np.asarray(points_lps_mm, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise EncryptSecureRTError(ErrorCode.E_PARAMETERS, "landmarks are rows of three numbers")
    with batch(scene):
        node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
        try:
            make_neutral(node, Kind.POINTS)
            node.CreateDefaultDisplayNodes()
            slicer.util.updateMarkupsControlPointsFromArray(node, ras_from_lps(points))
            label_landmarks(node)
        except BaseException:
            scene.RemoveNode(node)
            raise
    return node


def label_landmarks(node: Node) -> None:
    """Replace the labels of a markups node by neutral ones, and drop the points' descriptions."""
    node.SetControlPointLabelFormat(LABEL_FORMAT)
    for n in range(node.GetNumberOfControlPoints()):
        node.SetNthControlPointLabel(n, landmark_label(n + 1))
        node.SetNthControlPointDescription(n, "")
