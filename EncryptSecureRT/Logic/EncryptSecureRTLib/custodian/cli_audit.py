"""`encryptsecurert-admin audit`: the auditor's commands.

The auditor is another person than the custodian, with a client folder of their own (role auditor)
and the auditor key, which `init` seals under the site's passphrase, `audit rekey` under theirs.
Where something was found, the result lists it and an E_AUDIT error follows, so that a timer that
runs `audit fetch` fails and says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from encryptsecurert_protocol.audit import AuditEvent, AuditLine
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_from_text
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.trust import utc_now
from EncryptSecureRTLib.custodian import audit_words as words
from EncryptSecureRTLib.custodian.audit_chain import Chain
from EncryptSecureRTLib.custodian.audit_fetch import Fetched, fetch
from EncryptSecureRTLib.custodian.audit_findings import Finding, Name, with_intact
from EncryptSecureRTLib.custodian.audit_judge import (
    attested_body,
    judge_log,
    judge_receipts,
    read_receipts,
    signed_body,
)
from EncryptSecureRTLib.custodian.audit_log import AuditLog
from EncryptSecureRTLib.custodian.cli_support import (
    FILE,
    FOLDER,
    KEY_PASSPHRASE,
    ask_passphrase,
    own_options,
)
from EncryptSecureRTLib.custodian.disk import read_file, write_files
from EncryptSecureRTLib.custodian.founding import AUDITOR_CONTENT
from EncryptSecureRTLib.custodian.passphrase import MAX_SEALED_FILE_BYTES, open_file, seal_file
from EncryptSecureRTLib.custodian.reporter import Reporter

_LOG = click.option("--log", type=FOLDER, required=True, help="The auditor's copy of one worker.")


@click.group()
def audit() -> None:
    """Fetch, read and verify a worker's audit log; for the auditor."""


def _auditor_key(path: Path, passphrase_file: Path | None) -> HpkeKeyPair:
    octets = read_file(path, MAX_SEALED_FILE_BYTES)
    secret = open_file(ask_passphrase(passphrase_file), AUDITOR_CONTENT, octets)
    return HpkeKeyPair.from_secret(HpkeSuite.MLKEM768_X25519, secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Access:
    """How to reach a worker as its auditor."""

    url: str
    home: Path
    key: Path
    passphrase_file: Path | None

    def fetch(self, log: AuditLog) -> Fetched:
        """Bring the log up to the worker's chain."""
        auditor = _auditor_key(self.key, self.passphrase_file)
        with open_channel(ClientHome(self.home), self.url) as channel:
            return fetch(log, channel, auditor, utc_now())


@audit.command("fetch")
@own_options(
    _LOG,
    click.option("--url", required=True, metavar="URL", help="https://host:port of the worker."),
    click.option("--home", type=FOLDER, required=True, help="The auditor's client folder."),
    click.option("--key", type=FILE, required=True, help="The auditor key, auditor.key.sealed."),
    KEY_PASSPHRASE,
)
def fetch_lines(reporter: Reporter, log: Path, **access: Any) -> None:
    """Fetch the lines after those that the log has, and judge them."""
    opened = AuditLog(log)
    fetched = _Access(**access).fetch(opened)
    instance = fetched.instance
    new = list(instance.chain.lines(fetched.first - 1))
    values = {
        "command": "audit-fetch",
        **_told_alarms(reporter, new),
        "instance_id": instance.instance_id,
        "new_lines": len(new),
        "lines": instance.chain.n,
        "head": instance.chain.mark.head,
    }
    found = with_intact(
        [*fetched.findings, *judge_log(opened)],
        f"The worker's chain and the copy agree, up to line {instance.chain.n}.",
    )
    _say(reporter, values, found)


@audit.command()
@own_options(
    _LOG,
    click.option(
        "--receipts", type=FOLDER, multiple=True, help="Folder with receipts, at any depth."
    ),
    click.option("--url", metavar="URL", help="Fetch first, from this worker."),
    click.option("--home", type=FOLDER, help="The auditor's client folder; judges receipts, too."),
    click.option("--key", type=FILE, help="The auditor key, to fetch."),
    KEY_PASSPHRASE,
)
def verify(reporter: Reporter, log: Path, receipts: Sequence[Path], **access: Any) -> None:
    """Verify the copy, compare it with receipts, and with the worker if --url is given.

    With --home, receipts are judged by their evidence as well: the policy lies beside each.
    """
    url, home = access["url"], access["home"]
    if url is not None and (home is None or access["key"] is None):
        raise EncryptSecureRTError(ErrorCode.E_USAGE, "--url needs --home and --key")
    opened = AuditLog(log)
    if url is None and not opened.instances:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "there is no log yet")
    judge = signed_body if home is None else attested_body(ClientHome(home))
    claimed = read_receipts(receipts, judge)  # before fetching: their lines are older then
    found: list[Finding] = []
    current = None
    if url is not None:
        fetched = _Access(**access).fetch(opened)
        found += fetched.findings
        current = None if fetched.findings else fetched.instance.instance_id
    found += judge_log(opened)
    found += judge_receipts(opened, claimed, current)
    lines = [line for _, line in _all_lines(opened)]
    values = {
        "command": "audit-verify",
        **_told_alarms(reporter, lines),
        "lines": len(lines),
        "receipts": len(claimed),
        "compared_with_worker": url is not None,
    }
    _say(reporter, values, with_intact(found, "The copy is whole, and what was compared agrees."))


def _told_alarms(reporter: Reporter, lines: Sequence[AuditLine]) -> dict[str, object]:
    """Warn of each broken glass, and return what begins every result."""
    broken = words.alarms(lines)
    for line in broken:
        reporter.warning(words.alarm_sentence(line))
    return {
        "break_glass": len(broken),
        "break_glass_lines": [words.as_json(line) for line in broken],
        "events": words.summary(lines),
    }


def _all_lines(log: AuditLog) -> Iterator[tuple[str, AuditLine]]:
    """Yield every line once, with the instance and the file that it stands in."""
    for instance in log.instances:
        seen: list[Chain] = []
        for branch in instance.branches:
            chain = branch.chain
            common = max((chain.common_with(other) for other in seen), default=0)
            for line in chain.lines(common):
                yield f"{instance.instance_id}/{chain.path.name}", line
            seen.append(chain)


def _say(reporter: Reporter, values: dict[str, object], found: Sequence[Finding]) -> None:
    """Say result and findings; raise E_AUDIT if one is an alarm."""
    told = [finding for finding in found if finding.alarm]
    for finding in told:
        reporter.warning(f"{finding.name.value}: {finding.sentence}")
    quiet = [finding.sentence for finding in found if not finding.alarm]
    said = "\n".join(quiet) if not told else f"{len(told)} finding(s): see the warnings."
    rows = [finding.as_json() for finding in found]
    reporter.result({**values, "findings": rows}, said=said)
    if told:
        raise EncryptSecureRTError(ErrorCode.E_AUDIT, ", ".join(_names(told)))


def _names(found: Iterable[Finding]) -> list[str]:
    present = {finding.name for finding in found}
    return [name.value for name in Name if name in present]


def _moment(_context: object, _parameter: object, text: str | None) -> datetime | None:
    """Read a moment or a day, which is its beginning."""
    if text is None:
        return None
    return time_from_text(text if "T" in text else f"{text}T00:00:00Z", ErrorCode.E_USAGE)


@audit.command()
@own_options(
    _LOG,
    click.option("--event", type=click.Choice([event.value for event in AuditEvent])),
    click.option("--user", metavar="USER_ID", help="Lines of this user."),
    click.option(
        "--since",
        callback=_moment,
        metavar="YYYY-MM-DD[THH:MM:SSZ]",
        help="Lines from this time on, UTC.",
    ),
    click.option("--job", metavar="JOB_ID", help="Lines of this job."),
)
def show(
    reporter: Reporter,
    log: Path,
    event: str | None,
    user: str | None,
    since: datetime | None,
    job: str | None,
) -> None:
    """Show lines of the copy; broken glass first."""
    opened = AuditLog(log)
    picked = [
        (place, line)
        for place, line in _all_lines(opened)
        if (event is None or line.event.value == event)
        and (user is None or line.user == user)
        and (since is None or line.time >= since)
        and (job is None or line.job == job)
    ]
    values = {
        "command": "audit-show",
        **_told_alarms(reporter, [line for _, line in picked]),
        "shown": len(picked),
        "lines": [{**words.as_json(line), "chain": place} for place, line in picked],
    }
    several = len({place for place, _ in picked}) > 1
    rows = [
        {**words.as_row(line), **({"chain": place} if several else {})} for place, line in picked
    ]
    reporter.result(values, said=f"{len(picked)} line(s).", rows=rows)


@audit.command()
@own_options(
    click.option("--key", type=FILE, required=True, help="auditor.key.sealed, as `init` made it."),
    KEY_PASSPHRASE,
    click.option("--new-passphrase-file", type=FILE, help="File with the auditor's passphrase."),
    click.option("--out", type=FOLDER, required=True, help="Folder for the key of the auditor."),
)
def rekey(
    reporter: Reporter,
    key: Path,
    passphrase_file: Path | None,
    new_passphrase_file: Path | None,
    out: Path,
) -> None:
    """Seal the auditor key under a passphrase of the auditor's own, when it is handed over."""
    pair = _auditor_key(key, passphrase_file)
    new = ask_passphrase(new_passphrase_file, new=True)
    write_files(out, {key.name: seal_file(new, AUDITOR_CONTENT, pair.secret_octets)})
    reporter.result({"command": "audit-rekey"}, said="The key is sealed anew. Remove the old file.")
