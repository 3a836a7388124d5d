"""Plans without names, and what a check says of them: round trips, bounds, one set of words."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from Testing.Unit.protocol.message_strategies import finite, uids

from encryptsecurert_protocol import plans as wire
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.plan_checks import (
    MATCHINGS,
    TOLERANCES,
    CheckRow,
    CheckVerdict,
    PlanComparison,
)
from encryptsecurert_protocol.plans import (
    BeamEntry,
    DeviceEntry,
    GroupEntry,
    PlanForm,
    PlansHeader,
    WedgeEntry,
    unpack_plans,
)
from encryptsecurert_rt.plan import COLUMNS, BeamMatching, DeviceKind, Verdict
from encryptsecurert_rt.plan.model import Count, Word
from encryptsecurert_rt.plan.points import MAX_PAIRS
from encryptsecurert_rt.plan.tolerances import TOLERANCE_NAMES

_NUMBERS = st.integers(0, 2**31 - 1)
_MAYBE = st.none() | finite
_WORDS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(terms) for name, terms in wire.TERMS.items()}
)
_COUNTS = st.fixed_dictionaries({}, optional={name: st.integers(0, 1000) for name in wire.COUNTS})
_DEVICES = st.dictionaries(
    st.sampled_from(wire.DEVICES), st.tuples(st.integers(1, 4), st.booleans()), max_size=3
).map(
    lambda told: tuple(
        DeviceEntry(
            device=name,
            pairs=1 if name.startswith("asym") else pairs,
            has_boundaries=boundaries,
        )
        for name, (pairs, boundaries) in told.items()
    )
)
_BEAMS = st.integers(1, 3).flatmap(
    lambda points: st.builds(
        BeamEntry,
        number=st.none() | _NUMBERS,
        fraction=st.none() | _NUMBERS,
        final_weight=_MAYBE,
        delivered=_MAYBE,
        words=_WORDS,
        counts=_COUNTS,
        wedges=st.lists(
            st.builds(WedgeEntry, number=_NUMBERS, angle_deg=_MAYBE, orientation_deg=_MAYBE),
            max_size=2,
        ).map(tuple),
        points=st.just(points),
        devices=_DEVICES,
        spots=st.none() | st.lists(st.integers(0, 3), min_size=points, max_size=points).map(tuple),
    )
)
_GROUPS = st.builds(
    GroupEntry,
    number=_NUMBERS,
    fractions=st.none() | _NUMBERS,
    metersets=st.lists(st.tuples(_NUMBERS, _MAYBE), max_size=3).map(tuple),
)
_HEADERS = st.builds(
    PlansHeader,
    form=st.just(PlanForm.PLAN),
    sop_instance_uids=st.tuples(uids),
    plan_uids=st.just(()),
    frame_of_reference=st.none() | uids,
    groups=st.lists(_GROUPS, max_size=2).map(tuple),
    beams=st.lists(_BEAMS, min_size=1, max_size=3).map(tuple),
)
_VALUES = st.none() | finite
_ROWS = st.builds(
    CheckRow,
    what=st.from_regex(r"[a-z][a-z0-9_]{0,20}(\.mlcx1)?", fullmatch=True),
    unit=st.sampled_from(["mm", "deg", "1", "MU", "MeV/u", "MV or MeV", "%"]),
    verdict=st.sampled_from(CheckVerdict),
    places=st.fixed_dictionaries(
        {},
        optional={
            **{name: _NUMBERS for name in ("beam", "group", "fraction")},
            "point": st.integers(0, wire.MAX_POINTS),
            "bank": st.integers(1, 2),
            "leaf": st.integers(1, 256),
        },
    ),
    expected=_VALUES,
    found=_VALUES,
    difference=_VALUES,
    tolerance=_VALUES,
    compared=st.integers(0, 2**40),
    not_compared=st.integers(0, 2**40),
    beyond=st.integers(0, 2**40),
)
_CHECKS = st.builds(
    PlanComparison,
    form=st.sampled_from([form.value for form in PlanForm]),
    algorithm=st.just("plan-check-1"),
    matching=st.sampled_from(MATCHINGS),
    tolerances=st.fixed_dictionaries(dict.fromkeys(TOLERANCES, _VALUES)),
    verdict=st.sampled_from(CheckVerdict),
    rows=st.lists(_ROWS, max_size=3).map(tuple),
    points=st.lists(_ROWS, max_size=2).map(tuple),
    points_left_out=st.integers(0, 2**40),
)
_BEAM = BeamEntry(number=1, points=2)
_PLAN = PlansHeader(
    form=PlanForm.PLAN,
    sop_instance_uids=("2.25.1",),
    plan_uids=(),
    frame_of_reference=None,
    groups=(),
    beams=(_BEAM,),
)


@settings(max_examples=60, deadline=None)
@given(_HEADERS)
def test_a_header_of_plans_comes_back(header: PlansHeader) -> None:
    octets = header.frame_head() + bytes(header.size_bytes)

    found, payload = unpack_plans(octets)
    # -0.0 is written as 0.0, and equal to it.
    assert found == header
    assert len(payload) == header.size_bytes


@settings(max_examples=60, deadline=None)
@given(_CHECKS)
def test_a_check_comes_back(check: PlanComparison) -> None:
    assert PlanComparison.decode(check.encode()) == check


def test_words_of_the_wire_are_those_of_the_numerics() -> None:
    assert wire.COLUMNS == COLUMNS
    assert wire.DEVICES == tuple(kind.value for kind in DeviceKind)
    assert wire.COUNTS == tuple(count.value for count in Count)
    assert wire.MAX_PAIRS == MAX_PAIRS
    terms = {name: frozenset(told) for name, told in wire.TERMS.items() if name != "termination"}
    assert terms == {word.label: word.terms for word in Word}
    assert TOLERANCES == TOLERANCE_NAMES
    assert MATCHINGS == tuple(one.value for one in BeamMatching)
    assert [v.value for v in CheckVerdict] == [v.value for v in Verdict]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"beams": (_BEAM,) * 513}, ErrorCode.E_FORMAT),
        ({"groups": (GroupEntry(number=1, fractions=1, metersets=()),) * 17}, ErrorCode.E_FORMAT),
        ({"beams": (replace(_BEAM, points=2**18),) * 4}, ErrorCode.E_TOO_LARGE),
        (
            {"beams": (replace(_BEAM, points=1, spots=(2**20,)),) * 6},
            ErrorCode.E_TOO_LARGE,
        ),
    ],
)
def test_one_more_than_a_limit_is_refused(changes: Mapping[str, object], code: ErrorCode) -> None:
    with pytest.raises(EncryptSecureRTError) as refusal:
        replace(_PLAN, **changes)  # type: ignore[arg-type]  # members of a test
    assert refusal.value.code is code


def test_the_largest_numbers_of_beams_and_groups_are_taken() -> None:
    group = GroupEntry(number=1, fractions=None, metersets=())

    assert len(replace(_PLAN, beams=(_BEAM,) * 512, groups=(group,) * 16).beams) == 512
    assert replace(_BEAM, points=2**18).numbers == 2**18 * 17
    with pytest.raises(EncryptSecureRTError):
        replace(_BEAM, points=2**18 + 1)
