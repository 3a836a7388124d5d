"""Flat records of numbers: one member for each attribute of a dataclass, by its type.

    int            a count, 0 to 2**53 - 1
    float          a fraction
    float | None   a fraction, or null where there is nothing to tell
    bool           true or false

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Mean:
...     points: int
...     mean_gy: float | None
>>> record_json(Mean(points=2, mean_gy=0.5))
{'points': 2, 'mean_gy': '0.5'}
>>> read_record(Mean, {"points": 0, "mean_gy": None})
Mean(points=0, mean_gy=None)
"""

from collections.abc import Callable
from dataclasses import fields as attributes_of
from typing import Any, TypeVar

from encryptsecurert_protocol.canonical import fraction_text
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import MAX_INTEGER, Fields

RecordT = TypeVar("RecordT")
PartT = TypeVar("PartT")
_LARGEST = 1e300  # of a fraction: any finite number that sums of two cannot overflow


def record_json(record: Any) -> dict[str, Any]:
    """Return the members of a record; a number that is not finite is E_FORMAT."""
    return {
        attribute.name: _written(getattr(record, attribute.name), attribute.type)
        for attribute in attributes_of(record)
    }


def read_record(kind: type[RecordT], value: object) -> RecordT:
    """Read a record strictly: all members of `kind`, and no others (E_FORMAT)."""
    attributes = attributes_of(kind)  # type: ignore[arg-type]  # a dataclass, as the module says
    members = Fields(value, [attribute.name for attribute in attributes])
    return kind(**{a.name: _read(members, a.name, a.type) for a in attributes})


def as_message(read: Callable[[Any], PartT], value: object) -> PartT:
    """Return a part that is also one of parameters; malformed in a message it is E_FORMAT."""
    try:
        return read(value)
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_FORMAT) from None


def _written(value: Any, kind: object) -> Any:
    if kind is bool or kind is int or value is None:
        return value
    return fraction_text(value)


def _read(members: Fields, name: str, kind: object) -> int | float | bool | None:
    if kind is bool:
        return members.boolean(name)
    if kind is int:
        return members.integer(name, 0, MAX_INTEGER)
    if kind is not float and members.is_null(name):
        return None
    return members.fraction(name, -_LARGEST, _LARGEST)
