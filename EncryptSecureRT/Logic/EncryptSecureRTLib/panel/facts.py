"""The facts of what is chosen in the scene, for `validate` and in words for the panel."""

from typing import Any

from EncryptSecureRTLib.panel.messages import megabytes
from EncryptSecureRTLib.panel.state import Allowed
from EncryptSecureRTLib.panel.tasks import TaskSpec
from EncryptSecureRTLib.panel.validate import Form
from EncryptSecureRTLib.panel.words import _
from EncryptSecureRTLib.scene.geometry import ParentTransform
from EncryptSecureRTLib.scene.segmentations import is_empty
from EncryptSecureRTLib.scene.study import StudyState, study_state
from EncryptSecureRTLib.scene.volumes import VolumeFacts, volume_facts

_LIMIT_BYTES = 4 * 2**30  # of one object, where no worker was asked yet


def limit_bytes() -> int:
    """Return the most octets of one object where no worker was asked yet."""
    return _LIMIT_BYTES


def form_of(
    task: TaskSpec, ct: Any, output: Any, structures: tuple[str, ...], offer: Allowed | None
) -> Form:
    """Return the facts of a choice; `ct` and `output` are nodes or None."""
    return Form(
        task=task,
        volume=None if ct is None else volume_facts(ct),
        study=StudyState.NONE if ct is None else study_state(ct),
        structures=structures,
        offer=offer,
        limit_bytes=_LIMIT_BYTES,
        output_is_input=output is not None and output is ct,
        output_used=output is not None and not is_empty(output),
    )


def volume_words(facts: VolumeFacts | None) -> str:
    """Return grid and size of a volume, and what its transform means for the job."""
    if facts is None or facts.shape is None:
        return ""
    k, j, i = facts.shape
    spacing = " x ".join(f"{mm:.3g}" for mm in facts.spacing_mm[::-1])
    words = _("{shape} voxels, {spacing} mm, {size} to send").format(
        shape=f"{i} x {j} x {k}", spacing=spacing, size=megabytes(facts.sent_bytes)
    )
    if facts.transform is ParentTransform.LINEAR:
        words += "\n" + _("Its linear transform is applied; the result lies where the CT lies.")
    return words


def study_words(study: StudyState | None) -> str:
    """Return how the study of the chosen volume stands in the scene."""
    return {
        None: _("No study"),
        StudyState.NONE: _("No study: the volume names no patient"),
        StudyState.PROTECTED: _("Study: sealed"),
        StudyState.CLEAR: _("Study: in clear. The scene shows whose it is."),
    }[study]
