"""Collateral of the simulated platform: two CRLs and two signed documents, as JSON.

The nine members are those of the DCAP collateral, in the form that verifiers take: chains in PEM,
CRLs and signatures in hex, the two documents as the exact text that was signed.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from encryptsecurert_protocol.fields import time_text
from encryptsecurert_worker.evidence.simulated_pki import (
    CPUSVN,
    PCESVN,
    SimulatedPki,
    name_of,
    raw_signature,
)

QE_ISVSVN = 8
QE_MRSIGNER = hashlib.sha256(b"SIMULATED quoting enclave signer").digest()
TCB_EVALUATION = 20
LIFE = timedelta(days=30)
RENEW_AFTER = timedelta(days=2)
# A client whose clock is a little behind must not take the collateral for one from the future.
_ISSUE_MARGIN = timedelta(minutes=5)
_TCB_DATE = "2026-08-13T00:00:00Z"


def _crl(pki: SimulatedPki, role: str, issued: datetime) -> str:
    key = pki.keys[role]
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name_of(role))
        .last_update(issued)
        .next_update(issued + LIFE)
        .add_extension(x509.CRLNumber(int(issued.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return crl.public_bytes(serialization.Encoding.DER).hex()


def _tcb_info(pki: SimulatedPki, issued: datetime) -> dict[str, object]:
    level = {
        "tcb": {"sgxtcbcomponents": [{"svn": svn} for svn in CPUSVN], "pcesvn": PCESVN},
        "tcbDate": _TCB_DATE,
        "tcbStatus": "UpToDate",
        "advisoryIDs": [],
    }
    return {
        "id": "SGX",
        "version": 3,
        "issueDate": time_text(issued),
        "nextUpdate": time_text(issued + LIFE),
        "fmspc": pki.fmspc.hex().upper(),
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": TCB_EVALUATION,
        "tcbLevels": [level],
    }


def _qe_identity(issued: datetime) -> dict[str, object]:
    level = {"tcb": {"isvsvn": QE_ISVSVN}, "tcbDate": _TCB_DATE, "tcbStatus": "UpToDate"}
    return {
        "id": "QE",
        "version": 2,
        "issueDate": time_text(issued),
        "nextUpdate": time_text(issued + LIFE),
        "tcbEvaluationDataNumber": TCB_EVALUATION,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": "11000000000000000000000000000000",
        "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
        "mrsigner": QE_MRSIGNER.hex().upper(),
        "isvprodid": 1,
        "tcbLevels": [level],
    }


def make_collateral(pki: SimulatedPki, now: datetime) -> bytes:
    """Return collateral issued a moment before `now`."""
    issued = now.astimezone(UTC).replace(microsecond=0) - _ISSUE_MARGIN
    members = {
        "pck_crl_issuer_chain": pki.pem("pck-ca", "root"),
        "root_ca_crl": _crl(pki, "root", issued),
        "pck_crl": _crl(pki, "pck-ca", issued),
    }
    documents = {"tcb_info": _tcb_info(pki, issued), "qe_identity": _qe_identity(issued)}
    for name, document in documents.items():
        text = json.dumps(document, separators=(",", ":"))
        signature = raw_signature(pki.keys["tcb-signing"], text.encode("utf-8"))
        members[f"{name}_issuer_chain"] = pki.pem("tcb-signing", "root")
        members[name] = text
        members[f"{name}_signature"] = signature.hex()
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode("utf-8")


def issued_at(collateral: bytes) -> datetime | None:
    """Return when kept collateral was issued, or None if it is not ours."""
    try:
        text = json.loads(json.loads(collateral)["tcb_info"])["issueDate"]
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (ValueError, KeyError, TypeError):
        return None
