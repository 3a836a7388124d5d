"""Two doses of nobody in the scene, as SlicerRT leaves them, and structures on them.

The reference is a blob of 60 Gy in the middle; the evaluated dose is the same, moved along the body
and a little higher, so that gamma passes in the middle and fails at the edges along the body.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench

SHAPE = (16, 20, 20)
SPACING_MM = 3.0
PERSONS_NAME = "Planted^Structure"
TARGET, OTHER = "target", "other"


def blob(*, shift_mm: float = 0.0, factor: float = 1.0) -> npt.NDArray[np.float64]:
    """Return a dose in Gy, float64 (k, j, i), that falls off to all sides."""
    k, j, i = (
        SPACING_MM * (index - (n - 1) / 2)
        for index, n in zip(np.indices(SHAPE, dtype=np.float64), SHAPE, strict=True)
    )
    radius2 = (i**2 + j**2 + (k - shift_mm) ** 2) / 18.0**2
    return np.ascontiguousarray(factor * 60.0 * np.exp(-(radius2**2)))


def add_dose(bench: "PanelBench", dose: Any, name: str, *, unit: str = "GY") -> Any:
    """Add a volume that is marked as a dose; with an empty unit nothing tells it."""
    node = bench.add_volume(dose, name)
    node.SetAttribute("DicomRtImport.DoseVolume", "1")
    if unit:
        node.SetAttribute("DicomRtImport.DoseUnitName", unit)
    node.SetOrigin(*(SPACING_MM * (n - 1) / -2 for n in SHAPE[::-1]))
    return node


def add_pair(bench: "PanelBench", *, unit: str = "GY") -> tuple[Any, Any]:
    """Add reference and evaluated dose."""
    evaluated = blob(shift_mm=2.5, factor=1.01)
    return (
        add_dose(bench, blob(), "Planned dose", unit=unit),
        add_dose(bench, evaluated, "Other dose", unit=unit),
    )


def add_structures(bench: "PanelBench", dose: Any) -> Any:
    """Add a segmentation with a target in the middle, and a bar that a person has named."""
    bar = np.zeros(SHAPE, bool)
    bar[1:-1, 4:8, 4:8] = True
    segments = {TARGET: ("PTV_5000", blob() > 50.0), OTHER: (PERSONS_NAME, bar)}
    return add_segments(bench, dose, segments)


def add_segments(
    bench: "PanelBench", dose: Any, segments: dict[str, tuple[str, npt.NDArray[np.bool_]]]
) -> Any:
    """Add a segmentation on the grid of a dose, from a name and a mask for each segment's ID."""
    slicer = bench.host.slicer
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Structures")
    node.SetReferenceImageGeometryParameterFromVolumeNode(dose)
    for key, (name, mask) in segments.items():
        node.GetSegmentation().AddEmptySegment(key, name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), node, key, dose)
    return node


def choose_pair(
    bench: "PanelBench", reference: Any, evaluated: Any, structures: Any = None
) -> None:
    """Choose the task, both doses, and structures."""
    bench.choose_task("dose_compare")
    bench.named("referenceDoseSelector").setCurrentNode(reference)
    bench.named("evaluatedDoseSelector").setCurrentNode(evaluated)
    if structures is not None:
        bench.named("doseStructuresSelector").setCurrentNode(structures)
