"""The panel's tasks as data: what a task takes, gives and is called. No widget knows one by name.

A task appears in the panel when its description stands here, and can be used when the worker offers
it to this user.
"""

from dataclasses import dataclass

from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.volumes import DOSE_ATTRIBUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """A node that a task takes or makes.

    Attributes
    ----------
    key : name of the parameter node's field and, with `Selector`, of the widget.
    label : what stands before the selector; `&` before the letter that leads to it.
    node_class : class of nodes that the selector offers.
    marked : offer only nodes that have this attribute; empty for all of the class.
    optional : whether the task can do without it.
    """

    key: str
    label: str
    node_class: str
    help: str
    marked: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureSpec:
    """A structure that a task can be asked for: its key on the wire and its TG-263 name."""

    key: str
    label: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One task.

    Attributes
    ----------
    key : the worker's word for it.
    verb : what the Apply button says.
    allowed_for : how a refusal of the right names it: "does not allow segmentation".
    structures : what can be asked for, of a task that finds structures.
    """

    key: str
    title: str
    verb: str
    allowed_for: str
    inputs: tuple[NodeSpec, ...]
    structures: tuple[StructureSpec, ...]
    outputs: tuple[NodeSpec, ...]


SEGMENT = TaskSpec(
    key="segment",
    title=_("Segment"),
    verb=_("Segment in TEE"),
    allowed_for=_("segmentation"),
    inputs=(
        NodeSpec(
            key="ct",
            label=_("In&put CT"),
            node_class="vtkMRMLScalarVolumeNode",
            help=_("The CT to be segmented. Its voxels go to the worker, sealed."),
        ),
    ),
    structures=(
        StructureSpec(key="body", label="External", words=_("body without the table")),
        StructureSpec(key="lung_left", label="Lung_L", words=_("left lung")),
        StructureSpec(key="lung_right", label="Lung_R", words=_("right lung")),
        StructureSpec(key="skeleton", label="Bone", words=_("skeleton")),
    ),
    outputs=(
        NodeSpec(
            key="segmentation",
            label=_("Se&gmentation"),
            node_class="vtkMRMLSegmentationNode",
            help=_("Where the structures go. A new node is made unless you choose one."),
        ),
    ),
)
_VOLUME, _SEGMENTATION = "vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode"
COMPARE = TaskSpec(
    key="dose_compare",
    title=_("Compare doses"),
    verb=_("Compare in TEE"),
    allowed_for=_("dose comparison"),
    inputs=(
        NodeSpec(
            key="referenceDose",
            label=_("Reference dose (&1)"),
            node_class=_VOLUME,
            marked=DOSE_ATTRIBUTE,
            help=_("The dose that is trusted, usually planned or measured. It is sent, sealed."),
        ),
        NodeSpec(
            key="evaluatedDose",
            label=_("Evaluated dose (&2)"),
            node_class=_VOLUME,
            marked=DOSE_ATTRIBUTE,
            help=_("The dose that is judged by the reference. It is sent, sealed."),
        ),
        NodeSpec(
            key="background",
            label=_("CT, back&ground"),
            node_class=_VOLUME,
            optional=True,
            help=_("What the results are shown over. It is not sent."),
        ),
        NodeSpec(
            key="doseStructures",
            label=_("Str&uctures"),
            node_class=_SEGMENTATION,
            optional=True,
            help=_("Structures to judge one by one. Their shapes are sent, their names are not."),
        ),
    ),
    structures=(),
    outputs=(
        NodeSpec(
            key="gammaVolume",
            label=_("Gamma (&6)"),
            node_class=_VOLUME,
            help=_("Where gamma goes. A new volume is made unless you choose an empty one."),
        ),
        NodeSpec(
            key="differenceVolume",
            label=_("Difference (&7)"),
            node_class=_VOLUME,
            help=_(
                "Where evaluated - reference goes. A new volume unless you choose an empty one."
            ),
        ),
    ),
)
TASKS = (SEGMENT, COMPARE)
