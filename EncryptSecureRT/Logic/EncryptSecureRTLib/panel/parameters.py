"""What is chosen for a scene and saved with it: nodes, structures, options. Nothing else.

Address, client folder and consents belong to the user (see `settings`); names, job ids and results
belong to nobody's file.
"""

import slicer
from slicer.parameterNodeWrapper import parameterNodeWrapper

from EncryptSecureRTLib.panel.tasks import SEGMENT


@parameterNodeWrapper
class Parameters:
    """The parameter node; a field is named as the input or output that it stands for.

    Attributes
    ----------
    structures : keys of the chosen structures of the task, with blanks between them.
    """

    ct: slicer.vtkMRMLScalarVolumeNode
    segmentation: slicer.vtkMRMLSegmentationNode
    structures: str = " ".join(structure.key for structure in SEGMENT.structures)
    show3d: bool = False
