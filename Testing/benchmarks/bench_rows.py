"""One line of the table that `make bench` prints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, the figure with its unit, the bar, and whether it is reached."""

    what: str
    figure: str
    bar: str
    reached: bool
