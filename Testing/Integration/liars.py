"""Workers with one thing wrong in what they show in the handshake, and how clients must say it."""

import dataclasses
import hashlib
import struct
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from Testing.Integration.hospital import Change, Hospital
from Testing.Unit.attest.bench import DICE, LEGACY, certificate_with

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_worker.core import WorkerCore
from encryptsecurert_worker.evidence import simulated
from encryptsecurert_worker.evidence.provider import QuoteProvider
from encryptsecurert_worker.evidence.ratls_cert import (
    RatlsIdentity,
    claims_of,
    make_ratls_identity,
    tagged_evidence,
)
from encryptsecurert_worker.evidence.simulated import SimulatedProvider
from encryptsecurert_worker.evidence.simulated_collateral import make_collateral
from encryptsecurert_worker.evidence.simulated_pki import open_pki
from encryptsecurert_worker.server.building import utc_now
from EncryptSecureRTLib.attest.memory import CollateralStore
from EncryptSecureRTLib.client.home import ClientHome

_INIT_DEBUG_MODE64 = struct.pack("<QQ", 0x07, 0x03)
Disguise = Callable[[Hospital], tuple[QuoteProvider, Change]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCase:
    """One refusal by the certificate: what is wrong, and its code."""

    name: str
    code: ErrorCode
    disguise: Disguise
    spoil_home: Callable[[Hospital, ClientHome], None] = lambda hospital, home: None


def unchanged(hospital: Hospital) -> tuple[QuoteProvider, Change]:
    """Return the parts of an honest worker."""
    return hospital.provider, lambda core: core


def _tee_folder(hospital: Hospital) -> Path:
    return hospital.state / "SIMULATED-tee"


def _other_measurement(hospital: Hospital) -> tuple[QuoteProvider, Change]:
    mrenclave = hashlib.sha256(b"other code").digest()
    return SimulatedProvider(_tee_folder(hospital), mrenclave, utc_now), lambda core: core


class _DebugProvider(SimulatedProvider):
    def quote(self, report_data: bytes) -> bytes:
        with patch.object(simulated, "_ATTRIBUTES", _INIT_DEBUG_MODE64):
            return super().quote(report_data)


def _debug(hospital: Hospital) -> tuple[QuoteProvider, Change]:
    mrenclave = bytes.fromhex(hospital.provider.measurement)
    return _DebugProvider(_tee_folder(hospital), mrenclave, utc_now), lambda core: core


def _other_platform(hospital: Hospital) -> SimulatedProvider:
    mrenclave = bytes.fromhex(hospital.provider.measurement)
    return SimulatedProvider(hospital.folder / "other-tee", mrenclave, utc_now)


def _other_root(hospital: Hospital) -> tuple[QuoteProvider, Change]:
    return _other_platform(hospital), lambda core: core


def _take_collateral_of_other_root(hospital: Hospital, home: ClientHome) -> None:
    CollateralStore(home.state_path).place(_other_platform(hospital).collateral())


def _with_certificate(
    make: Callable[[QuoteProvider, ec.EllipticCurvePrivateKey, bytes], list[tuple[str, bytes]]],
) -> Disguise:
    """Return the disguise whose certificate carries what `make` gives for its key."""

    def change(core: WorkerCore) -> WorkerCore:
        key = ec.generate_private_key(ec.SECP384R1())
        spki = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        certificate = certificate_with(make(core.provider, key, spki), key)
        tls = RatlsIdentity(certificate=certificate, spki=spki, private_key=key)
        return dataclasses.replace(core, tls=tls)

    return lambda hospital: (hospital.provider, change)


def _dice(provider: QuoteProvider, spki: bytes) -> tuple[str, bytes]:
    claims = claims_of(spki)
    quote = provider.quote(hashlib.sha256(claims).digest() + bytes(32))
    return DICE, tagged_evidence(quote, claims)


def _legacy(provider: QuoteProvider, spki: bytes) -> tuple[str, bytes]:
    return LEGACY, provider.quote(hashlib.sha256(spki).digest() + bytes(32))


def _of_another_key(
    provider: QuoteProvider, key: ec.EllipticCurvePrivateKey, spki: bytes
) -> list[tuple[str, bytes]]:
    other = make_ratls_identity(provider).spki
    return [_legacy(provider, other), _dice(provider, other)]


REBUILT = CertificateCase(  # not a refusal: shows that a certificate made here can be accepted
    name="rebuilt by the test",
    code=ErrorCode.E_NOT_PROVISIONED,
    disguise=_with_certificate(lambda p, key, spki: [_legacy(p, spki), _dice(p, spki)]),
)


def _expire_collateral(hospital: Hospital, home: ClientHome) -> None:
    pki = open_pki(_tee_folder(hospital), utc_now())
    old = make_collateral(pki, utc_now() - timedelta(days=40))
    (path,) = home.state_path.glob("collateral-*.json")
    path.write_bytes(old)


def _lose_collateral(hospital: Hospital, home: ClientHome) -> None:
    (path,) = home.state_path.glob("collateral-*.json")
    path.unlink()


CERTIFICATE_CASES = (
    CertificateCase(
        name="other measurement", code=ErrorCode.E_MEASUREMENT, disguise=_other_measurement
    ),
    CertificateCase(name="debug enclave", code=ErrorCode.E_DEBUG, disguise=_debug),
    CertificateCase(
        name="other root",
        code=ErrorCode.E_ROOT,
        disguise=_other_root,
        spoil_home=_take_collateral_of_other_root,
    ),
    CertificateCase(
        name="unknown platform", code=ErrorCode.E_COLLATERAL_FORMAT, disguise=_other_root
    ),
    CertificateCase(
        name="collateral out of date",
        code=ErrorCode.E_COLLATERAL_EXPIRED,
        disguise=unchanged,
        spoil_home=_expire_collateral,
    ),
    CertificateCase(
        name="no collateral",
        code=ErrorCode.E_COLLATERAL_FORMAT,
        disguise=unchanged,
        spoil_home=_lose_collateral,
    ),
    CertificateCase(
        name="plain TLS certificate",
        code=ErrorCode.E_CERT_EVIDENCE,
        disguise=_with_certificate(lambda p, key, spki: []),
    ),
    CertificateCase(
        name="evidence of another key",
        code=ErrorCode.E_CLAIMS,
        disguise=_with_certificate(_of_another_key),
    ),
    CertificateCase(
        name="legacy evidence only",
        code=ErrorCode.E_CERT_EVIDENCE,
        disguise=_with_certificate(lambda p, key, spki: [_legacy(p, spki)]),
    ),
)
