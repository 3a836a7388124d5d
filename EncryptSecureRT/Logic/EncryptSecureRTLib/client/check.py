"""`check`: six lines on whether a worker can be trusted, in the order in which they matter."""

import socket
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest.verdict import Verdict
from EncryptSecureRTLib.client.channel import ChannelGate, check_url, make_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.listing import Offer, ask_offer
from EncryptSecureRTLib.client.trust import open_verifier

_EXIT_ATTESTATION, _EXIT_POLICY, _EXIT_PROVISIONED = 5, 6, 7


class CheckLine(Enum):
    """The lines of a check, in their order."""

    REACH = "reach"
    TLS = "tls"
    ATTESTATION = "attestation"
    POLICY = "policy"
    PROVISIONED = "provisioned"
    VERSION = "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineResult:
    """How one line ended; `ok` None means that it was not reached."""

    line: CheckLine
    ok: bool | None
    words: str
    code: ErrorCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """All six lines, the verdicts as far as they were formed, and the first error.

    Attributes
    ----------
    offer : what is open to the user, if that was asked for.
    """

    lines: tuple[LineResult, ...]
    certificate_verdict: Verdict | None
    verdict: Verdict | None
    error: EncryptSecureRTError | None
    offer: Offer | None = None


def check_worker(
    home: ClientHome,
    url: str,
    timeout_s: float = 10.0,
    *,
    unsafe_allow_simulated: bool = False,
    with_offer: bool = False,
) -> CheckResult:
    """Check a worker; every failure is a line, none is raised but wrong usage."""
    address = check_url(url)
    results: dict[CheckLine, LineResult] = {}
    gate: ChannelGate | None = None
    failure: EncryptSecureRTError | None = None
    offer: Offer | None = None
    try:
        _reach(address, timeout_s)
        results[CheckLine.REACH] = _ok(CheckLine.REACH, "the address answers")
        verifier = open_verifier(home, address, unsafe_allow_simulated=unsafe_allow_simulated)
        policy = verifier.policy
        words = f"signed by the pinned site key, version {policy.version}"
        if home.policy()[1] is None:
            words = f"UNSIGNED, version {policy.version}"
        results[CheckLine.POLICY] = _ok(CheckLine.POLICY, words)
        gate = ChannelGate(verifier, allow_unprovisioned=False)
        with make_channel(home, address, gate, timeout_s) as channel:
            channel.connect()
            statement, verdict = channel.statement, channel.verdict
            offer = ask_offer(channel) if with_offer else None
        epoch = statement.bundle.epoch if statement.bundle else 0
        results[CheckLine.TLS] = _ok(CheckLine.TLS, "TLS 1.3, your certificate accepted")
        results[CheckLine.ATTESTATION] = _ok(CheckLine.ATTESTATION, attested_words(verdict))
        results[CheckLine.PROVISIONED] = _ok(
            CheckLine.PROVISIONED, f"by the pinned site, epoch {epoch}"
        )
        results[CheckLine.VERSION] = _ok(CheckLine.VERSION, f"worker {statement.worker_version}")
    except EncryptSecureRTError as error:
        failure = error
        _record_failure(results, error, gate.certificate_verdict if gate else None)
    lines = tuple(results.get(line, _not_reached(line)) for line in CheckLine)
    return CheckResult(
        lines=lines,
        certificate_verdict=gate.certificate_verdict if gate else None,
        verdict=gate.verdict if gate else None,
        error=failure,
        offer=offer,
    )


def _reach(address: str, timeout_s: float) -> None:
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 443), timeout_s).close()
    except TimeoutError:
        raise EncryptSecureRTError(ErrorCode.E_TIMEOUT) from None
    except (OSError, UnicodeError):
        raise EncryptSecureRTError(ErrorCode.E_UNREACHABLE) from None


def attested_words(verdict: Verdict) -> str:
    """Say what was found of an accepted worker."""
    kind = "SIMULATED - not protected" if verdict.simulated else "SGX"
    return f"{kind}, platform {verdict.tcb_status}, code as the policy names it"


def _ok(line: CheckLine, words: str) -> LineResult:
    return LineResult(line=line, ok=True, words=words)


def _not_reached(line: CheckLine) -> LineResult:
    return LineResult(line=line, ok=None, words="not reached")


def _line_of(error: EncryptSecureRTError) -> CheckLine:
    if error.code is ErrorCode.E_VERSION:
        return CheckLine.VERSION
    if error.exit_code == _EXIT_POLICY:
        return CheckLine.POLICY
    if error.exit_code == _EXIT_PROVISIONED:
        return CheckLine.PROVISIONED
    if error.exit_code == _EXIT_ATTESTATION and error.code is not ErrorCode.E_SESSION:
        return CheckLine.ATTESTATION
    if error.code in (ErrorCode.E_UNREACHABLE, ErrorCode.E_TIMEOUT):
        return CheckLine.REACH
    return CheckLine.TLS


def _record_failure(
    results: dict[CheckLine, LineResult], error: EncryptSecureRTError, proved: Verdict | None
) -> None:
    """Enter the failure in its line, and what was proved before it in the lines that hold."""
    line = _line_of(error)
    later = (CheckLine.ATTESTATION, CheckLine.PROVISIONED, CheckLine.VERSION)
    if line in later and proved is not None:  # a certificate was judged: there was a handshake
        results[CheckLine.TLS] = _ok(CheckLine.TLS, "TLS 1.3")
    if line in (CheckLine.PROVISIONED, CheckLine.VERSION) and proved and proved.accepted:
        results[CheckLine.ATTESTATION] = _ok(CheckLine.ATTESTATION, attested_words(proved))
    results[line] = LineResult(line=line, ok=False, words=error.what, code=error.code)
