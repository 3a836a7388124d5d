"""Moved dates: what is a date moves by whole days, and what is none does not come through."""

import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encryptsecurert_worker.dicom.protect.dates import moved

DAYS = st.integers(-3650, -1)
FIRST, LAST = datetime.date(1985, 1, 1), datetime.date(2098, 12, 31)
DATES = st.dates(FIRST, LAST)


def _octets(date: datetime.date) -> bytes:
    return b"%04d%02d%02d" % (date.year, date.month, date.day)


def _read(octets: bytes | None) -> datetime.date:
    assert octets is not None
    assert len(octets) == 8
    return datetime.date(int(octets[:4]), int(octets[4:6]), int(octets[6:]))


@given(DATES, DATES, DAYS)
def test_the_days_between_two_dates_are_those_between_the_moved_ones(
    one: datetime.date, other: datetime.date, days: int
) -> None:
    moved_one, moved_other = (_read(moved(b"DA", _octets(date), days)) for date in (one, other))

    assert moved_other - moved_one == other - one
    assert (moved_one - one).days == days


@pytest.mark.parametrize(
    ("before", "days", "after"),
    [
        (b"20240301", -1, b"20240229"),
        (b"20240229", -366, b"20230228"),
        (b"20230301", -1, b"20230228"),
        (b"20000301", -1, b"20000229"),  # a century that is a leap year
        (b"20240101", -1, b"20231231"),
        (b"19850101", -3650, b"19750104"),
    ],
)
def test_a_date_goes_back_over_leap_days_as_the_calendar_does(
    before: bytes, days: int, after: bytes
) -> None:
    assert moved(b"DA", before, days) == after


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        (b"DA", b"20230229"),
        (b"DA", b"20231301"),
        (b"DA", b"20230100"),
        (b"DA", b"2023.01.01"),
        (b"DA", b"2023"),
        (b"DA", b"202301"),
        (b"DA", b"20230101\\20230102"),
        (b"DA", b"20230101-20230201"),
        (b"DA", b" 20230101"),
        (b"DA", b"20230101 DOE"),
        (b"DA", b"20230101\nDOE"),
        (b"DA", b"\xd9\xa2" * 8),
        (b"DA", b"00000101"),
        (b"DA", b"00010101"),
        (b"DA", b""),
        (b"TM", b"24"),
        (b"TM", b"1060"),
        (b"TM", b"101161"),
        (b"TM", b"101112."),
        (b"TM", b"101112.1234567"),
        (b"TM", b"1011.5"),
        (b"TM", b"10:11"),
        (b"TM", b"1"),
        (b"TM", b"10\\11"),
        (b"TM", b""),
        (b"DT", b"2023"),
        (b"DT", b"202301"),
        (b"DT", b"20230101DOE"),
        (b"DT", b"2023010125"),
        (b"DT", b"20230101101112+01"),
        (b"DT", b"20230101101112+0100+0100"),
        (b"DT", b"00010101101112"),
        (b"LO", b"20230101"),
        (b"UN", b"20230101"),
    ],
)
def test_what_is_no_date_is_not_moved(vr: bytes, value: bytes) -> None:
    assert moved(vr, value, -1) is None


@pytest.mark.parametrize(
    ("vr", "value", "after"),
    [
        (b"DA", b"20230102\0\0", b"20230101"),
        (b"TM", b"101112.123456", b"1011"),
        (b"TM", b"101160", b"1011"),
        (b"TM", b"1011  ", b"1011"),
        (b"TM", b"10", b"10"),
        (b"DT", b"20230102", b"20230101"),
        (b"DT", b"2023010210", b"2023010110"),
        (b"DT", b"20230102101112.5", b"202301011011"),
        (b"DT", b"20230102101112.5+0130", b"202301011011"),
        (b"DT", b"20230102-0800", b"20230101"),
    ],
)
def test_times_are_cut_to_the_minute_and_tell_no_place(
    vr: bytes, value: bytes, after: bytes
) -> None:
    assert moved(vr, value, -1) == after


@pytest.mark.parametrize("stand_in", ["00010101", "19000101", "19700101", "19800101", "99991231"])
def test_a_date_that_stands_for_a_missing_one_does_not_tell_by_how_many_days(stand_in: str) -> None:
    assert moved(b"DA", stand_in.encode(), -100) is None
    assert moved(b"DT", stand_in.encode() + b"101112", -100) is None


def test_dates_are_moved_in_the_years_of_dicom_and_outside_not() -> None:
    day = datetime.timedelta(days=1)

    assert moved(b"DA", _octets(FIRST), -1) == b"19841231"
    assert moved(b"DA", _octets(LAST), -1) == b"20981230"
    assert moved(b"DA", _octets(FIRST - day), -1) is None
    assert moved(b"DA", _octets(LAST + day), -1) is None


@given(st.sampled_from([b"DA", b"TM", b"DT"]), st.binary(max_size=30), DAYS)
def test_whatever_comes_out_are_the_digits_of_a_date_or_time(
    vr: bytes, value: bytes, days: int
) -> None:
    after = moved(vr, value, days)

    assert after is None or re.fullmatch(rb"[0-9]{2,12}", after)
