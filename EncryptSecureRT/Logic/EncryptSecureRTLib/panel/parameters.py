"""What is chosen for a scene and saved with it: nodes, structures, options. Nothing else.

Address, client folder and consents belong to the user (see `settings`); names, job ids and results
belong to nobody's file.
"""

# ruff: noqa: N815 - Slicer's parameters are in camelCase

import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper

from EncryptSecureRTLib.panel.tasks import SEGMENT


@parameterNodeWrapper
class Parameters:
    """The parameter node; a field is named as the input or output that it stands for.

    Attributes
    ----------
    task : key of the task that is shown.
    structures : keys of the chosen structures of the task, with blanks between them.
    normGy : what a percentage of dose is of; 0 for the maximum of the reference.
    gammaMode : one of `criteria.MODES`.
    prescriptionGy : for dose-volume figures; 0 for none.
    """

    ct: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode
    referenceDose: slicer.vtkMRMLScalarVolumeNode
    evaluatedDose: slicer.vtkMRMLScalarVolumeNode
    background: slicer.vtkMRMLScalarVolumeNode
    doseStructures: slicer.vtkMRMLSegmentationNode
    gammaVolume: slicer.vtkMRMLScalarVolumeNode
    differenceVolume: slicer.vtkMRMLScalarVolumeNode
    task: str = SEGMENT.key
    structures: str = " ".join(structure.key for structure in SEGMENT.structures)
    show3d: bool = False
    dosePercent: float = 3.0
    dtaMm: float = 2.0
    thresholdPercent: float = 10.0
    localGamma: bool = False
    normGy: float = 0.0
    gammaMode: str = "certified"
    dvh: bool = True
    prescriptionGy: float = 0.0
