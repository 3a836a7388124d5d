"""The one door to Slicer's packages: untyped names for typed code, and batches of changes.

`slicer` and `vtk` come without types. They are `Any` from here on, and functions say in their
docstrings which kind of node they take.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

# By name, so that type checkers ask for no stubs: whether there are some differs by machine.
slicer: Any = import_module("slicer")
vtk: Any = import_module("vtk")

Node = Any
"""A MRML node; the docstring of its user says of which class."""
Scene = Any
"""A vtkMRMLScene."""


@contextmanager
def batch(scene: Scene) -> Iterator[None]:
    """Hold back updates of views and lists until the block is left, however it is left.

    Nothing may wait for events inside: the application would show a scene that is half changed.
    """
    scene.StartState(scene.BatchProcessState)
    try:
        yield
    finally:
        scene.EndState(scene.BatchProcessState)


@contextmanager
def whole_or_not_at_all(scene: Scene) -> Iterator[None]:
    """Remove every node that was added in the block if the block fails; a batch of changes."""
    before = {node.GetID() for node in nodes_of_class(scene)}
    with batch(scene):
        try:
            yield
        except BaseException:
            for node in nodes_of_class(scene):
                if node.GetID() not in before and in_scene(node, scene):
                    scene.RemoveNode(node)
            raise


def in_scene(node: Node, scene: Scene) -> bool:
    """Whether the node is there and part of the scene."""
    return node is not None and bool(scene.IsNodePresent(node))


def nodes_of_class(scene: Scene, class_name: str = "vtkMRMLNode") -> list[Node]:
    """Return the scene's nodes of a class and its subclasses, hidden ones too."""
    found = scene.GetNodesByClass(class_name)
    found.UnRegister(None)  # the collection is the caller's, and nothing else lets go of it
    return list(found)
