"""Which cases are open to whom: the one place where that is decided.

A case is what the site shares about one patient, by pseudonym. It is open to a user by a grant in
the bundle or by break-glass, each until a time; a role opens none. This stands before whatever
reveals sealed attributes of a protected file (`jobs/rights.py` asks for each).
"""

from datetime import datetime

from encryptsecurert_protocol.bundles import BundleCore, CaseGrant
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_worker.vault.quotas import Quotas


def case_open(core: BundleCore, quotas: Quotas, user: str, pseudonym: str, now: datetime) -> bool:
    """Tell whether a case is open to a user now.

    Parameters
    ----------
    pseudonym : str
        Computed in the enclave from what was unsealed, never read from a request.
    """
    granted = any(case.pseudonym == pseudonym for case in _granted(core, user, now))
    return granted or quotas.granted(user, pseudonym, now)


def require_case(
    core: BundleCore, quotas: Quotas, user: str, pseudonym: str, now: datetime
) -> None:
    """Refuse with E_CASE unless the case is open to the user now."""
    if not case_open(core, quotas, user, pseudonym, now):
        raise EncryptSecureRTError(ErrorCode.E_CASE)


def open_cases(
    core: BundleCore, quotas: Quotas, user: str, now: datetime
) -> list[dict[str, object]]:
    """Return the rows {pseudonym, until, break_glass} of the cases that are open to a user now."""
    rows = [(case.pseudonym, case.until, False) for case in _granted(core, user, now)]
    rows += [(grant.pseudonym, grant.until, True) for grant in quotas.grants(user, now)]
    return [
        {"pseudonym": pseudonym, "until": time_text(until), "break_glass": by_break_glass}
        for pseudonym, until, by_break_glass in rows
    ]


def _granted(core: BundleCore, user: str, now: datetime) -> list[CaseGrant]:
    return [case for case in core.cases if case.user == user and now < case.until]
