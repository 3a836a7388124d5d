"""What a custodian may change, each as a function from one state of the site to the next.

Nothing is kept here. A change that changes nothing gives back an equal state, so that it costs no
epoch; a change that is refused raises before there is a new state.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from encryptsecurert_protocol.bundles import PSEUDONYM, CaseGrant
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.leases import MAX_LEASE_S, MIN_LEASE_S
from encryptsecurert_protocol.offline import MAX_OFFLINE, OfflineRecipient, check_certificates
from encryptsecurert_protocol.rights import Operation, Role
from EncryptSecureRTLib.custodian.site_state import SiteState
from EncryptSecureRTLib.custodian.site_users import SiteUser, UserCertificate

_PREFIX = r"[0-9a-f]{8,64}"


def _usage(detail: str) -> EncryptSecureRTError:
    return EncryptSecureRTError(ErrorCode.E_USAGE, detail)


def active_user(state: SiteState, user: str) -> SiteUser:
    """Return a user who is not revoked, or refuse with E_NOT_FOUND."""
    entry = state.user(user)
    if entry is None or entry.revoked_at is not None:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND, "no such user, or a revoked one")
    return entry


def with_user(state: SiteState, entry: SiteUser) -> SiteState:
    """Put an entry in the place of the one with its id, or at the end."""
    if state.user(entry.user) is None:
        return replace(state, users=(*state.users, entry))
    users = tuple(entry if other.user == entry.user else other for other in state.users)
    return replace(state, users=users)


def checked_roles(roles: Sequence[Role]) -> tuple[Role, ...]:
    """Return roles, refused with E_USAGE unless there is one at least and none twice."""
    if not roles or len(set(roles)) != len(roles):
        raise _usage("each role once, at least one")
    return tuple(roles)


def with_roles(state: SiteState, user: str, roles: Sequence[Role]) -> SiteState:
    """Give a user these roles and no others."""
    entry = active_user(state, user)
    if user == state.home_user and Role.CUSTODIAN not in roles:
        raise _usage("the custodian's own id keeps the role custodian")
    return with_user(state, replace(entry, roles=checked_roles(roles)))


def revoked_certificate(certificate: UserCertificate, now: datetime) -> UserCertificate:
    """Return a certificate as revoked; one that was keeps its time."""
    return replace(certificate, revoked_at=certificate.revoked_at or now)


def without_user(state: SiteState, user: str, now: datetime) -> SiteState:
    """Revoke all of a user's certificates and keys, for good, and end the user's grants."""
    entry = state.user(user)
    if entry is None:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
    if user == state.home_user:
        raise _usage("this is the custodian's own id")
    revoked = replace(
        entry,
        certificates=tuple(revoked_certificate(c, now) for c in entry.certificates),
        keys=tuple(replace(key, revoked=True) for key in entry.keys),
        revoked_at=entry.revoked_at or now,
    )
    cases = tuple(grant for grant in state.cases if grant.user != user)
    return replace(with_user(state, revoked), cases=cases)


def without_certificate(state: SiteState, user: str, prefix: str, now: datetime) -> SiteState:
    """Revoke one certificate of a user, and with it its key and that key's other certificates.

    A certificate is no secret: what was lost is the key, which serves all of them alike.
    """
    entry = active_user(state, user)
    key_id = _certificate_of(entry, prefix).key_id
    revoked = replace(
        entry,
        certificates=tuple(
            revoked_certificate(c, now) if c.key_id == key_id else c for c in entry.certificates
        ),
        keys=tuple(replace(k, revoked=k.revoked or k.key_id == key_id) for k in entry.keys),
    )
    if user == state.home_user and not revoked.usable_at(now):
        raise _usage("this is the custodian's last certificate: renew it with --replace")
    return with_user(state, revoked)


def _certificate_of(entry: SiteUser, prefix: str) -> UserCertificate:
    if not re.fullmatch(_PREFIX, prefix.lower()):
        raise _usage("a fingerprint, or 8 of its hex digits at least")
    found = [c for c in entry.certificates if c.fingerprint.startswith(prefix.lower())]
    if not found:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
    if len(found) > 1:
        raise _usage("more than one certificate begins so")
    return found[0]


def with_rights(state: SiteState, role: Role, operations: Iterable[Operation]) -> SiteState:
    """Let a role do these operations and no others."""
    allowed = frozenset(operations)
    if not allowed:
        raise _usage("a role allows one operation at least")
    if role is Role.CUSTODIAN and Operation.PROVISION not in allowed:
        raise _usage("the role custodian keeps provision")
    return replace(state, rights={**state.rights, role: allowed})


def checked_pseudonym(pseudonym: str) -> str:
    """Return a pseudonym, refused with E_USAGE unless it has the form of one."""
    if not re.fullmatch(PSEUDONYM, pseudonym):
        raise _usage("a pseudonym is P and 16 of A to Z and 2 to 7")
    return pseudonym


def with_grant(state: SiteState, grant: CaseGrant, now: datetime) -> SiteState:
    """Open a case to a user, in place of an earlier grant of it; grants that have ended go."""
    checked_pseudonym(grant.pseudonym)
    active_user(state, grant.user)
    if grant.until <= now:
        raise _usage("a grant ends in the future")
    pair = (grant.pseudonym, grant.user)
    others = tuple(g for g in state.cases if (g.pseudonym, g.user) != pair and now < g.until)
    return replace(state, cases=(*others, grant))


def without_grant(state: SiteState, pseudonym: str, user: str) -> SiteState:
    """Close a case to a user; E_NOT_FOUND if it was not open."""
    pair = (checked_pseudonym(pseudonym), user)
    cases = tuple(g for g in state.cases if (g.pseudonym, g.user) != pair)
    if cases == state.cases:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
    return replace(state, cases=cases)


def checked_lease_s(lease_s: int) -> int:
    """Return the length of leases, refused with E_USAGE unless a bundle may ask for it."""
    if lease_s != 0 and not MIN_LEASE_S <= lease_s <= MAX_LEASE_S:
        raise _usage(f"0, or {MIN_LEASE_S} to {MAX_LEASE_S} s")
    return lease_s


def with_lease_s(state: SiteState, lease_s: int) -> SiteState:
    """Let workers need leases of this length, or none (0)."""
    return replace(state, lease_s=checked_lease_s(lease_s))


def with_offline(state: SiteState, recipient: OfflineRecipient) -> SiteState:
    """Give an offline recipient an item of its own in files that are protected from now on.

    Raises
    ------
    EncryptSecureRTError
        E_USAGE if the name is taken, there are too many, or the certificate is not one that a
        bundle may hold.
    """
    if any(one.name == recipient.name for one in state.offline):
        raise _usage("an offline recipient of that name is there: remove it first")
    if len(state.offline) >= MAX_OFFLINE:
        raise _usage(f"at most {MAX_OFFLINE} offline recipients")
    offline = tuple(sorted((*state.offline, recipient), key=lambda one: one.name))
    try:
        check_certificates(offline, state.recipient_certificate, state.escrow_certificate)
    except EncryptSecureRTError as error:
        raise _usage(f"the certificate cannot be used: {error.detail}") from None
    return replace(state, offline=offline)


def without_offline(state: SiteState, name: str) -> SiteState:
    """Give an offline recipient no items any more (E_NOT_FOUND); those that it has stay."""
    offline = tuple(one for one in state.offline if one.name != name)
    if offline == state.offline:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND)
    return replace(state, offline=offline)
