"""`encryptsecurert-admin policy`: which builds the site's clients accept."""

from pathlib import Path

import click

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.policy import TCB_STATUSES
from EncryptSecureRTLib.custodian.cli_support import FILE, Call, site_options
from EncryptSecureRTLib.custodian.disk import read_file
from EncryptSecureRTLib.custodian.policy_maker import HardwareRules, is_simulated_policy
from EncryptSecureRTLib.custodian.release import Release
from EncryptSecureRTLib.custodian.reporter import SIMULATED_WARNING, Reporter
from EncryptSecureRTLib.custodian.site import Site

# "OutOfDate" needs a time of grace as well; a custodian's new policy never starts with that.
_STATUSES = [status for status in TCB_STATUSES if status != "OutOfDate"]


@click.command()
@site_options
@click.option("--release", type=FILE, help="release.json of the build to accept.")
@click.option("--withdraw", metavar="MRENCLAVE", help="Accept this build no longer.")
@click.option("--collateral", type=FILE, help="Collateral of the platform, for the clients.")
@click.option(
    "--allow-simulated",
    is_flag=True,
    help="Accept a build that protects nothing. Without it the policy lists no simulated build.",
)
@click.option("--platform", "platforms", multiple=True, metavar="ID", help="SHA-256 of a PPID.")
@click.option("--tcb-status", type=click.Choice(_STATUSES), multiple=True, default=["UpToDate"])
@click.option("--advisory", multiple=True, metavar="INTEL-SA-NNNNN", help="Judged harmless.")
@click.option("--min-tcb-evaluation", type=click.IntRange(1, 2**31 - 1))
@click.option("--sgx-type", type=click.IntRange(0, 2), multiple=True, default=[0])
@click.option("--allow-smt", is_flag=True)
@click.option("--allow-dynamic-platform", is_flag=True)
@click.option("--allow-cached-keys", is_flag=True)
def policy(
    call: Call,
    release: Path | None,
    withdraw: str | None,
    **options: object,
) -> None:
    """Accept a build, or withdraw one: the next version of the signed client policy."""
    if (release is None) == (withdraw is None):
        detail = "either --release or --withdraw"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    if release is not None:
        build = Release.decode(read_file(release, LIMITS.json_line_bytes))
        collateral = _collateral(options["collateral"])
        site = call.open_site()
        allowed = options["allow_simulated"] is True
        version = site.set_policy(build, collateral, allowed, rules=_rules(options))
        said = "The build is accepted. Hand policy.json and policy.json.sig to every client."
        mrenclave = build.mrenclave
    else:
        site = call.open_site()
        mrenclave = withdraw or ""
        version = site.withdraw_build(mrenclave)
        said = "The build is withdrawn. Hand policy.json and policy.json.sig to every client."
    _say(call.reporter, site, said, {"version": version, "mrenclave": mrenclave})


def _say(reporter: Reporter, site: Site, said: str, facts: dict[str, object]) -> None:
    signed = site.state.policy
    simulated = signed is not None and is_simulated_policy(signed.octets)
    if simulated:
        reporter.warning(SIMULATED_WARNING)
    reporter.result({"command": "policy", **facts, "simulated": simulated}, said=said)


def _collateral(path: object) -> bytes | None:
    return read_file(path, LIMITS.evidence_bytes) if isinstance(path, Path) else None


def _rules(options: dict[str, object]) -> HardwareRules:
    def several(name: str) -> tuple[object, ...]:
        value = options[name]
        return value if isinstance(value, tuple) else ()

    minimum = options["min_tcb_evaluation"]
    return HardwareRules(
        platforms=tuple(str(item) for item in several("platforms")),
        tcb_status=tuple(str(item) for item in several("tcb_status")),
        advisories=tuple(str(item) for item in several("advisory")),
        min_tcb_evaluation=minimum if isinstance(minimum, int) else None,
        sgx_types=tuple(item for item in several("sgx_type") if isinstance(item, int)),
        allow_smt=options["allow_smt"] is True,
        allow_dynamic_platform=options["allow_dynamic_platform"] is True,
        allow_cached_keys=options["allow_cached_keys"] is True,
    )
