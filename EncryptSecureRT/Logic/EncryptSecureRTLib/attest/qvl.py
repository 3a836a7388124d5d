"""The one module that talks to dcap-qvl, the DCAP quote verification library.

It is called for cryptography (`verify`) and again with its own policy as a second opinion
(`agrees`). Its refusals are texts; the table below turns them into codes, and a test over all
fixtures notices when an upgrade changes them. Its functions that go to the network are never used.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import dcap_qvl  # type: ignore[import-untyped]  # has a stub for its extension but no py.typed

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode

_SGX_OID = "1.2.840.113741.1.13.1"
# First match wins; the order is part of the meaning.
_CODES = tuple(
    (re.compile(pattern, re.MULTILINE), code)
    for pattern, code in (
        (r"Debug mode", ErrorCode.E_DEBUG),
        (r"CertRevoked", ErrorCode.E_REVOKED),
        (r"CrlExpired|CRL|InvalidCrl|RevocationStatus|IssuerNotCrlSigner", ErrorCode.E_CRL),
        (r"issue date is in the future|expired", ErrorCode.E_COLLATERAL_EXPIRED),
        (r"Signature is invalid for (tcb_info|qe_identity)", ErrorCode.E_COLLATERAL_SIG),
        (r"Signature is invalid for qe_report|QE report hash|QE auth", ErrorCode.E_QE_REPORT),
        (r"ISV enclave report signature", ErrorCode.E_QUOTE_SIG),
        (
            r"QE (MRSIGNER|ISVPRODID|ISVSVN|MISCSELECT|ATTRIBUTES)|QE Identity id|in QE Identity",
            ErrorCode.E_QE_IDENTITY,
        ),
        (
            r"Fmspc|non-SGX TCB|component count|Failed to decode (TcbInfo|QeIdentity)"
            r"|chain is too short|(TCB Info|QE Identity) leaf certificate",
            ErrorCode.E_COLLATERAL_FORMAT,
        ),
        (r"TCB status|No matching TCB|TCB too old", ErrorCode.E_TCB_STATUS),
        (r"eval data number", ErrorCode.E_COLLATERAL_ROLLBACK),
        (r"SGX type|ynamic platform|ached keys|SMT", ErrorCode.E_PLATFORM),
        (r"Advisory", ErrorCode.E_ADVISORY),
        (r"root ca$", ErrorCode.E_ROOT),
        (
            r"certificate chain|Intel extension|PCK cert(ificate| format)|is missing",
            ErrorCode.E_PCK_CHAIN,
        ),
        (r"SEPT_VE|service TD|Reserved bits", ErrorCode.E_ATTRIBUTES),
        (r"decode quote|vendor|version|attestation key type", ErrorCode.E_QUOTE_FORMAT),
    )
)


def code_of_refusal(text: str) -> ErrorCode:
    """Return the code of a refusal in the library's words; E_VERIFY_OTHER for unknown words."""
    for pattern, code in _CODES:
        if pattern.search(text):
            return code
    return ErrorCode.E_VERIFY_OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformExtension:
    """What the SGX extension of a PCK certificate says of the platform."""

    fmspc: bytes
    pce_id: bytes


def read_platform_extension(chain_pem: bytes) -> PlatformExtension:
    """Read the SGX extension of the first certificate, with all 16 component SVNs; E_PCK_CHAIN."""
    try:
        extension = dcap_qvl.parse_pck_extension_from_pem(chain_pem)
        components = [extension.get_value(f"{_SGX_OID}.2.{n}") for n in range(1, 17)]
    except ValueError:
        raise EncryptSecureRTError(ErrorCode.E_PCK_CHAIN) from None
    if any(component is None for component in components):
        raise EncryptSecureRTError(ErrorCode.E_PCK_CHAIN)
    return PlatformExtension(fmspc=bytes(extension.fmspc), pce_id=bytes(extension.pce_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the library proved. The three flags are "True", "False" or "Undefined"."""

    tcb_status: str
    tcb_date_s: int
    advisory_ids: frozenset[str]
    qe_status: str
    root_key_id: str
    ppid: bytes
    sgx_type: int
    dynamic_platform: str
    cached_keys: str
    smt_enabled: str
    root_crl_number: int
    pck_crl_number: int

    @classmethod
    def from_json(cls, text: str) -> "Claims":
        """Read the library's claims; a claim that is not there is a refusal (E_VERIFY_OTHER)."""
        try:
            claims: dict[str, Any] = json.loads(text)
            platform, qe = claims["platform"], claims["qe"]
            pck = platform["pck"]
            levels = (claims["tcb"]["advisory_ids"], platform["tcb_level"]["advisoryIDs"])
            return cls(
                tcb_status=str(claims["tcb"]["status"]),
                tcb_date_s=int(platform["tcb_date_tag"]),
                advisory_ids=frozenset().union(*levels, qe["tcb_level"]["advisoryIDs"]),
                qe_status=str(qe["tcb_level"]["tcbStatus"]),
                root_key_id=bytes(platform["root_key_id"]).hex(),
                ppid=bytes(pck["ppid"]),
                sgx_type=int(pck["sgx_type"]),
                dynamic_platform=str(pck["dynamic_platform"]),
                cached_keys=str(pck["cached_keys"]),
                smt_enabled=str(pck["smt_enabled"]),
                root_crl_number=int(platform["root_ca_crl_num"]),
                pck_crl_number=int(platform["pck_crl_num"]),
            )
        except (ValueError, KeyError, TypeError):
            raise EncryptSecureRTError(ErrorCode.E_VERIFY_OTHER) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryPolicy:
    """The part of a policy that the library can judge by itself."""

    tcb_status: frozenset[str]
    grace_s: int
    min_tcb_evaluation: int
    sgx_types: tuple[int, ...]
    allow_dynamic_platform: bool
    allow_cached_keys: bool
    allow_smt: bool


class Evidence:
    """A quote and its collateral under one root, ready for the library.

    Parameters
    ----------
    quote : bytes
        The quote, cut at its declared end.
    collateral_json : str
        The nine members, already checked to be nine.
    root_der : bytes or None
        A simulated root, or None for Intel's.
    now_s : int
        The moment of judgement, seconds since 1970.
    """

    def __init__(
        self, quote: bytes, collateral_json: str, root_der: bytes | None, now_s: int
    ) -> None:
        if not 0 <= now_s < 2**63:
            raise EncryptSecureRTError(ErrorCode.E_CLOCK)
        self._quote = quote
        self._root_der = root_der
        self._now_s = now_s
        self._verifier = dcap_qvl.QuoteVerifier(root_der)  # the root is read at each use
        try:
            self._collateral = dcap_qvl.QuoteCollateralV3.from_json(collateral_json)
        except ValueError:
            raise EncryptSecureRTError(ErrorCode.E_COLLATERAL_FORMAT) from None

    def _call(self, policy: Any) -> Any:  # the library has no types
        try:
            return self._verifier.verify_with_policy(
                self._quote, self._collateral, self._now_s, policy
            )
        except ValueError as error:
            raise EncryptSecureRTError(code_of_refusal(self._cause() or str(error))) from None

    def _cause(self) -> str:
        """Return why the cryptography refuses, in the words of the call that tells the cause.

        `verify_with_policy` says "Failed to verify certificate chain" and no more.
        """
        arguments: list[Any] = [self._quote, self._collateral, self._now_s]
        try:
            if self._root_der is None:
                dcap_qvl.verify(*arguments)
            else:
                arguments.insert(2, self._root_der)
                dcap_qvl.verify_with_root_ca(*arguments)
        except ValueError as error:
            return str(error)
        return ""

    def verify(self) -> Claims:
        """Return what the cryptography proves, whatever it says of the platform's state."""
        policy = dcap_qvl.QuotePolicy.claims_only(self._now_s).accepted_sgx_types([0, 1, 2])
        return Claims.from_json(self._call(policy).to_json())

    def agrees(self, wanted: LibraryPolicy) -> None:
        """Refuse unless the library's own policy engine accepts, too."""
        policy = (
            dcap_qvl.QuotePolicy.strict(self._now_s)
            .accepted_sgx_types(list(wanted.sgx_types))
            .min_tcb_eval_data_number(wanted.min_tcb_evaluation)
            .allow_dynamic_platform(wanted.allow_dynamic_platform)
            .allow_cached_keys(wanted.allow_cached_keys)
            .allow_smt(wanted.allow_smt)
        )
        for status in sorted(wanted.tcb_status):
            policy = policy.allow_status(status)
        if wanted.grace_s:
            policy = policy.platform_grace_period(wanted.grace_s).qe_grace_period(wanted.grace_s)
        self._call(policy)
