"""`encryptsecurert-admin role` and `case`: what roles may do, and who may open which case."""

from datetime import UTC, datetime, timedelta

import click

from encryptsecurert_protocol.bundles import CaseGrant
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.rights import Operation, Role
from EncryptSecureRTLib.custodian.changes import with_grant, with_rights, without_grant
from EncryptSecureRTLib.custodian.cli_support import Call, site_options

_MAX_GRANT_DAYS = 3660

_pseudonym = click.argument("pseudonym", metavar="PSEUDONYM")
_user_id = click.argument("user_id", metavar="USER_ID")


@click.group()
def role() -> None:
    """Say what each role may do."""


@role.command("list")
@site_options
def role_list(call: Call) -> None:
    """List the roles and their operations."""
    state = call.open_site().state
    rights = sorted(state.rights.items(), key=lambda item: item[0].value)
    rows = [
        {"role": each.value, "operations": sorted(operation.value for operation in operations)}
        for each, operations in rights
    ]
    values = {"command": "role-list", "epoch": state.epoch, "roles": rows}
    call.reporter.result(values, said=f"{len(rows)} role(s).", rows=rows)


@role.command("set")
@site_options
@click.argument("name", metavar="ROLE", type=click.Choice([each.value for each in Role]))
@click.option(
    "--allow",
    type=click.Choice([operation.value for operation in Operation]),
    multiple=True,
    required=True,
    help="An operation; may be given more than once. All others are taken away.",
)
def role_set(call: Call, name: str, allow: tuple[str, ...]) -> None:
    """Let a role do these operations and no others."""
    operations = frozenset(Operation(word) for word in allow)
    site = call.open_site()
    epoch = site.change(lambda state, _: with_rights(state, Role(name), operations))
    allowed = sorted(operation.value for operation in operations)
    call.changed("role-set", epoch, "The role is set.", role=name, operations=allowed)


@click.group()
def case() -> None:
    """Open cases to users, until an end."""


@case.command("grant")
@site_options
@_pseudonym
@_user_id
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day, UTC.")
@click.option("--days", type=click.IntRange(1, _MAX_GRANT_DAYS), help="How many days from now.")
def case_grant(
    call: Call, pseudonym: str, user_id: str, until: datetime | None, days: int | None
) -> None:
    """Open a case to a user until an end; an earlier grant of the two is replaced."""
    if (until is None) == (days is None):
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "either --until or --days")
    site = call.open_site()
    now = site.now
    end = now + timedelta(days=days) if days is not None else _end_of_day(until, now)
    grant = CaseGrant(pseudonym=pseudonym, user=user_id, until=end)
    epoch = site.change(lambda state, at: with_grant(state, grant, at))
    said = "The case is open to the user."
    call.changed("case-grant", epoch, said, case=pseudonym, user=user_id, until=time_text(end))


def _end_of_day(day: datetime | None, now: datetime) -> datetime:
    last = now + timedelta(days=_MAX_GRANT_DAYS)
    if day is None or day.replace(tzinfo=UTC) > last:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, f"at most {_MAX_GRANT_DAYS} days")
    return day.replace(tzinfo=UTC) + timedelta(days=1)


@case.command("revoke")
@site_options
@_pseudonym
@_user_id
def case_revoke(call: Call, pseudonym: str, user_id: str) -> None:
    """Close a case to a user."""
    site = call.open_site()
    epoch = site.change(lambda state, _: without_grant(state, pseudonym, user_id))
    said = "The case is closed to the user."
    call.changed("case-revoke", epoch, said, case=pseudonym, user=user_id)


@case.command("list")
@site_options
@click.option("--user", "user_id", metavar="USER_ID", help="Only this user's.")
@click.option("--case", "pseudonym", metavar="PSEUDONYM", help="Only this case.")
def case_list(call: Call, user_id: str | None, pseudonym: str | None) -> None:
    """List the grants that hold."""
    site = call.open_site()
    rows = [
        {"case": grant.pseudonym, "user": grant.user, "until": time_text(grant.until)}
        for grant in site.state.cases
        if site.now < grant.until
        and user_id in (None, grant.user)
        and pseudonym in (None, grant.pseudonym)
    ]
    values = {"command": "case-list", "epoch": site.state.epoch, "cases": rows}
    call.reporter.result(values, said=f"{len(rows)} grant(s).", rows=rows)
