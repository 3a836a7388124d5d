"""Clear names of this session: in memory only, for a while, and in no text of this program.

The scene has labels; whoever may see the patient's name sees it in the panel, which asks here.
What is kept is dropped by `forget` (scene closed, module unloaded, screen locked) and by time.
Python cannot overwrite a text in memory: dropped means that nothing here refers to it any more.

>>> names = ClearNames(keep_s=600.0)
>>> names.remember("CT a3f9c1", "Planted^Name")
>>> names.name_of("CT a3f9c1"), names
('Planted^Name', ClearNames(1 kept))
>>> names.forget()
>>> names.name_of("CT a3f9c1") is None
True
"""

import time
from collections.abc import Callable, Mapping
from typing import NoReturn


class ClearNames:
    """Label -> clear name, each for at most `keep_s` after it was remembered.

    Parameters
    ----------
    keep_s : float
        Seconds; looking a name up does not keep it longer.
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, keep_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep_s = keep_s
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}

    def remember(self, label: str, name: str) -> None:
        """Keep the clear name of a label, from now on."""
        self._kept[label] = (self._clock() + self._keep_s, name)

    def remember_all(self, names: Mapping[str, str]) -> None:
        """Keep clear names by their labels."""
        for label, name in names.items():
            self.remember(label, name)

    def name_of(self, label: str) -> str | None:
        """Return the clear name of a label, None if it is not known or not any more."""
        self._drop_old()
        _, name = self._kept.get(label, (0.0, None))
        return name

    def forget(self) -> None:
        """Drop all names."""
        self._kept.clear()

    def __len__(self) -> int:
        self._drop_old()
        return len(self._kept)

    def __repr__(self) -> str:
        return f"ClearNames({len(self)} kept)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("clear names are not written anywhere")

    def _drop_old(self) -> None:
        now = self._clock()
        self._kept = {label: kept for label, kept in self._kept.items() if now < kept[0]}
