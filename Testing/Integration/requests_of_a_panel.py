"""Commands as the panel gives them: a request line to a child, lines back."""

from pathlib import Path
from typing import Any

import pytest
from Testing.Integration.hospital import Ward

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client import process

Message = dict[str, Any]


def ask(ward: Ward, command: str, **members: object) -> tuple[Message, list[Message]]:
    """Run a command for the physicist; return its result and the lines before it."""
    common = {"command": command, "home": str(ward.physicist.path), "url": ward.url}
    lines: list[Message] = []
    request = {**common, **{name: _plain(value) for name, value in members.items()}}
    result = process.run_client(process.client_argv(command), request, on_event=lines.append)
    return result, lines


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def refusal(ward: Ward, command: str, **members: object) -> ErrorCode:
    """Return the code with which a command is refused."""
    with pytest.raises(EncryptSecureRTError) as refused:
        ask(ward, command, **members)
    return refused.value.code
