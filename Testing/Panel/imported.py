"""A clear CT series as Slicer's DICOM module leaves it: files, and what it puts into the scene."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phantom_files import PLANTED, ROOT_UID, write_ct_series

from encryptsecurert_rt.phantoms import ct_phantom, default_phantom_grid

if TYPE_CHECKING:
    from Testing.Panel.bench import PanelBench

SHAPE = (24, 64, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The series.

    Attributes
    ----------
    node : the volume node, under its patient and study.
    folder : the files.
    needles : what must be found nowhere once it is sealed.
    """

    node: Any
    folder: Path
    needles: tuple[str, ...]


def import_series(bench: "PanelBench", folder: Path) -> Imported:
    """Write the series, put it into the scene, and let the panel find its files."""
    phantom = ct_phantom(default_phantom_grid(shape=SHAPE))
    paths = write_ct_series(folder, phantom.hu, phantom.grid)
    uids = [f"{ROOT_UID}.1.3.{k + 1}" for k in range(len(paths))]
    node = bench.add_ct(phantom, f"2: {PLANTED['SeriesDescription']}")
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    node.CreateDefaultDisplayNodes()
    _place(bench.host.slicer, node, uids)
    files = dict(zip(uids, map(str, paths), strict=True))
    bench.panel.folders.file_of = lambda uid: files.get(uid, "")
    words = [value for value in PLANTED.values() if len(value) > 6]
    return Imported(node=node, folder=folder, needles=(*words, ROOT_UID))


def _place(slicer: Any, node: Any, uids: list[str]) -> None:
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    name = f"{PLANTED['PatientName']} ({PLANTED['PatientID']})"
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), name)
    tree.SetItemUID(patient, "DICOM", PLANTED["PatientID"])
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientComments"):
        tree.SetItemAttribute(patient, f"DICOM.{keyword}", PLANTED[keyword])
    study = tree.CreateStudyItem(patient, f"{PLANTED['StudyDescription']} (20260918)")
    tree.SetItemUID(study, "DICOM", f"{ROOT_UID}.1")
    for keyword in ("StudyDescription", "StudyDate", "StudyTime", "StudyID"):
        tree.SetItemAttribute(study, f"DICOM.{keyword}", PLANTED[keyword])
    item = tree.CreateItem(study, node)
    tree.SetItemUID(item, "DICOM", f"{ROOT_UID}.1.2")
    tree.SetItemUID(item, "DICOMInstanceUID", " ".join(uids))


def pseudonym_of(bench: "PanelBench", node: Any) -> str:
    """Return the name of the patient item above a node: its pseudonym, once it is sealed."""
    slicer = bench.host.slicer
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = tree.GetItemParent(tree.GetItemByDataNode(node))
    return str(tree.GetItemName(tree.GetItemParent(study)))


def save_bundle(bench: "PanelBench", path: Path) -> Path:
    """Save the scene as a bundle."""
    slicer = bench.host.slicer
    messages = slicer.vtkMRMLMessageCollection()
    assert slicer.mrmlScene.WriteToMRB(str(path), None, messages)
    return path
