"""What a job's user may be revealed: by grants, break-glass, roles, under the present bundle."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from Testing.Unit.worker.desks import OUTPUT, Desk
from Testing.Unit.worker.kept import AUDITOR
from Testing.Unit.worker.made import NOW, HandMadeSite, HandMadeUser, refusal_of
from Testing.Unit.worker.orders import order

from encryptsecurert_protocol.bundles import CaseGrant
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.reveals import ROLE_CLASSES, RevealClass
from encryptsecurert_protocol.rights import STARTING_RIGHTS, Operation, Role
from encryptsecurert_worker.jobs.rights import JobRights
from encryptsecurert_worker.vault.quotas import Quotas

CASE, OTHER_CASE = "PABCDEFGHIJ234567", "PBBCDEFGHIJ234567"


@pytest.fixture
def desk(tmp_path: Path, made: HandMadeSite) -> Iterator[Desk]:
    opened = Desk(tmp_path, made, {"work": lambda context: OUTPUT})
    yield opened
    opened.close()


def _bring(desk: Desk, *users: HandMadeUser, epoch: int, **changes: object) -> None:
    core = desk.made.core(*users, epoch=epoch, auditor_key=AUDITOR.public, **changes)
    desk.core.site.provision(desk.made.message(core), [desk.made.worker_key], NOW)


def _rights(desk: Desk, user: HandMadeUser | None = None) -> JobRights:
    user = user or desk.user
    asked = order(user=user.user, certificate=user.fingerprint, task="reveal")
    return JobRights(desk.core, asked, lambda *_, **__: None)


def _grant(user: HandMadeUser, until: datetime) -> CaseGrant:
    return CaseGrant(pseudonym=CASE, user=user.user, until=until)


def test_a_case_is_open_to_the_user_of_the_grant_and_no_other(
    desk: Desk, made: HandMadeSite
) -> None:
    other = made.user(Role.PHYSICIST)
    cases = (_grant(desk.user, NOW + timedelta(days=1)),)
    _bring(desk, desk.user, other, epoch=4, cases=cases)

    _rights(desk).require_case(CASE)
    assert refusal_of(_rights(desk, other).require_case, CASE) is ErrorCode.E_CASE
    assert refusal_of(_rights(desk).require_case, OTHER_CASE) is ErrorCode.E_CASE


def test_a_grant_that_is_over_opens_nothing(desk: Desk) -> None:
    _bring(desk, desk.user, epoch=4, cases=(_grant(desk.user, NOW),))

    assert refusal_of(_rights(desk).require_case, CASE) is ErrorCode.E_CASE


def test_a_new_bundle_closes_a_case_while_the_job_runs(desk: Desk) -> None:
    cases = (_grant(desk.user, NOW + timedelta(days=1)),)
    _bring(desk, desk.user, epoch=4, cases=cases)
    rights = _rights(desk)
    rights.require_case(CASE)

    _bring(desk, desk.user, epoch=5)

    assert refusal_of(rights.require_case, CASE) is ErrorCode.E_CASE


def test_break_glass_opens_the_case_for_four_hours(desk: Desk) -> None:
    quotas: Quotas = desk.core.quotas
    assert refusal_of(_rights(desk).require_case, CASE) is ErrorCode.E_CASE

    until = quotas.break_glass(desk.user.user, CASE, "01" * 16)

    _rights(desk).require_case(CASE)
    assert until - NOW == timedelta(seconds=LIMITS.break_glass_s) == timedelta(hours=4)
    assert quotas.granted(desk.user.user, CASE, until - timedelta(seconds=1))
    assert not quotas.granted(desk.user.user, CASE, until)


@pytest.mark.parametrize("role", list(Role), ids=lambda role: str(role.value))
def test_each_role_sees_exactly_its_classes(desk: Desk, made: HandMadeSite, role: Role) -> None:
    user = made.user(role)
    _bring(desk, desk.user, user, epoch=4)
    rights = _rights(desk, user)

    for kind in RevealClass:
        if kind in ROLE_CLASSES[role]:
            rights.require_classes(frozenset({kind}))
        else:
            wanted = ROLE_CLASSES[role] | {kind}
            assert refusal_of(rights.require_classes, wanted) is ErrorCode.E_CASE


@pytest.mark.parametrize("role", list(Role), ids=lambda role: str(role.value))
def test_files_are_for_roles_with_export(desk: Desk, made: HandMadeSite, role: Role) -> None:
    user = made.user(role)
    _bring(desk, desk.user, user, epoch=4)
    rights = _rights(desk, user)

    if Operation.EXPORT in STARTING_RIGHTS[role]:
        rights.require_export()
    else:
        assert refusal_of(rights.require_export) is ErrorCode.E_CASE


def test_a_revoked_certificate_sees_nothing(desk: Desk, made: HandMadeSite) -> None:
    user = made.user(Role.RADIATION_ONCOLOGIST)
    _bring(desk, desk.user, user, epoch=4)
    rights = _rights(desk, user)
    rights.require_classes(frozenset(RevealClass))

    _bring(desk, desk.user, user, epoch=5, revoked=(user.fingerprint,))

    assert refusal_of(rights.require_classes, frozenset(RevealClass)) is ErrorCode.E_CASE
    assert refusal_of(rights.require_export) is ErrorCode.E_CASE
