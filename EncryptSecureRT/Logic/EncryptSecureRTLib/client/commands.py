"""What each command of `encryptsecurert` does, between the parsed words and the library."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.limits import LIMITS
from EncryptSecureRTLib.attest.localfiles import read_whole
from EncryptSecureRTLib.attest.memory import CollateralStore
from EncryptSecureRTLib.client.arguments import Invocation
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.output import Reporter
from EncryptSecureRTLib.client.session import Command, Switch, open_session

if TYPE_CHECKING:
    from encryptsecurert_protocol.reveals import Revealed
    from EncryptSecureRTLib.client.dicomfiles import SplitFile
    from EncryptSecureRTLib.client.jobs import Watcher
    from EncryptSecureRTLib.client.line import Line
    from EncryptSecureRTLib.client.protect import ProtectedSeries
    from EncryptSecureRTLib.client.report import StudyReport
    from EncryptSecureRTLib.client.reveal import Take
    from EncryptSecureRTLib.client.segment import Segmented


def _home(invocation: Invocation) -> ClientHome:
    return ClientHome(invocation.home)


def enroll(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Make a key and request, or take the custodian's answer, or place collateral."""
    home = _home(invocation)
    if invocation.accept is None and invocation.collateral is None:
        request = home.enroll()
        words = f"Give this file to the site key custodian: {request}"
        reporter.result(words, {"csr": str(request)})
        return 0
    if invocation.accept is not None:
        home.accept(invocation.accept)
    if invocation.collateral is not None:
        octets = read_whole(invocation.collateral, LIMITS.evidence_bytes)
        if octets is None:
            raise EncryptSecureRTError(ErrorCode.E_COLLATERAL_FORMAT)
        CollateralStore(home.state_path).place(octets)
    reporter.result("Ready. Try: encryptsecurert check --url ...", {"ready": True})
    return 0


def check(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Print the six lines; the exit code is that of the first that failed."""
    from EncryptSecureRTLib.client.check import check_worker
    from EncryptSecureRTLib.client.telling import offered

    result = check_worker(
        _home(invocation),
        invocation.need_url(),
        unsafe_allow_simulated=invocation.unsafe_allow_simulated,
        with_offer=invocation.offer,
    )
    for line in result.lines:
        code = line.code.name if line.code else None
        reporter.line(line.line.value, line.ok, line.words, code)
    verdicts = {
        name: verdict.to_json()
        for name, verdict in (
            ("certificate_verdict", result.certificate_verdict),
            ("verdict", result.verdict),
        )
        if verdict is not None
    }
    if result.error is not None:
        for name, verdict in verdicts.items():
            reporter.verdict(name, verdict)
        raise result.error
    simulated = bool(result.verdict and result.verdict.simulated)
    value: dict[str, object] = {**verdicts, "simulated": simulated}
    if result.offer is not None:
        value["offer"] = offered(result.offer)
    reporter.result("The worker is what the policy asks for.", value)
    return 0


def protect(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Protect a study; files that cannot be protected are told, and the exit code is 9 then."""
    from EncryptSecureRTLib.client.protect import protect_series
    from EncryptSecureRTLib.client.report_place import report_place
    from EncryptSecureRTLib.client.telling import protected_told
    from EncryptSecureRTLib.client.uids import refuse_unless_piped

    if invocation.tell_uids:
        refuse_unless_piped(as_json=invocation.json)
    source, out = invocation.need_source(), invocation.need_out()
    with (
        report_place(invocation.report) as report,
        open_session(invocation, reporter, switch) as (channel, watcher),
    ):
        choices = invocation.protect_choices()
        made = protect_series(channel, _home(invocation), source, out, watcher, choices)
        report.write_of(made)
        if invocation.remove_original:
            _remove(made, channel, _home(invocation), watcher)
    words, value = report.told(*protected_told(made))
    if invocation.remove_original:
        words += "\nEach protected file was revealed, proved, and its original removed."
        value["originals_removed"] = made.instances
    if invocation.tell_uids:
        reporter.uids(made.replaced.pairs)
        value |= made.replaced.as_json()
    reporter.result(words, value)
    return made.exit_code


def _remove(made: "ProtectedSeries", channel: "Line", home: ClientHome, watcher: "Watcher") -> None:
    """Remove the originals of what was protected, once each is proved."""
    from EncryptSecureRTLib.client.reveal import remove_proven
    from EncryptSecureRTLib.client.study_files import StudyFiles

    protected = tuple(path for folder in made.folders for path in sorted(folder.iterdir()))
    study = StudyFiles(source=made.folder.parent, files=protected, manifests=made.manifests)
    remove_proven(channel, home, study, made.originals, watcher)


def reveal(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Reveal a protected study: to files, or its attributes to the program that asked."""
    from EncryptSecureRTLib.client.reading import reading
    from EncryptSecureRTLib.client.study_files import find_study
    from EncryptSecureRTLib.client.uids import refuse_unless_piped

    source, out, home = invocation.need_source(), invocation.out, _home(invocation)
    if out is None:
        refuse_unless_piped(as_json=invocation.json and invocation.from_request)
    study = find_study(source)
    if invocation.first_only:  # who it is stands in each of them
        study = replace(study, files=study.files[:1])
    with reading(study, switch.asked) as batches:  # while the rest is loaded and connected
        from EncryptSecureRTLib.client.reveal import ALL_CLASSES, Reveal, reveal_files
        from EncryptSecureRTLib.client.telling import revealed_told

        with open_session(invocation, reporter, switch) as (channel, watcher):
            if out is not None:
                made = reveal_files(channel, home, study, out, watcher, batches)
            else:
                reveal = Reveal(
                    channel, home, watcher, "display", invocation.classes or ALL_CLASSES
                )
                made = reveal.run(study, _shown(reporter), batches)
    words, value = revealed_told(made)
    reporter.result(words, value)
    return 0


def inspect(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Show what of a file stands in clear, and with a worker its original beside it."""
    from EncryptSecureRTLib.client.inspect import (
        FileState,
        compare_with_original,
        inspect_file,
    )
    from EncryptSecureRTLib.client.telling import inspected_told
    from EncryptSecureRTLib.client.uids import refuse_if_kept

    asks_worker = bool(invocation.url_asked)  # an address in the settings alone asks nobody
    if asks_worker:
        refuse_if_kept()
    file = inspect_file(invocation.need_source())
    if not asks_worker or file.state is not FileState.PROTECTED:
        if file.state is not FileState.CLEAR:
            reporter.inspected(file.compared, "")
        reporter.result(*inspected_told(file))
        return 0
    with open_session(invocation, reporter, switch) as (channel, watcher):
        home = _home(invocation)
        made = compare_with_original(channel, home, file, watcher, invocation.classes)
    reporter.inspected(made.rows, "not in it" if made.is_whole else "sealed")
    reporter.result(*inspected_told(file, made))
    return 0


def _shown(reporter: Reporter) -> "Take":
    from EncryptSecureRTLib.client.revealed_values import rows_of

    def take(path: Path, split: "SplitFile", answer: "Revealed") -> None:
        reporter.revealed(answer.instance or "", rows_of(answer))

    return take


def segment(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Segment a protected series or a volume, or only have the worker take the job."""
    from EncryptSecureRTLib.client.segment import SegmentRequest, segment_series
    from EncryptSecureRTLib.client.telling import results_told

    if invocation.detach:
        return _segment_detached(invocation, reporter, switch)
    request = SegmentRequest(
        folder=invocation.source,
        volume=invocation.volume,
        structures=invocation.structures,
        outputs=invocation.outputs,
        out=invocation.need_out(),
        display=invocation.display,
    )
    with open_session(invocation, reporter, switch) as (channel, watcher):
        made = segment_series(channel, _home(invocation), request, watcher)
    if invocation.preview is not None:
        _draw(made, invocation.preview)
    words, value = results_told(made)
    reporter.result(words, {**value, "reference": request.reference.value})
    return 0


def _segment_detached(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    from EncryptSecureRTLib.client.segment import SegmentOrder, order_segmentation

    if any((invocation.out, invocation.preview, invocation.display)):
        detail = "--detach writes no files: fetch takes --out"
        raise EncryptSecureRTError(ErrorCode.E_USAGE, detail)
    asked = SegmentOrder(
        folder=invocation.source,
        volume=invocation.volume,
        structures=invocation.structures,
        outputs=invocation.outputs,
    )
    with open_session(invocation, reporter, switch) as (channel, watcher):
        order = order_segmentation(channel, _home(invocation), asked, watcher)
        simulated = channel.verdict.simulated
    words = f"job {order.job}\nGet its results: encryptsecurert fetch {order.job} --out DIR"
    value = {"job": order.job, "reference": asked.reference.value, "simulated": simulated}
    reporter.result(words, value)
    return 0


def _draw(made: "Segmented", path: Path) -> None:
    from EncryptSecureRTLib.client.preview import draw_preview
    from EncryptSecureRTLib.client.segments import masks_from_seg

    series = made.series
    structures = [
        drawn
        for file in made.files
        if file.name == "seg.dcm"
        for drawn in masks_from_seg(file, series.sop_instance_uids)
    ]
    draw_preview(
        series.hu,
        series.spacing_mm,
        structures,
        path,
        title="Segmented in the attested worker",
        simulated=made.finished.judged.verdict.simulated,
        direction=series.direction,
    )


def verify(invocation: Invocation, reporter: Reporter, switch: Switch) -> int:
    """Check a receipt: as of its receipt, and again with the newest that is known; or a report."""
    from EncryptSecureRTLib.client.report_check import read_report
    from EncryptSecureRTLib.client.verify import verify_receipt

    study = read_report(invocation.need_source())
    if study is not None:
        return _verify_report(invocation, reporter, study)
    report = verify_receipt(_home(invocation), invocation.need_source())
    for row in report.rows:
        reporter.line(row.name, row.ok, row.words, row.code)
    body = report.judged.body
    words = f"{body.task} ({body.algorithm}), {time_text(body.time_claimed)} as the worker says"
    reporter.result(
        words,
        {
            "receipt_sha256": report.judged.sha256,
            "task": body.task,
            "time_proved": report.time_proved,
            "outputs": dict(body.outputs),
            "numbers": dict(body.numbers),
            "verdict": report.judged.verdict.to_json(),
            "simulated": report.judged.verdict.simulated,
            "still_holds": report.still_holds,
        },
    )
    return 0


def _verify_report(invocation: Invocation, reporter: Reporter, study: "StudyReport") -> int:
    from EncryptSecureRTLib.client.report_check import check_report
    from EncryptSecureRTLib.client.telling import report_told

    for row in check_report(_home(invocation), study):
        reporter.line(row.name, row.ok, row.words, row.code)
    reporter.result(*report_told(study))
    return 0


COMMANDS: dict[str, Command] = {
    "enroll": enroll,
    "check": check,
    "protect": protect,
    "inspect": inspect,
    "reveal": reveal,
    "segment": segment,
    "verify": verify,
}
