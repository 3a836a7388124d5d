"""A study as Slicer and SlicerRT leave it in the scene, with a word of its own in every place.

`plant(scene)` makes a patient with a CT, a second study with a dose, structures, landmarks and all
that hangs on them, and tells where each word was put. `protected(scene)` makes a study as our own
protected files give it.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from Testing.Scene.made import CT_SHAPE, add_ct, add_linear_transform, numbered

from EncryptSecureRTLib.scene.hierarchy import hierarchy_of
from EncryptSecureRTLib.scene.mrml import slicer, vtk

PSEUDONYM = "PABCDEFGH234567QZ"
_ROOT = "1.2.840.113619.2.55"  # of clear UIDs; each below has an end of its own
CT_UIDS = tuple(f"{_ROOT}.1001.{k + 1}" for k in range(CT_SHAPE[0]))
STUDY_UID, SERIES_UID = f"{_ROOT}.2002", f"{_ROOT}.3003"
FRAME_UID, DOSE_SERIES_UID, OTHER_STUDY_UID = f"{_ROOT}.4004", f"{_ROOT}.5005", f"{_ROOT}.6006"
PATIENT_NAME, PATIENT_ID, BIRTH_DATE = "Plantedson^Canary", "PLANT-4711", "19580412"


@dataclass(slots=True)
class Planted:
    """The nodes of the planted study, and the words in it by the place where each was put."""

    scene: Any
    needles: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, Any] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)

    def word(self, place: str) -> str:
        """Return a new word for a place; every place has another one."""
        self.needles[place] = word = f"Needle-{place.replace(' ', '')}-Plant"
        return word


def plant(scene: Any) -> Planted:
    """Add the planted study."""
    planted = Planted(scene)
    planted.needles |= {
        "patient name": PATIENT_NAME,
        "patient id": PATIENT_ID,
        "birth date": BIRTH_DATE,
        "study uid": STUDY_UID,
        "series uid": SERIES_UID,
        "frame uid": FRAME_UID,
        "first instance": CT_UIDS[0],
        "last instance": CT_UIDS[-1],
        "dose series uid": DOSE_SERIES_UID,
        "other study uid": OTHER_STUDY_UID,
    }
    _add_items(planted)
    _add_ct(planted)
    _add_dose(planted)
    _add_segmentation(planted)
    _add_landmarks(planted)
    _add_label_map(planted)
    return planted


def _add_items(planted: Planted) -> None:
    tree, word = hierarchy_of(planted.scene), planted.word
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), f"{PATIENT_NAME} ({PATIENT_ID})")
    tree.SetItemUID(patient, "DICOM", PATIENT_ID)
    for name, value in {
        "DICOM.PatientName": PATIENT_NAME,
        "DICOM.PatientID": PATIENT_ID,
        "DICOM.PatientBirthDate": BIRTH_DATE,
        "DICOM.PatientSex": "F",
        "DICOM.PatientComments": word("patient comment"),
    }.items():
        tree.SetItemAttribute(patient, name, value)
    study = tree.CreateStudyItem(patient, word("study item name"))
    tree.SetItemUID(study, "DICOM", STUDY_UID)
    for name, value in {
        "DICOM.StudyInstanceUID": STUDY_UID,
        "DICOM.StudyID": word("study id"),
        "DICOM.StudyDescription": word("study description"),
        "DICOM.StudyDate": "20260102",
        "DICOM.StudyTime": "101500",
        "DicomRtImport.DoseUnitName": "GY",
        "DicomRtImport.DoseUnitValue": "1.0",
        "Site.Remark": word("attribute of another module"),
    }.items():
        tree.SetItemAttribute(study, name, value)
    folder = tree.CreateFolderItem(study, word("folder name"))
    other = tree.CreateStudyItem(patient, word("other study item name"))
    tree.SetItemUID(other, "DICOM", OTHER_STUDY_UID)
    planted.items |= {"patient": patient, "study": study, "folder": folder, "other study": other}


def _add_ct(planted: Planted) -> None:
    scene, word, tree = planted.scene, planted.word, hierarchy_of(planted.scene)
    ct = add_ct(scene, name=word("CT name") + ' "quoted"')
    ct.SetDescription(word("description"))
    ct.SetAttribute("DICOM.instanceUIDs", " ".join(CT_UIDS))
    ct.SetAttribute("Site.Note", word("node attribute"))
    ct.GetDisplayNode().SetName(word("display name"))
    units = slicer.vtkCodedEntry()
    units.SetValueSchemeMeaning("[hnsf'U]", "UCUM", word("unit text"))
    ct.SetVoxelValueUnits(units)
    quantity = slicer.vtkCodedEntry()
    quantity.SetValueSchemeMeaning("1234", "99SITE", word("quantity text"))
    ct.SetVoxelValueQuantity(quantity)
    ct.AddDefaultStorageNode()
    storage = ct.GetStorageNode()
    storage.SetName(word("storage name"))
    storage.SetFileName(f"/data/{word('file path')}/ct.nrrd")
    storage.AddFileName(f"/data/{word('second file path')}/ct.nrrd")
    ct.SetAndObserveTransformNodeID(
        add_linear_transform(scene, np.eye(4), word("transform name")).GetID()
    )
    item = tree.CreateItem(planted.items["folder"], ct)
    tree.SetItemUID(item, "DICOM", SERIES_UID)
    tree.SetItemUID(item, "DICOMInstanceUID", " ".join(CT_UIDS))
    tree.SetItemAttribute(item, "DICOM.Modality", "CT")
    tree.SetItemAttribute(item, "DICOM.SeriesNumber", "2")
    tree.SetItemAttribute(item, "DICOM.FrameOfReferenceUID", FRAME_UID)
    planted.nodes["ct"], planted.items["ct"] = ct, item


def _add_dose(planted: Planted) -> None:
    tree = hierarchy_of(planted.scene)
    dose = add_ct(planted.scene, numbered(dtype="float32"), name=planted.word("dose name"))
    dose.SetAttribute("DicomRtImport.DoseVolume", "1")
    item = tree.CreateItem(planted.items["other study"], dose)
    tree.SetItemUID(item, "DICOM", DOSE_SERIES_UID)
    tree.SetItemAttribute(item, "DICOM.ReferencedInstanceUIDs", " ".join(CT_UIDS))
    planted.nodes["dose"], planted.items["dose"] = dose, item


def _add_segmentation(planted: Planted) -> None:
    """Add segments with IDs, names, tags and terms that a person gave; outside of the tree."""
    word, ct = planted.word, planted.nodes["ct"]
    node = planted.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", word("segmentation name"))
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(ct.GetTransformNodeID())
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    segmentation = node.GetSegmentation()
    masks = {}
    for number, (segment_id, name) in enumerate(
        [
            (word("segment id"), word("segment name")),
            ("lung", "Lung_L"),
            ("Segment_3", word("second segment name")),
        ]
    ):
        segmentation.AddEmptySegment(segment_id, name, (0.1, 0.2, 0.1 * number))
        mask = np.zeros(CT_SHAPE, np.uint8)
        mask[2 * number : 2 * number + 2, 1:4, 1:3] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment_id, ct)
        masks[segment_id] = mask
    first, _, third = masks
    segmentation.GetSegment(first).SetTag("note", word("segment tag"))
    segmentation.GetSegment(third).SetTag("Segmentation.Status", "completed")
    code = "SCT^1^x"
    entry = f"{word('terminology')}~{code}~{code}~^^~~^^~^^"
    segmentation.GetSegment(first).SetTag("TerminologyEntry", entry)
    display = node.GetDisplayNode()
    display.SetSegmentVisibility(first, False)
    display.SetSegmentOpacity3D(third, 0.25)
    editor = planted.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode", "item a1b2c3")
    editor.SetAndObserveSegmentationNode(node)
    editor.SetSelectedSegmentID(first)
    planted.nodes |= {"segmentation": node, "editor": editor}


def _add_landmarks(planted: Planted) -> None:
    word, tree = planted.word, hierarchy_of(planted.scene)
    node = planted.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", word("landmarks name"))
    node.AddControlPoint((1.0, 2.0, 3.0), word("point label"))
    node.SetNthControlPointDescription(0, word("point description"))
    node.SetControlPointLabelFormat(word("label format") + "-%d")
    tree.CreateItem(planted.items["study"], node)
    planted.nodes["landmarks"] = node


def _add_label_map(planted: Planted) -> None:
    """Add a label map with a colour table of its own, whose entries are structures' names."""
    word = planted.word
    node = slicer.util.addVolumeFromArray(
        numbered(dtype="uint8"),
        name=word("label map name"),
        nodeClassName="vtkMRMLLabelMapVolumeNode",
    )
    colours = planted.scene.AddNewNodeByClass("vtkMRMLColorTableNode", word("colour table name"))
    colours.SetTypeToUser()
    colours.SetNumberOfColors(2)
    colours.SetColor(0, 0, 0, 0)
    colours.SetColor(1, 1, 0, 0)
    colours.SetColorName(0, word("colour name"))
    colours.SetColorName(1, planted.needles["segment name"])
    node.GetDisplayNode().SetAndObserveColorNodeID(colours.GetID())
    hierarchy_of(planted.scene).CreateItem(planted.items["study"], node)
    planted.nodes |= {"label map": node, "colours": colours}


def add_address(planted: Planted) -> None:
    """Let the CT come from an address; the scene can then be saved as text only."""
    storage = planted.nodes["ct"].GetStorageNode()
    storage.SetURI(f"file:///data/{planted.word('address')}/ct.nrrd")


def add_sequence(planted: Planted) -> Any:
    """Add a sequence that the CT is shown from, with two time points; return the sequence."""
    scene, word = planted.scene, planted.word
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", word("sequence name"))
    for time_point in ("0", "1"):
        node = add_ct(scene, name=word(f"time point {time_point}"))
        node.SetAttribute("Site.Note", word(f"note of time point {time_point}"))
        sequence.SetDataNodeAtValue(node, time_point)
        scene.RemoveNode(node)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", word("browser name"))
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    own = browser.GetProxyNode(sequence)
    browser.SetOverwriteProxyName(sequence, False)
    browser.AddProxyNode(planted.nodes["ct"], sequence, False)
    scene.RemoveNode(own)  # the one that the browser made by itself
    return sequence


def add_table(planted: Planted, cell: str) -> Any:
    """Add a table with one cell to the study."""
    node = planted.scene.AddNewNodeByClass("vtkMRMLTableNode", planted.word("table name"))
    column = vtk.vtkStringArray()
    column.SetName("volume")
    column.InsertNextValue(cell)
    node.AddColumn(column)
    hierarchy_of(planted.scene).CreateItem(planted.items["study"], node)
    return node


def add_protected(scene: Any) -> Planted:
    """Add a study as Slicer makes it from our protected files; there is no needle in it."""
    study = Planted(scene)
    tree = hierarchy_of(scene)
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), f"{PSEUDONYM} ({PSEUDONYM})")
    tree.SetItemUID(patient, "DICOM", PSEUDONYM)
    for name, value in {
        "DICOM.PatientName": PSEUDONYM,
        "DICOM.PatientID": PSEUDONYM,
        "DICOM.PatientBirthDate": "",
        "DICOM.PatientSex": "",
        "DICOM.PatientComments": "",
    }.items():
        tree.SetItemAttribute(patient, name, value)
    study_item = tree.CreateStudyItem(patient, "No study description ()")
    tree.SetItemUID(study_item, "DICOM", "2.25.11")
    tree.SetItemAttribute(study_item, "DICOM.StudyDescription", "No study description")
    tree.SetItemAttribute(study_item, "StudyInstanceUID", "2.25.11")
    tree.SetItemAttribute(study_item, "DICOM.StudyDate", "")
    ct = add_ct(scene, name="2: Unnamed Series")
    uids = " ".join(f"2.25.{100 + k}" for k in range(CT_SHAPE[0]))
    ct.SetAttribute("DICOM.instanceUIDs", uids)
    item = tree.CreateItem(study_item, ct)
    tree.SetItemUID(item, "DICOM", "2.25.12")
    tree.SetItemUID(item, "DICOMInstanceUID", uids)
    tree.SetItemAttribute(item, "DICOM.Modality", "CT")
    tree.SetItemAttribute(item, "DICOM.SeriesNumber", "2")
    tree.SetItemAttribute(item, "DICOM.FrameOfReferenceUID", "1.2.840.10008.1.4.1.1")
    study.nodes["ct"] = ct
    study.items = {"patient": patient, "study": study_item, "ct": item}
    return study
