"""What the widgets show, computed from the state alone: words, what is enabled and why not.

Pure, so that every row of the state table can be looked at without a window. Colour never stands
alone: whatever has a tone has words and an icon too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from EncryptSecureRTLib.panel.messages import SIMULATED, megabytes, minutes
from EncryptSecureRTLib.panel.phases import AT_WORK, IDLE, Phase
from EncryptSecureRTLib.panel.state import PanelState, Run, Tone
from EncryptSecureRTLib.panel.words import _

CHECK_TITLES = {
    "reach": _("Reach"),
    "tls": _("TLS"),
    "attestation": _("Attestation"),
    "policy": _("Policy"),
    "provisioned": _("Provisioned"),
    "version": _("Version"),
}
_STAGE_TITLES = {
    "prepare": _("Preparing the volume"),
    "connect": _("Connecting and attesting"),
    "read": _("Reading the inputs"),
    "submit": _("Ordering the job"),
    "opening": _("Opening the sealed volume"),
    "run": _("Running in the enclave"),
    "fetch": _("Fetching the results"),
    "gamma": _("Comparing point by point, gamma"),
    "gamma_again": _("Comparing more finely where it was undecided"),
    "difference": _("Subtracting the doses"),
    "agreement": _("Measuring distances to agreement"),
    "isodose_volumes": _("Measuring volumes within isodoses"),
    "profiles": _("Reading doses along lines"),
    "isodoses": _("Measuring isodoses"),
    "structures": _("Dose-volume histograms"),
    "gamma_dicom": _("Writing gamma as DICOM"),
    "difference_dicom": _("Writing the difference as DICOM"),
    "report_dicom": _("Writing the report as DICOM"),
    "display": _("Unpacking the results"),
    "report": _("Writing tables and report"),
    "write": _("Checking the receipt"),
}


class Badge(Enum):
    """How far the worker is trusted; each has an icon."""

    UNKNOWN = "unknown"
    BUSY = "busy"
    VERIFIED = "verified"
    SIMULATED = "simulated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Whether a widget can be used; if not, the reason, which is its tooltip."""

    enabled: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The bar: hidden, busy (`permille` None) or at a thousandth.

    Attributes
    ----------
    what : what happens, and how far it is.
    elapsed : for how long the job has been running; empty if there is none.
    """

    visible: bool
    permille: int | None = None
    what: str = ""
    elapsed: str = ""

    @property
    def words(self) -> str:
        """What is shown beside the bar."""
        return ", ".join(part for part in (self.what, self.elapsed) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """A line of Test connection as it is shown."""

    title: str
    tone: Tone
    mark: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that a state says to the widgets."""

    badge: Badge
    badge_words: str
    details: Switch
    checks: tuple[CheckLine, ...]
    test: Switch
    apply: Switch
    apply_words: str
    inputs: Switch
    progress: Progress
    spoken: str


def view_of(state: PanelState, verb: str, problems: Sequence[str], now_s: float) -> View:
    """Return what to show.

    Parameters
    ----------
    verb : what Apply does, for its button: "Segment in TEE".
    problems : all that keeps Apply from being pressed, a sentence each.
    """
    badge, words = _badge(state)
    progress = _progress(state, now_s)
    return View(
        badge=badge,
        badge_words=words,
        details=_switch(state.trust is not None, _("There is no verdict yet.")),
        checks=tuple(_check_lines(state)),
        test=_test(state),
        apply=_apply(state, problems),
        apply_words=_apply_words(state, verb),
        inputs=_switch(state.phase in IDLE, _("Something runs: wait for it, or cancel it.")),
        progress=progress,
        spoken=progress.words or words,
    )


def _switch(enabled: bool, reason: str) -> Switch:
    return Switch(enabled=enabled, reason="" if enabled else reason)


def _badge(state: PanelState) -> tuple[Badge, str]:
    if state.phase is Phase.UNCONFIGURED:
        return Badge.UNKNOWN, _("No worker chosen")
    if state.phase is Phase.CHECKING:
        return Badge.BUSY, _("Checking the worker")
    trust = state.trust
    if state.phase is Phase.REFUSED or (trust is not None and not trust.accepted):
        return Badge.REFUSED, _("REFUSED: {reason}").format(reason=_why_refused(state))
    if trust is None:
        return Badge.UNKNOWN, _("Not checked")
    if trust.simulated:
        return Badge.SIMULATED, f"{SIMULATED} ({worker_words(trust.verdict)})"
    return Badge.VERIFIED, _("Verified enclave: {worker}").format(
        worker=worker_words(trust.verdict)
    )


def worker_words(verdict: Mapping[str, Any]) -> str:
    """Return the worker's name and build, as the policy calls them."""
    name = str(verdict.get("worker_name") or "worker")
    return f"{name} {verdict.get('build_label') or ''}".strip()


def _why_refused(state: PanelState) -> str:
    rows = () if state.trust is None else state.trust.verdict.get("rows", ())
    for row in rows:
        if row.get("outcome") == "fail":
            return f"{row['name']} ({row['code']})"
    return (
        state.notice.code if state.notice is not None and state.notice.code else _("see the checks")
    )


def _check_lines(state: PanelState) -> Sequence[CheckLine]:
    if not state.rows:
        return ()
    known = {row.name: row for row in state.rows}
    lines = []
    for name, title in CHECK_TITLES.items():
        row = known.get(name)
        if row is None or row.ok is None:
            waiting = "..." if state.phase is Phase.CHECKING else _("not checked")
            line = CheckLine(title=title, tone=Tone.INFO, mark="-", words=waiting)
        elif row.ok:
            line = CheckLine(title=title, tone=Tone.GOOD, mark="✓", words=row.words)
        else:
            words = f"{row.words} [{row.code}]" if row.code else row.words
            line = CheckLine(title=title, tone=Tone.BAD, mark="✗", words=words)
        lines.append(line)
    return lines


def _test(state: PanelState) -> Switch:
    if state.phase is Phase.UNCONFIGURED:
        return Switch(enabled=False, reason=_("Enter the worker's address and the client folder."))
    return _switch(state.phase in IDLE, _("Something runs: wait for it, or cancel it."))


def _apply_words(state: PanelState, verb: str) -> str:
    if state.phase is Phase.CANCELLING:
        return _("Cancelling...")
    if state.phase in AT_WORK or state.phase is Phase.CHECKING:
        return _("Cancel")
    return _("Reconnect") if state.phase is Phase.LOST else verb


def _apply(state: PanelState, problems: Sequence[str]) -> Switch:
    if state.phase in AT_WORK or state.phase in (Phase.CHECKING, Phase.LOST):
        return Switch(enabled=True)
    if state.phase is Phase.CANCELLING:
        return Switch(enabled=False, reason=_("The job is being ended."))
    if state.phase is Phase.LOADING:
        return Switch(enabled=False, reason=_("The results are being loaded."))
    if state.phase is Phase.REFUSED:
        refused = _("The worker was refused: nothing is sent to it. Press Test connection.")
        return Switch(enabled=False, reason=refused)
    if state.phase is Phase.UNCONFIGURED:
        problems = [_("Enter the worker's address and the client folder."), *problems]
    return _switch(not problems, "\n".join(problems))


def _progress(state: PanelState, now_s: float) -> Progress:
    run = state.run
    if state.phase is Phase.CHECKING:
        return Progress(visible=True, what=_("Checking the worker"))
    if state.phase is Phase.LOADING:
        return Progress(visible=True, what=_("Loading the results into the scene"))
    if state.phase is Phase.CANCELLING:
        return Progress(visible=True, what=_("Cancelling..."))
    if state.phase not in AT_WORK:
        return Progress(visible=False)
    elapsed = _("{time} elapsed").format(time=minutes(now_s - run.started_at_s))
    if run.attempt:
        words = _("Connection lost, trying again in {seconds:.0f} s (attempt {attempt})")
        if run.worker_is_busy:
            words = _("The worker is busy, trying again in {seconds:.0f} s (attempt {attempt})")
        what = words.format(seconds=run.retry_in_s, attempt=run.attempt)
        return Progress(visible=True, what=what, elapsed=elapsed)
    what = _stage_words(state.phase, run, now_s)
    permille = None if run.fraction is None else round(1000 * min(max(run.fraction, 0.0), 1.0))
    return Progress(visible=True, permille=permille, what=what, elapsed=elapsed)


def _stage_words(phase: Phase, run: Run, now_s: float) -> str:
    if phase is Phase.UPLOADING and run.total_bytes:
        words = _("Uploading {done} of {total}")
        sent = words.format(done=megabytes(run.done_bytes), total=megabytes(run.total_bytes))
        spent_s = now_s - run.stage_at_s
        if spent_s < 0.5:
            return sent
        rate = run.done_bytes / spent_s
        return f"{sent}, {rate / 1e6:.1f} MB/s"
    if phase is Phase.QUEUED:
        if run.place > 1:
            return _("Waiting, {count} jobs before this one").format(count=run.place)
        return _("Waiting, 1 job before this one") if run.place else _("Waiting, next in turn")
    title = _STAGE_TITLES.get(run.stage, run.stage.replace("_", " ").capitalize())
    if phase is Phase.RUNNING and run.fraction is not None:
        return f"{title}, {100 * run.fraction:.0f} %{_remaining(run, now_s)}"
    return title or _("Starting")


def _remaining(run: Run, now_s: float) -> str:
    """Return what is left of the worker's time, once enough has passed to say so."""
    fraction, spent_s = run.fraction or 0.0, now_s - run.running_since_s
    if fraction < 0.1 or fraction >= 1 or spent_s < 2:
        return ""
    left = minutes(spent_s * (1 - fraction) / fraction)
    return ", " + _("about {time} left").format(time=left)
