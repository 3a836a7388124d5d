"""Jobs from the client's side: order, follow, cancel, fetch, and believe only the receipt.

A job belongs to the worker once it was taken: a lost connection, a restart of the worker or the
end of this process leave it going. Its own command cancels it: when the user stops that, or when
it is the next one of a study and what is in front of it failed.
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode, error_from_name
from encryptsecurert_protocol.events import EndEvent, Event, decode_event
from encryptsecurert_protocol.fields import ID_BYTES, Fields
from encryptsecurert_protocol.jobs import JobHeader, JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.receipts import ReceiptBody
from encryptsecurert_protocol.results import RECEIPT_NAME, ResultKey, open_result
from encryptsecurert_protocol.sealing import HpkeKeyPair, random_octets
from encryptsecurert_protocol.signatures import Label, sign, signed_message
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.orders import Order, forget_order, prune_orders, write_order
from EncryptSecureRTLib.client.receipts import Judged, check_outputs, judge_receipt
from EncryptSecureRTLib.client.trust import open_verifier, utc_now
from EncryptSecureRTLib.client.unfinished import JobGoesOn
from EncryptSecureRTLib.client.upload import Content, Stop, upload

JOB_STATES = "|".join(state.value for state in JobState)
_LIFE = timedelta(hours=24)
_STOP_POLL_S = 0.1
_WORKERS_TRIED = 10
_LOST = (ErrorCode.E_UNREACHABLE, ErrorCode.E_TIMEOUT)
# Refusals that come after the worker's check for a repeated job: it does not know this one.
_NOT_TAKEN = (
    ErrorCode.E_REPLAY,
    ErrorCode.E_SITE,
    ErrorCode.E_TASK,
    ErrorCode.E_FORBIDDEN,
    ErrorCode.E_QUOTA,
    ErrorCode.E_INPUT_GONE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Results whose digests the verified receipt names."""

    results: Mapping[str, bytearray] = field(repr=False)
    receipt: bytes = field(repr=False)
    judged: Judged

    @property
    def body(self) -> ReceiptBody:
        """What the enclave said of the job."""
        return self.judged.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """What a caller hears while a job runs, and how it stops it."""

    stage: Callable[[str], None] = lambda stage: None
    sent: Callable[[int, int], None] = lambda done, total: None
    count: Callable[[int, int], None] = lambda done, total: None
    job: Callable[[str], None] = lambda job: None
    event: Callable[[Event], None] = lambda event: None
    stopped: Stop = lambda: False

    def end_if_stopped(self) -> None:
        """Raise E_CANCELLED if a stop was asked for."""
        if self.stopped():
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED)


def submit(
    channel: Line,
    home: ClientHome,
    task: str,
    inputs: Sequence[str],
    parameters: Mapping[str, Any],
) -> Order:
    """Upload the parameters, keep and sign an order, and have the worker take it.

    A worker that has restarted since takes no order for its former key: it gets a new one.

    Raises
    ------
    EncryptSecureRTError
        What the worker refuses; `JobGoesOn` if the connection was lost and stays lost, since the
        worker may have taken the job all the same.
    """
    content = Content([canonical.encode(parameters)])
    uploaded = upload(channel, home, ObjectKind.PARAMETERS, content)
    prune_orders(home, utc_now())
    for _ in range(_WORKERS_TRIED):
        order = _new_order(channel, task, inputs, uploaded.name)
        write_order(home, order)
        try:
            _send_order(channel, order)
            return order
        except EncryptSecureRTError as error:
            if error.code in _LOST:
                detail = "the job may have been taken; see the list of jobs"
                raise JobGoesOn(error.code, order.job, detail) from None
            if error.code in _NOT_TAKEN:
                forget_order(home, order.job)
            restarted = channel.statement.hpke_key_sha256 != order.header.worker
            if error.code is not ErrorCode.E_REPLAY or not restarted:
                raise
    raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE, "the worker restarts again and again")


def _new_order(channel: Line, task: str, inputs: Sequence[str], parameters: str) -> Order:
    user, bundle = channel.user, channel.statement.bundle
    if user is None:
        raise EncryptSecureRTError(ErrorCode.E_USER_KEY)
    if bundle is None:
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROVISIONED)
    result_key = HpkeKeyPair.generate(channel.statement.hpke_suite)
    now = utc_now().replace(microsecond=0)
    header = JobHeader(
        job=random_octets(ID_BYTES).hex(),
        user=user.user,
        certificate=user.fingerprint,
        task=task,
        inputs=tuple(inputs),
        parameters=parameters,
        result_key=ResultKey(suite=result_key.suite, public=result_key.public),
        created=now,
        expires=now + _LIFE,
        site_key_id=bundle.site_key_id,
        min_epoch=bundle.epoch,
        policy=channel.verdict.policy_sha256,
        worker=channel.statement.hpke_key_sha256,
    )
    return Order(header=header, result_key=result_key, url=channel.url)


def _send_order(channel: Line, order: Order) -> None:
    if channel.user is None:
        raise EncryptSecureRTError(ErrorCode.E_USER_KEY)
    octets = order.header.encode()
    message = signed_message(octets, sign(channel.user.key, Label.JOB, octets))
    channel.request_json("POST", "/v1/jobs", message)


def follow(channel: Line, order: Order, watcher: Watcher) -> EndEvent:
    """Follow a job to its end, over as many connections as it takes.

    A stream that breaks is opened again after the last event that was seen. How long a worker
    that is away is waited for is the channel's to say: it has given up if no line came at all.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT if the numbers of events do not ascend; what the channel gives up with.
    """
    seen = 0
    while True:
        alive = False
        try:
            path = f"/v1/jobs/{order.job}/events?after={seen}"
            lines = channel.stream_lines(path, LIMITS.json_line_bytes)
            for line in lines:
                alive = True
                if not line:  # a heartbeat
                    continue
                event = decode_event(line)
                if event.n <= seen:
                    raise EncryptSecureRTError(ErrorCode.E_FORMAT)
                seen = event.n
                watcher.event(event)
                if isinstance(event, EndEvent):
                    _to_its_end(lines)
                    return event
        except EncryptSecureRTError as error:
            if error.code not in _LOST or not alive:
                raise
        if not alive:
            raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE, "the event stream ended early")


def _to_its_end(lines: Generator[bytes, None, None]) -> None:
    """Read the end of a stream that has nothing more to say.

    A connection whose answer was read whole serves the next request; another one would have to be
    attested first. If it does not come, or something else does, the stream is closed.
    """
    with contextlib.suppress(EncryptSecureRTError):
        next(lines, None)
    lines.close()


class CancelOnStop:
    """Passes a stop on to the worker at once, also while the worker has nothing to say."""

    def __init__(self, channel: Line, job: str, stopped: Stop) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(channel, job, stopped))

    def _watch(self, channel: Line, job: str, stopped: Stop) -> None:
        while not stopped():
            if self._over.wait(_STOP_POLL_S):
                return
        cancel_quietly(channel, job)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def cancel(channel: Line, job: str) -> JobState:
    """Ask the worker to end a job; return the state that it has now."""
    answer = Fields(channel.request_json("DELETE", f"/v1/jobs/{job}"), ("job", "state"))
    return JobState(answer.text("state", JOB_STATES))


def cancel_quietly(channel: Line, job: str) -> bool:
    """Ask the worker to end a job; tell whether it heard. The first error is the one to tell."""
    try:
        cancel(channel, job)
    except EncryptSecureRTError:
        return False
    return True


def require_done(end: EndEvent) -> None:
    """Raise the job's own error if it ended without results."""
    if end.state is not JobState.DONE:
        raise error_from_name(end.error or ErrorCode.E_JOB_FAILED.name)


def fetch(
    channel: Line,
    home: ClientHome,
    order: Order,
    end: EndEvent,
    stopped: Stop = lambda: False,
) -> Finished:
    """Fetch the results of a job that is done, and check them against its receipt.

    Raises
    ------
    EncryptSecureRTError
        E_RESULT, E_RECEIPT or an attestation error if what came is not what an attested worker
        made for this job; E_POLICY if the policy changed meanwhile; E_CANCELLED if `stopped` says
        so before a piece.
    """
    digest = order.digest.hex()
    opened: dict[str, bytearray] = {}
    for name, size in end.results:
        if size > 2 * LIMITS.object_bytes:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        octets = channel.download(f"/v1/results/{order.job}/{name}", size, stopped)
        opened[name] = open_result(octets, job_sha256=digest, key=order.result_key, name=name)
    receipt = opened.pop(RECEIPT_NAME, None)
    if receipt is None:
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
    verifier = open_verifier(
        home, channel.url, unsafe_allow_simulated=channel.unsafe_allow_simulated
    )
    judged = judge_receipt(bytes(receipt), utc_now(), verifier)
    _check_job(judged, order)
    check_outputs(judged.body, opened)
    return Finished(results=opened, receipt=bytes(receipt), judged=judged)


def _check_job(judged: Judged, order: Order) -> None:
    body, header = judged.body, order.header
    same = (
        judged.policy_sha256 == header.policy
        and body.job_sha256 == order.digest.hex()
        and body.task == header.task
        and body.user == header.user
        and body.certificate == header.certificate
        and body.site_key_id == header.site_key_id
        and body.epoch >= header.min_epoch
        and {name for name, _ in body.inputs} == {*header.inputs, header.parameters}
    )
    if not same:
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
    if judged.verdict.policy_sha256 != header.policy:
        raise EncryptSecureRTError(ErrorCode.E_POLICY, "it changed while the job ran")
