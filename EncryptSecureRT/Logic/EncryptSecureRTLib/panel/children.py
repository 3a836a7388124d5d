"""The client as the panel sees it: started at once, read without waiting, ended without waiting."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from EncryptSecureRTLib.client.process import ClientProcess, Message, client_argv


class Child(Protocol):
    """A child process that runs one client command."""

    @property
    def finished(self) -> bool:
        """Whether all that it wrote was read and it has ended."""

    @property
    def exit_code(self) -> int | None:
        """The exit code of a child that has ended."""

    @property
    def stderr_tail(self) -> Sequence[str]:
        """The last lines of its standard error."""

    @property
    def malformed_lines(self) -> int:
        """How many lines of its standard output were none of ours."""

    def poll(self) -> list[Message]:
        """Return what has arrived, at once."""

    def cancel(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it, with all that it started."""

    def close(self) -> None:
        """End it if it runs, wait for it, and let go of everything."""


class StartChild(Protocol):
    """Starts a client command; raises EncryptSecureRTError where that cannot be."""

    def __call__(self, command: str, request: Mapping[str, object]) -> Child:
        """Start the command with this request."""


class ProcessChild:
    """A real client.

    Parameters
    ----------
    argv : sequence of str, optional
        Another program in the client's place, for tests.
    """

    def __init__(
        self, command: str, request: Mapping[str, object], argv: Sequence[str] | None = None
    ) -> None:
        line = {"command": command, **request}
        self._process = ClientProcess(argv or client_argv(command), line)

    @property
    def finished(self) -> bool:
        """Whether all that it wrote was read and it has ended."""
        return self._process.finished and self.exit_code is not None

    @property
    def exit_code(self) -> int | None:
        """The exit code of a child that has ended."""
        return self._process.wait(0)

    @property
    def stderr_tail(self) -> Sequence[str]:
        """The last lines of its standard error."""
        return tuple(self._process.stderr_tail)

    @property
    def malformed_lines(self) -> int:
        """How many lines of its standard output were none of ours."""
        return self._process.malformed_lines

    def poll(self) -> list[Message]:
        """Return what has arrived, at once."""
        return self._process.poll(0)

    def cancel(self) -> None:
        """Ask it to end."""
        self._process.cancel()

    def kill(self) -> None:
        """End it, with all that it started."""
        self._process.kill()

    def close(self) -> None:
        """End it if it runs, wait for it, and let go of everything."""
        self._process.close()
