"""What a user chooses for `protect`, in the words of the command line and of the task.

Light, since the parser of the command line reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from encryptsecurert_protocol.errors import ErrorCode

SCHEMA = "encryptsecurert.protect/2"


class Dates(Enum):
    """What becomes of dates in the clear part of a protected file."""

    REMOVE = "remove"
    SHIFT = "shift"


class Pictures(Enum):
    """What becomes of files whose pixels may show text about the patient."""

    REFUSE = "refuse"
    SEAL = "seal"
    """Sealed whole: nobody sees anything of them until they are revealed."""
    UNSAFE_KEEP = "unsafe-keep"
    """Kept in clear: the user vouches that no pixel holds text."""


DATES = tuple(one.value for one in Dates)
PICTURES = tuple(one.value for one in Pictures)
PICTURE_CODES = (ErrorCode.E_BURNED_IN, ErrorCode.E_HIDDEN_DATA, ErrorCode.E_MODALITY)
"""What is refused with one of these can be sealed whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectChoices:
    """How a study is protected.

    `all_or_nothing`: one file that cannot be protected is the end; nothing is written then.
    """

    dates: Dates = Dates.REMOVE
    pictures: Pictures = Pictures.REFUSE
    all_or_nothing: bool = False

    def parameters(self) -> Mapping[str, str]:
        """Return the parameters of the task `protect`."""
        vouched = self.pictures is Pictures.UNSAFE_KEEP
        return {
            "schema": SCHEMA,
            "dates": self.dates.value,
            "pixels": "vouched" if vouched else "judged",
        }
