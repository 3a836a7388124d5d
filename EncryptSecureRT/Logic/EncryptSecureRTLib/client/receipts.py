"""Receipts: judged like fresh evidence, archived with what is needed to judge them again.

receipts/<receipt SHA-256>/
    receipt.json       as the enclave made it
    policy.json        the policy under which it was judged, and its signature
    received.json      {header: {receipt, received_at}, signature by the user key}
    user.pem           the certificate of that key
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields, time_text
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.signatures import (
    Label,
    sign,
    signed_message,
    spki_der,
    split_signed_message,
    verify,
)
from encryptsecurert_protocol.statement import receipt_nonce
from EncryptSecureRTLib.attest.localfiles import read_whole, write_whole
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.attest.verifier import Verifier
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.trust import past_verifier

MAX_RECEIPT_BYTES = 4 * LIMITS.header_bytes
NOTE_FILE, CERTIFICATE_FILE = "received.json", "user.pem"
_POLICY_FILE, _SIGNATURE_FILE = "policy.json", "policy.json.sig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A receipt whose signature, quote and statement hold."""

    body: ReceiptBody
    verdict: Verdict
    sha256: str
    policy_sha256: str  # the policy that the receipt names; the verdict has the one that judged


def judge_receipt(
    octets: bytes, at: datetime, verifier: Verifier, *, newest_collateral: bool = False
) -> Judged:
    """Judge a receipt as of a moment under the verifier's policy.

    Raises
    ------
    EncryptSecureRTError
        E_RECEIPT if the receipt contradicts itself or is not signed by the attested key; the
        attestation's own error if the quote does not hold under the policy at that moment.
    """
    receipt = Receipt.decode(octets)
    collateral = None if newest_collateral or not receipt.collateral else receipt.collateral
    verdict, statement = verifier.judge_receipt_quote(
        spki_der=receipt.spki,
        nonce=receipt.nonce,
        evidence=EvidenceAnswer(
            statement=receipt.statement, quote=receipt.quote, collateral=collateral
        ),
        at=at,
    )
    verdict.require()
    if statement is None or statement.bundle is None:
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
    body = receipt.verified_body(statement.receipt_key)
    consistent = (
        receipt.nonce == receipt_nonce(bytes.fromhex(body.job_sha256))
        and body.instance_id == statement.instance_id
        and body.start_id == statement.start_id
        and body.site_key_id == statement.bundle.site_key_id
        and body.epoch <= statement.bundle.epoch
    )
    if not consistent:
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
    return Judged(
        body=body,
        verdict=verdict,
        sha256=hashlib.sha256(octets).hexdigest(),
        policy_sha256=receipt.policy_sha256,
    )


def open_receipt_verifier(home: ClientHome, octets: bytes, at: datetime) -> Verifier:
    """Return a verifier with the policy that a receipt names, as it stood at a moment.

    The policy archived with the receipt; where the receipt is not archived here, the folder's,
    if that is the one. It must be signed by the pinned site key, but may have been replaced since.

    Raises
    ------
    EncryptSecureRTError
        E_RECEIPT if another policy is archived; E_POLICY_MISSING if the one named is not here;
        E_POLICY_SIGNATURE, E_POLICY, E_POLICY_EXPIRED as at that moment.
    """
    named = Receipt.decode(octets).policy_sha256
    folder = home.receipts_path / hashlib.sha256(octets).hexdigest()
    archived = archived_policy(folder)
    if archived is not None:
        policy, signature = archived
        if hashlib.sha256(policy).hexdigest() != named:
            raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
    else:
        policy, signature = home.policy()
        if hashlib.sha256(policy).hexdigest() != named:
            raise EncryptSecureRTError(
                ErrorCode.E_POLICY_MISSING, "the policy that the receipt names is not here"
            )
    return past_verifier(home, policy, signature, at)


def archived_policy(folder: Path) -> tuple[bytes, bytes | None] | None:
    """Return the policy that lies beside a receipt and its signature; None if there is none."""
    policy = read_whole(folder / _POLICY_FILE, LIMITS.policy_bytes)
    # An empty signature is how an unsigned policy is archived.
    return None if policy is None else (policy, read_whole(folder / _SIGNATURE_FILE, 64) or None)


def check_outputs(body: ReceiptBody, results: Mapping[str, bytes | bytearray]) -> None:
    """Refuse with E_RESULT unless the results are exactly those that the receipt names."""
    named = dict(body.outputs)
    if set(named) != set(results):
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    for name, octets in results.items():
        if hashlib.sha256(octets).hexdigest() != named[name]:
            raise EncryptSecureRTError(ErrorCode.E_RESULT)


def archive_receipt(home: ClientHome, octets: bytes, received_at: datetime) -> Path:
    """Keep a receipt with its policy and a note, signed by the user, of when it came.

    E_POLICY if the folder's policy is not the one that the receipt names any more.
    """
    digest = hashlib.sha256(octets).hexdigest()
    folder = home.receipts_path / digest
    user = home.user()
    note = canonical.encode({"receipt": digest, "received_at": time_text(received_at)})
    signed = signed_message(note, sign(user.key, Label.RECEIVED, note))
    policy, signature = home.policy()
    if hashlib.sha256(policy).hexdigest() != Receipt.decode(octets).policy_sha256:
        raise EncryptSecureRTError(ErrorCode.E_POLICY, "it changed while the job ran")
    pem = read_whole(home.certificate_path, LIMITS.certificate_bytes)
    write_whole(folder / _POLICY_FILE, policy)
    write_whole(folder / _SIGNATURE_FILE, signature or b"")
    write_whole(folder / NOTE_FILE, canonical.encode(signed))
    write_whole(folder / CERTIFICATE_FILE, pem or b"")
    write_whole(folder / "receipt.json", octets)
    return folder / "receipt.json"


def received_at(home: ClientHome, receipt_sha256: str) -> datetime | None:
    """Return when an archived receipt came, if our own signature proves it; None if unknown.

    Raises
    ------
    EncryptSecureRTError
        E_RECEIPT if there is a note, but not one that this user signed for this receipt.
    """
    path = home.receipts_path / receipt_sha256 / NOTE_FILE
    octets = read_whole(path, LIMITS.json_line_bytes)
    if octets is None or not home.has_user():
        return None
    return noted_time(octets, spki_der(home.user().key.public_key()), receipt_sha256)


def noted_time(octets: bytes, spki: bytes, receipt_sha256: str) -> datetime:
    """Return the time in a note of arrival that a key signed for a receipt; E_RECEIPT if not so."""
    try:
        note, signature = split_signed_message(canonical.decode(octets), LIMITS.json_line_bytes)
        verify(spki, Label.RECEIVED, note, signature)
        fields = Fields(canonical.decode(note), ("receipt", "received_at"))
        if fields.hex("receipt", DIGEST_BYTES) != receipt_sha256:
            raise EncryptSecureRTError(ErrorCode.E_RECEIPT)
        return fields.time("received_at")
    except EncryptSecureRTError:
        raise EncryptSecureRTError(ErrorCode.E_RECEIPT) from None
