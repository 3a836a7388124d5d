"""What the panel can be doing, and what can happen to it: the words of the state table."""

from enum import Enum


class Phase(Enum):
    """What the panel is doing."""

    UNCONFIGURED = "unconfigured"
    UNCHECKED = "unchecked"
    CHECKING = "checking"
    REFUSED = "refused"
    READY = "ready"
    PREPARING = "preparing"
    UPLOADING = "uploading"
    QUEUED = "queued"
    RUNNING = "running"
    DOWNLOADING = "downloading"
    LOADING = "loading"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    CLOSED = "closed"


class Kind(Enum):
    """What can happen."""

    CONFIGURED = "address and client folder are there, or others than before"
    INCOMPLETE = "address or client folder is missing or wrong"
    TEST = "Test connection was pressed"
    APPLY = "Apply was pressed, and nothing is missing"
    CANCEL = "Cancel was pressed"
    RECONNECT = "Reconnect was pressed"
    LINE = "a line of the check came"
    PASSED = "the worker is what the policy asks for"
    REFUSED = "attestation or policy refused the worker"
    PREPARED = "so much is ready to be sent"
    JOB = "the worker has taken the job"
    UPLOAD = "sending begins"
    SENT = "so much is sent"
    QUEUED = "the job waits at a place"
    STARTED = "the worker computes"
    PROGRESS = "the worker tells how far it is"
    WAITING = "the connection is gone, the client tries again"
    FETCH = "results are being fetched"
    RESULT = "results are there, and the receipt verified"
    LOADED = "results are in the scene"
    CANCELLED = "the client has ended because it was asked to"
    FAULT = "the client, or the loading, has ended with an error"
    LOST = "the client has given up, the job goes on"
    LATE = "the client was asked to end and has not"
    SCENE_CLOSED = "the scene was closed"
    INPUT_REMOVED = "the input node was removed"
    CLOSED = "the module is unloaded"


class Effect(Enum):
    """What is to be done when something has happened."""

    START_CHECK = "start the child for the check"
    START_JOB = "freeze the parameters and start the child for the job"
    START_FETCH = "start the child that finds the job again"
    START_CANCEL = "start the child that tells the worker to end the job"
    GO_ON = "press Apply, if it waits for this check"
    ASK_CHILD = "ask the child to end"
    END_CHILD = "end the child now"
    LOAD = "load the results into the scene"
    TIDY = "remove what loading needed and nobody needs any more"
    DROP = "remove half-made nodes and all files of the run"


IDLE = frozenset(
    {
        Phase.UNCONFIGURED,
        Phase.UNCHECKED,
        Phase.REFUSED,
        Phase.READY,
        Phase.DONE,
        Phase.FAILED,
    }
)
"""Nothing runs: address, inputs and options can be changed."""

AT_WORK = frozenset(
    {
        Phase.PREPARING,
        Phase.UPLOADING,
        Phase.QUEUED,
        Phase.RUNNING,
        Phase.DOWNLOADING,
    }
)
"""A job is on its way, and Cancel ends it."""
