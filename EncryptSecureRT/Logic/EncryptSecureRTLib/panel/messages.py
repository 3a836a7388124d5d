"""Every sentence of the panel that says what happened and what to do, in one table.

Most codes have good sentences of their own, see `encryptsecurert_protocol.errors`. Those in `_HERE`
speak of what somebody in front of the panel can press instead of a command line.
"""

from collections.abc import Mapping

from EncryptSecureRTLib.client.process import ErrorCode, error_from_name
from EncryptSecureRTLib.panel.state import Notice, Offer, Tone
from EncryptSecureRTLib.panel.words import _

_HERE: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.E_USAGE: (
        _("The panel asked its client for something that it does not know."),
        _("Update the extension; details help the developers."),
    ),
    ErrorCode.E_UNREACHABLE: (
        _("The worker did not answer."),
        _("Check the address, press Test connection, or ask IT whether a firewall stands between."),
    ),
    ErrorCode.E_TIMEOUT: (
        _("The worker did not answer in time."),
        _("Try again; what the worker holds already is not sent twice."),
    ),
    ErrorCode.E_USER_CERTIFICATE: (
        _("The worker refused your certificate: unknown, expired or revoked."),
        _("Ask the key custodian for a new one."),
    ),
    ErrorCode.E_USER_KEY: (
        _("Your key or certificate cannot be used: missing, expired or not a pair."),
        _("Enroll this workstation again, or choose another client folder under Advanced."),
    ),
    ErrorCode.E_POLICY_MISSING: (
        _("There is no policy in the client folder."),
        _("Get the site's policy from the key custodian and enroll this workstation."),
    ),
    ErrorCode.E_NOT_PROVISIONED: (
        _("The worker has no site keys yet."),
        _("The key custodian has to provision it."),
    ),
    ErrorCode.E_FORBIDDEN: (
        _("Your role does not allow this."),
        _("Ask the key custodian for the right."),
    ),
    ErrorCode.E_MODALITY: (
        _("This task is for CT; the chosen volume is another kind of image."),
        _("Choose a CT."),
    ),
    ErrorCode.E_TRANSFER_SYNTAX: (
        _("The images are compressed or in a byte order that is not handled yet."),
        _("Convert them to Explicit VR Little Endian, e.g. with GDCM, and import them again."),
    ),
    ErrorCode.E_NOT_PROTECTED: (
        _("This study carries patient data."),
        _("Seal it first."),
    ),
    ErrorCode.E_DOSE: (
        _("One of the doses cannot be compared: it is no dose in Gy."),
        _("Export it again in Gy, without negative or missing values, and load it anew."),
    ),
    ErrorCode.E_FRAME_OF_REFERENCE: (
        _("The doses, or the structures, are of different frames of reference."),
        _("Choose doses and structures of one frame; the command line takes a registration."),
    ),
    ErrorCode.E_OVERLAP: (
        _("The dose grids do not overlap, or no point is above the threshold."),
        _("Check that both doses are of the same region, and the threshold."),
    ),
    ErrorCode.E_STRUCTURES: (
        _("The shape of a structure cannot be used."),
        _("Take that structure out of the segmentation, or choose none."),
    ),
    ErrorCode.E_PATIENT_MIX: (
        _("The two doses are of different patients."),
        _("Choose doses of one patient."),
    ),
    ErrorCode.E_WORK: (
        _("This comparison would take the worker hours, and was not begun."),
        _("Crop the doses, raise the threshold, or choose pass or fail as mode."),
    ),
    ErrorCode.E_TOO_LARGE: (
        _("The volume is larger than this worker takes."),
        _("Crop it to the region of interest."),
    ),
    ErrorCode.E_BUSY: (
        _("The worker has no free place."),
        _("Try again in some minutes."),
    ),
    ErrorCode.E_JOB_FAILED: (
        _("The job failed in the worker."),
        _("See the log; if it fails again, tell the worker's operator the job's id from Details."),
    ),
    ErrorCode.E_RESULT: (
        _("A result is not the one that the receipt names and was thrown away."),
        _("Press Apply to run the job again; if it stays so, tell the key custodian."),
    ),
    ErrorCode.E_RECEIPT: (
        _("The result is not signed by the verified worker and was thrown away."),
        _("Press Apply to run the job again; if it stays so, tell the key custodian."),
    ),
    ErrorCode.E_LOCAL_FILE: (
        _("A local file cannot be read or written."),
        _("Check that the disk has space and that the folders may be written to."),
    ),
    ErrorCode.E_INTERNAL: (
        _("The background process ended unexpectedly."),
        _("Press Apply to try again; details help the developers."),
    ),
}
SIMULATED = _("SIMULATED TEE: not for patient data")
_ATTESTATION = 5
_REFUSED_EXITS = frozenset({_ATTESTATION, 6})
REFUSED = _("The worker could not prove that it runs approved code, so nothing was sent.")


def refuses_worker(code: ErrorCode) -> bool:
    """Tell whether an error says that this worker is not to be trusted under this policy."""
    return code.value.exit_code in _REFUSED_EXITS


def notice_of(code_name: str, *, detail: str = "", details: tuple[str, ...] = ()) -> Notice:
    """Return the notice of an error.

    Parameters
    ----------
    code_name : name of an ErrorCode; an unknown one is E_INTERNAL.
    detail : what the client adds in brackets: fixed words and numbers.
    details : further lines for whoever helps.
    """
    error = error_from_name(code_name, detail)
    code = error.code
    own = code.value
    if code is ErrorCode.E_CANCELLED:
        return cancelled_notice()
    what, todo = _HERE.get(code, (own.what, own.todo))
    if own.exit_code == _ATTESTATION:
        what = f"{REFUSED} {own.what}"
        todo = own.todo.replace("Do not send data. ", "")
    if detail:
        what = f"{what.rstrip('.')} ({detail})."
    return Notice(
        tone=Tone.BAD,
        what=what,
        todo=todo,
        code=code.name,
        details=(f"{code.name}, exit code {own.exit_code}", *details),
        offer=Offer.SEAL_STUDY if code is ErrorCode.E_NOT_PROTECTED else None,
    )


def cancelled_notice(reason: str = "") -> Notice:
    """Return what is said after something was ended, by its user or for another reason."""
    what = _("Cancelled.")
    if reason:
        what = _("Cancelled, because {reason}.").format(reason=reason)
    return Notice(tone=Tone.INFO, what=what, todo=_("Nothing was changed."))


def lost_notice(job: str) -> Notice:
    """Return what is said when the client gave up waiting for a worker that has the job."""
    return Notice(
        tone=Tone.BAD,
        what=_("The connection is lost; the job goes on at the worker."),
        todo=_("Press Reconnect when the worker can be reached again."),
        code=ErrorCode.E_UNREACHABLE.name,
        details=(f"job {job}",),
        offer=Offer.CANCEL_JOB,
    )


def not_told_notice(job: str, details: tuple[str, ...] = ()) -> Notice:
    """Return what is said of a job that was ended here and perhaps not at the worker."""
    return Notice(
        tone=Tone.BAD,
        what=_("Cancelled here, but the worker could not be told: the job may go on."),
        todo=_("It ends by itself; nothing of it is loaded."),
        code=ErrorCode.E_CANCELLED.name,
        details=(f"job {job}", *details),
    )


def done_notice(structures: int, took_s: float, *, simulated: bool) -> Notice:
    """Return what is said when results are in the scene."""
    said = _("Receipt verified.")
    if simulated:
        said += f" {SIMULATED}."
    if structures == 1:
        found = _("1 structure in {time}.")
    else:
        found = _("{count} structures in {time}.")
    what = found.format(count=structures, time=minutes(took_s))
    return Notice(tone=Tone.GOOD, what=f"{what} {said}", offer=Offer.SHOW_RESULT)


def compared_notice(rate: str, criteria: str, took_s: float, simulated: bool) -> Notice:
    """Return what is said when a comparison is in the scene: no rate without its criteria."""
    what = _("Doses compared in {time}.").format(time=minutes(took_s))
    if rate:
        what += " " + _("Gamma is at most 1 at {rate}: {criteria}.").format(
            rate=rate, criteria=criteria
        )
    said = _("Receipt verified.")
    if simulated:
        said += f" {SIMULATED}."
    return Notice(tone=Tone.GOOD, what=what, todo=said, offer=Offer.SHOW_MAPS)


_WARNINGS = {
    "cut_by_field_of_view": _("reaches the edge of the image or of its padding: it may be cut off"),
    "not_found": _("was not found"),
    "may_hold_contrast": _("may hold contrast agent"),
    "lungs_split_by_shape": _("the lungs touch: the line between them is a guess"),
    "side_uncertain": _("left and right may be exchanged"),
}


def warning_words(warning: str, labels: Mapping[str, str]) -> str:
    """Return a warning of the worker as words; one that is not known here stays as it is.

    Parameters
    ----------
    warning : `structure.what`, as in the receipt.
    labels : names of structures by their keys.
    """
    structure, _, what = warning.partition(".")
    words = _WARNINGS.get(what)
    return warning if words is None else f"{labels.get(structure, structure)}: {words}."


def minutes(seconds: float) -> str:
    """Return a time as m:ss, or h:mm:ss."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours}:{rest // 60:02}:{rest % 60:02}"
    return f"{rest // 60}:{rest % 60:02}"


def megabytes(size_bytes: int) -> str:
    """Return a size as people read it: 0.4 MB, 143 MB, 1.2 GB (powers of ten)."""
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes < 1e7 else f"{size_bytes / 1e6:.0f} MB"
