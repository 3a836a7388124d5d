"""The audit log of a stand's worker, opened with the auditor's key."""

from functools import cache

from stand import PASSPHRASE, Stand

from encryptsecurert_protocol.audit import AuditLine, open_audit_line
from encryptsecurert_protocol.sealing import HpkeKeyPair, HpkeSuite
from EncryptSecureRTLib.custodian.founding import AUDITOR_CONTENT
from EncryptSecureRTLib.custodian.passphrase import open_file


def audit_lines(stand: Stand) -> list[AuditLine]:
    """Return every line, the oldest first."""
    key = _opened((stand.folder / "site" / "auditor" / "auditor.key.sealed").read_bytes())
    core = stand.service.core
    lines: list[AuditLine] = []
    while page := core.audit.page(len(lines)).lines:
        for number, sealed in enumerate(page, len(lines) + 1):
            octets = open_audit_line(sealed, number, core.identity.instance_id, key)
            lines.append(AuditLine.decode(octets))
    return lines


@cache  # a passphrase takes its time by design
def _opened(sealed_key: bytes) -> HpkeKeyPair:
    secret = open_file(PASSPHRASE, AUDITOR_CONTENT, sealed_key)
    return HpkeKeyPair.from_secret(HpkeSuite.MLKEM768_X25519, secret)
