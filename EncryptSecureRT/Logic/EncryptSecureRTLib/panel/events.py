"""What happens to the panel, with what is told of it; made by the session, folded by `reduce`."""

from dataclasses import dataclass

from EncryptSecureRTLib.panel.phases import Kind
from EncryptSecureRTLib.panel.state import CheckRow, Notice, Outcome, Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; what else is known of it is in its kind of event.

    Attributes
    ----------
    at_s : when, on the session's clock.
    """

    kind: Kind
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Event):
    """A line of the check came."""

    row: CheckRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Event):
    """A worker passed or was refused; a refusal has its notice."""

    trust: Trust | None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Event):
    """Something ended without a result: cancelled, with an error, or out of reach."""

    notice: Notice
    job: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Event):
    """A stage begins or goes on.

    Attributes
    ----------
    fraction : of the whole job, None where nobody knows.
    """

    stage: str = ""
    fraction: float | None = None
    done_bytes: int = 0
    total_bytes: int = 0
    place: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken(Event):
    """The worker has taken the job."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Away(Event):
    """The worker is away, or has no place, and is tried again."""

    attempt: int
    retry_in_s: float
    is_busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Results(Event):
    """Results have come, or are in the scene."""

    outcome: Outcome
    notice: Notice | None = None
