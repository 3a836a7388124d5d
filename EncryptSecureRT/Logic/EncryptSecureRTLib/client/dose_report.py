"""What a report of a dose comparison is made from, as page and as paper."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from EncryptSecureRTLib.client.dose_files import Volume
from EncryptSecureRTLib.client.dose_outcome import DoseOutcome
from EncryptSecureRTLib.client.dose_scene import DoseScene, Labels, scene_of

_UNDRAWN = "Pictures are left out: matplotlib, which draws them, is not installed here."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseReport:
    """An outcome with what is known on this computer alone.

    Attributes
    ----------
    can_draw : whether there is what draws pictures: Slicer does not bring it.
    labels : names of structures; without names of their own unless those may stand in files.
    scene : what can be drawn, None if there are no maps.
    notes : what was passed over in the inputs, in sentences.
    percent_gy : what isodoses in percent are of, None if that is not known.
    """

    outcome: DoseOutcome
    labels: Labels = field(repr=False)
    scene: DoseScene | None
    notes: tuple[str, ...]
    can_draw: bool = True
    percent_gy: float | None = None


def dose_report(
    outcome: DoseOutcome,
    labels: Labels,
    *,
    reference_gy: Volume | None = None,
    notes: Sequence[str] = (),
    percent_gy: float | None = None,
) -> DoseReport:
    """Return a report; without the reference dose no dose is drawn, only what was found."""
    if not can_draw():
        return DoseReport(
            outcome=outcome,
            labels=labels,
            scene=None,
            notes=(*notes, _UNDRAWN),
            can_draw=False,
            percent_gy=percent_gy,
        )
    scene = scene_of(outcome, reference_gy, labels)
    return DoseReport(
        outcome=outcome, labels=labels, scene=scene, notes=tuple(notes), percent_gy=percent_gy
    )


def can_draw() -> bool:
    """Tell whether matplotlib is there."""
    return find_spec("matplotlib") is not None
