"""What structures are called in nodes and files: TG-263 names, or `ROI_n`, never a person's own."""

from collections.abc import Mapping

from EncryptSecureRTLib.scene.structure_masks import SegmentFacts
from EncryptSecureRTLib.scene.structures import is_harmless_structure


def harmless_labels(segments: Mapping[int, SegmentFacts]) -> dict[int, str]:
    """Return a label for each number, none twice: its own name if that tells nothing, else ROI_n.

    >>> harmless_labels({})
    {}
    """
    labels: dict[int, str] = {}
    for number, one in segments.items():
        if is_harmless_structure(one.name) and one.name not in labels.values():
            labels[number] = one.name
    for number in segments.keys() - labels.keys():
        free = (f"{word}_{number}" for word in ("ROI", "Segment"))
        label = next((name for name in free if name not in labels.values()), None)
        labels[number] = label or f"ROI_{len(segments) + number}"
    return {number: labels[number] for number in segments}
