"""What commands tell in the end: words for people, and the same as a JSON value.

Words that come from a worker are printed without control characters.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.limits import GIB, MIB
from EncryptSecureRTLib.client.listing import JobRow, Offer
from EncryptSecureRTLib.client.protect_choices import PICTURE_CODES
from EncryptSecureRTLib.client.results import Written
from EncryptSecureRTLib.client.unfinished import NOT_FETCHED

if TYPE_CHECKING:
    from EncryptSecureRTLib.client.inspect import Comparison, Inspected
    from EncryptSecureRTLib.client.protect import ProtectedSeries
    from EncryptSecureRTLib.client.refused import RefusedFile
    from EncryptSecureRTLib.client.report import StudyReport
    from EncryptSecureRTLib.client.reveal import RevealedStudy
    from EncryptSecureRTLib.client.sealed_item import SealedItem

Told = tuple[str, dict[str, Any]]
_MOST_ROWS = 200  # the result is one line, of at most `Limits.json_line_bytes`
_MOST_REFUSED = 100


def protected_told(made: "ProtectedSeries") -> Told:
    """Tell the folder, and how many files were protected, sealed whole, refused and left out."""
    into = "\n".join(str(folder) for folder in made.folders)
    lines = [f"{made.instances} instances protected into {into}"]
    if made.sealed_whole:
        whole = "nothing of it is to be seen before it is revealed"
        lines.append(f"{made.sealed_whole} of them sealed whole: {whole}")
    if made.vouched:
        lines.append("UNSAFE: you vouched that no pixel holds text; pictures are in CLEAR")
    if made.ignored_files:
        lines.append(f"{made.ignored_files} files were no DICOM images and were left out")
    rows = made.refused[:_MOST_REFUSED]
    left_out = len(made.refused) - len(rows)
    if rows:
        lines += _refused_lines(rows, left_out)
    return "\n".join(lines), {
        "folder": str(made.folder),
        "folders": [str(folder) for folder in made.folders],
        "instances": made.instances,
        "sealed_whole": made.sealed_whole,
        "vouched": made.vouched,
        "refused": {
            "count": len(made.refused),
            "rows": [row.as_json() for row in rows],
            "left_out": left_out,
        },
        "ignored_files": made.ignored_files,
        "manifests": [str(path) for path in made.manifests],
        "receipts": [str(path) for path in made.receipts],
        "simulated": made.simulated,
    }


def _refused_lines(rows: Sequence["RefusedFile"], left_out: int) -> list[str]:
    """Say which files were refused: by place, since a name may name a patient."""
    how = "each by its place among the folder's files, sorted by name"
    lines = [f"{len(rows) + left_out} files refused; {how}:"]
    for row in rows:
        error = row.error
        lines.append(f"file {row.place}: {row.kind}, {row.code.name}: {error.what} {error.todo}")
    if left_out:
        lines.append(f"and {left_out} more")
    if any(row.code in PICTURE_CODES for row in rows):
        lines.append(
            "What may show or hide text or has no list can be sealed whole: --pictures seal"
        )
    return lines


def report_told(study: "StudyReport") -> Told:
    """Tell of what study a report is that receipts vouch for."""
    report = study.report
    words = f"report of study {study.study}: {report.instances} instances, {report.algorithm}"
    return words, {
        "study": study.study,
        "instances": report.instances,
        "receipts": [one.receipt_sha256 for one in study.batches],
        "simulated": study.simulated,
    }


def inspected_told(file: "Inspected", made: "Comparison | None" = None) -> Told:
    """Tell what a file is, for whom it is sealed, and what a manifest or the worker says of it."""
    from EncryptSecureRTLib.client.inspect import FileState, Naming

    lines = [f"kind      {file.kind}"]
    value: dict[str, Any] = {"state": file.state.value, "file_kind": file.kind}
    if file.state is FileState.CLEAR:
        words = "NOT PROTECTED: nothing of it is shown but its kind, since its values are in clear"
        return "\n".join([*lines, words]), value
    marks = [_words(mark) for mark in file.marks]
    lines.append(f"marks     {', '.join(marks)}")
    value["marks"] = list(file.marks)
    value["simulated"] = any("SIMULATED" in mark for mark in file.marks)
    if file.sealed is None:
        lines.append("manifest  this file is one; its signature was not verified here")
        return "\n".join(lines), value
    naming = Naming.VERIFIED if made is not None else file.naming
    lines += [line for item in (file.sealed, *file.offline) for line in _sealed_lines(item)]
    lines.append(f"manifest  {naming.value}")
    value["sealed"] = _sealed_value(file.sealed)
    value["offline"] = [_sealed_value(item) for item in file.offline]
    value["manifest"] = naming.name.lower()
    if made is not None:
        lines.append(f"revealed  {', '.join(made.classes)}")
        value["classes"] = list(made.classes)
        value["receipts"] = [str(path) for path in made.revealed.receipts]
        value["simulated"] |= made.revealed.simulated
    return "\n".join(lines), value


def _sealed_lines(item: "SealedItem") -> list[str]:
    return [
        f"sealed    {item.size_bytes} octets, {item.content_bytes} of them encrypted with "
        f"{_words(item.algorithm)}",
        *(
            f"for       serial {one.serial}, issuer {_words(one.issuer)}, "
            f"{_words(one.key_algorithm)}"
            for one in item.recipients
        ),
    ]


def _sealed_value(item: "SealedItem") -> dict[str, Any]:
    return {
        "size_bytes": item.size_bytes,
        "content_bytes": item.content_bytes,
        "algorithm": item.algorithm,
        "recipients": [
            {"serial": one.serial, "issuer": one.issuer, "key_algorithm": one.key_algorithm}
            for one in item.recipients
        ],
    }


def revealed_told(made: "RevealedStudy") -> Told:
    """Tell how many instances were revealed, and into which folder."""
    where = "" if made.folder is None else f" into {made.folder}, each proved by its SHA-256"
    return f"{made.instances} instances revealed{where}", {
        "folder": None if made.folder is None else str(made.folder),
        "instances": made.instances,
        "receipts": [str(path) for path in made.receipts],
        "simulated": made.simulated,
    }


def results_told(made: Written) -> Told:
    """Tell volumes, warnings and files."""
    judged = made.finished.judged
    files = [str(path) for path in made.files]
    rows = [f"{name:<10} {volume:10.1f} cm3" for name, volume in made.volumes_cc.items()]
    warnings = [f"warning: {warning}" for warning in made.warnings]
    return "\n".join([*rows, *warnings, *files]), {
        "files": files,
        "volumes_cc": made.volumes_cc,
        "warnings": list(made.warnings),
        "receipt_sha256": judged.sha256,
        "outputs": dict(judged.body.outputs),
        "verdict": judged.verdict.to_json(),
        "simulated": judged.verdict.simulated,
    }


def jobs_told(rows: Sequence[JobRow], ordered_here: Collection[str]) -> Told:
    """Tell the newest jobs, and for each whether `fetch` can open its results here."""
    shown = rows[-_MOST_ROWS:]
    fetchable = {
        row.job for row in shown if row.job in ordered_here and row.task not in NOT_FETCHED
    }
    lines = [f"{'job':<32}  {'task':<19}  {'state':<24}  {'created':<20}  fetch"]
    for row in shown:
        here = "yes" if row.job in fetchable else "no"
        moment = time_text(row.created)
        lines.append(f"{row.job}  {row.task:<19}  {_state(row):<24}  {moment}  {here}")
    left_out = len(rows) - len(shown)
    if left_out:
        lines.append(f"and {left_out} older ones")
    values = [{**row.as_json(), "fetch": row.job in fetchable} for row in shown]
    words = "\n".join(lines) if rows else "You have no jobs at this worker."
    return words, {"rows": values, "left_out": left_out}


def _state(row: JobRow) -> str:
    if row.state is JobState.QUEUED:
        return f"queued, {row.place} before" if row.place else "queued, next"
    return f"{row.state.value} {row.error}" if row.state is JobState.FAILED else row.state.value


def tasks_told(offer: Offer) -> Told:
    """Tell tasks with their parameters, open cases, what is used of quotas, and limits."""
    cases = sorted(offer.cases, key=lambda case: case[1])[-_MOST_ROWS:]
    lines: list[str] = []
    for name, algorithm, parameters in offer.tasks:
        lines.append(f"{name}  ({algorithm})")
        choices = [f"  {key}: {_words(value)}" for key, value in _chosen(parameters)]
        lines += choices or ["  nothing to choose"]
    lines = lines or ["No task is open to you."]
    lines += [
        f"case {pseudonym} open until {time_text(until)}{', break-glass' if glass else ''}"
        for pseudonym, until, glass in cases
    ]
    if offer.classes:
        lines.append(f"revealed to you: {', '.join(offer.classes)}")
    lines += _quota_lines(offer)
    return "\n".join(lines), {
        "tasks": [{"name": n, "algorithm": a, "parameters": dict(p)} for n, a, p in offer.tasks],
        "cases": [
            {"pseudonym": pseudonym, "until": time_text(until), "break_glass": glass}
            for pseudonym, until, glass in cases
        ],
        "cases_left_out": len(offer.cases) - len(cases),
        "classes": list(offer.classes),
        "limits": dict(offer.limits),
        "memory_bytes": offer.memory_bytes,
        "held_bytes": offer.held_bytes,
        "patients_today": offer.patients_today,
    }


def offered(offer: Offer) -> dict[str, Any]:
    """Return what a form needs to know: tasks with the keys of their choices, and the bounds."""
    return {
        "tasks": {name: _keys(parameters) for name, _, parameters in offer.tasks},
        "object_bytes": offer.limits.get("object_bytes", 0),
        "patients_today": offer.patients_today,
        "patients_per_day": offer.limits.get("patients_per_day", 0),
    }


def _keys(parameters: Mapping[str, Any]) -> list[str]:
    structures = parameters.get("structures")
    rows = structures if isinstance(structures, list) else []
    return [str(row["key"]) for row in rows if isinstance(row, Mapping) and "key" in row]


def _chosen(parameters: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((key, value) for key, value in parameters.items() if key != "schema")


def _words(value: object) -> str:
    """Say a parameter's description in words."""
    if isinstance(value, Mapping):
        if set(value) == {"key", "name"}:
            return f"{_words(value['key'])} ({_words(value['name'])})"
        return ", ".join(f"{_words(key)} {_words(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value)
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))


def _quota_lines(offer: Offer) -> list[str]:
    limits = offer.limits
    kept = timedelta(seconds=limits.get("results_kept_s", 0))
    return [
        f"patients protected today: {offer.patients_today} of {limits.get('patients_per_day', 0)}",
        f"held for you: {_size(offer.held_bytes)} of {_size(limits.get('held_bytes_per_user', 0))}",
        f"one object: up to {_size(limits.get('object_bytes', 0))}; the worker computes within "
        f"{_size(offer.memory_bytes)} of memory",
        f"jobs that wait: up to {limits.get('queued_jobs_per_user', 0)}; "
        f"results are kept {kept.days} days",
    ]


def _size(size_bytes: int) -> str:
    if size_bytes >= GIB:
        return f"{size_bytes / GIB:.1f} GiB"
    return f"{size_bytes / MIB:.1f} MiB"


def models_told(offer: Offer) -> Told:
    """Tell the models."""
    lines = [f"{model} {version}  for {task}" for model, version, task in offer.models]
    return "\n".join(lines) or "No models are open to you at this worker.", {
        "models": [{"model": m, "version": v, "task": t} for m, v, t in offer.models]
    }
