"""One child from its start to its end: what it says as events, and an end that always comes."""

from collections.abc import Callable, Mapping

from EncryptSecureRTLib.panel.children import StartChild
from EncryptSecureRTLib.panel.events import Event
from EncryptSecureRTLib.panel.lines import Listener
from EncryptSecureRTLib.panel.log import Log

KILL_AFTER_S = 5.0
LATE_AFTER_S = 10.0


class ChildRun:
    """A child that was started.

    Attributes
    ----------
    command : the client's command that it runs.

    Raises
    ------
    EncryptSecureRTError
        If it cannot be started.
    """

    def __init__(
        self,
        start: StartChild,
        command: str,
        request: Mapping[str, object],
        now_s: Callable[[], float],
        log: Log,
    ) -> None:
        self.command = command
        self._now_s = now_s
        self._asked_s: float | None = None
        self._killed = False
        self._listener = Listener(command, now_s, log, job=str(request.get("job", "")))
        self._child = start(command, request)

    def news(self) -> tuple[list[Event], bool]:
        """Return what was said since, and whether that was all: then the last tells the end."""
        events = [e for message in self._child.poll() for e in self._listener.heard(message)]
        if not self._child.finished:
            return events, False
        child = self._child
        ended = self._listener.ended(child.exit_code, child.stderr_tail, child.malformed_lines)
        return [*events, ended], True

    def ask_to_end(self) -> None:
        """Ask the child to end; it is killed if it does not."""
        self._asked_s = self._now_s()
        self._child.cancel()

    def be_brief(self) -> None:
        """Let the child run for as long as one that was asked to end may take, and no longer."""
        self._asked_s = self._now_s()

    def is_late(self) -> bool:
        """Tell whether the child was asked to end and has not; kill it when it is time."""
        if self._asked_s is None:
            return False
        waited_s = self._now_s() - self._asked_s
        if waited_s > KILL_AFTER_S and not self._killed:
            self._killed = True
            self._child.kill()
        return waited_s > LATE_AFTER_S

    def close(self) -> None:
        """End the child if it runs, and let go of everything."""
        self._child.close()
