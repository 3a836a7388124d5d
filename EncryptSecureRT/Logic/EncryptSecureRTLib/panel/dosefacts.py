"""The facts of chosen doses and structures, for `validate_doses` and in words for the panel."""

from typing import Any

from EncryptSecureRTLib.panel.comparing import DoseNodes
from EncryptSecureRTLib.panel.criteria import Criteria
from EncryptSecureRTLib.panel.facts import limit_bytes
from EncryptSecureRTLib.panel.state import Allowed
from EncryptSecureRTLib.panel.validate_doses import DoseForm
from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.dose_maps import takes_a_map
from EncryptSecureRTLib.scene.doses import DoseFacts, dose_facts
from EncryptSecureRTLib.scene.geometry import ParentTransform, parent_transform
from EncryptSecureRTLib.scene.structure_masks import segment_facts
from EncryptSecureRTLib.scene.study import StudyState, study_state


def dose_form_of(nodes: DoseNodes, criteria: Criteria, offer: Allowed | None) -> DoseForm:
    """Return the facts of a choice; any of the nodes may be None."""
    doses = (nodes.reference, nodes.evaluated)
    outputs = [node for node in (nodes.gamma, nodes.difference) if node is not None]
    inputs = [node for node in doses if node is not None]
    structures = nodes.structures
    return DoseForm(
        reference=None if nodes.reference is None else dose_facts(nodes.reference),
        evaluated=None if nodes.evaluated is None else dose_facts(nodes.evaluated),
        same_node=nodes.reference is not None and nodes.reference is nodes.evaluated,
        studies=tuple(StudyState.NONE if d is None else study_state(d) for d in doses),
        criteria=criteria,
        offer=offer,
        limit_bytes=limit_bytes(),
        segments=None if structures is None else len(segment_facts(structures)),
        structures_transform=ParentTransform.NONE
        if structures is None
        else parent_transform(structures),
        output_is_input=any(node is dose for node in outputs for dose in inputs),
        output_used=any(not takes_a_map(node) and not _is_one(node, inputs) for node in outputs),
        same_output=nodes.gamma is not None and nodes.gamma is nodes.difference,
    )


def _is_one(node: Any, nodes: list[Any]) -> bool:
    return any(node is other for other in nodes)


def dose_words(facts: DoseFacts | None, node: Any) -> str:
    """Return unit, maximum, grid and transform of a dose: what is compared, before it is sent."""
    if facts is None or facts.volume.shape is None:
        return ""
    k, j, i = facts.volume.shape
    spacing = " x ".join(f"{mm:.3g}" for mm in facts.volume.spacing_mm[::-1])
    unit = _("Unknown unit") if facts.unit is None else facts.unit.value
    maximum = node.GetImageData().GetScalarRange()[1]  # VTK keeps it
    words = _("{unit}, max {maximum:.4g}, {shape} of {spacing} mm").format(
        maximum=maximum, unit=unit, shape=f"{i} x {j} x {k}", spacing=spacing
    )
    if facts.volume.transform is ParentTransform.LINEAR:
        words += "\n" + _("Its linear transform is applied.")
    return words


def structures_words(segments: int | None) -> str:
    """Return how many structures are compared one by one."""
    if segments is None:
        return ""
    return _("1 structure") if segments == 1 else _("{count} structures").format(count=segments)
