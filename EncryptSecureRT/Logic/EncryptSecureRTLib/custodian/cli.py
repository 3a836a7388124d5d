"""`encryptsecurert-admin`: the site key custodian's commands.

The passphrase comes from a prompt or a file, never from an argument or the environment, which
other programs may read. Exit codes are those of the error enumeration.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from EncryptSecureRTLib.custodian.cli_audit import audit
from EncryptSecureRTLib.custodian.cli_lease import LEASE_HOURS, lease, lease_seconds
from EncryptSecureRTLib.custodian.cli_offline import offline
from EncryptSecureRTLib.custodian.cli_policy import policy
from EncryptSecureRTLib.custodian.cli_recover import recover
from EncryptSecureRTLib.custodian.cli_rights import case, role
from EncryptSecureRTLib.custodian.cli_support import FOLDER, Call, site_options
from EncryptSecureRTLib.custodian.cli_users import user
from EncryptSecureRTLib.custodian.provision import provision_and_lease
from EncryptSecureRTLib.custodian.reporter import Reporter
from EncryptSecureRTLib.custodian.site import init_site


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def admin() -> None:
    """Make and look after a site: keys, users, policy, bundles."""


for group in (policy, user, role, case, offline, lease, audit, recover):
    admin.add_command(group)


@admin.command()
@site_options
@click.option(
    "--lease-hours",
    type=LEASE_HOURS,
    default=0,
    help="How long a worker's lease lasts; 0, the default: workers need none.",
)
def init(call: Call, lease_hours: int) -> None:
    """Make a new site in SITE_DIR: all its keys, under a passphrase."""
    lease_s = lease_seconds(lease_hours)
    site = init_site(call.site_dir, call.passphrase(new=True), lease_s=lease_s)
    state = site.state
    values = {
        "command": "init",
        "site_key_id": state.site_key_id,
        "epoch": state.epoch,
        "custodian": state.home_user,
        "lease_s": state.lease_s,
    }
    said = (
        "The site is made. Carry the folders escrow and auditor away, to different people, and "
        "remove them here."
    )
    call.reporter.result(values, said=said)


@admin.command("provision")
@site_options
@click.option("--url", required=True, metavar="URL", help="https://host:port of the worker.")
@click.option("--home", type=FOLDER, help="Another client folder than the site's own.")
def provision_worker(call: Call, url: str, home: Path | None) -> None:
    """Verify a worker by the site's policy, then send it the site's bundle and any lease."""
    site = call.open_site()
    done, verdict = call.at_worker(site, home, url, partial(provision_and_lease, site))
    name, given = done.bundle, done.lease
    values = {
        "command": "provision",
        "site_key_id": name.site_key_id,
        "epoch": name.epoch,
        "digest": name.digest,
        "lease_until": None if given is None else time_text(given.not_after),
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
    current = site.current_bundle()
    name, core = current.name, current.content
    rows = [
        {"user": entry.user, "roles": [each.value for each in entry.roles]}
        for entry in core.roles.users
    ]
    values = {
        "command": "bundle",
        "site_key_id": name.site_key_id,
        "epoch": name.epoch,
        "digest": name.digest,
        "lease_s": core.lease_s,
        "case_grants": len(core.cases),
        "offline": [one.name for one in core.offline],
        "revoked": len(core.revoked),
        "users": [entry.user for entry in core.roles.users],
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
