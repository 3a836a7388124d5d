"""Whole jobs: send, submit, follow, fetch, and what becomes of the job when one of them breaks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import EndEvent
from encryptsecurert_protocol.objects import ObjectKind
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import (
    CancelOnStop,
    Finished,
    Watcher,
    cancel_quietly,
    fetch,
    follow,
    require_done,
    submit,
)
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.orders import Order
from EncryptSecureRTLib.client.patience import PASSING
from EncryptSecureRTLib.client.unfinished import NOT_FETCHED, JobGoesOn
from EncryptSecureRTLib.client.upload import Content, upload

RUN_AGAIN = "run {} again: what the worker holds is not sent twice"
FETCH_LATER = "the job goes on; fetch it later"
T = TypeVar("T")
Send = Callable[[], Sequence[str]]
Input = tuple[ObjectKind, Callable[[], Content]]


def sending_all(
    channel: Line,
    home: ClientHome,
    contents: Mapping[ObjectKind, Callable[[], Content]] | Sequence[Input],
    watcher: Watcher,
) -> Send:
    """Return what uploads the inputs of a job, in this order; contents are asked for each time."""
    inputs = list(contents.items()) if isinstance(contents, Mapping) else contents

    def send() -> Sequence[str]:
        watcher.stage("upload")
        return [
            upload(
                channel, home, kind, content(), progress=watcher.sent, stopped=watcher.stopped
            ).name
            for kind, content in inputs
        ]

    return send


def run_job(
    channel: Line,
    home: ClientHome,
    task: str,
    send: Send,
    parameters: Mapping[str, Any],
    watcher: Watcher,
) -> Finished:
    """Send the inputs, submit, follow and fetch; a stop on the way cancels the job at the worker.

    Parameters
    ----------
    send : callable
        Uploads the inputs and returns their names. It is called once more if the worker has
        dropped an input meanwhile.

    Raises
    ------
    EncryptSecureRTError
        What `submit` and `fetch` raise; `JobGoesOn` if the connection is lost for longer than
        the channel waits.
    """

    def once() -> Finished:
        order = _send_and_submit(channel, home, task, send, parameters, watcher)
        with _left_going(order):
            end = _follow_or_cancel(channel, order, watcher)
        return _fetch_after(channel, home, order, end, watcher)

    return _again_if_gone(once)


def submit_job(
    channel: Line,
    home: ClientHome,
    task: str,
    send: Send,
    parameters: Mapping[str, Any],
    watcher: Watcher,
) -> Order:
    """Send the inputs and submit, as `run_job` does; nobody waits for the job."""
    return _again_if_gone(lambda: _send_and_submit(channel, home, task, send, parameters, watcher))


def finish_job(channel: Line, home: ClientHome, order: Order, watcher: Watcher) -> Finished:
    """Follow a job that was ordered before, and fetch its results; nothing cancels it."""
    with _left_going(order):
        watcher.stage("run")
        end = follow(channel, order, watcher)
    return _fetch_after(channel, home, order, end, watcher)


def _again_if_gone(action: Callable[[], T]) -> T:
    try:
        return action()
    except EncryptSecureRTError as error:
        if error.code is not ErrorCode.E_INPUT_GONE:
            raise
    return action()


def _send_and_submit(
    channel: Line,
    home: ClientHome,
    task: str,
    send: Send,
    parameters: Mapping[str, Any],
    watcher: Watcher,
) -> Order:
    inputs = send()
    watcher.stage("submit")
    watcher.end_if_stopped()
    return submit(channel, home, task, inputs, parameters)


def _follow_or_cancel(channel: Line, order: Order, watcher: Watcher) -> EndEvent:
    try:
        watcher.job(order.job)
        watcher.stage("run")
        with CancelOnStop(channel, order.job, watcher.stopped):
            return follow(channel, order, watcher)
    except (KeyboardInterrupt, BrokenPipeError):  # the user, or the program that read us, is gone
        cancel_quietly(channel, order.job)
        raise
    except EncryptSecureRTError as error:
        if error.code is ErrorCode.E_CANCELLED and not cancel_quietly(channel, order.job):
            detail = "the worker could not be told; the job may go on"
            raise JobGoesOn(error.code, order.job, detail) from None
        raise


@contextmanager
def _left_going(order: Order) -> Iterator[None]:
    """Say of a lost connection that it is not the end of the job."""
    try:
        yield
    except EncryptSecureRTError as error:
        if error.code not in PASSING:
            raise
        task = order.header.task
        detail = RUN_AGAIN.format(task) if task in NOT_FETCHED else FETCH_LATER
        raise JobGoesOn(error.code, order.job, detail) from None


def _fetch_after(
    channel: Line, home: ClientHome, order: Order, end: EndEvent, watcher: Watcher
) -> Finished:
    watcher.stage("fetch")
    watcher.end_if_stopped()
    require_done(end)  # its error is the job's own, also where a request's of that code passes
    with _left_going(order):
        return fetch(channel, home, order, end, watcher.stopped)
