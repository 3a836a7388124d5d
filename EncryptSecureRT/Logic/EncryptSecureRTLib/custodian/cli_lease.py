"""`encryptsecurert-admin lease`: how long a worker may use the site's secrets without a word."""

from functools import partial
from pathlib import Path

import click

from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.leases import MAX_LEASE_S
from EncryptSecureRTLib.custodian.changes import with_lease_s
from EncryptSecureRTLib.custodian.cli_support import FOLDER, Call, site_options
from EncryptSecureRTLib.custodian.provision import give_lease

_HOUR_S = 3600
LEASE_HOURS = click.IntRange(0, MAX_LEASE_S // _HOUR_S)


def lease_seconds(hours: int) -> int:
    """Return hours of the command line as a bundle counts them."""
    return hours * _HOUR_S


@click.group()
def lease() -> None:
    """Let workers use the site's secrets for a while."""


@lease.command("set")
@site_options
@click.option("--hours", type=LEASE_HOURS, required=True, help="How long a lease lasts; 0 is off.")
def lease_set(call: Call, hours: int) -> None:
    """Let workers need leases of this length, or none."""
    site = call.open_site()
    epoch = site.change(lambda state, _: with_lease_s(state, lease_seconds(hours)))
    said = "Workers need leases." if hours else "Workers need no lease."
    call.changed("lease-set", epoch, said, lease_s=lease_seconds(hours))


@lease.command("give")
@site_options
@click.option("--url", required=True, metavar="URL", help="https://host:port of the worker.")
@click.option("--home", type=FOLDER, help="Another client folder than the site's own.")
def lease_give(call: Call, url: str, home: Path | None) -> None:
    """Verify a worker by the site's policy, then give it a lease from now on.

    May run by itself, say every quarter of a lease, with --passphrase-file.
    """
    site = call.open_site()
    given, verdict = call.at_worker(site, home, url, partial(give_lease, site))
    values = {
        "command": "lease-give",
        "start_id": given.start_id,
        "epoch": given.epoch,
        "not_after": time_text(given.not_after),
        "measurement": verdict.measurement,
        "simulated": verdict.simulated,
    }
    call.reporter.result(values, said="The worker is verified and has a lease.")
