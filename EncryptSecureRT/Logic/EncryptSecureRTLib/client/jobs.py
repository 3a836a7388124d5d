"""Jobs from the client's side: order, follow, cancel, fetch, and believe only the receipt."""

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode, error_from_name
from encryptsecurert_protocol.events import EndEvent, Event, decode_event
from encryptsecurert_protocol.fields import ID_BYTES
from encryptsecurert_protocol.jobs import JobHeader, JobState, job_digest
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.receipts import ReceiptBody
from encryptsecurert_protocol.results import RECEIPT_NAME, ResultKey, open_result
from encryptsecurert_protocol.sealing import HpkeKeyPair, random_octets
from encryptsecurert_protocol.signatures import Label, sign, signed_message
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.receipts import Judged, check_outputs, judge_receipt
from EncryptSecureRTLib.client.trust import open_verifier, utc_now
from EncryptSecureRTLib.client.upload import Content, Stop, upload

_LIFE = timedelta(hours=24)
_STOP_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job that the worker has acknowledged; `result_key` opens its results."""

    header: JobHeader
    digest: bytes
    result_key: HpkeKeyPair = field(repr=False)


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
    event: Callable[[Event], None] = lambda event: None
    stopped: Stop = lambda: False

    def end_if_stopped(self) -> None:
        """Raise E_CANCELLED if a stop was asked for."""
        if self.stopped():
            raise EncryptSecureRTError(ErrorCode.E_CANCELLED)


def submit(
    channel: Channel,
    home: ClientHome,
    task: str,
    inputs: Sequence[str],
    parameters: Mapping[str, Any],
) -> Order:
    """Upload the parameters, sign the job header, and have the worker acknowledge it."""
    user = channel.user
    bundle = channel.statement.bundle
    if user is None:
        raise EncryptSecureRTError(ErrorCode.E_USER_KEY)
    if bundle is None:
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROVISIONED)
    content = Content([canonical.encode(parameters)])
    uploaded = upload(channel, home.dedup_key(), ObjectKind.PARAMETERS, content)
    result_key = HpkeKeyPair.generate(channel.statement.hpke_suite)
    now = utc_now().replace(microsecond=0)
    header = JobHeader(
        job=random_octets(ID_BYTES).hex(),
        user=user.user,
        certificate=user.fingerprint,
        task=task,
        inputs=tuple(inputs),
        parameters=uploaded.name,
        result_key=ResultKey(suite=result_key.suite, public=result_key.public),
        created=now,
        expires=now + _LIFE,
        site_key_id=bundle.site_key_id,
        min_epoch=bundle.epoch,
        policy=channel.verdict.policy_sha256,
        worker=channel.statement.hpke_key_sha256,
    )
    octets = header.encode()
    signature = sign(user.key, Label.JOB, octets)
    channel.request_json("POST", "/v1/jobs", signed_message(octets, signature))
    return Order(header=header, digest=job_digest(octets), result_key=result_key)


def follow(channel: Channel, order: Order, watcher: Watcher) -> EndEvent:
    """Follow a job to its end; a stop asked for is passed on once, then the end is awaited."""
    job = order.header.job
    seen = 0
    with _CancelOnStop(channel, job, watcher.stopped):
        for line in channel.stream_lines(f"/v1/jobs/{job}/events?after=0", LIMITS.json_line_bytes):
            if not line:  # a heartbeat
                continue
            event = decode_event(line)
            if event.n != seen + 1:
                raise EncryptSecureRTError(ErrorCode.E_FORMAT)
            seen = event.n
            watcher.event(event)
            if isinstance(event, EndEvent):
                return event
    raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE, "the event stream ended early")


class _CancelOnStop:
    """Passes a stop on to the worker at once, also while the worker has nothing to say."""

    def __init__(self, channel: Channel, job: str, stopped: Stop) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(channel, job, stopped))

    def _watch(self, channel: Channel, job: str, stopped: Stop) -> None:
        while not stopped():
            if self._over.wait(_STOP_POLL_S):
                return
        _cancel_quietly(channel, job)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def cancel(channel: Channel, job: str) -> None:
    """Ask the worker to end a job."""
    channel.request("DELETE", f"/v1/jobs/{job}")


def fetch(
    channel: Channel,
    home: ClientHome,
    order: Order,
    end: EndEvent,
    stopped: Stop = lambda: False,
) -> Finished:
    """Fetch the results of a job that is done, and check them against its receipt.

    Raises
    ------
    EncryptSecureRTError
        The job's own error if it failed; E_RESULT, E_RECEIPT or an attestation error if what
        came is not what an attested worker made for this job; E_POLICY if the policy changed
        meanwhile; E_CANCELLED if `stopped` says so before a piece.
    """
    if end.state is not JobState.DONE:
        name = end.error or ErrorCode.E_JOB_FAILED.name
        raise error_from_name(name)
    digest = order.digest.hex()
    opened: dict[str, bytearray] = {}
    for name, size in end.results:
        if size > 2 * LIMITS.object_bytes:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        octets = channel.download(f"/v1/results/{order.header.job}/{name}", size, stopped)
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


def run_job(
    channel: Channel,
    home: ClientHome,
    task: str,
    inputs: Sequence[str],
    parameters: Mapping[str, Any],
    watcher: Watcher,
) -> Finished:
    """Submit, follow and fetch; a stop on the way cancels the job at the worker."""
    watcher.stage("submit")
    watcher.end_if_stopped()
    order = submit(channel, home, task, inputs, parameters)
    watcher.stage("run")
    try:
        end = follow(channel, order, watcher)
    except BaseException:
        _cancel_quietly(channel, order.header.job)
        raise
    watcher.stage("fetch")
    watcher.end_if_stopped()
    return fetch(channel, home, order, end, watcher.stopped)


def _cancel_quietly(channel: Channel, job: str) -> None:
    with contextlib.suppress(EncryptSecureRTError):  # the first error is the one to tell
        cancel(channel, job)
