"""A bench: one forged worker, one client's verifier, and a way to spoil one thing between them."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier
from Testing.Unit.attest.forge import MRENCLAVE, MRSIGNER, NOW, Key, Platform, spki_of

from encryptsecurert_protocol.evidence import EvidenceAnswer
from encryptsecurert_protocol.sealing import PUBLIC_KEY_BYTES, HpkeSuite
from encryptsecurert_protocol.statement import (
    BundleName,
    Kind,
    Profile,
    Statement,
    fresh_report_data,
)
from EncryptSecureRTLib.attest.memory import CollateralStore, ReplayCache, SiteMemory
from EncryptSecureRTLib.attest.policy import Policy, load_policy
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.attest.verifier import Verifier

SITE = "5e" * 32
LEGACY, DICE = "0.6.9.42.840.113741.1337.6", "2.23.133.5.4.9"
TLS_KEY = ec.generate_private_key(ec.SECP384R1())


def policy_json(platform: Platform, **worker: Any) -> dict[str, Any]:
    """Return a policy for the forged worker; `worker` replaces members of its only rule."""
    rule = {
        "name": "forged",
        "root": "simulated",
        "simulated_root_key_id": platform.root_key_id,
        "mrsigner": MRSIGNER.hex(),
        "isvprodid": 1,
        "min_isvsvn": 1,
        "builds": [{"mrenclave": MRENCLAVE.hex()}],
        "tcb_status": ["UpToDate"],
        "min_tcb_evaluation": 20,
    } | worker
    return {
        "schema": "encryptsecurert.policy/1",
        "version": 3,
        "not_before": "2026-11-01T00:00:00Z",
        "allow_simulated": True,
        "site_key": SITE,
        "workers": [{key: value for key, value in rule.items() if value is not None}],
    }


def load(policy: dict[str, Any], now: dt.datetime = NOW) -> Policy:
    return load_policy(
        json.dumps(policy).encode(),
        signature=None,
        pinned_site_key_spki=None,
        now=now,
        unsafe_allow_simulated_unsigned=True,
    )


def claims_of(spki: bytes) -> bytes:
    return cbor2.dumps({"pubkey-hash": cbor2.dumps([1, hashlib.sha256(spki).digest()])})


def evidence_of(quote: bytes, claims: bytes) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(60000, [quote, claims]))


def certificate_with(
    extensions: list[tuple[str, bytes]], key: Key = TLS_KEY, signer: Key | None = None
) -> bytes:
    """Return a self-signed certificate with these extensions."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RATLS")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2001, 1, 1))
        .not_valid_after(dt.datetime(2030, 12, 31))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
    )
    for dotted, value in extensions:
        extension = x509.UnrecognizedExtension(ObjectIdentifier(dotted), value)
        builder = builder.add_extension(extension, critical=False)
    signed = builder.sign(signer or key, hashes.SHA256())
    return signed.public_bytes(ser.Encoding.DER)


def rsa_certificate(extensions: list[tuple[str, bytes]]) -> bytes:
    """Return the same with an RSA key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "RATLS")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2001, 1, 1))
        .not_valid_after(dt.datetime(2030, 12, 31))
    )
    for dotted, value in extensions:
        extension = x509.UnrecognizedExtension(ObjectIdentifier(dotted), value)
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(ser.Encoding.DER)


class Bench:
    """Judges what a test spoils; without a change everything is accepted."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform = platform
        self.folder = folder
        self.now = NOW
        self.monotonic_s = 1000.0
        self.policy = policy_json(platform)
        self.store = CollateralStore(folder)
        self.replay = ReplayCache()
        self.sites = SiteMemory(folder)
        self.spki = spki_of(TLS_KEY)
        self._nonces = 0
        self.put_collateral(platform.collateral())

    def put_collateral(self, octets: bytes | None) -> None:
        """Write the stored collateral past all checks, as an attacker on the disk would."""
        path = self.folder / f"collateral-{self.platform.fmspc.hex()}-platform.json"
        if octets is None:
            path.unlink()
        else:
            path.write_bytes(octets)

    def verifier(self) -> Verifier:
        """Return a client that has just started, with the folder as it is."""
        return Verifier(
            policy=load(self.policy, max(self.now, NOW)),
            store=self.store,
            replay=self.replay,
            sites=self.sites,
            clock=lambda: self.now,
            monotonic=lambda: self.monotonic_s,
        )

    # ---- the certificate

    def certificate_quote(self, claims: bytes | None = None, **fields: Any) -> bytes:
        """Return the quote over the claims."""
        claims = claims_of(self.spki) if claims is None else claims
        return self.platform.quote(hashlib.sha256(claims).digest() + bytes(32), **fields)

    def evidence(self, claims: bytes | None = None, **fields: Any) -> bytes:
        """Return the tagged evidence."""
        claims = claims_of(self.spki) if claims is None else claims
        return evidence_of(self.certificate_quote(claims, **fields), claims)

    def legacy(self, spki: bytes | None = None, **fields: Any) -> bytes:
        """Return the quote of the legacy extension."""
        digest = hashlib.sha256(self.spki if spki is None else spki).digest()
        return self.platform.quote(digest + bytes(32), **fields)

    def certificate(self, **fields: Any) -> bytes:
        """Return the worker's certificate; `fields` go to the forge."""
        return certificate_with([(LEGACY, self.legacy(**fields)), (DICE, self.evidence(**fields))])

    def judge_certificate(self, der: bytes | None = None) -> Verdict:
        """Judge a certificate, the good one if none is given."""
        return self.verifier().judge_certificate(self.certificate() if der is None else der)

    # ---- the fresh answer

    def statement(self, **changes: Any) -> bytes:
        """Return statement octets with some members replaced."""
        suite: HpkeSuite = changes.get("hpke_suite", HpkeSuite(2))
        members: dict[str, Any] = {
            "worker_version": "0.1.0",
            "kind": Kind.SIMULATED,
            "measurement": MRENCLAVE.hex(),
            "profile": Profile.BOTH,
            "hpke_suite": suite,
            "hpke_public_key": bytes([7]) * PUBLIC_KEY_BYTES[suite],
            "receipt_key": bytes(44),
            "bundle": BundleName(site_key_id=SITE, epoch=4, digest="cd" * 32),
            "instance_id": "01" * 16,
            "start_id": "02" * 16,
            "audit_head": "03" * 32,
            "started_at": NOW,
        } | changes
        return Statement(**members).encode()

    def nonce(self) -> bytes:
        """Return a nonce that was not used before."""
        self._nonces += 1
        return hashlib.sha256(b"nonce %d" % self._nonces).digest()

    def judge_fresh(
        self,
        *,
        nonce: bytes | None = None,
        quote: Callable[[bytes], bytes] | None = None,
        report_data: bytes | None = None,
        statement: bytes | None = None,
        sent_statement: bytes | None = None,
        collateral: bytes | None = None,
        age_s: float = 1.0,
        verifier: Verifier | None = None,
        attested: bool = True,
        allow_unprovisioned: bool = False,
        **fields: Any,
    ) -> Verdict:
        """Judge an answer to a nonce.

        `report_data` replaces what the quote is over, `quote` spoils the finished quote,
        `sent_statement` is sent instead of the one that is quoted, `fields` go to the forge.
        """
        verifier = verifier or self.verifier()
        if attested:
            assert verifier.judge_certificate(self.certificate()).accepted
        nonce = nonce or self.nonce()
        statement = statement or self.statement()
        wanted = report_data or fresh_report_data(self.spki, nonce, statement)
        octets = self.platform.quote(wanted, **fields)
        verdict, told = verifier.judge_fresh(
            spki_der=self.spki,
            nonce=nonce,
            issued_at=self.monotonic_s - age_s,
            evidence=EvidenceAnswer(
                statement=sent_statement or statement,
                quote=octets if quote is None else quote(octets),
                collateral=collateral,
            ),
            allow_unprovisioned=allow_unprovisioned,
        )
        assert (told is not None) == verdict.accepted
        return verdict
