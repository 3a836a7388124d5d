"""VTK observers of a widget: nobody keeps anybody alive, and they are gone when the widget is.

VTK holds what it calls, and would call a widget that Qt has deleted. The other way round, a scene
that was closed gives its old subject hierarchy as long as somebody holds that node.
"""

import weakref
from collections.abc import Callable
from typing import Any

import vtk


class Observations:
    """What a widget observes.

    Parameters
    ----------
    owner : QObject
        Its destruction removes the observers.
    """

    def __init__(self, owner: Any) -> None:
        self._tags: list[tuple[Any, int]] = []
        # A closure, since Qt would hold a method of ours only weakly.
        owner.destroyed.connect(lambda *_: self.let_go())

    def observe(self, subject: Any, event: int, method: Callable[[], object]) -> None:
        """Call a method of the owner, without arguments, at an event."""
        reference = weakref.WeakMethod(method)

        def call(caller: Any, name: str) -> None:
            bound = reference()
            if bound is not None:
                bound()

        self._keep(subject, subject.AddObserver(event, call))

    def observe_itself(self, subject: Any, event: int, method: Callable[[Any], object]) -> None:
        """Call a method of the owner with what is observed."""
        reference = weakref.WeakMethod(method)

        def call(caller: Any, name: str) -> None:
            bound = reference()
            if bound is not None:
                bound(caller)

        self._keep(subject, subject.AddObserver(event, call))

    def observe_node(self, scene: Any, event: int, method: Callable[[Any], object]) -> None:
        """Call a method of the owner with the node that an event of the scene is about."""
        reference = weakref.WeakMethod(method)

        def call(caller: Any, name: str, node: Any) -> None:
            bound = reference()
            if bound is not None:
                bound(node)

        call.CallDataType = vtk.VTK_OBJECT  # type: ignore[attr-defined] # VTK looks for it there
        self._keep(scene, scene.AddObserver(event, call))

    def let_go(self) -> None:
        """Remove all observers."""
        for weak, tag in self._tags:
            subject = weak.Get()
            if subject is not None:
                subject.RemoveObserver(tag)
        self._tags.clear()

    def _keep(self, subject: Any, tag: int) -> None:
        weak = vtk.vtkWeakReference()
        weak.Set(subject)
        self._tags.append((weak, tag))
