"""What structures are called outside of the panel's table: never as a person called them."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from Testing.host.load import Host

_CASES = {
    "standard names stay": (["PTV_5000", "SpinalCord"], ["PTV_5000", "SpinalCord"]),
    "a person's are numbered": (["Heart", "PTV of Mrs Planted"], ["Heart", "ROI_2"]),
    "a name that comes twice": (["Heart", "Heart"], ["Heart", "ROI_2"]),
    "a number that is taken": (["ROI_2", "mine"], ["ROI_2", "Segment_2"]),
    "both are taken": (["ROI_3", "Segment_3", "mine"], ["ROI_3", "Segment_3", "ROI_6"]),
}


@pytest.mark.parametrize("case", _CASES)
def test_each_structure_has_one_label_that_tells_nothing(host: "Host", case: str) -> None:
    from EncryptSecureRTLib.panel.doselabels import harmless_labels
    from EncryptSecureRTLib.scene.structure_masks import SegmentFacts

    names, expected = _CASES[case]
    segments = {
        number: SegmentFacts(segment_id=f"id{number}", name=name, rgb=(1, 2, 3))
        for number, name in enumerate(names, 1)
    }

    labels = harmless_labels(segments)

    assert list(labels) == [*range(1, len(names) + 1)]
    assert list(labels.values()) == expected
