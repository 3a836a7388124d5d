"""What the user of a `protect` job chooses: what becomes of dates, and who looked at the pixels."""

from dataclasses import dataclass
from enum import Enum


class Dates(Enum):
    """What becomes of the dates that an allow-list has as dates of research."""

    REMOVE = "remove"  # written empty or not at all
    SHIFT = "shift"  # moved by whole days, the same number for all of a patient


class PixelText(Enum):
    """Who says that the pixels hold no text."""

    JUDGED = "judged"  # the worker, by the header: pictures and screens are refused
    VOUCHED = "vouched"  # the user, who has looked at them


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What is chosen for all instances of a job."""

    dates: Dates = Dates.REMOVE
    pixels: PixelText = PixelText.JUDGED
