"""The sample data of the tutorial, in Slicer's Sample Data module: bundled, works offline.

A CT phantom, and two doses with structures: the second dose is the first, moved by 3 mm to the left
and 1 % higher. All is made by a program, of nobody.
"""

from pathlib import Path
from typing import Any

import numpy as np

NAME = "EncryptSecureRTPhantom"
CATEGORY = "EncryptSecureRT"
NODE_NAME = "CT phantom"
DOSES_NAME = "EncryptSecureRTDoses"
PLANNED, MOVED = "Planned dose", "Moved dose"
STRUCTURES = "Dose structures"
_DOSE_FILES = {PLANNED: "EncryptSecureRTPlanned.nrrd", MOVED: "EncryptSecureRTMoved.nrrd"}
_FILE = f"{NAME}.nrrd"
# TG-263 name: (centre in LPS mm, radii in mm, colour); ellipsoids.
_BODIES = {
    "PTV_5000": ((62.0, -8.0, 10.0), (22.0, 22.0, 22.0), (0.84, 0.37, 0.0)),
    "Heart": ((8.0, -28.0, -4.0), (30.0, 26.0, 34.0), (0.8, 0.47, 0.65)),
    "SpinalCord": ((0.0, 52.0, 10.0), (8.0, 8.0, 50.0), (0.34, 0.71, 0.91)),
}
Doses = tuple[Any, Any, Any]


def phantom_file(resources: Path) -> Path:
    """Return where the phantom is: a CT of 80 slices, made by a program, of nobody."""
    return resources / "SampleData" / _FILE


def register(resources: Path) -> None:
    """Register all of it; where there is no Sample Data module, nothing happens."""
    try:
        import SampleData
    except ImportError:
        return
    thumbnail = str(resources / "Icons" / "EncryptSecureRT.png")
    register_source = SampleData.SampleDataLogic.registerCustomSampleDataSource
    register_source(
        category=CATEGORY,
        sampleName=NAME,
        thumbnailFileName=thumbnail,
        uris=phantom_file(resources).as_uri(),
        fileNames=_FILE,
        nodeNames=NODE_NAME,
        loadFileType="VolumeFile",
    )
    folder = resources / "SampleData"
    register_source(
        category=CATEGORY,
        sampleName=DOSES_NAME,
        thumbnailFileName=thumbnail,
        uris=[(folder / name).as_uri() for name in _DOSE_FILES.values()],
        fileNames=list(_DOSE_FILES.values()),
        nodeNames=list(_DOSE_FILES),
        customDownloader=_load_registered,
    )


def _load_registered(_source: object) -> list[Any]:
    """Load the doses that stand beside this file; a function, so that they are registered once."""
    return list(load_doses(Path(__file__).resolve().parents[3] / "Resources"))


def load_phantom(resources: Path) -> Any:
    """Load the phantom into the scene, without a download, and return its node."""
    return _load_volume(phantom_file(resources), NODE_NAME)


def load_doses(resources: Path) -> Doses:
    """Load planned dose, moved dose and structures, without a download; return their nodes."""
    from EncryptSecureRTLib.scene.doses import DOSE_UNIT_NAME
    from EncryptSecureRTLib.scene.volumes import DOSE_ATTRIBUTE

    nodes = []
    for name, file in _DOSE_FILES.items():
        node = _load_volume(resources / "SampleData" / file, name)
        node.SetAttribute(DOSE_ATTRIBUTE, "1")
        node.SetAttribute(DOSE_UNIT_NAME, "GY")
        nodes.append(node)
    planned, moved = nodes
    return planned, moved, _add_structures(planned)


def _load_volume(path: Path, name: str) -> Any:
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    storage.SetFileName(str(path))
    if not storage.ReadData(node):
        slicer.mrmlScene.RemoveNode(node)
        raise AssertionError(f"{name} cannot be read")
    return node


def _add_structures(dose: Any) -> Any:
    """Add ellipsoids on the grid of a dose, as a segmentation."""
    import slicer

    from EncryptSecureRTLib.scene.geometry import volume_grid

    grid = volume_grid(dose, apply_transform=False)
    k, j, i = np.indices(grid.shape, dtype=np.float64)
    places = np.stack([i, j, k, np.ones(grid.shape)], axis=-1) @ grid.ijk_to_lps.T
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", STRUCTURES)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(dose)
    for name, (centre_mm, radii_mm, colour) in _BODIES.items():
        away = np.zeros(grid.shape)
        for axis, radius_mm in enumerate(radii_mm):
            away += ((places[..., axis] - centre_mm[axis]) / radius_mm) ** 2
        node.GetSegmentation().AddEmptySegment(name, name, colour)
        mask = (away <= 1.0).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, name, dose)
    return node
