"""The phantom that the tutorial uses, in Slicer's Sample Data module: bundled, works offline."""

from pathlib import Path
from typing import Any

NAME = "EncryptSecureRTPhantom"
CATEGORY = "EncryptSecureRT"
NODE_NAME = "CT phantom"
_FILE = f"{NAME}.nrrd"


def phantom_file(resources: Path) -> Path:
    """Return where the phantom is: a CT of 80 slices, made by a program, of nobody."""
    return resources / "SampleData" / _FILE


def register(resources: Path) -> None:
    """Register the phantom; where there is no Sample Data module, nothing happens."""
    try:
        import SampleData
    except ImportError:
        return
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        thumbnailFileName=str(resources / "Icons" / "EncryptSecureRT.png"),
        uris=phantom_file(resources).as_uri(),
        fileNames=_FILE,
        nodeNames=NODE_NAME,
        loadFileType="VolumeFile",
    )


def load_phantom(resources: Path) -> Any:
    """Load the phantom into the scene, without a download, and return its node."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", NODE_NAME)
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(phantom_file(resources)))
    if not storage.ReadData(node):
        slicer.mrmlScene.RemoveNode(node)
        raise AssertionError("the phantom cannot be read")
    return node
