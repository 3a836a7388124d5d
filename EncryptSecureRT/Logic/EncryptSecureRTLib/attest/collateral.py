"""Collateral: what the platform's maker says of a platform, in nine members, checked by us first.

The library ignores unknown members, honours a chain that replaces the quote's own, does not look
at roles, at the platform id of the PCE, at `thisUpdate` of a CRL or at its issuer chain. So the
form and these rules are checked here, before the library checks the signatures.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_from_text
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.quote import CERTIFICATION_PEM_CHAIN, QE_AUTH_BYTES, Quote
from EncryptSecureRTLib.attest.qvl import PlatformExtension, read_platform_extension
from EncryptSecureRTLib.attest.roots import (
    ALL_PCK_CAS,
    ROLE_NAMES,
    X509_ERRORS,
    PckCa,
    RootKind,
    common_name,
    public_point,
    read_chain,
    root_key_id,
)
from EncryptSecureRTLib.attest.strictjson import NotStrict, read_object, refuse_doubled

_CHAINS = ("pck_crl_issuer_chain", "tcb_info_issuer_chain", "qe_identity_issuer_chain")
_DOCUMENTS = ("tcb_info", "qe_identity")
_SIGNATURES = ("tcb_info_signature", "qe_identity_signature")
_CRLS = ("root_ca_crl", "pck_crl")
MEMBERS = frozenset(_CHAINS + _DOCUMENTS + _SIGNATURES + _CRLS)
_FOREIGN_CHAIN = "pck_certificate_chain"
_COMPONENTS = 16


def _refuse(code: ErrorCode = ErrorCode.E_COLLATERAL_FORMAT) -> NoReturn:
    raise EncryptSecureRTError(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Dates and number of one signed document."""

    issued: datetime
    next_update: datetime
    evaluation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """Collateral of the right form; nothing of it is verified yet."""

    octets: bytes
    fmspc: bytes
    pce_id: bytes
    tcb: Document
    qe: Document
    tcb_signers: tuple[x509.Certificate, ...]
    pck_ca: x509.Certificate
    root: x509.Certificate
    crls: tuple[x509.CertificateRevocationList, ...]

    @property
    def ca(self) -> PckCa:
        """Which CA's revocation list this holds."""
        ca = ALL_PCK_CAS.get(common_name(self.pck_ca.subject))
        if ca is None:
            _refuse()
        return ca

    @property
    def root_der(self) -> bytes:
        """The root certificate at the end of the chains."""
        return self.root.public_bytes(Encoding.DER)


def _hex(value: str, code: ErrorCode) -> bytes:
    try:
        octets = bytes.fromhex(value)
    except ValueError:
        _refuse(code)
    if not octets or octets.hex() != value:
        _refuse(code)
    return octets


def _integer(value: object, low: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value < 2**31:
        _refuse()
    return value


def _document(text: str) -> tuple[Mapping[str, Any], Document]:
    try:
        value = read_object(text.encode("utf-8"), LIMITS.evidence_bytes)
        refuse_doubled(value)
    except (NotStrict, UnicodeEncodeError):
        _refuse()
    return value, Document(
        issued=time_from_text(value.get("issueDate"), ErrorCode.E_COLLATERAL_FORMAT),
        next_update=time_from_text(value.get("nextUpdate"), ErrorCode.E_COLLATERAL_FORMAT),
        evaluation=_integer(value.get("tcbEvaluationDataNumber")),
    )


def _check_tcb_info(value: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return (FMSPC, PCE id) of TCB information, version 3, for SGX."""
    if value.get("id") != "SGX" or value.get("version") != 3 or value.get("tcbType") != 0:
        _refuse()
    levels = value.get("tcbLevels")
    if not isinstance(levels, list) or not levels:
        _refuse()
    for level in levels:
        tcb = level.get("tcb") if isinstance(level, Mapping) else None
        components = tcb.get("sgxtcbcomponents") if isinstance(tcb, Mapping) else None
        if not isinstance(components, list) or len(components) != _COMPONENTS:
            _refuse()
    octets = []
    for name, size in (("fmspc", 6), ("pceId", 2)):
        text = value.get(name)
        if not isinstance(text, str) or len(text) != 2 * size:
            _refuse()
        octets.append(_hex(text.lower(), ErrorCode.E_COLLATERAL_FORMAT))
    return octets[0], octets[1]


def _crl(text: str) -> x509.CertificateRevocationList:
    try:
        return x509.load_der_x509_crl(_hex(text, ErrorCode.E_CRL))
    except X509_ERRORS:
        _refuse(ErrorCode.E_CRL)


def _members(octets: bytes) -> Mapping[str, str]:
    try:
        value = read_object(octets, LIMITS.evidence_bytes)
        refuse_doubled(value)
    except NotStrict:
        _refuse()
    if _FOREIGN_CHAIN in value:
        _refuse(ErrorCode.E_ROOT)
    if set(value) != MEMBERS or not all(isinstance(item, str) for item in value.values()):
        _refuse()
    return value


def read_collateral(octets: bytes) -> Collateral:
    """Read collateral of which nothing is known yet.

    Raises
    ------
    EncryptSecureRTError
        E_COLLATERAL_FORMAT; E_ROOT if it brings a PCK chain of its own or chains to two roots;
        E_CRL if a revocation list is missing or malformed; E_QE_IDENTITY for the identity of
        something else than the quoting enclave.
    """
    members = _members(octets)
    for name in _SIGNATURES:
        if len(_hex(members[name], ErrorCode.E_COLLATERAL_FORMAT)) != 64:
            _refuse()
    chains = {
        name: read_chain(members[name].encode("utf-8"), ErrorCode.E_COLLATERAL_FORMAT)
        for name in _CHAINS
    }
    if len({root_key_id(chain[-1]) for chain in chains.values()}) != 1:
        _refuse(ErrorCode.E_ROOT)
    tcb_info, tcb = _document(members["tcb_info"])
    qe_identity, qe = _document(members["qe_identity"])
    fmspc, pce_id = _check_tcb_info(tcb_info)
    if qe_identity.get("version") != 2:
        _refuse()
    if qe_identity.get("id") != "QE":
        _refuse(ErrorCode.E_QE_IDENTITY)
    return Collateral(
        octets=octets,
        fmspc=fmspc,
        pce_id=pce_id,
        tcb=tcb,
        qe=qe,
        tcb_signers=(chains[_CHAINS[1]][0], chains[_CHAINS[2]][0]),
        pck_ca=chains[_CHAINS[0]][0],
        root=chains[_CHAINS[1]][-1],
        crls=tuple(_crl(members[name]) for name in _CRLS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PckChain:
    """The platform's chain inside a quote: which platform, and who says so."""

    leaf: x509.Certificate
    issuer: x509.Certificate
    ca: PckCa
    platform: PlatformExtension


def read_pck_chain(quote: Quote, root: RootKind) -> PckChain:
    """Read the certificates of a quote; E_PCK_CHAIN, or E_QE_REPORT for other QE auth data."""
    if len(quote.qe_auth) != QE_AUTH_BYTES:
        _refuse(ErrorCode.E_QE_REPORT)
    if quote.certification_type != CERTIFICATION_PEM_CHAIN:
        _refuse(ErrorCode.E_PCK_CHAIN)
    pem = quote.certification_data.removesuffix(b"\x00")
    chain = read_chain(pem, ErrorCode.E_PCK_CHAIN)
    ca = ROLE_NAMES[root].pck_cas.get(common_name(chain[1].subject))
    if ca is None or chain[0].issuer != chain[1].subject:
        _refuse(ErrorCode.E_PCK_CHAIN)
    return PckChain(leaf=chain[0], issuer=chain[1], ca=ca, platform=read_platform_extension(pem))


def _check_dates(collateral: Collateral, now: datetime, max_age_s: int) -> None:
    for document in (collateral.tcb, collateral.qe):
        if not document.issued <= now < document.next_update:
            _refuse(ErrorCode.E_COLLATERAL_EXPIRED)
        if (now - document.issued).total_seconds() > max_age_s:
            _refuse(ErrorCode.E_COLLATERAL_EXPIRED)
    for crl in collateral.crls:
        next_update = crl.next_update_utc
        if next_update is None or not crl.last_update_utc <= now < next_update:
            _refuse(ErrorCode.E_CRL)


def check_collateral(
    collateral: Collateral, chain: PckChain, root: RootKind, now: datetime, max_age_s: int
) -> None:
    """Check what the library does not: platform, roles and dates.

    Raises
    ------
    EncryptSecureRTError
        E_COLLATERAL_FORMAT (another platform or another CA), E_COLLATERAL_SIG (signer of another
        role), E_COLLATERAL_EXPIRED, E_CRL (dates).
    """
    if (collateral.fmspc, collateral.pce_id) != (chain.platform.fmspc, chain.platform.pce_id):
        _refuse()
    code = ErrorCode.E_COLLATERAL_FORMAT
    if public_point(collateral.pck_ca, code) != public_point(chain.issuer, code):
        _refuse()
    for signer in collateral.tcb_signers:
        if common_name(signer.subject) != ROLE_NAMES[root].tcb_signer:
            _refuse(ErrorCode.E_COLLATERAL_SIG)
    _check_dates(collateral, now, max_age_s)


def ppid_sha256(ppid: bytes) -> str:
    """Return the name of a platform in policies: SHA-256 of its PPID, in hex."""
    return hashlib.sha256(ppid).hexdigest()


def to_seconds(moment: datetime) -> int:
    """Return whole seconds since 1970."""
    return int(moment.astimezone(UTC).timestamp())
