"""C-ECHO and C-FIND in the Study Root model (PS3.4 C.6.2): what a PACS holds.

Names, numbers of patients, dates and descriptions are not asked for, since over a plain line
everybody would read them. The one exception asks for pseudonyms of ours by their form, which
matches nobody's number but by chance.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.pacs.dimse_contexts import STUDY_ROOT_FIND
from EncryptSecureRTLib.client.pacs.dimse_line import Line
from EncryptSecureRTLib.client.pacs.model import (
    MOST_INSTANCES,
    MOST_SERIES,
    MOST_STUDIES,
    Coming,
    Query,
    StudyRow,
    count_in,
    is_uid,
    modality_in,
    pseudonym_in,
    uid_in,
    wrong_answer,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SUCCESS, _PENDING = 0x0000, (0xFF00, 0xFF01)
_NOT_ALLOWED = 0x0124  # refused: not authorised (PS3.7 C.4.5)
_ANY_PSEUDONYM = "P" + 16 * "?"
Keys = Mapping[str, str]


def echo(line: Line) -> None:
    """Return if the PACS answers a C-ECHO well."""
    status = line.status(line.association.send_c_echo())
    if status != _SUCCESS:
        raise wrong_answer(f"status {status:04X} to an echo")


def find_studies(line: Line, query: Query) -> list[StudyRow]:
    """Return the studies that match, with pseudonyms where they are ours."""
    keys = {
        "StudyInstanceUID": query.study,
        "ModalitiesInStudy": query.modality,
        "NumberOfStudyRelatedInstances": "",
    }
    if query.pseudonym:
        found = list(_find(line, "STUDY", {**keys, "PatientID": query.pseudonym}, MOST_STUDIES))
        # A PACS may match more loosely than it is asked to.
        return [row for one in found if (row := _row(one)).pseudonym == query.pseudonym]
    rows = [_row(one) for one in _find(line, "STUDY", keys, MOST_STUDIES)]
    ours = {"StudyInstanceUID": query.study, "PatientID": _ANY_PSEUDONYM}
    pseudonyms = {
        uid_in(one.get("StudyInstanceUID", "")): pseudonym_in(one.get("PatientID", ""))
        for one in _find(line, "STUDY", ours, MOST_STUDIES)
    }
    return [
        StudyRow(
            study=row.study,
            modalities=row.modalities,
            instances=row.instances,
            pseudonym=pseudonyms.get(row.study, ""),
        )
        for row in rows
    ]


def _row(answer: "Dataset") -> StudyRow:
    words = answer.get("ModalitiesInStudy") or ()
    several = [words] if isinstance(words, str) else list(words)
    return StudyRow(
        study=uid_in(answer.get("StudyInstanceUID", "")),
        modalities=tuple(sorted({modality_in(word) for word in several[:MOST_SERIES]})),
        instances=count_in(answer.get("NumberOfStudyRelatedInstances", "")),
        pseudonym=pseudonym_in(answer.get("PatientID", "")),
    )


def find_coming(line: Line, study: str) -> Coming:
    """Return what the PACS holds of a study: by series, then by instance for their kinds."""
    (row, *_) = find_studies(line, Query(study=study)) or (None,)
    if row is None or row.study != study:
        raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND, "the PACS has no such study")
    modalities: list[str] = []
    classes: set[str] = set()
    instances, complete = 0, True
    keys = {"StudyInstanceUID": study, "SeriesInstanceUID": "", "Modality": ""}
    # One query after the other: on one association there is none within another.
    for series in list(_find(line, "SERIES", keys, MOST_SERIES)):
        modalities.append(modality_in(series.get("Modality", "")))
        within = {
            "StudyInstanceUID": study,
            "SeriesInstanceUID": uid_in(series.get("SeriesInstanceUID", "")),
            "SOPInstanceUID": "",
            "SOPClassUID": "",
        }
        for instance in _find(line, "IMAGE", within, MOST_INSTANCES - instances):
            instances += 1
            kind = str(instance.get("SOPClassUID", ""))
            complete = complete and is_uid(kind)
            classes.add(kind)
    return Coming(
        modalities=tuple(sorted(modalities)),
        instances=instances or row.instances,
        sop_classes=frozenset(classes) if complete else frozenset(),
        looks_protected=bool(row.pseudonym) and study.startswith("2.25."),
    )


def _find(line: Line, level: str, keys: Keys, most: int) -> "Iterator[Dataset]":
    """Yield the answers to a query (E_TOO_LARGE if there are more than `most`)."""
    from pydicom.dataset import Dataset

    asked = Dataset()
    asked.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    count = 0
    for answer, identifier in line.association.send_c_find(asked, STUDY_ROOT_FIND):
        status = line.status(answer)
        if status == _SUCCESS:
            return
        if status == _NOT_ALLOWED:
            raise EncryptSecureRTError(ErrorCode.E_PACS_REFUSED, "a query")
        if status not in _PENDING:
            raise wrong_answer(f"status {status:04X} to a query")
        if identifier is None:
            raise wrong_answer("an answer to a query cannot be read")
        count += 1
        if count > most:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, f"more than {most} at this level")
        yield identifier
    raise line.failure()
