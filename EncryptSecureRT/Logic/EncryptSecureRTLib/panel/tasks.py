"""The panel's tasks as data: what a task takes, gives and is called. No widget knows one by name.

A task appears in the panel when its description stands here, and can be used when the worker offers
it to this user.
"""

from dataclasses import dataclass

from EncryptSecureRTLib.panel.words import _


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """A node that a task takes or makes.

    Attributes
    ----------
    key : name of the parameter node's field and, with `Selector`, of the widget.
    label : what stands before the selector; `&` before the letter that leads to it.
    node_class : class of nodes that the selector offers.
    """

    key: str
    label: str
    node_class: str
    help: str


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
    key : the worker's and the client's word for it.
    verb : what the Apply button says.
    allowed_for : how a refusal of the right names it: "does not allow segmentation".
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
TASKS = (SEGMENT,)
