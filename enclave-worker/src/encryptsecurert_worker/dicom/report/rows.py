"""What may stand in clear of a kind of object, as rows of a report: its allow-list, and the rest.

The rest is what every protected file has beside an allow-list: file meta information, the marks,
the sealed sequence, the pixels. An attribute without a row cannot be told of; wherever it turns up
in clear, that is a defect of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from encryptsecurert_worker.dicom.protect.choices import Dates
from encryptsecurert_worker.dicom.protect.dictionary import attribute_of
from encryptsecurert_worker.dicom.protect.iods import Iod
from encryptsecurert_worker.dicom.protect.iods.rows import MAPPED, MOVED
from encryptsecurert_worker.dicom.protect.rules import Action, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One attribute at one path: `below` are the rows of its items, by tag."""

    keyword: str
    action: str
    reason: str | None = None
    below: "Mapping[int, Row]" = field(default_factory=dict)


Rows = Mapping[int, Row]


def rows_of(iod: Iod, dates: Dates) -> Rows:
    """Return the rows of a kind, by tag, as dates are treated."""
    return {**_FILE, **_of_rules(iod.by_tag, dates)}


def _of_rules(rules: Mapping[int, Rule], dates: Dates) -> Rows:
    return {tag: _of_rule(rule, dates) for tag, rule in rules.items()}


def _of_rule(rule: Rule, dates: Dates) -> Row:
    are_moved = rule.moves and dates is Dates.SHIFT
    return Row(
        keyword=rule.keyword,
        action=f"{_MOVE}; else {_action(rule)}" if are_moved else _action(rule),
        reason=(rule.reason if are_moved else rule.reason.removesuffix(MOVED)) or None,
        below=_CODE if rule.action is Action.KEEP_CODES else _of_rules(rule.by_tag, dates),
    )


def _action(rule: Rule) -> str:
    # A row that has nothing to say but where dates are moved says that itself.
    return "seal" if rule.action is Action.SEAL else rule.action.value


def _rows(action: str, keywords: str, reason: str | None = None, below: Rows | None = None) -> Rows:
    return {
        attribute_of(keyword)[0]: Row(
            keyword=keyword, action=action, reason=reason, below=below or {}
        )
        for keyword in keywords.split()
    }


_MOVE = "move by whole days, the same for all of a patient, if it is a date or time"
_META = "write as the file meta information of the worker"
_MARK = "write as a mark of every protected file"
_CONTENT = "write what was sealed, encrypted"
_PIXELS = "leave the picture as it is"
_CODE = {
    **_rows("keep, if PS3.16 lists the code", "CodeValue CodingSchemeDesignator"),
    **_rows("write the meaning that PS3.16 gives the code", "CodeMeaning"),
}
_FILE = {
    **_rows(_META, "FileMetaInformationGroupLength FileMetaInformationVersion"),
    **_rows(_META, "MediaStorageSOPClassUID TransferSyntaxUID"),
    **_rows(_META, "ImplementationClassUID ImplementationVersionName"),
    **_rows(Action.MAP_UID.value, "MediaStorageSOPInstanceUID", MAPPED),
    **_rows(_MARK, "PatientIdentityRemoved DeidentificationMethod"),
    **_rows(_MARK, "LongitudinalTemporalInformationModified"),
    **_rows(
        _MARK,
        "DeidentificationMethodCodeSequence",
        below=_rows(_MARK, "CodeValue CodingSchemeDesignator CodeMeaning"),
    ),
    **_rows(
        _CONTENT,
        "EncryptedAttributesSequence",
        below=_rows(_CONTENT, "EncryptedContentTransferSyntaxUID EncryptedContent"),
    ),
    **_rows(_PIXELS, "PixelData FloatPixelData DoubleFloatPixelData"),
}
