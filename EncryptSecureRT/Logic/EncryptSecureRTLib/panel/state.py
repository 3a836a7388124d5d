"""All that the panel shows, as one frozen value; widgets hold nothing of it.

What the user types or chooses is not in it: that is in the parameter node and in the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from EncryptSecureRTLib.panel.compared import Compared
from EncryptSecureRTLib.panel.phases import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One line of Test connection; `ok` None means that it was not reached."""

    name: str
    ok: bool | None
    words: str
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the worker said that this user may do, and its bounds.

    Attributes
    ----------
    structures : for each task, the keys that can be asked for.
    object_bytes : most octets of one object.
    """

    structures: Mapping[str, tuple[str, ...]]
    object_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The newest verdict on a worker.

    Attributes
    ----------
    allowed : what the worker lets this user do, None if it did not say.
    verdict : what `attest.verdict` gave as JSON: rows, measurement, TCB status and the rest.
    """

    accepted: bool
    simulated: bool
    verdict: Mapping[str, Any] = field(repr=False)
    allowed: Allowed | None = None


class Tone(Enum):
    """What a notice is: it decides its icon and colour."""

    GOOD = "good"
    INFO = "info"
    BAD = "bad"


class Offer(Enum):
    """What a notice offers to do at once, beside its details."""

    SEAL_STUDY = "seal this study"
    CANCEL_JOB = "cancel the job"
    SHOW_RESULT = "show"
    SHOW_MAPS = "show the maps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What happened and what to do, until it is dismissed or the next Apply.

    Attributes
    ----------
    details : lines for whoever helps: the error's code, ids, the child's last words.
    """

    tone: Tone
    what: str
    todo: str = ""
    code: str = ""
    details: tuple[str, ...] = ()
    offer: Offer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """One row of the result: its key and label, its volume, what is odd about it."""

    key: str
    label: str
    colour: tuple[int, int, int]
    volume_cc: float
    empty: bool = False
    touches_border: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What became of a study that was protected.

    Attributes
    ----------
    uids : clear UID -> protected UID; held no longer than the scene needs it.
    """

    folder: str = field(repr=False)
    instances: int
    pseudonym: str
    uids: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a job gave, after its receipt verified.

    Attributes
    ----------
    sealed : of a study that was protected, None for other jobs.
    compared : of two doses that were compared, None for other jobs.
    revealed : keyword -> value of a study that was asked for; taken out by whoever shows it.
    outputs : (name, SHA-256) of each result, as the receipt names them.
    """

    structures: tuple[Structure, ...]
    warnings: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    receipt_sha256: str
    simulated: bool
    took_s: float
    verdict: Mapping[str, Any] = field(repr=False)
    node_id: str = ""
    sealed: Sealed | None = None
    compared: Compared | None = None
    revealed: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How far the present job is; times are on the session's clock."""

    started_at_s: float = 0.0
    stage: str = ""
    stage_at_s: float = 0.0
    running_since_s: float = 0.0
    fraction: float | None = None
    done_bytes: int = 0
    total_bytes: int = 0
    place: int = 0
    job: str = ""
    attempt: int = 0
    retry_in_s: float = 0.0
    worker_is_busy: bool = False
    ended_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelState:
    """What the panel is doing and what it knows.

    Attributes
    ----------
    go_on : whether Apply waits for the check that runs.
    """

    phase: Phase = Phase.UNCONFIGURED
    go_on: bool = False
    rows: tuple[CheckRow, ...] = ()
    trust: Trust | None = None
    run: Run = Run()
    notice: Notice | None = None
    outcome: Outcome | None = None
