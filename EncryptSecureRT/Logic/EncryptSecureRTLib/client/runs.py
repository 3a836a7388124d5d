"""Whole jobs: send, submit, follow, fetch, and what becomes of the job when one of them breaks."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

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
_LOST = PASSING - {ErrorCode.E_BUSY}
S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
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


class Begun(Protocol[T_co]):
    """What was begun at the worker."""

    def end(self) -> T_co:
        """Wait for its end, and return what it came to."""

    def give_up(self) -> None:
        """Have the worker end it; nobody waits for it any more."""


class _AgainIfGone:
    """Does what it is asked for, and, once in its life, again if an input was gone."""

    def __init__(self) -> None:
        self._is_used = False

    def __call__(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except EncryptSecureRTError as error:
            if error.code is not ErrorCode.E_INPUT_GONE or self._is_used:
                raise
        self._is_used = True
        return action()


class BegunJob:
    """A job that the worker has taken, and that somebody ends here or gives up."""

    def __init__(
        self, channel: Line, home: ClientHome, watcher: Watcher, begin: Callable[[], Order]
    ) -> None:
        self._channel, self._home, self._watcher = channel, home, watcher
        self._begin = begin
        self._again_if_gone = _AgainIfGone()
        self._order: Order | None = self._again_if_gone(self._begun)

    def _begun(self) -> Order:
        """Begin it, and tell its id at once: it may go on whatever becomes of us."""
        order = self._begin()
        try:
            self._watcher.job(order.job)
        except (KeyboardInterrupt, BrokenPipeError):
            cancel_quietly(self._channel, order.job)
            raise
        return order

    def end(self) -> Finished:
        """Follow and fetch, as `run_job` says."""
        return self._again_if_gone(self._end)

    def _end(self) -> Finished:
        order, self._order = self._order or self._begun(), None  # a second try has another one
        with _left_going(order):
            end = _follow_or_cancel(self._channel, order, self._watcher)
        return _fetch_after(self._channel, self._home, order, end, self._watcher)

    def give_up(self) -> None:
        """Have the worker end it, if it can be told."""
        if self._order is not None:
            cancel_quietly(self._channel, self._order.job)


def begin_job(
    channel: Line,
    home: ClientHome,
    task: str,
    send: Send,
    parameters: Mapping[str, Any],
    watcher: Watcher,
) -> BegunJob:
    """Send the inputs and submit, as `run_job` does; the job is then ended or given up."""
    return BegunJob(
        channel,
        home,
        watcher,
        lambda: _send_and_submit(channel, home, task, send, parameters, watcher),
    )


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
    return begin_job(channel, home, task, send, parameters, watcher).end()


@contextmanager
def in_turn(
    items: Iterable[S],
    begin: Callable[[S], Begun[T]],
    waits: Callable[[S], bool] = lambda item: False,
) -> Iterator[Iterator[tuple[S, T]]]:
    """Give items with what their jobs came to, each begun before the one in front of it is ended.

    So the worker has the next one while the results of one are fetched. What was begun and is not
    taken in the end is given up, but for a lost connection, which never ends a job.

    Parameters
    ----------
    waits : callable
        Tells of an item whether its job is begun only when those in front of it are ended.
    """
    begun: deque[tuple[S, Begun[T]]] = deque()

    def ended(most_left: int) -> Iterator[tuple[S, T]]:
        while len(begun) > most_left:
            item, job = begun.popleft()
            yield item, job.end()

    def given() -> Iterator[tuple[S, T]]:
        for item in items:
            if waits(item):
                yield from ended(0)
            begun.append((item, begin(item)))
            yield from ended(1)
        yield from ended(0)

    try:
        yield given()
    except EncryptSecureRTError as error:
        if error.code in _LOST:
            begun.clear()
        raise
    finally:
        for _, job in begun:
            job.give_up()


def submit_job(
    channel: Line,
    home: ClientHome,
    task: str,
    send: Send,
    parameters: Mapping[str, Any],
    watcher: Watcher,
) -> Order:
    """Send the inputs and submit, as `run_job` does; nobody waits for the job."""
    return _AgainIfGone()(lambda: _send_and_submit(channel, home, task, send, parameters, watcher))


def finish_job(channel: Line, home: ClientHome, order: Order, watcher: Watcher) -> Finished:
    """Follow a job that was ordered before, and fetch its results; nothing cancels it."""
    with _left_going(order):
        watcher.stage("run")
        end = follow(channel, order, watcher)
    return _fetch_after(channel, home, order, end, watcher)


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
