"""Which nodes of a scene a selector shows, by the rules of Slicer's qMRMLSortFilterProxyModel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFilter:
    """A choice of nodes.

    Attributes
    ----------
    node_types : tuple of str
        Class names; derived classes count too. None at all means every type.
    hidden_types : tuple of str
        Derived classes that do not count.
    derived_too : bool
        Whether nodes of derived classes are shown.
    hidden_too : bool
        Whether nodes are shown that hide from editors.
    attributes : mapping
        By class name, an attribute that a node must have and its value, None for any.
    """

    node_types: tuple[str, ...] = ()
    hidden_types: tuple[str, ...] = ()
    derived_too: bool = True
    hidden_too: bool = False
    attributes: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)

    def accepts(self, node: Any) -> bool:
        """Whether a node is shown. The first type that it is of decides on its attribute."""
        if node.GetHideFromEditors() and not self.hidden_too:
            return False
        if not self.node_types:
            return True
        kinds = [kind for kind in self.node_types if node.IsA(kind)]
        if not self.derived_too:
            kinds = [kind for kind in kinds if kind == node.GetClassName()]
        if not kinds or any(node.IsA(hidden) for hidden in self.hidden_types):
            return False
        if kinds[0] not in self.attributes:
            return True
        name, value = self.attributes[kinds[0]]
        present = node.GetAttribute(name)
        return present is not None and value in (None, present)

    def nodes(self, scene: Any) -> Iterator[Any]:
        """Yield the nodes of a scene that are shown, in its order; nothing without a scene."""
        return (node for node in all_nodes(scene) if self.accepts(node))


def all_nodes(scene: Any) -> Iterator[Any]:
    """Yield every node of a scene, nothing without a scene."""
    count = 0 if scene is None else scene.GetNumberOfNodes()
    yield from [scene.GetNthNode(index) for index in range(count)]
