"""Dates that are moved by whole days instead of removed (PS3.15 section E.3.6).

    DA    moved
    TM    cut to the minute
    DT    its date moved, its time cut, its offset from UTC left out: that tells a place

By how many days is keyed, and the same for all of a patient (see `identity`). Whole days keep every
interval between two studies, over leap days as well. A value that is not one date or time in the
form of PS3.5 section 6.2, octet for octet, is text. A date outside of the years in which files of
DICOM are made stands for one that is missing, as 19000101 does: moved, it would tell by how many
days. Both are sealed, and what stands in clear is what stands there if dates are removed.

>>> moved(b"DA", b"20240301", -1)
b'20240229'
>>> moved(b"TM", b"101112.5 ", -1)
b'1011'
"""

import datetime
import re

_DATE = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})\Z")
_TIME = re.compile(rb"([01][0-9]|2[0-3])(?:([0-5][0-9])(?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?\Z")
# ACR-NEMA is of 1985. Before it are clocks that begin with 1970 or 1980, after it 20991231.
_FIRST, _LAST = datetime.date(1985, 1, 1), datetime.date(2098, 12, 31)
_ZONE = re.compile(rb"[+-][0-9]{4}\Z")


def moved(vr: bytes, value: bytes, days: int) -> bytes | None:
    """Return the value that stands in clear for a date or time, None if it is not one.

    Parameters
    ----------
    vr : bytes
        DA, TM or DT; of another there is no such value.
    value : bytes
        Raw octets of the original.
    days : int
        Whole days, negative for earlier ones.
    """
    plain = value.rstrip(b" \0")
    if vr == b"DA":
        return _moved_date(plain, days)
    if vr == b"TM":
        return _minute(plain)
    if vr == b"DT":
        return _moved_moment(plain, days)
    return None


def _moved_date(plain: bytes, days: int) -> bytes | None:
    match = _DATE.match(plain)
    if match is None:
        return None
    try:
        day = datetime.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
    if not _FIRST <= day <= _LAST:
        return None
    other = day + datetime.timedelta(days=days)
    return b"%04d%02d%02d" % (other.year, other.month, other.day)


def _minute(plain: bytes) -> bytes | None:
    match = _TIME.match(plain)
    return None if match is None else match[1] + (match[2] or b"")


def _moved_moment(plain: bytes, days: int) -> bytes | None:
    local = _ZONE.sub(b"", plain)
    day = _moved_date(local[:8], days)
    minute = _minute(local[8:]) if local[8:] else b""
    return None if day is None or minute is None else day + minute
