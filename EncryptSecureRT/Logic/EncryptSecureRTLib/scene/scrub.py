"""One node without what identifies: name, description, attributes, files, and what its class has.

Text that somebody wrote as content (a table, a text node, a module's parameters) is not touched:
only a person can say what it is for.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from EncryptSecureRTLib.scene.attributes import UidMap
from EncryptSecureRTLib.scene.labels import Labels
from EncryptSecureRTLib.scene.landmarks import label_landmarks
from EncryptSecureRTLib.scene.mrml import Node, slicer
from EncryptSecureRTLib.scene.neutral import Kind, is_neutral
from EncryptSecureRTLib.scene.segments import clean_segments
from EncryptSecureRTLib.scene.texts import TITLES, file_names_of, tells_any
from EncryptSecureRTLib.scene.titles import is_harmless_title
from EncryptSecureRTLib.scene.volumes import is_dose

MODALITY_KINDS: Mapping[str, Kind] = MappingProxyType(
    {"CT": Kind.CT, "MR": Kind.MR, "PT": Kind.PET}
)
_KINDS = (  # the first that fits: subclasses before their bases
    ("vtkMRMLSegmentationNode", Kind.SEGMENTATION),
    ("vtkMRMLLabelMapVolumeNode", Kind.LABEL_MAP),
    ("vtkMRMLVolumeNode", Kind.VOLUME),
    ("vtkMRMLMarkupsNode", Kind.POINTS),
    ("vtkMRMLTransformNode", Kind.TRANSFORM),
    ("vtkMRMLModelNode", Kind.MODEL),
    ("vtkMRMLTableNode", Kind.TABLE),
    ("vtkMRMLPlotChartNode", Kind.CHART),
    ("vtkMRMLPlotSeriesNode", Kind.CURVE),
    ("vtkMRMLTextNode", Kind.TEXT),
    ("vtkMRMLSequenceNode", Kind.SEQUENCE),
    ("vtkMRMLSequenceBrowserNode", Kind.SEQUENCE),
    ("vtkMRMLColorNode", Kind.COLOURS),
    ("vtkMRMLDisplayNode", Kind.DISPLAY),
    ("vtkMRMLStorageNode", Kind.FILE),
)
_CODES = MappingProxyType(  # (value, scheme) -> meaning, as the standard writes it
    {
        ("[hnsf'U]", "UCUM"): "Hounsfield unit",
        ("Gy", "UCUM"): "Gray",
        ("cGy", "UCUM"): "centigray",
        ("1", "UCUM"): "no units",
        ("112031", "DCM"): "Attenuation Coefficient",
        ("110852", "DCM"): "MR signal intensity",
        ("128303", "DCM"): "Absorbed Dose",
        ("gamma", "99ESRT"): "gamma index",
    }
)


def kind_of(node: Node, modality: str = "") -> Kind:
    """Return the first word of a node's neutral name; `modality` is DICOM's, if it is known."""
    if node.IsA("vtkMRMLVolumeNode") and is_dose(node):
        return Kind.DOSE
    kind = next((kind for name, kind in _KINDS if node.IsA(name)), Kind.ITEM)
    return MODALITY_KINDS.get(modality, kind) if kind is Kind.VOLUME else kind


def clean_node(node: Node, kind: Kind, labels: Labels, uids: UidMap) -> None:
    """Leave nothing on a node that identifies, but for content that somebody wrote."""
    labels.node(node, kind)
    node.SetDescription(None)
    for name in node.GetAttributeNames():
        node.SetAttribute(name, uids.cleaned(name, node.GetAttribute(name)))
    for class_name, clean in _CLEANERS:
        if node.IsA(class_name):
            clean(node, labels, uids)


def drop_words(node: Node, needles: Collection[str], labels: Labels) -> None:
    """Take the needles out of a node that stands elsewhere; all else of it stays as it is."""
    if tells_any(node.GetName() or "", needles):
        labels.node(node, kind_of(node))
    if tells_any(node.GetDescription() or "", needles):
        node.SetDescription(None)
    for name in node.GetAttributeNames():
        if tells_any(f"{name} {node.GetAttribute(name)}", needles):
            node.SetAttribute(name, None)
    if node.IsA("vtkMRMLStorageNode") and any(tells_any(f, needles) for f in file_names_of(node)):
        _forget_files(node)
    if node.IsA("vtkMRMLSequenceNode"):
        for n in range(node.GetNumberOfDataNodes()):
            drop_words(node.GetNthDataNode(n), needles, labels)


def _forget_files(node: Node) -> None:
    node.ResetFileNameList()
    node.SetFileName("")
    node.ResetURIList()
    node.SetURI(None)


def _clean_storage(node: Node, labels: Labels, uids: UidMap) -> None:
    _forget_files(node)


def _clean_segmentation(node: Node, labels: Labels, uids: UidMap) -> None:
    clean_segments(node, labels)


def _clean_markups(node: Node, labels: Labels, uids: UidMap) -> None:
    label_landmarks(node)


def _clean_volume(node: Node, labels: Labels, uids: UidMap) -> None:
    node.SetVoxelValueQuantity(_known_code(node.GetVoxelValueQuantity()))
    node.SetVoxelValueUnits(_known_code(node.GetVoxelValueUnits()))


def _known_code(entry: Node) -> Node:
    """Return a coded entry that is known, with the standard's words; else None."""
    if entry is None:
        return None
    code = (entry.GetCodeValue(), entry.GetCodingSchemeDesignator())
    if code not in _CODES:
        return None
    plain = slicer.vtkCodedEntry()
    plain.SetValueSchemeMeaning(*code, _CODES[code])
    return plain


def _clean_colours(node: Node, labels: Labels, uids: UidMap) -> None:
    for n in range(node.GetNumberOfColors()):
        name = node.GetColorName(n) or ""
        if not is_neutral(name):  # the numbers of a scale stay
            node.SetColorName(n, labels.structure(name))


def _clean_titles(node: Node, labels: Labels, uids: UidMap) -> None:
    for what in TITLES[node.GetClassName()]:
        if not is_harmless_title(getattr(node, f"Get{what}")() or ""):
            getattr(node, f"Set{what}")("")


def _clean_sequence(node: Node, labels: Labels, uids: UidMap) -> None:
    for n in range(node.GetNumberOfDataNodes()):
        data = node.GetNthDataNode(n)
        clean_node(data, kind_of(data), labels, uids)


_Cleaner = Callable[[Node, Labels, UidMap], None]
_CLEANERS: tuple[tuple[str, _Cleaner], ...] = (
    ("vtkMRMLStorageNode", _clean_storage),
    ("vtkMRMLSegmentationNode", _clean_segmentation),
    ("vtkMRMLMarkupsNode", _clean_markups),
    ("vtkMRMLScalarVolumeNode", _clean_volume),
    ("vtkMRMLColorTableNode", _clean_colours),
    ("vtkMRMLColorLegendDisplayNode", _clean_titles),
    ("vtkMRMLPlotChartNode", _clean_titles),
    ("vtkMRMLSequenceNode", _clean_sequence),
)
