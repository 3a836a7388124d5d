"""DICOM JSON (PS3.18 Annex F) in answers, read strictly: what is not of the standard is refused.

Of all that stands in an answer only UIDs, modalities, counts and statuses are taken.
"""

from collections.abc import Sequence
from typing import Any

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.pacs.model import (
    MOST_SERIES,
    Fate,
    Stored,
    StudyRow,
    count_in,
    modality_in,
    pseudonym_in,
    uid_in,
    wrong_answer,
)

_STUDY, _SOP_CLASS, _PATIENT_ID = "0020000D", "00080016", "00100020"
_MODALITY, _MODALITIES, _INSTANCES = "00080060", "00080061", "00201208"
_REFERENCED, _FAILED = "00081199", "00081198"
_CLASS_OF, _INSTANCE_OF = "00081150", "00081155"
_WARNING_REASON, _FAILURE_REASON = "00081196", "00081197"

Row = dict[str, Any]


def rows_of(answer: object, most: int) -> list[Row]:
    """Return the rows of an answer (E_PACS_ANSWER; E_TOO_LARGE if there are more than `most`)."""
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise wrong_answer("a list of data sets was asked for")
    if len(answer) > most:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, f"more than {most}")
    return answer


def study_row(row: Row) -> StudyRow:
    """Return a study."""
    return StudyRow(
        study=uid_in(_one(row, _STUDY)),
        modalities=tuple(sorted({modality_in(one) for one in _values(row, _MODALITIES)})),
        instances=count_in(_one(row, _INSTANCES)),
        pseudonym=pseudonym_in(_one(row, _PATIENT_ID)),
    )


def modality_of(row: Row) -> str:
    """Return the modality of a series."""
    return modality_in(_one(row, _MODALITY))


def instance_row(row: Row) -> str:
    """Return the SOP class of an instance."""
    return uid_in(_one(row, _SOP_CLASS))


def outcome_of(answer: object, sent: Sequence[str]) -> list[Stored]:
    """Return the fate of each instance that was sent (PS3.18 section 10.5.3, PS3.4 table 6.6.1-2).

    Raises
    ------
    EncryptSecureRTError
        E_PACS_ANSWER unless each of them stands in the answer exactly once, and no other does.
    """
    if not isinstance(answer, dict):
        raise wrong_answer("a store was not answered with a data set")
    fates: dict[str, Stored] = {}
    for tag in (_REFERENCED, _FAILED):
        for item in _values(answer, tag):
            one = _stored(item, is_failed=tag == _FAILED)
            if one.instance in fates:
                raise wrong_answer("an instance is answered twice")
            fates[one.instance] = one
    if set(fates) != set(sent):
        raise wrong_answer("not the instances that were sent")
    return [fates[instance] for instance in sent]


def _stored(item: object, *, is_failed: bool) -> Stored:
    if not isinstance(item, dict):
        raise wrong_answer("an item is none")
    instance = uid_in(_one(item, _INSTANCE_OF))
    if is_failed:
        return Stored(instance=instance, fate=Fate.FAILED, status=_status(item, _FAILURE_REASON))
    if _values(item, _WARNING_REASON):
        return Stored(instance=instance, fate=Fate.WARNING, status=_status(item, _WARNING_REASON))
    return Stored(instance=instance, fate=Fate.STORED, status=0)


def _status(item: Row, tag: str) -> int:
    value = _one(item, tag)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
        raise wrong_answer("a reason is none")
    return value


def _values(row: Row, tag: str) -> list[Any]:
    element = row.get(tag, {})
    if not isinstance(element, dict):
        raise wrong_answer("an element is none")
    values = element.get("Value", [])
    if not isinstance(values, list) or len(values) > MOST_SERIES:
        raise wrong_answer("a value is no list, or too long")
    return values


def _one(row: Row, tag: str) -> object:
    """Return the first value of an element, an empty text if it has none."""
    values = _values(row, tag)
    return values[0] if values else ""
