"""JSON that can be read in one way only, for documents which others wrote and signed.

Policies and collateral are not canonical JSON (their makers choose spaces and order), but two
readers must never see two meanings: doubled keys, fractions, NaN and lone surrogates are refused.

>>> read_object(b'{"a": [1, 2]}', 100)
{'a': [1, 2]}
>>> read_object(b'{"a": 1, "a": 2}', 100).doubled
('a',)
"""

import json
from collections import Counter
from typing import Any, NoReturn

_MAX_DEPTH = 16


class Members(dict[str, Any]):
    """The members of one object; `doubled` names the keys that were written more than once."""

    doubled: tuple[str, ...] = ()


class NotStrict(Exception):
    """The octets are not strict JSON, or not an object."""


def _no_constant(_: str) -> NoReturn:
    raise NotStrict


def _members(pairs: list[tuple[str, Any]]) -> Members:
    members = Members(pairs)
    if len(members) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        members.doubled = tuple(key for key, count in counts.items() if count > 1)
    return members


def read_object(octets: bytes, max_bytes: int) -> Members:
    """Return the object that `octets` hold.

    Doubled keys are left to the caller, who knows the path to them; `refuse_doubled` is for
    callers who do not care.

    Raises
    ------
    NotStrict
        For anything else that is not strict: the caller turns it into its own error.
    """
    if len(octets) > max_bytes:
        raise NotStrict
    try:
        value = json.loads(
            octets.decode("utf-8"),
            object_pairs_hook=_members,
            parse_constant=_no_constant,
            parse_float=_no_constant,
        )
        _check(value, 1)
    except (ValueError, RecursionError):
        raise NotStrict from None
    if not isinstance(value, Members):
        raise NotStrict
    return value


def refuse_doubled(value: object) -> None:
    """Raise NotStrict if any object inside `value` has a key twice."""
    if isinstance(value, Members):
        if value.doubled:
            raise NotStrict
        for item in value.values():
            refuse_doubled(item)
    elif isinstance(value, list):
        for item in value:
            refuse_doubled(item)


def _check(value: object, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise NotStrict
    if isinstance(value, str):
        value.encode("utf-8")  # a lone surrogate raises UnicodeEncodeError, a ValueError
    elif isinstance(value, Members):
        for key, item in value.items():
            key.encode("utf-8")
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
