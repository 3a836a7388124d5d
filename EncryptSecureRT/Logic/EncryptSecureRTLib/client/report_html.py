"""The officer's report as one page: no script, nothing from outside, to be read and printed.

Everything but markup of this file is escaped, also what the worker says: a page that a browser
opens trusts nobody's words.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape

from encryptsecurert_protocol.errors import error_from_name
from encryptsecurert_protocol.fields import time_text
from encryptsecurert_protocol.protection_reports import ClearAttribute, KindReport
from encryptsecurert_protocol.reveals import RevealClass
from EncryptSecureRTLib.client.html_page import Markup, band, facts_list, page, table
from EncryptSecureRTLib.client.report import BatchReport, StudyReport
from EncryptSecureRTLib.client.version import VERSION

_BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OPTIONS = {
    "dates": "Dates",
    "pixels": "Text in pixels",
}
_CHOSEN = {
    ("dates", "remove"): "removed: written empty or sealed",
    ("dates", "shift"): "moved by whole days, the same number for all of a patient; sealed as they "
    "were",
    ("pixels", "judged"): "judged by the worker from the header alone: kinds of pictures that may "
    "show text were refused or sealed whole",
    ("pixels", "vouched"): "the user said that no pixel shows text; the auditor was told",
}
_LETTERS = {
    "C": "cleaned",
    "D": "replaced by a dummy",
    "K": "kept",
    "U": "UID replaced",
    "X": "removed",
    "Z": "emptied or dummy",
}
_CLASSES = {
    RevealClass.IDENTITY: "names and numbers of patient, study, admission, order",
    RevealClass.DEMOGRAPHICS: "birth date, sex, age, size, weight and the like",
    RevealClass.DATES: "dates and times of no other class",
    RevealClass.STAFF: "institution, station, names of persons of no other class",
    RevealClass.LABELS: "labels and names of structures, plans, beams, doses",
    RevealClass.DEVICE: "manufacturer, model, serial numbers, software, machine",
    RevealClass.UIDS: "UIDs of no other class",
    RevealClass.PRIVATE: "private attributes",
    RevealClass.TEXT: "everything else: descriptions, comments, reports, numbers",
}


def report_page(study: StudyReport) -> bytes:
    """Return the page's octets, UTF-8."""
    report = study.report
    parts = [
        "<h1>Protection report</h1>",
        "<p>What of a study stands in clear after it was protected, why it may, and what was "
        "sealed. No value of the patient is repeated here.</p>",
        band(simulated=study.simulated),
        _facts(study),
        "<h2>What this does not cover</h2>",
        _list(report.not_covered),
        *_left_out(study),
        "<h2>What stands in clear</h2>",
        _legend(),
        *(_kind(kind) for kind in report.kinds),
        "<h2>What was sealed</h2>",
        "<p>How many attributes of each class were sealed, over all instances. Which they were is "
        "not told: that an attribute was there at all may say something. A sequence of which "
        "anything was changed is sealed with all that is in it, so numbers inside sequences also "
        "count what stands in clear.</p>",
        *(_sealed(kind) for kind in report.kinds),
        "<h2>Receipts</h2>",
        _receipts(study),
        _foot(),
    ]
    return page(f"Protection report, study {study.study}", parts)


def _facts(study: StudyReport) -> str:
    report = study.report
    left_out = sum(files for _, _, files in study.left_out)
    workers = dict.fromkeys(one.worker.words for one in study.batches)
    facts = [
        ("Study (replaced UID)", study.study),
        ("Made", time_text(study.made_at)),
        ("Worker", "; ".join(workers)),
        ("Profile, algorithm", f"{report.profile}, {report.algorithm}"),
        *((_option(name), _chosen(name, value)) for name, value in report.options.items()),
        ("Protected", _instances(report.instances)),
        ("Not in the protected copy", f"{left_out} file{'s' * (left_out != 1)}"),
    ]
    return facts_list(facts)


def _option(name: str) -> str:
    return _OPTIONS.get(name, name)


def _chosen(name: str, value: str) -> str:
    return _CHOSEN.get((name, value), value)


def _instances(count: int) -> str:
    return f"{count} instance{'s' * (count != 1)}"


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _left_out(study: StudyReport) -> Sequence[str]:
    if not study.left_out:
        return []
    rows = [
        [kind, error_from_name(code).what, code, str(files)] for kind, code, files in study.left_out
    ]
    caption = "Files that were not protected and are not in the copy; they are where they were."
    heads = ("Kind", "Why", "Code", "Files")
    return ["<h2>What was not protected</h2>", table(caption, heads, rows)]


def _legend() -> str:
    words = "; ".join(f"{letter} {word}" for letter, word in _LETTERS.items())
    return (
        "<p>One row for each attribute that at least one file shows, at the place where it stands: "
        "what happens to it, and why it may. DICOM PS3.15 lists in its Table E.1-1 what may "
        f"identify, and what to do with it by default ({escape(words)}); for what it lists, that "
        "comes first, and then what is done here. The last column says in how many files it is.</p>"
    )


def _kind(kind: KindReport) -> str:
    heads = ("Attribute", "Tag", "What happens to it", "Table E.1-1, and why it may stand", "Files")
    rows = [
        (
            _place(one),
            f"({one.tags[-1][:4]},{one.tags[-1][4:]})",
            _sentence(one.action),
            _why(one),
            f"{one.instances} of {kind.instances}",
        )
        for one in kind.attributes
    ]
    vouched = f" Of {kind.vouched} the user vouched for the pixels." if kind.vouched else ""
    caption = f"{_instances(kind.instances)}, SOP class {kind.sop_class}.{vouched}"
    title = f"<h3>{escape(_sentence(kind.name))}</h3>"
    return title + table(caption, heads, rows, kind="clear")


def _place(one: ClearAttribute) -> "Markup":
    """Return the attribute's name behind those of the sequences that it stands in."""
    *above, name = (_breakable(keyword) for keyword in one.path)
    around = "".join(f"{keyword} &rsaquo; " for keyword in above)
    return Markup((f'<span class="above">{around}</span>' if around else "") + name)


def _breakable(keyword: str) -> str:
    """Return a keyword that may be broken between its words."""
    return _BETWEEN_WORDS.sub("<wbr>", escape(keyword))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _why(one: ClearAttribute) -> str:
    default = one.table or "Not listed"
    return default if one.reason is None else f"{default}; here {one.reason}"


def _sealed(kind: KindReport) -> str:
    heads = ("Class", "What is in it", "Attributes", "Inside sequences")
    rows = [
        [
            _sentence(one.value),
            words,
            str(kind.sealed[one].attributes),
            str(kind.sealed[one].nested),
        ]
        for one, words in _CLASSES.items()
    ]
    caption = f"{_sentence(kind.name)}: {_instances(kind.instances)}"
    return table(caption, heads, rows)


def _receipts(study: StudyReport) -> str:
    intro = (
        "<p>Each job's receipt, signed in the worker, names the SHA-256 of that job's report. The "
        "reports stand in protection-report.json as they came.</p>"
    )
    return intro + "".join(_receipt(number, one) for number, one in enumerate(study.batches, 1))


def _receipt(number: int, one: BatchReport) -> str:
    digests = (
        ("Receipt", one.receipt_sha256),
        ("Its report", one.report_sha256),
        ("Measurement", one.worker.measurement),
        ("Policy", one.worker.policy_sha256),
    )
    rows = "".join(
        f'<dt>{name}</dt><dd class="octets">{escape(digest)}</dd>' for name, digest in digests
    )
    found = f"{one.worker.words} ({time_text(one.worker.judged_at)})"
    return (
        f"<h3>Job {number}: {_instances(one.report.instances)}</h3>"
        f'<dl class="facts">{rows}<dt>Worker</dt><dd>{escape(found)}</dd></dl>'
    )


def _foot() -> str:
    return (
        "<footer><p>Check this report against the archived receipts, on the computer on which the "
        'study was protected: <span class="octets">encryptsecurert verify '
        "protection-report.json</span></p>"
        f"<p>EncryptSecureRT {escape(VERSION)}. Not a medical device.</p></footer>"
    )
