"""Commands as the panel gives them: a request line to a child, lines back."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from Testing.Integration.hospital import Ward

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client import process
from EncryptSecureRTLib.client.home import ClientHome

Message = dict[str, Any]


def ask(ward: Ward, command: str, **members: object) -> tuple[Message, list[Message]]:
    """Run a command for the physicist; return its result and the lines before it."""
    return ask_as(ward.physicist, ward.url, command, **members)


def ask_as(
    home: ClientHome, url: str, command: str, **members: object
) -> tuple[Message, list[Message]]:
    """Run a command for a user; return its result and the lines before it."""
    lines: list[Message] = []
    request = {"command": command, **_request(home, url, members)}
    result = process.run_client(process.client_argv(command), request, on_event=lines.append)
    return result, lines


def ask_into_file(home: ClientHome, url: str, command: str, path: Path, **members: object) -> int:
    """Run a command for a user whose lines go into a file; return its exit code."""
    with (
        path.open("wb") as lines,
        subprocess.Popen(
            process.client_argv(command),
            stdin=subprocess.PIPE,
            stdout=lines,
            stderr=subprocess.PIPE,
            env=process.child_environment(),
        ) as child,
    ):
        assert child.stdin is not None
        child.stdin.write(json.dumps(_request(home, url, members)).encode() + b"\n")
        child.stdin.flush()  # and left open: its end would be a stop
        return child.wait(60)


def _request(home: ClientHome, url: str, members: dict[str, object]) -> Message:
    plain = {name: str(v) if isinstance(v, Path) else v for name, v in members.items()}
    return {"home": str(home.path), "url": url, **plain}


def refusal(ward: Ward, command: str, **members: object) -> ErrorCode:
    """Return the code with which a command is refused."""
    with pytest.raises(EncryptSecureRTError) as refused:
        ask(ward, command, **members)
    return refused.value.code
