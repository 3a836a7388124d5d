"""A PACS that speaks DICOMweb (PS3.18): QIDO-RS, WADO-RS, STOW-RS."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import GIB, MIB
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.pacs.model import (
    MOST_INSTANCES,
    MOST_SERIES,
    MOST_STUDIES,
    Coming,
    Fate,
    Outgoing,
    Query,
    Stored,
    StudyRow,
    wrong_answer,
)
from EncryptSecureRTLib.client.pacs.multipart import BOUNDARY, MultipartBody, Parts
from EncryptSecureRTLib.client.pacs.web_answers import (
    instance_row,
    modality_of,
    outcome_of,
    rows_of,
    study_row,
)
from EncryptSecureRTLib.client.pacs.web_line import (
    JSON,
    Sent,
    WebLine,
    content_type,
    pieces,
    read_json,
)

_MOST_BYTES = 64 * GIB  # of a study
_INSTANCE_BYTES = 2 * GIB  # as much as `protect` takes
_MANY_AT_A_TIME = 32
_BYTES_AT_A_TIME = 64 * MIB
_MULTIPART = 'multipart/related; type="application/dicom"'
_CONFLICT = 409  # PS3.18 table 10.5.3-1: nothing was stored, and the answer says why
BROKEN = 0x0110


class WebPacs:
    """A PACS behind a DICOMweb address."""

    def __init__(self, line: WebLine) -> None:
        self._line = line

    def echo(self) -> None:
        """Ask for one study, which is the least that a service has to answer."""
        rows_of(self._line.json("GET", "/studies", query={"limit": "1"}), MOST_STUDIES)

    def find(self, query: Query) -> Sequence[StudyRow]:
        """Return the studies that match."""
        asked = {"limit": str(MOST_STUDIES + 1)}
        asked |= {"PatientID": query.pseudonym} if query.pseudonym else {}
        asked |= {"StudyInstanceUID": query.study} if query.study else {}
        asked |= {"ModalitiesInStudy": query.modality} if query.modality else {}
        asked["includefield"] = "00080061,00201208"
        found = [study_row(row) for row in self._rows("/studies", asked, MOST_STUDIES)]
        # A service may match more loosely than it is asked to.
        return [
            row
            for row in found
            if query.pseudonym in ("", row.pseudonym) and query.study in ("", row.study)
        ]

    def coming(self, study: str) -> Coming:
        """Return what `fetch` would bring."""
        (row, *_) = self.find(Query(study=study)) or (None,)
        if row is None:
            raise EncryptSecureRTError(ErrorCode.E_NOT_FOUND, "the PACS has no such study")
        series = self._rows(f"/studies/{study}/series", {}, MOST_SERIES)
        instances = self._rows(f"/studies/{study}/instances", {}, MOST_INSTANCES)
        return Coming(
            modalities=tuple(sorted(modality_of(one) for one in series)),
            instances=len(instances) or row.instances,
            sop_classes=frozenset(instance_row(one) for one in instances),
            looks_protected=bool(row.pseudonym) and study.startswith("2.25."),
        )

    def _rows(self, path: str, query: dict[str, str], most: int) -> list[dict[str, Any]]:
        return rows_of(self._line.json("GET", path, query=query), most)

    def fetch(self, study: str, coming: Coming, folder: Path, watcher: Watcher) -> int:
        """Write the instances of a study into a folder, in the transfer syntax that they have."""
        accept = f"{_MULTIPART}; transfer-syntax=*"
        with self._line.answer("GET", f"/studies/{study}", accept=accept) as response:
            kind, parameters = content_type(response)
            boundary = parameters.get("boundary", "")
            if kind != "multipart/related" or not BOUNDARY.match(boundary):
                raise wrong_answer("multipart/related was asked for")
            parts = Parts(pieces(response, _MOST_BYTES), boundary, MOST_INSTANCES)
            count = 0
            for count, part in enumerate(parts.read(), 1):
                _write(folder / f"{count:06}.dcm", part)
                watcher.count(count, max(count, coming.instances or 0))
        return count

    def store(self, files: Sequence[Outgoing], watcher: Watcher) -> Sequence[Stored]:
        """Send files in their order, some at a time, in bodies of known length."""
        stored: list[Stored] = []
        for some in _some_at_a_time(files):
            try:
                stored += self._store(some)
            except EncryptSecureRTError as error:
                if not stored or error.code is ErrorCode.E_LOCAL_FILE:
                    raise
                left = files[len(stored) :]
                failed = Fate.FAILED
                return stored + [
                    Stored(instance=one.instance, fate=failed, status=BROKEN) for one in left
                ]
            watcher.count(len(stored), len(files))
        return stored

    def _store(self, files: Sequence[Outgoing]) -> list[Stored]:
        body = MultipartBody(files, uuid4().hex)
        sent = Sent(body=body, content_type=f"{_MULTIPART}; boundary={body.boundary}")
        with self._line.answer(
            "POST", "/studies", accept=JSON, sent=sent, also=(_CONFLICT,)
        ) as response:
            return outcome_of(read_json(response), [file.instance for file in files])


def _write(path: Path, part: Iterator[bytes]) -> None:
    left = _INSTANCE_BYTES
    try:
        file = path.open("xb")
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
    with file:
        for piece in part:
            left -= len(piece)
            if left < 0:
                raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, "one instance")
            try:
                file.write(piece)
            except OSError:
                raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None


def _some_at_a_time(files: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    some: list[Outgoing] = []
    size_bytes = 0
    for file in files:
        too_many = len(some) == _MANY_AT_A_TIME or size_bytes + file.size_bytes > _BYTES_AT_A_TIME
        if some and too_many:
            yield some
            some, size_bytes = [], 0
        some.append(file)
        size_bytes += file.size_bytes
    if some:
        yield some
