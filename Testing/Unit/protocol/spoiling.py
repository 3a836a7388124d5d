"""Ways to spoil a message: its octets, or one value of it while the JSON stays canonical."""

import copy
import json
import random
from typing import Any


def _nested(depth: int) -> list[Any]:
    return [_nested(depth - 1)] if depth else []


NASTY: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**53,
    10**400,
    "",
    "x" * 5000,
    "\ud800",
    "e\u0301",
    "\x00",
    "-0.0",
    "nan",
    "1e999",
    "A===",
    "=" * 8,
    "\u0661" * 64,
    "9999-99-99T99:99:99Z",
    [],
    [[]],
    {},
    {"a": None},
    [None] * 3000,
    _nested(40),
)


def spoiled(octets: bytes, rng: random.Random) -> bytes:
    """Return octets with a few bits, slices or pieces changed, cut, doubled or put in."""
    now = bytearray(octets)
    for _ in range(rng.choice((1, 1, 2, 8))):
        start, length = rng.randrange(len(now) + 1), rng.choice((1, 1, 2, 4, 64))
        match rng.randrange(7):
            case 0:
                now[start : start + 1] = bytes([rng.randrange(256)])
            case 1:
                del now[start : start + length]
            case 2:
                now[start:start] = now[start : start + length]
            case 3:
                now[start:start] = rng.choice((b"[" * 70, b"\xff", b'"', b"\\", b"0" * 5000))
            case 4 if start < len(now):
                now[start] ^= 1 << rng.randrange(8)
            case 5:
                del now[start:]
            case _:
                now[start : start + 4] = rng.choice((b"\xff" * 4, bytes(4), b"null", b"true"))
    return bytes(now)


def _places(value: object) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value below this one."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = [(value, key) for key in value]
    elif isinstance(value, list):
        pairs = [(value, index) for index in range(len(value))]
    return pairs + [place for c, key in pairs for place in _places(c[key])]


def _near(value: object, rng: random.Random) -> object:
    """Return another value of the same kind, which may well be a right one."""
    if isinstance(value, str) and value:
        at = rng.randrange(len(value))
        return value[:at] + rng.choice(value) + value[at + 1 :]
    if isinstance(value, int):
        return value + rng.choice((-1, 1, 1000))
    return value


def altered(octets: bytes, rng: random.Random) -> bytes | None:
    """Return a canonical message with one value changed; None if that has no octets."""
    value = json.loads(octets)
    places = _places(value)
    if not places:
        return None
    container, key = rng.choice(places)
    match rng.randrange(6):
        case 0 if isinstance(container, dict):
            del container[key]
        case 1 if isinstance(container, dict):
            container["added"] = rng.choice(NASTY)
        case 2 if isinstance(container, list):
            container.append(container[key])
        case 3:
            other, its = rng.choice(places)
            container[key], other[its] = copy.deepcopy((other[its], container[key]))
        case 4:
            container[key] = _near(container[key], rng)
        case _:
            container[key] = rng.choice(NASTY)
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode()
    except UnicodeEncodeError:  # half a character has no octets at all
        return None
