"""`encryptsecurert-admin`: the site key custodian's commands.

The passphrase comes from a prompt or a file, never from an argument or the environment, which
other programs may read. Exit codes are those of the error enumeration.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.certificates import MAX_USER_DAYS, USER_DAYS
from EncryptSecureRTLib.custodian.cli_policy import policy
from EncryptSecureRTLib.custodian.cli_support import (
    FILE,
    FOLDER,
    Call,
    site_options,
)
from EncryptSecureRTLib.custodian.disk import read_file
from EncryptSecureRTLib.custodian.provision import provision
from EncryptSecureRTLib.custodian.reporter import SIMULATED_WARNING, Reporter
from EncryptSecureRTLib.custodian.site import Site, init_site

_NEW_BUNDLE = "Provision every worker again: encryptsecurert-admin provision."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def admin() -> None:
    """Make and look after a site: keys, users, policy, bundles."""


admin.add_command(policy)


@admin.command()
@site_options
def init(call: Call) -> None:
    """Make a new site in SITE_DIR: all its keys, under a passphrase."""
    site = init_site(call.site_dir, call.passphrase(new=True))
    state = site.state
    values = {
        "command": "init",
        "site_key_id": state.site_key_id,
        "epoch": state.epoch,
        "custodian": state.home_user,
    }
    said = (
        "The site is made. Carry the folders escrow and auditor away, to different people, and "
        "remove them here."
    )
    call.reporter.result(values, said=said)


@admin.group()
def user() -> None:
    """Users of the site, known by random ids."""


@user.command("add")
@site_options
@click.option("--csr", type=FILE, required=True, help="The user's certificate request.")
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    required=True,
    help="What the user is; may be given more than once.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MAX_USER_DAYS),
    default=USER_DAYS,
    show_default=True,
    help="How long the certificate lasts.",
)
@click.option("--out", type=FOLDER, required=True, help="Folder for the files to hand over.")
def user_add(
    call: Call,
    csr: Path,
    roles: tuple[str, ...],
    days: int,
    out: Path,
) -> None:
    """Issue a certificate for a request and give its user roles."""
    request = read_file(csr, LIMITS.certificate_bytes)
    site = call.open_site()
    wanted = tuple(Role(role) for role in dict.fromkeys(roles))
    credentials = site.add_user(request, wanted, days, out=out)
    if credentials.policy is None:
        call.reporter.warning("There is no policy yet: make one, and hand it over, too.")
    values = {
        "command": "user-add",
        "user": credentials.user,
        "roles": [role.value for role in wanted],
        "fingerprint": credentials.fingerprint,
        "not_after": time_text(credentials.not_after),
        "epoch": credentials.epoch,
        "files": sorted(credentials.files()),
        "provision_again": True,
    }
    call.reporter.result(values, said=f"The user is added. {_NEW_BUNDLE}")


def _user_rows(site: Site) -> list[dict[str, object]]:
    return [
        {
            "user": entry.user,
            "roles": [role.value for role in entry.roles],
            "not_after": [time_text(c.not_after) for c in entry.certificates],
            "revoked_at": None if entry.revoked_at is None else time_text(entry.revoked_at),
        }
        for entry in site.state.users
    ]


@user.command("list")
@site_options
def user_list(call: Call) -> None:
    """List the users."""
    site = call.open_site()
    rows = _user_rows(site)
    values = {"command": "user-list", "epoch": site.state.epoch, "users": rows}
    call.reporter.result(values, said=f"{len(rows)} user(s).", rows=rows)


@user.command("revoke")
@site_options
@click.argument("user_id", metavar="USER_ID")
def user_revoke(call: Call, user_id: str) -> None:
    """Revoke all certificates of a user, for good."""
    site = call.open_site()
    epoch = site.revoke_user(user_id)
    values = {"command": "user-revoke", "user": user_id, "epoch": epoch, "provision_again": True}
    call.reporter.result(values, said=f"The user is revoked. {_NEW_BUNDLE}")


@admin.command("provision")
@site_options
@click.option("--url", required=True, metavar="URL", help="https://host:port of the worker.")
@click.option("--home", type=FOLDER, help="Another client folder than the site's own.")
def provision_worker(call: Call, url: str, home: Path | None) -> None:
    """Verify a worker by the site's policy, then send it the site's bundle."""
    site = call.open_site()
    client_home = site.home if home is None else ClientHome(home)
    with open_channel(client_home, url, allow_unprovisioned=True) as channel:
        verdict = channel.verdict
        name = provision(site, channel)
    if verdict.simulated:
        call.reporter.warning(SIMULATED_WARNING)
    values = {
        "command": "provision",
        "site_key_id": name.site_key_id,
        "epoch": name.epoch,
        "digest": name.digest,
        "measurement": verdict.measurement,
        "simulated": verdict.simulated,
    }
    call.reporter.result(values, said="The worker is verified and provisioned.")


@admin.command()
@site_options
@click.option("--show", is_flag=True, required=True, help="Say what is in it; no secrets.")
def bundle(call: Call, show: bool) -> None:
    """Show the bundle that workers get now."""
    if not show:
        raise click.UsageError("--show is all that there is to do")
    site = call.open_site()
    name = site.current_bundle().name
    rows = [row for row in _user_rows(site) if row["revoked_at"] is None]
    values = {
        "command": "bundle",
        "site_key_id": name.site_key_id,
        "epoch": name.epoch,
        "digest": name.digest,
        "users": [row["user"] for row in rows],
    }
    call.reporter.result(values, said="The bundle of this epoch.", rows=rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    reporter = Reporter(as_json="--json" in words, debug="--debug" in words)
    try:
        admin.main(words, "encryptsecurert-admin", standalone_mode=False, obj=reporter)
    except EncryptSecureRTError as error:
        return reporter.error(error)
    except click.Abort:
        return reporter.error(EncryptSecureRTError(ErrorCode.E_CANCELLED))
    except click.ClickException as error:
        return reporter.usage(error)
    except Exception as error:  # the border of the process
        internal = EncryptSecureRTError(ErrorCode.E_INTERNAL)
        internal.__cause__ = error
        return reporter.error(internal)
    return 0


if __name__ == "__main__":
    sys.exit(main())
