"""Cases: open by a grant in the bundle or by break-glass, to one user, until a time."""

from datetime import timedelta
from pathlib import Path

import pytest
from Testing.Unit.worker.durable import StateFolder
from Testing.Unit.worker.made import NOW, HandMadeSite, refusal_of
from Testing.Unit.worker.orders import OTHER, OWNER

from encryptsecurert_protocol.bundles import BundleCore, CaseGrant
from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_worker.vault.access import case_open, open_cases, require_case
from encryptsecurert_worker.vault.quotas import Quotas
from EncryptSecureRTLib.custodian.certificates import new_id

CASE, OTHER_CASE = "P" + "A" * 16, "P" + "B" * 16
UNTIL = NOW + timedelta(days=1)


@pytest.fixture
def quotas(tmp_path: Path) -> Quotas:
    return StateFolder(tmp_path).start().quotas


@pytest.fixture
def bundle(made: HandMadeSite) -> BundleCore:
    return made.core(
        cases=(
            CaseGrant(pseudonym=CASE, user=OWNER, until=UNTIL),
            CaseGrant(pseudonym=OTHER_CASE, user=OTHER, until=UNTIL),
        )
    )


def test_a_grant_in_the_bundle_opens_one_case_to_one_user(
    bundle: BundleCore, quotas: Quotas
) -> None:
    assert case_open(bundle, quotas, OWNER, CASE, NOW)
    require_case(bundle, quotas, OWNER, CASE, NOW)
    assert not case_open(bundle, quotas, OTHER, CASE, NOW)
    assert refusal_of(require_case, bundle, quotas, OWNER, OTHER_CASE, NOW) is ErrorCode.E_CASE


def test_a_grant_in_the_bundle_holds_until_its_time(bundle: BundleCore, quotas: Quotas) -> None:
    assert case_open(bundle, quotas, OWNER, CASE, UNTIL - timedelta(seconds=1))
    assert not case_open(bundle, quotas, OWNER, CASE, UNTIL)
    assert open_cases(bundle, quotas, OWNER, UNTIL) == []


def test_without_any_grant_nothing_is_open(made: HandMadeSite, quotas: Quotas) -> None:
    assert not case_open(made.core(), quotas, OWNER, CASE, NOW)
    assert open_cases(made.core(), quotas, OWNER, NOW) == []


def test_break_glass_opens_a_case_until_it_ends(made: HandMadeSite, quotas: Quotas) -> None:
    core = made.core()
    until = quotas.break_glass(OWNER, CASE, new_id())

    assert case_open(core, quotas, OWNER, CASE, until - timedelta(seconds=1))
    assert not case_open(core, quotas, OWNER, CASE, until)
    assert not case_open(core, quotas, OTHER, CASE, NOW)


def test_the_open_cases_tell_until_when_and_by_what(bundle: BundleCore, quotas: Quotas) -> None:
    quotas.break_glass(OWNER, OTHER_CASE, new_id())
    end = NOW + timedelta(seconds=LIMITS.break_glass_s)

    assert open_cases(bundle, quotas, OWNER, NOW) == [
        {"pseudonym": CASE, "until": "2026-11-25T12:00:00Z", "break_glass": False},
        {
            "pseudonym": OTHER_CASE,
            "until": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "break_glass": True,
        },
    ]
