"""One JSON request line from standard input: the same words as on the command line, typed.

{"command": "fetch", "home": ..., "url": ..., "job": ..., "out": ...}

What is unknown, of another type or cannot be is refused as a whole; nothing of it is repeated.
`display` and `tell_uids` are no words of the command line: they serve the program that shows the
study, which is the one that reads us.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.client.dose_words import request_members as dose_members
from EncryptSecureRTLib.client.measurement_asked import request_members as measurement_members
from EncryptSecureRTLib.client.pacs.asked import request_members
from EncryptSecureRTLib.client.plan_asked import request_members as plan_members
from EncryptSecureRTLib.client.protect_choices import DATES, PICTURES

Reader = Callable[[object], object]


def _refusal() -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_USAGE, "the request line is not right")


def _path(value: object) -> Path:
    """Read text that can name a file at all."""
    try:
        if isinstance(value, str) and b"\0" not in os.fsencode(value):
            return Path(value)
    except UnicodeEncodeError:
        pass
    raise _refusal()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _refusal()
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _refusal()
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _refusal()
    return value


def _one_of(words: Sequence[str]) -> Reader:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise _refusal()
        return value

    return read


def _some_of(words: Sequence[str]) -> Reader:
    def read(value: object) -> list[str]:
        if not isinstance(value, list) or not all(item in words for item in value):
            raise _refusal()
        return value

    return read


def _all_of(read_one: Reader) -> Reader:
    def read(value: object) -> list[object]:
        if not isinstance(value, list):
            raise _refusal()
        return [read_one(item) for item in value]

    return read


# Member of the line: (name of the setting, how its value is read).
_MEMBERS: dict[str, tuple[str, Reader]] = {
    "home": ("home", _path),
    "series": ("source", _path),
    "source": ("source", _path),
    "volume": ("volume", _path),
    "receipt": ("source", _path),
    "out": ("out", _path),
    "preview": ("preview", _path),
    "report": ("report", _path),
    "display": ("display", _path),
    "url": ("url", _text),
    "job": ("job", _text),
    "case": ("case", _text),
    "reason": ("reason", _text),
    "patience_s": ("patience_s", _count),
    "unsafe_allow_simulated": ("unsafe_allow_simulated", _truth),
    "tell_uids": ("tell_uids", _truth),
    "first_only": ("first_only", _truth),
    "remove_original": ("remove_original", _truth),
    "dates": ("dates", _one_of(DATES)),
    "pictures": ("pictures", _one_of(PICTURES)),
    "all_or_nothing": ("all_or_nothing", _truth),
    "offer": ("offer", _truth),
    "detach": ("detach", _truth),
    "no_wait": ("no_wait", _truth),
    **request_members({"text": _text, "path": _path, "truth": _truth, "count": _count}),
    **dose_members(
        {
            "text": _text,
            "path": _path,
            "truth": _truth,
            "count": _count,
            "texts": _all_of(_text),
            "counts": _all_of(_count),
        }
    ),
    **plan_members({"path": _path}, _one_of),
    **measurement_members({"text": _text, "path": _path, "truth": _truth}, _one_of),
}


def read_request(command: str, choices: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Read the request line of a command and return its settings.

    Parameters
    ----------
    choices : mapping
        Members that are lists, and the words that each may hold.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE for anything but a right line.
    """
    members = _MEMBERS | {name: (name, _some_of(words)) for name, words in choices.items()}
    line = sys.stdin.buffer.readline(LIMITS.json_line_bytes + 1)
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        raise _refusal() from None
    if not isinstance(request, dict) or request.pop("command", command) != command:
        raise _refusal()
    asked: dict[str, Any] = {}
    for name, value in request.items():
        if name not in members:
            raise _refusal()
        setting, read = members[name]
        asked[setting] = read(value)
    return asked
