"""A child that says what a test wants it to say, and a clock that a test moves."""

from collections.abc import Mapping, Sequence

from EncryptSecureRTLib.client.process import Message


class FakeChild:
    """Plays the lines that it is given; ends when it is told to."""

    def __init__(self, command: str, request: Mapping[str, object]) -> None:
        self.command, self.request = command, dict(request)
        self.exit_code: int | None = None
        self.stderr_tail: Sequence[str] = ()
        self.malformed_lines = 0
        self.cancels = self.kills = self.closes = 0
        self._lines: list[Message] = []

    @property
    def finished(self) -> bool:
        """Whether it has ended and all was read."""
        return self.exit_code is not None and not self._lines

    def say(self, kind: str, **members: object) -> None:
        """Say a line at the next poll."""
        self._lines.append({"kind": kind, **members})

    def end(self, exit_code: int) -> None:
        """End with this exit code."""
        self.exit_code = exit_code

    def poll(self) -> list[Message]:
        """Return what was said since."""
        lines, self._lines = self._lines, []
        return lines

    def cancel(self) -> None:
        """Note that it was asked to end."""
        self.cancels += 1

    def kill(self) -> None:
        """Note that it was killed."""
        self.kills += 1

    def close(self) -> None:
        """Note that it was closed."""
        self.closes += 1


class Clock:
    """A clock that stands still between two moves."""

    def __init__(self) -> None:
        self.time_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.time_s
