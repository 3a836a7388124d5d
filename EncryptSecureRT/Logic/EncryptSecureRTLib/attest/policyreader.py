"""Reading a policy member by member, collecting every problem with its path.

A person who writes a policy wants all mistakes at once. So nothing here raises: a member that is
wrong is noted and comes back as None, and the policy is refused at the end if anything was noted.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.fields import time_from_text
from EncryptSecureRTLib.attest.strictjson import Members

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_]{1,40}\Z")
_MAX_ITEMS = 1000

T = TypeVar("T")


class Reader:
    """The members of one object of a policy.

    Parameters
    ----------
    value : object
        What stands there; anything but an object is a problem.
    path : str
        Where it stands, such as ``workers[0].builds[1]``; empty at the top.
    problems : list of str
        Shared by all readers of one policy.
    required, optional : iterable of str
        The names of the members.
    """

    def __init__(
        self,
        value: object,
        path: str,
        problems: list[str],
        required: Iterable[str],
        optional: Iterable[str] = (),
    ) -> None:
        self._path = path
        self._problems = problems
        self._value: Mapping[str, Any] = {}
        if not isinstance(value, Members):
            self.problem("", "is not an object")
            return
        self._value = value
        known = set(required) | set(optional)
        for key in value.doubled:
            self.problem(key, "stands there more than once")
        for key in value:
            if key not in known:
                self.problem(key, "is not known")
        for key in required:
            if key not in value:
                self.problem(key, "is missing")

    def at(self, name: str) -> str:
        """Return the path of a member."""
        shown = name if not name or _PLAIN_KEY.match(name) else "?"
        return ".".join(part for part in (self._path, shown) if part) or "policy"

    def problem(self, name: str, text: str) -> None:
        """Note a problem of a member."""
        self._problems.append(f"{self.at(name)}: {text}")

    def has(self, name: str) -> bool:
        """Tell whether a member is there."""
        return name in self._value

    def constant(self, name: str, expected: str) -> None:
        """Check a member that can have one value only."""
        if self.has(name) and self._value[name] != expected:
            self.problem(name, "is not of this version")

    def text(self, name: str, pattern: str) -> str:
        """Return text that matches `pattern` as a whole, otherwise empty text."""
        value = self._value.get(name)
        if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII | re.DOTALL):
            return value
        if self.has(name):
            self.problem(name, "has another form than it must have")
        return ""

    def label(self, name: str, min_length: int, max_length: int) -> str:
        """Return text for people, in any script, without control characters."""
        value = self._value.get(name)
        if isinstance(value, str) and min_length <= len(value) <= max_length:
            if value.isprintable():
                return value
        if self.has(name):
            self.problem(name, "is not text of an allowed length")
        return ""

    def hex(self, name: str, size_bytes: int) -> str:
        """Return lower-case hex of that many octets."""
        return self.text(name, rf"[0-9a-f]{{{2 * size_bytes}}}")

    def integer(self, name: str, low: int, high: int, default: int = 0) -> int:
        """Return an integer in [low, high]."""
        value = self._value.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        if self.has(name):
            self.problem(name, f"is not an integer from {low} to {high}")
        return default

    def boolean(self, name: str, default: bool) -> bool:  # mirrors `integer`
        """Return a truth value."""
        value = self._value.get(name, default)
        if isinstance(value, bool):
            return value
        self.problem(name, "is not true or false")
        return default

    def time(self, name: str) -> datetime | None:
        """Return a moment."""
        if not self.has(name):
            return None
        try:
            return time_from_text(self._value[name])
        except EncryptSecureRTError:
            self.problem(name, "is not a time of the form YYYY-MM-DDTHH:MM:SSZ")
            return None

    def choice(self, name: str, choices: Mapping[str, T], default: T) -> T:
        """Return the meaning of one of a few words."""
        if not self.has(name):
            return default
        value = self._value[name]
        if isinstance(value, str) and value in choices:
            return choices[value]
        self.problem(name, "is not one of " + ", ".join(choices))
        return default

    def _items(self, name: str) -> list[Any]:
        value = self._value.get(name)
        if isinstance(value, list) and 0 < len(value) <= _MAX_ITEMS:
            return value
        if self.has(name):
            # An empty list never means "any".
            self.problem(name, "is not a list with members")
        return []

    def several(self, name: str, accepts: Callable[[Any], bool], what: str) -> tuple[Any, ...]:
        """Return a list without repetition, each member of which is accepted."""
        items = self._items(name)
        taken = []
        for index, item in enumerate(items):
            if not accepts(item):
                self.problem(f"{name}", f"member {index} is not {what}")
            elif item in taken:
                self.problem(f"{name}", f"member {index} stands there twice")
            else:
                taken.append(item)
        return tuple(taken)

    def children(
        self, name: str, required: Iterable[str], optional: Iterable[str] = ()
    ) -> list["Reader"]:
        """Return readers of a list of objects."""
        required, optional = tuple(required), tuple(optional)
        path = self.at(name)
        return [
            Reader(item, f"{path}[{index}]", self._problems, required, optional)
            for index, item in enumerate(self._items(name))
        ]

    def child(self, name: str, required: Iterable[str]) -> "Reader | None":
        """Return a reader of a nested object, None if it is not there."""
        if not self.has(name):
            return None
        return Reader(self._value[name], self.at(name), self._problems, tuple(required))


def matches(pattern: str) -> Callable[[Any], bool]:
    """Return a test for text that matches as a whole."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda item: isinstance(item, str) and compiled.fullmatch(item) is not None


def one_of(*values: str | int) -> Callable[[Any], bool]:
    """Return a test for one of these values, of exactly their type."""
    return lambda item: any(type(item) is type(value) and item == value for value in values)
