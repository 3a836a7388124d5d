"""Neutral labels given out, and which clear name each of them stands for.

The clear names leave by `clear_names` only, for `names.ClearNames`; they are in no repr.

>>> structure_labels({1: "Lung_L", 2: "Lung_L", 7: "a person's", 3: None})
{1: 'Lung_L', 2: 'ROI_2', 7: 'ROI_7', 3: 'ROI_3'}
"""

from collections.abc import Mapping

from EncryptSecureRTLib.scene.mrml import Node
from EncryptSecureRTLib.scene.neutral import Kind, is_neutral, make_neutral
from EncryptSecureRTLib.scene.structures import is_harmless_curve, is_harmless_structure

PSEUDO_LABEL = "ROI_"
_UNSEEN = (Kind.DISPLAY, Kind.FILE, Kind.COLOURS)  # nobody asks what these were called


def structure_labels(names: Mapping[int, str | None]) -> dict[int, str]:
    """Return what structures are called in the scene, by number: each another label.

    A harmless name stays, for the first that has it. Others are `ROI_` and their number, or the
    first number that is free if that one is taken or too long to be harmless.
    """
    kept: dict[int, str] = {}
    for number, name in names.items():
        if name and is_harmless_structure(name) and name not in kept.values():
            kept[number] = name
    taken = set(kept.values())
    labels = {}
    for number in names:
        label = kept.get(number, f"{PSEUDO_LABEL}{number}")
        if number not in kept and (label in taken or not is_harmless_structure(label)):
            numbers = range(1, len(names) + 1 + len(taken))
            label = next(text for n in numbers if (text := f"{PSEUDO_LABEL}{n}") not in taken)
        taken.add(label)
        labels[number] = label
    return labels


class Labels:
    """Gives each structure one label, the same wherever it comes up, and each node its own.

    Parameters
    ----------
    first_number : int
        Of the first pseudo-label, above those that are in the scene already.
    """

    def __init__(self, first_number: int = 1) -> None:
        self._next = first_number
        self._structures: dict[str, str] = {}
        self._nodes: dict[str, str] = {}

    def structure(self, name: str) -> str:
        """Return the name that a structure may have: its own if it is harmless, else `ROI_n`."""
        if is_harmless_structure(name):
            return name
        if name not in self._structures:
            self._structures[name] = f"{PSEUDO_LABEL}{self._next}"
            self._next += 1
        return self._structures[name]

    def node(self, node: Node, kind: Kind, label: str | None = None) -> None:
        """Give a node a neutral name, or `label`; one that has a neutral name keeps it."""
        clear = node.GetName() or ""
        tells_nothing = is_neutral(clear) or is_harmless_curve(clear)
        if label is not None:
            node.SetName(label)
        elif not tells_nothing:
            make_neutral(node, kind)
        if not tells_nothing and kind not in _UNSEEN:
            self._nodes[node.GetName()] = clear

    @property
    def clear_names(self) -> dict[str, str]:
        """Label -> clear name of everything that was renamed."""
        return self._nodes | {label: name for name, label in self._structures.items() if name}

    def __repr__(self) -> str:
        return f"Labels({len(self._nodes)} nodes, {len(self._structures)} structures)"
