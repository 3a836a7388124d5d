"""The one enumeration of everything that can go wrong, with its sentence and exit code.

    EncryptSecureRTError        what every package of this project raises across its border
      .code    ErrorCode        stable name, the same in panel, command line, JSON and log
      .what    str              what happened
      .todo    str              what to do
      .exit_code, .http_status  int

A sentence never holds an input value, a name, a UID or a path: the code says which rule broke,
and `detail` may add fixed words and numbers of our own only. Exit codes are families; they are
listed in `docs/protocol.md` and stay as they are.

>>> error = EncryptSecureRTError(ErrorCode.E_SEAL)
>>> error.exit_code, error.code.name
(9, 'E_SEAL')
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """What is known of an error before it happens."""

    exit_code: int
    http_status: int
    what: str
    todo: str


def _attest(what: str, todo: str = "") -> ErrorInfo:
    return ErrorInfo(5, 502, what, todo or "Do not send data. Tell the site key custodian.")


class ErrorCode(Enum):
    """Every error code of the project; the value tells its family and its sentence."""

    # 2: usage
    E_USAGE = ErrorInfo(2, 400, "The command line is not right.", "See --help.")
    # 3: reach
    E_UNREACHABLE = ErrorInfo(
        3, 503, "The worker cannot be reached.", "Check the address and that the worker runs."
    )
    E_TIMEOUT = ErrorInfo(
        3, 504, "The worker did not answer in time.", "Try again; the job, if any, goes on."
    )
    E_PACS_UNREACHABLE = ErrorInfo(
        3,
        503,
        "The PACS cannot be reached, or the line to it broke.",
        "Check address, port and TLS, and that it runs; then begin again.",
    )
    # 4: the user's certificate
    E_USER_CERTIFICATE = ErrorInfo(
        4,
        403,
        "The worker refused the user certificate: unknown, expired or revoked.",
        "Ask the site key custodian for a new one.",
    )
    E_USER_KEY = ErrorInfo(
        4,
        403,
        "The user key and certificate cannot be used: missing, expired or not a pair.",
        "Enroll this workstation again.",
    )
    # 5: attestation
    E_QUOTE_FORMAT = _attest("The quote is not a well-formed SGX quote.")
    E_WRONG_TEE = _attest("The evidence is of another kind of TEE than SGX.")
    E_CERT_DER = _attest("The server certificate is not well-formed.")
    E_CERT_SIG = _attest("The server certificate's own signature is wrong.")
    E_CERT_EVIDENCE = _attest(
        "The server certificate carries no acceptable evidence: it is not an attested worker."
    )
    E_CBOR = _attest("The evidence in the certificate is not strict CBOR.")
    E_CLAIMS = _attest("The evidence's claims do not name this certificate's key.")
    E_BINDING = _attest("The quote is not bound to this connection.")
    E_ROOT = _attest("The quote does not chain to the root that the policy pins.")
    E_PCK_CHAIN = _attest("The platform's certificate chain is not valid.")
    E_COLLATERAL_SIG = _attest("The collateral's signature or signer is wrong.")
    E_CRL = _attest("A revocation list is missing, out of date or wrongly signed.")
    E_REVOKED = _attest("A certificate of the platform is revoked.")
    E_QE_REPORT = _attest("The quoting enclave's report does not verify.")
    E_QE_IDENTITY = _attest("The quoting enclave is not the one that its identity names.")
    E_QUOTE_SIG = _attest("The quote's signature is wrong.")
    E_DEBUG = _attest("The worker is a debug enclave: its memory can be read.")
    E_ATTRIBUTES = _attest("The enclave's attributes are not the ones that the policy asks for.")
    E_KSS = _attest("The enclave's configuration identity is not the one in the policy.")
    E_MEASUREMENT = _attest(
        "The worker runs other code than the policy allows.",
        "Do not send data. If the worker was upgraded, ask for the new policy.",
    )
    E_PRODSVN = _attest("The worker's product or security version is below the policy's.")
    E_TCB_STATUS = _attest("The platform's security state is not one that the policy accepts.")
    E_ADVISORY = _attest("A security advisory applies that the policy does not allow.")
    E_COLLATERAL_EXPIRED = _attest(
        "The collateral is out of date or not valid yet.", "Load fresh collateral."
    )
    E_COLLATERAL_FORMAT = _attest(
        "Collateral is missing, malformed or belongs to another platform.",
        "Load the collateral of this platform.",
    )
    E_COLLATERAL_ROLLBACK = _attest("The collateral is older than some seen before.")
    E_CLOCK = _attest(
        "This computer's clock is behind a time already proved.", "Set the clock and try again."
    )
    E_PLATFORM = _attest("The policy does not list this platform.")
    E_NONCE = _attest("The evidence does not answer the question that was just asked.")
    E_REPLAY = ErrorInfo(
        5,
        409,
        "Something that may be used once was offered again, or an older state was.",
        "Start again with fresh data; if it goes on, tell the site key custodian.",
    )
    E_SESSION = _attest("The TLS session is resumed, too old a version, or to another worker.")
    E_SIMULATED = _attest(
        "The evidence is SIMULATED and the policy does not allow that.",
        "Use a worker on SGX hardware.",
    )
    E_STATEMENT = _attest("The evidence statement is malformed or contradicts the quote.")
    E_UNATTESTED_PEER = _attest("Data would have gone to a worker that is not attested yet.")
    E_VERIFY_OTHER = _attest("The quote does not verify.")
    # 6: policy
    E_POLICY_MISSING = ErrorInfo(
        6, 400, "There is no policy.", "Get the site's policy from the site key custodian."
    )
    E_POLICY = ErrorInfo(
        6,
        400,
        "The policy is malformed, contradicts itself or is older than one seen before.",
        "Get a new policy.",
    )
    E_POLICY_SIGNATURE = ErrorInfo(
        6, 400, "The policy is not signed by the pinned site key.", "Get the site's own policy."
    )
    E_POLICY_EXPIRED = ErrorInfo(
        6, 400, "The policy is not valid at this time.", "Get a new policy."
    )
    # 7: provisioning
    E_NOT_PROVISIONED = ErrorInfo(
        7,
        503,
        "The worker has no site keys yet.",
        "The site key custodian runs: encryptsecurert-admin provision.",
    )
    E_SITE = ErrorInfo(
        7, 409, "The worker belongs to another site.", "Check the address; send nothing."
    )
    E_BUNDLE = ErrorInfo(
        7, 400, "The provisioning bundle does not open or is not signed.", "Make a new bundle."
    )
    E_VERSION = ErrorInfo(
        7, 400, "Client and worker speak different versions.", "Update the older one."
    )
    # 8: rights
    E_FORBIDDEN = ErrorInfo(
        8, 403, "Your role does not allow this.", "Ask the site key custodian for the right."
    )
    E_CASE = ErrorInfo(8, 403, "This case is not shared with you.", "Ask for access to the case.")
    E_QUOTA = ErrorInfo(
        8, 429, "A quota of yours is used up.", "Let jobs end or expire, or wait until tomorrow."
    )
    E_PACS_REFUSED = ErrorInfo(
        8,
        403,
        "The PACS does not allow this.",
        "Have both AE titles, your credentials or the kinds of objects entered there.",
    )
    # 9: bad input
    E_FORMAT = ErrorInfo(
        9, 400, "A message is malformed.", "Update client and worker to the same version."
    )
    E_SEAL = ErrorInfo(9, 400, "A sealed object does not open or is not whole.", "Send it again.")
    E_DIGEST = ErrorInfo(9, 400, "Data do not match their digest.", "Send them again.")
    E_NOT_FOUND = ErrorInfo(9, 404, "There is no such thing for you.", "Check the identifier.")
    E_INPUT_GONE = ErrorInfo(9, 410, "The worker holds an input no longer.", "Upload it again.")
    E_TASK = ErrorInfo(9, 400, "The worker does not know this task.", "See the task list.")
    E_PARAMETERS = ErrorInfo(9, 400, "A parameter is not right.", "See the task's parameters.")
    E_NO_DICOM = ErrorInfo(
        9, 400, "There is no DICOM image to be read here.", "Choose a folder with a CT series."
    )
    E_DICOM = ErrorInfo(
        9, 400, "A DICOM file is malformed.", "Export the series again from its source."
    )
    E_MODALITY = ErrorInfo(
        9,
        400,
        "Objects of this kind are not handled.",
        "Segment CT; what can be protected is in the README.",
    )
    E_MIXED_SERIES = ErrorInfo(
        9,
        400,
        "The folder holds more than one CT series, study or patient.",
        "Put one into a folder.",
    )
    E_MISSING_SLICES = ErrorInfo(
        9, 400, "Slices are missing or doubled in the series.", "Export the whole series again."
    )
    E_SPACING = ErrorInfo(
        9, 400, "The slices are not equally spaced.", "Resample the series before."
    )
    E_GEOMETRY = ErrorInfo(
        9, 400, "The image geometry is missing, contradictory or sheared.", "Check the series."
    )
    E_MISSING_UID = ErrorInfo(
        9, 400, "An instance lacks a UID that it must have.", "Export the series again."
    )
    E_TRANSFER_SYNTAX = ErrorInfo(
        9,
        400,
        "The images are compressed or in a byte order that is not handled yet.",
        "Convert them to Explicit VR Little Endian first, e.g. with gdcmconv --raw.",
    )
    E_PROTECTED_ALREADY = ErrorInfo(9, 400, "The series is protected already.", "Use it as it is.")
    E_NOT_PROTECTED = ErrorInfo(
        9, 400, "The series is not protected.", "Run: encryptsecurert protect, then use its output."
    )
    E_BURNED_IN = ErrorInfo(
        9,
        400,
        "The image may show text about the patient in its pixels.",
        "Remove such images from the series.",
    )
    E_HIDDEN_DATA = ErrorInfo(
        9,
        400,
        "The pixel data may hide more than the picture.",
        "Export the image anew, without compression and overlays, or have it sealed whole.",
    )
    E_DOSE = ErrorInfo(
        9,
        400,
        "This is no dose in Gy that can be compared.",
        "Export the dose again in GY, without negative or missing values.",
    )
    E_FRAME_OF_REFERENCE = ErrorInfo(
        9,
        400,
        "The two doses are of different frames of reference.",
        "Give the registration between them, or choose doses of one frame.",
    )
    E_OVERLAP = ErrorInfo(
        9,
        400,
        "The grids do not overlap, or there is nothing to evaluate.",
        "Check that both doses are of the same region, and the registration.",
    )
    E_STRUCTURES = ErrorInfo(
        9,
        400,
        "The contours or masks of a structure cannot be used.",
        "Leave that structure out, or export the structure set again.",
    )
    E_PLAN = ErrorInfo(
        9,
        400,
        "A plan, treatment record or machine log cannot be compared.",
        "Export it again; the form of a log is in docs/machine-logs.md.",
    )
    E_MEASURED_DOSE = ErrorInfo(
        9,
        400,
        "A measured dose cannot be read or compared.",
        "Write it in the form of docs/planes.md, or give an RTDOSE of one frame.",
    )
    E_PATIENT_MIX = ErrorInfo(
        9,
        400,
        "The inputs are of different patients.",
        "Choose inputs of one patient.",
    )
    # 10: size
    E_TOO_LARGE = ErrorInfo(10, 413, "This is larger than the limit.", "Send less at a time.")
    E_BUSY = ErrorInfo(10, 503, "The worker has as much to do as it takes.", "Try again later.")
    E_WORK = ErrorInfo(
        10,
        413,
        "This would take the worker hours.",
        "Ask for less: a smaller region, wider criteria, or a coarser grid.",
    )
    # 11 to 14
    E_JOB_FAILED = ErrorInfo(11, 500, "The job failed.", "See the log; try other parameters.")
    E_PACS_INCOMPLETE = ErrorInfo(
        11,
        502,
        "The PACS did not take or give all instances.",
        "Look into its log; begin again.",
    )
    E_CANCELLED = ErrorInfo(12, 409, "Cancelled.", "Nothing was written.")
    E_RESULT = ErrorInfo(
        13, 502, "A result is not the one that the receipt names.", "Do not use it; run it again."
    )
    E_RECEIPT = ErrorInfo(
        13, 502, "The receipt does not verify.", "Do not use the results; run the job again."
    )
    E_AUDIT = ErrorInfo(
        13,
        502,
        "The audit log and what it is compared with do not agree.",
        "Stop sending to this worker; keep the log and the receipts; find out who restored what.",
    )
    E_PACS_ANSWER = ErrorInfo(
        13,
        502,
        "The PACS answered what the standard does not have, or not what was asked for.",
        "Keep nothing of it; ask who runs the PACS.",
    )
    E_LOCAL_FILE = ErrorInfo(
        14,
        500,
        "A local file or folder cannot be read or written.",
        "An input must be there; an output needs space, and nothing of its name there yet.",
    )
    E_STATE = ErrorInfo(
        14,
        500,
        "The worker's state folder cannot be used: damaged, cut, older than its audit log, or "
        "sealed by another worker.",
        "Keep it for the auditor; start with a new folder and provision the worker again.",
    )
    # 70
    E_INTERNAL = ErrorInfo(
        70, 500, "Something unexpected went wrong.", "Run again with --debug and report it."
    )


class EncryptSecureRTError(Exception):
    """An error with a stable code.

    Parameters
    ----------
    code : ErrorCode
        Which rule broke.
    detail : str
        Fixed words and numbers of our own, never an input value, a name, a UID or a path.
    """

    def __init__(self, code: ErrorCode, detail: str = "") -> None:
        super().__init__(code.name)
        self.code = code
        self.detail = detail

    @property
    def what(self) -> str:
        """What happened, as a sentence."""
        return f"{self.code.value.what} ({self.detail})" if self.detail else self.code.value.what

    @property
    def todo(self) -> str:
        """What to do about it, as a sentence."""
        return self.code.value.todo

    @property
    def exit_code(self) -> int:
        """The exit code of a command that ends with this error."""
        return self.code.value.exit_code

    @property
    def http_status(self) -> int:
        """The HTTP status under which the worker sends this error."""
        return self.code.value.http_status

    def __str__(self) -> str:
        return f"{self.code.name}: {self.what} {self.todo}"


def error_from_name(name: str, detail: str = "") -> EncryptSecureRTError:
    """Return the error of that code name; an unknown name becomes E_INTERNAL."""
    code = ErrorCode.__members__.get(name, ErrorCode.E_INTERNAL)
    return EncryptSecureRTError(code, detail)
