"""The attested session of one command: a channel that outlasts breaks, and who hears what of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

from EncryptSecureRTLib.client.arguments import Invocation
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import Reporter

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.jobs import Watcher
    from EncryptSecureRTLib.client.line import Line


class Switch(Protocol):
    """How a user stops a command."""

    def asked(self) -> bool:
        """Whether a stop was asked for."""

    def soft(self) -> AbstractContextManager[None]:
        """Let a stop within set the flag instead of ending the command."""


Command = Callable[[Invocation, Reporter, Switch], int]


@contextmanager
def open_session(
    invocation: Invocation,
    reporter: Reporter,
    switch: Switch,
    *,
    url: str = "",
    stop_ends_job: bool = True,
) -> Iterator[tuple["Line", "Watcher"]]:
    """Open an attested channel to the worker at `url`, the invocation's if there is none.

    Parameters
    ----------
    stop_ends_job : bool
        A stop within is passed on to the job that runs; otherwise it ends the command alone.
    """
    from EncryptSecureRTLib.client.channel import open_channel
    from EncryptSecureRTLib.client.jobs import Watcher
    from EncryptSecureRTLib.client.patience import Patience, PatientChannel, Waiter

    home, address = ClientHome(invocation.home), url or invocation.need_url()
    stopped = switch.asked if stop_ends_job else _never

    def waiting(code: str, attempt: int, pause_s: float) -> None:
        if not stopped():  # who stopped does not wait
            reporter.waiting(code, attempt, pause_s)

    reporter.stage("connect")
    with (
        PatientChannel(
            lambda: open_channel(
                home, address, unsafe_allow_simulated=invocation.unsafe_allow_simulated
            ),
            Patience(total_s=invocation.patience_s),
            Waiter(waiting=waiting, stopped=stopped),
        ) as channel,
        switch.soft() if stop_ends_job else nullcontext(),
    ):
        watcher = Watcher(
            stage=reporter.stage,
            sent=reporter.sent,
            count=reporter.count,
            job=reporter.job,
            event=reporter.event,
            stopped=stopped,
        )
        yield channel, watcher


def _never() -> bool:
    return False
