"""`encryptsecurert-admin user`: certificates and roles of users, known by random ids."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.custodian.certificates import MAX_USER_DAYS, USER_DAYS
from EncryptSecureRTLib.custodian.changes import with_roles, without_certificate
from EncryptSecureRTLib.custodian.cli_support import FILE, FOLDER, NEW_BUNDLE, Call, site_options
from EncryptSecureRTLib.custodian.disk import read_file
from EncryptSecureRTLib.custodian.site import Site
from EncryptSecureRTLib.custodian.site_users import SiteUser, UserCertificate
from EncryptSecureRTLib.custodian.users import UserCredentials

_SOON = timedelta(days=14)
_SHOWN_DIGITS = 16  # of a fingerprint, for people; `user revoke` takes 8

_user_id = click.argument("user_id", metavar="USER_ID")


def _roles_option(command: Callable[..., None]) -> Callable[..., None]:
    option: Callable[[Callable[..., None]], Callable[..., None]] = click.option(
        "--role",
        "roles",
        type=click.Choice([role.value for role in Role]),
        multiple=True,
        required=True,
        help="What the user is; may be given more than once.",
    )
    return option(command)


def _roles(words: tuple[str, ...]) -> tuple[Role, ...]:
    return tuple(Role(word) for word in dict.fromkeys(words))


@click.group()
def user() -> None:
    """Users of the site, known by random ids."""


@user.command("add")
@site_options
@click.option("--csr", type=FILE, required=True, help="The user's certificate request.")
@_roles_option
@click.option(
    "--days",
    type=click.IntRange(1, MAX_USER_DAYS),
    default=USER_DAYS,
    show_default=True,
    help="How long the certificate lasts.",
)
@click.option("--out", type=FOLDER, required=True, help="Folder for the files to hand over.")
def user_add(call: Call, csr: Path, roles: tuple[str, ...], days: int, out: Path) -> None:
    """Issue a certificate for a request and give its user roles."""
    request = read_file(csr, LIMITS.certificate_bytes)
    site = call.open_site()
    wanted = _roles(roles)
    credentials = site.add_user(request, wanted, days, out=out)
    more = {
        "roles": [role.value for role in wanted],
        "files": sorted(credentials.files()),
    }
    _say_issued(call, "user-add", credentials, more, "The user is added.")


def _say_issued(
    call: Call, command: str, credentials: UserCredentials, more: dict[str, Any], said: str
) -> None:
    if "files" in more and credentials.policy is None:
        call.reporter.warning("There is no policy yet: make one, and hand it over, too.")
    values = {
        "command": command,
        "user": credentials.user,
        "fingerprint": credentials.fingerprint,
        "not_after": time_text(credentials.not_after),
        "epoch": credentials.epoch,
        "provision_again": True,
        **more,
    }
    call.reporter.result(values, said=f"{said} {NEW_BUNDLE}")


@user.command("renew")
@site_options
@_user_id
@click.option("--csr", type=FILE, help="The user's certificate request; same key or a new one.")
@click.option("--days", type=click.IntRange(1, MAX_USER_DAYS), help="How long it lasts (90).")
@click.option("--out", type=FOLDER, help="Folder for the files to hand over.")
@click.option("--replace", is_flag=True, help="Revoke the older certificates.")
def user_renew(
    call: Call, user_id: str, csr: Path | None, days: int | None, out: Path | None, replace: bool
) -> None:
    """Issue a new certificate for a user's id; the older ones are good until their end.

    The custodian's own id may go without --csr, --days and --out: the site's own folder gets a new
    key, and keeps the one before until every worker has the new bundle.
    """
    if csr is None and out is None and days is None:
        credentials = _renew_own(call.open_site(), user_id, replace)
        more: dict[str, Any] = {"replaced": replace}
    elif csr is None or out is None:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "--csr and --out go together")
    else:
        request = read_file(csr, LIMITS.certificate_bytes)
        site = call.open_site()
        credentials = site.renew_user(
            user_id, request, days or USER_DAYS, replace_older=replace, out=out
        )
        more = {"replaced": replace, "files": sorted(credentials.files())}
    _say_issued(call, "user-renew", credentials, more, "The certificate is renewed.")


def _renew_own(site: Site, user_id: str, replace: bool) -> UserCredentials:
    if user_id != site.state.home_user:
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "--csr and --out are for all but yourself")
    return site.renew_own(replace_older=replace)


@user.command("revoke")
@site_options
@_user_id
@click.option("--certificate", metavar="FINGERPRINT", help="This one and its key only.")
def user_revoke(call: Call, user_id: str, certificate: str | None) -> None:
    """Revoke all certificates of a user for good, or a lost one.

    A fingerprint may be cut to its first 8 digits or more. Other certificates of the same key are
    revoked with it.
    """
    site = call.open_site()
    if certificate is None:
        epoch = site.revoke_user(user_id)
        said = "The user is revoked."
    else:
        prefix = certificate
        epoch = site.change(lambda state, now: without_certificate(state, user_id, prefix, now))
        said = "The certificate is revoked."
    call.changed("user-revoke", epoch, said, user=user_id)


@user.command("roles")
@site_options
@_user_id
@_roles_option
def user_roles(call: Call, user_id: str, roles: tuple[str, ...]) -> None:
    """Give a user these roles and no others."""
    wanted = _roles(roles)
    epoch = call.open_site().change(lambda state, _: with_roles(state, user_id, wanted))
    names = [role.value for role in wanted]
    call.changed("user-roles", epoch, "The roles are set.", user=user_id, roles=names)


@user.command("list")
@site_options
def user_list(call: Call) -> None:
    """List the users, their certificates, and what ends within 14 days."""
    site = call.open_site()
    users = [_user_json(site, entry) for entry in site.state.users]
    soon = sum(entry["ends_soon"] is True for entry in users)
    values = {"command": "user-list", "epoch": site.state.epoch, "users": users}
    said = f"{len(users)} user(s); the certificates of {soon} end within 14 days."
    rows = [row for entry in site.state.users for row in _table_rows(site, entry)]
    call.reporter.result(values, said=said, rows=rows)


def _user_json(site: Site, entry: SiteUser) -> dict[str, object]:
    usable = entry.usable_at(site.now)
    return {
        "user": entry.user,
        "roles": [role.value for role in entry.roles],
        "certificates": [_certificate_json(site, c) for c in entry.certificates],
        # A user with one that lasts longer needs nothing yet.
        "ends_soon": bool(usable) and all(_ends_soon(site, c) for c in usable),
        "revoked_at": None if entry.revoked_at is None else time_text(entry.revoked_at),
    }


def _certificate_json(site: Site, certificate: UserCertificate) -> dict[str, object]:
    return {
        "fingerprint": certificate.fingerprint,
        "not_after": time_text(certificate.not_after),
        "state": _state(site, certificate),
    }


def _ends_soon(site: Site, certificate: UserCertificate) -> bool:
    return certificate.not_after <= site.now + _SOON


def _state(site: Site, certificate: UserCertificate) -> str:
    if certificate.revoked_at is not None:
        return "revoked"
    if certificate.not_after <= site.now:
        return "ended"
    return "ends-soon" if _ends_soon(site, certificate) else "usable"


def _table_rows(site: Site, entry: SiteUser) -> list[dict[str, object]]:
    of_user = {"user": entry.user, "roles": [role.value for role in entry.roles]}
    none = {"certificate": "-", "ends": "-", "state": "none"}
    rows = [
        {
            "certificate": c.fingerprint[:_SHOWN_DIGITS],
            "ends": time_text(c.not_after),
            "state": _state(site, c),
        }
        for c in entry.certificates
    ]
    return [{**of_user, **row} for row in rows or [none]]
