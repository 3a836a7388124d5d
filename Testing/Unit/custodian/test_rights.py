"""Roles, what they allow, and cases: each change is one epoch, and comes into the bundle."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from encryptsecurert_protocol.bundles import BundleCore, CaseGrant
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import Limits
from encryptsecurert_protocol.rights import STARTING_RIGHTS, Operation, Role
from EncryptSecureRTLib.custodian import bundle_maker
from EncryptSecureRTLib.custodian.changes import (
    with_grant,
    with_rights,
    with_roles,
    without_grant,
)
from EncryptSecureRTLib.custodian.site import Site

RequestOf = Callable[..., bytes]
Reopen = Callable[[], Site]
PassTime = Callable[..., None]
_CASE, _OTHER_CASE = "PABCDEFGHIJKL2345", "P7777777777777777"
_UNTIL = datetime(2025, 2, 1, tzinfo=UTC)


@pytest.fixture
def user(site: Site, request_of: RequestOf) -> str:
    return site.add_user(request_of(), [Role.RADIOLOGIST]).user


def _core(site: Site) -> BundleCore:
    return BundleCore.decode(site.current_bundle().core)


def _set_roles(site: Site, user: str, *roles: Role) -> int:
    return site.change(lambda state, _: with_roles(state, user, roles))


def _set_rights(site: Site, role: Role, *operations: Operation) -> int:
    return site.change(lambda state, _: with_rights(state, role, operations))


def _grant(site: Site, user: str, case: str = _CASE, until: datetime = _UNTIL) -> int:
    grant = CaseGrant(pseudonym=case, user=user, until=until)
    return site.change(lambda state, now: with_grant(state, grant, now))


def _code(call: Callable[[], object]) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as caught:
        call()
    return caught.value.code


def test_a_users_roles_are_replaced_by_others(site: Site, user: str, reopen: Reopen) -> None:
    epoch = _set_roles(site, user, Role.PHYSICIST, Role.AUDITOR)

    assert epoch == reopen().state.epoch == 3
    (entry,) = (u for u in _core(reopen()).roles.users if u.user == user)
    assert entry.roles == (Role.PHYSICIST, Role.AUDITOR)


def test_the_same_again_costs_no_epoch(site: Site, user: str) -> None:
    assert _set_roles(site, user, Role.RADIOLOGIST) == 2
    assert _set_rights(site, Role.AUDITOR, Operation.AUDIT) == 2
    assert _grant(site, user) == _grant(site, user) == 3


@pytest.mark.parametrize("roles", [(), (Role.PHYSICIST, Role.PHYSICIST)])
def test_a_user_has_each_role_once_and_one_at_least(
    site: Site, user: str, roles: tuple[Role, ...]
) -> None:
    assert _code(lambda: _set_roles(site, user, *roles)) is ErrorCode.E_USAGE


def test_the_custodian_keeps_its_role_and_may_have_others(site: Site) -> None:
    own = site.state.home_user

    assert _code(lambda: _set_roles(site, own, Role.AUDITOR)) is ErrorCode.E_USAGE
    assert _set_roles(site, own, Role.CUSTODIAN, Role.AUDITOR) == 2


def test_roles_and_cases_are_for_users_who_are_there(site: Site, user: str) -> None:
    site.revoke_user(user)

    for who in (user, "0" * 32):
        assert _code(lambda: _set_roles(site, who, Role.AUDITOR)) is ErrorCode.E_NOT_FOUND  # noqa: B023 - called at once
        assert _code(lambda: _grant(site, who)) is ErrorCode.E_NOT_FOUND  # noqa: B023 - called at once
    assert site.state.epoch == 3


def test_a_role_allows_what_it_is_told_and_other_roles_stay(site: Site) -> None:
    epoch = _set_rights(site, Role.RESEARCHER, Operation.SEGMENT, Operation.BREAK_GLASS)

    rights = _core(site).roles.rights
    assert epoch == 2
    assert rights[Role.RESEARCHER] == {Operation.SEGMENT, Operation.BREAK_GLASS}
    others = {role: allowed for role, allowed in rights.items() if role is not Role.RESEARCHER}
    assert others.items() <= STARTING_RIGHTS.items()
    assert len(others) == len(STARTING_RIGHTS) - 1


def test_no_role_is_empty_and_the_custodian_keeps_provision(site: Site) -> None:
    assert _code(lambda: _set_rights(site, Role.RESEARCHER)) is ErrorCode.E_USAGE
    assert _code(lambda: _set_rights(site, Role.CUSTODIAN, Operation.AUDIT)) is ErrorCode.E_USAGE
    assert _set_rights(site, Role.CUSTODIAN, Operation.PROVISION, Operation.AUDIT) == 2


def test_a_granted_case_is_in_the_bundle_until_it_is_closed(
    site: Site, user: str, reopen: Reopen
) -> None:
    granted = CaseGrant(pseudonym=_CASE, user=user, until=_UNTIL)

    assert _grant(site, user) == 3
    assert _core(reopen()).cases == (granted,)

    assert reopen().change(lambda state, _: without_grant(state, _CASE, user)) == 4
    assert _core(reopen()).cases == ()


def test_a_later_grant_takes_the_place_of_the_earlier_one(site: Site, user: str) -> None:
    later = _UNTIL + timedelta(days=9)
    _grant(site, user)
    _grant(site, user, _OTHER_CASE)

    _grant(site, user, until=later)

    found = {grant.pseudonym: grant.until for grant in _core(site).cases}
    assert found == {_OTHER_CASE: _UNTIL, _CASE: later}


@pytest.mark.parametrize("case", ["PABCDEFGHIJKL234", "pabcdefghijkl2345", "P1" + "A" * 15])
def test_what_is_no_pseudonym_is_refused(site: Site, user: str, case: str) -> None:
    assert _code(lambda: _grant(site, user, case)) is ErrorCode.E_USAGE
    assert _grant(site, user, "P" * 17) == 3


def test_a_grant_ends_in_the_future(site: Site, user: str) -> None:
    assert _code(lambda: _grant(site, user, until=site.now)) is ErrorCode.E_USAGE
    assert _grant(site, user, until=site.now + timedelta(seconds=1)) == 3


def test_grants_that_ended_are_not_in_the_next_bundle(
    site: Site, user: str, pass_time: PassTime
) -> None:
    _grant(site, user)
    pass_time(days=30)
    _grant(site, user, _OTHER_CASE, _UNTIL + timedelta(days=30))

    assert [grant.pseudonym for grant in _core(site).cases] == [_OTHER_CASE]
    assert len(site.state.cases) == 1


def test_grants_go_with_their_user(site: Site, user: str) -> None:
    _grant(site, user)

    site.revoke_user(user)

    assert site.state.cases == _core(site).cases == ()


def test_grants_of_a_user_without_a_certificate_wait_for_the_next_one(
    site: Site, user: str, request_of: RequestOf, pass_time: PassTime
) -> None:
    _grant(site, user, until=_UNTIL + timedelta(days=300))
    pass_time(days=91)
    _set_rights(site, Role.AUDITOR, Operation.AUDIT, Operation.EXPORT)
    assert _core(site).cases == ()

    site.renew_user(user, request_of())

    assert len(_core(site).cases) == 1


def test_a_case_that_is_not_open_cannot_be_closed(site: Site, user: str) -> None:
    _grant(site, user)

    for case, who in ((_OTHER_CASE, user), (_CASE, site.state.home_user)):
        refused = _code(lambda: site.change(lambda state, _: without_grant(state, case, who)))  # noqa: B023 - called at once
        assert refused is ErrorCode.E_NOT_FOUND


def _many(user: str, count: int) -> tuple[CaseGrant, ...]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    names = (
        "P" + "A" * 13 + letters[n // 1024] + letters[n // 32 % 32] + letters[n % 32]
        for n in range(count)
    )
    return tuple(CaseGrant(pseudonym=name, user=user, until=_UNTIL) for name in names)


def test_a_bundle_is_filled_with_grants_and_one_more_is_told_how_many_fit(
    site: Site, user: str, reopen: Reopen
) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        site.change(lambda state, _: replace(state, cases=_many(user, 20_000)))
    assert caught.value.code is ErrorCode.E_TOO_LARGE
    fitting = int(caught.value.detail.split(" holds ")[1].split()[0])
    assert reopen().state.epoch == 2
    assert 8000 < fitting < 20_000

    site.change(lambda state, _: replace(state, cases=_many(user, fitting)))

    assert len(_core(site).cases) == fitting
    assert _code(lambda: _grant(site, user)) is ErrorCode.E_TOO_LARGE


def test_users_that_do_not_fit_are_told_how_many_do(
    site: Site, user: str, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = len(bundle_maker.make_core(site.state, site.now, "0" * 64))
    monkeypatch.setattr(bundle_maker, "LIMITS", Limits(header_bytes=fits))

    with pytest.raises(EncryptSecureRTError) as caught:
        site.add_user(request_of(), [Role.RADIOLOGIST])

    assert caught.value.code is ErrorCode.E_TOO_LARGE
    assert "holds 2 of these 3 users" in caught.value.detail
    assert site.state.epoch == 2
