"""The protected copy of a study as it grows: batches of headers out, protected files written.

    first pass     headers alone           -> protected, refused, or to be sealed whole
    second pass    whole files, with pixels -> protected or refused

The last batch of a pass is given the manifests of those before it, so that in the end one manifest
names all. A file that cannot be read or that the worker refuses is noted, and the others go on.
Files are split ahead and written behind the jobs, by threads (see `pipeline`).
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from typing import TypeVar

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.headers import (
    MAX_HEADER_BYTES,
    HeaderState,
    ProtectedHeader,
    decode_answer,
    encode_request,
)
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from EncryptSecureRTLib.client.dicomfiles import (
    SplitFile,
    header_request,
    in_batches,
    splice,
    split_file,
)
from EncryptSecureRTLib.client.dicomfiles.splice import write_manifest
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.pipeline import one_ahead, readers, side_by_side, until, writers
from EncryptSecureRTLib.client.protect_choices import PICTURE_CODES
from EncryptSecureRTLib.client.refused import Refusals, RefusedFile
from EncryptSecureRTLib.client.report import BatchReport
from EncryptSecureRTLib.client.runs import BegunJob, in_turn
from EncryptSecureRTLib.client.study import FileHeader

T = TypeVar("T")
Batch = Sequence[tuple[FileHeader, SplitFile]]
BeginJob = Callable[[Mapping[ObjectKind, bytes]], BegunJob]

_BATCH_BYTES = 12 * MIB  # a protected header is up to about four times its original
_RESULT, _MANIFESTS = "headers", "manifests"
_TOO_LARGE_WHOLE = f"a file can be sealed whole up to {MAX_HEADER_BYTES // MIB} MiB"


class ProtectedCopy:
    """The protected copy as far as it is made.

    Parameters
    ----------
    begin : callable
        Begins one job of the task `protect` on these inputs.
    staging : Path
        Folder in which the protected files are written.
    refusals : Refusals
        Take the files that cannot be protected.
    seal_pictures : bool
        Seal whole what would be refused because its pixels may show text or its kind has no list.

    Attributes
    ----------
    names : of protected files, ``<series>/<instance>.dcm``, by the place of their original.
    sealed_whole : how many of them were sealed whole.
    receipts, reports : of the jobs, in their order.
    """

    def __init__(
        self,
        begin: BeginJob,
        staging: Path,
        watcher: Watcher,
        refusals: Refusals,
        *,
        seal_pictures: bool,
    ) -> None:
        self.names: dict[int, str] = {}
        self.sealed_whole = 0
        self.receipts: list[bytes] = []
        self.reports: list[BatchReport] = []
        self.simulated = False
        self._begin, self._staging, self._watcher = begin, staging, watcher
        self._refusals, self._seal_pictures = refusals, seal_pictures
        self._pictures: list[FileHeader] = []
        self._given: set[str] = set()
        self._manifests: list[ProtectedHeader] = []
        self._merges = False

    def make(self, headers: Sequence[FileHeader]) -> None:
        """Have the files of a study protected, and write them.

        Raises
        ------
        EncryptSecureRTError
            What `Refusals.add`, jobs and `splice` raise.
        """
        self._pass(headers, whole=False)
        self._pass(self._pictures, whole=True)

    def write_manifests(self) -> list[Path]:
        """Write the manifests that the last batch gave."""
        return [write_manifest(file, self._staging) for file in self._manifests]

    def _pass(self, headers: Sequence[FileHeader], *, whole: bool) -> None:
        unsplit: list[tuple[FileHeader, EncryptSecureRTError]] = []
        over = threading.Event()
        with (
            readers() as hashing,
            one_ahead(
                in_batches(
                    until(over, self._each_split(hashing, headers, unsplit, whole=whole)),
                    _BATCH_BYTES,
                ),
                over,
            ) as batches,
            writers() as threads,
            in_turn(
                _with_last(batches), partial(self._job, unsplit, whole=whole), waits=_is_last
            ) as turns,
        ):
            written: list[Future[str]] = []
            begun: Batch = []
            for (batch, is_last), finished in turns:
                answers = self._answers(batch, finished, merges=is_last and self._merges)
                self._note_written(begun, written)
                self._watcher.stage("write")
                begun, taken = self._protected(batch, answers, whole=whole)
                written = [
                    threads.submit(self._splice, answer, header, split)
                    for (header, split), answer in zip(begun, taken, strict=True)
                ]
            self._note_written(begun, written)
        self._refuse_all(unsplit, whole=whole)

    def _each_split(
        self,
        threads: Executor,
        headers: Sequence[FileHeader],
        unsplit: list[tuple[FileHeader, EncryptSecureRTError]],
        *,
        whole: bool,
    ) -> Iterator[tuple[FileHeader, SplitFile]]:
        """Yield the files that can be split, in threads; add the others to `unsplit`."""
        split_one = partial(self._split, whole=whole)
        for header, split in zip(headers, side_by_side(threads, split_one, headers), strict=True):
            if isinstance(split, EncryptSecureRTError):
                unsplit.append((header, split))
            else:
                yield header, split

    def _split(self, header: FileHeader, *, whole: bool) -> SplitFile | EncryptSecureRTError:
        """Return a file as it is split, or why it cannot be."""
        self._watcher.end_if_stopped()
        try:
            split = split_file(header.path, whole=whole)
            header_request(split)  # its limits are the file's, too
        except EncryptSecureRTError as error:
            is_too_large = whole and error.code is ErrorCode.E_TOO_LARGE
            detail = _TOO_LARGE_WHOLE if is_too_large else error.detail
            return EncryptSecureRTError(error.code, detail)
        return split

    def _protected(
        self, batch: Batch, answers: Sequence[ProtectedHeader], *, whole: bool
    ) -> tuple[Batch, list[ProtectedHeader]]:
        """Note what was refused of a batch; return the rest of it with its answers."""
        refused = [
            (header, EncryptSecureRTError(answer.code))
            for (header, _), answer in zip(batch, answers, strict=True)
            if answer.code is not None
        ]
        self._refuse(refused, whole=whole)
        rest, taken = [], []
        for (header, split), answer in zip(batch, answers, strict=True):
            if answer.state is not HeaderState.PROTECTED:
                split.wipe()
                continue
            if answer.name is None or answer.name in self._given:
                raise EncryptSecureRTError(ErrorCode.E_RESULT)
            self._given.add(answer.name)
            rest.append((header, split))
            taken.append(answer)
        return rest, taken

    def _splice(self, answer: ProtectedHeader, header: FileHeader, split: SplitFile) -> str:
        """Write a protected file, in a thread; return its name."""
        self._watcher.end_if_stopped()
        path = splice(answer, header.path, split, self._staging)
        split.wipe()
        return answer.name or path.name

    def _note_written(self, batch: Batch, written: Sequence[Future[str]]) -> None:
        for (header, split), name in zip(batch, written, strict=True):
            self.names[header.place] = name.result()
            self.sealed_whole += split.whole
            self._tell_count()

    def _refuse_all(
        self, unsplit: list[tuple[FileHeader, EncryptSecureRTError]], *, whole: bool
    ) -> None:
        """Note what could not be split up to now; a thread may add more meanwhile."""
        so_far = len(unsplit)
        self._refuse(unsplit[:so_far], whole=whole)
        del unsplit[:so_far]

    def _refuse(
        self, files: Sequence[tuple[FileHeader, EncryptSecureRTError]], *, whole: bool
    ) -> None:
        """Note files as refused, or as pictures that are to be sealed."""
        refused: list[RefusedFile] = []
        for header, error in files:
            if self._seal_pictures and not whole and error.code in PICTURE_CODES:
                self._pictures.append(header)
            else:
                refused.append(header.refused(error))
        if refused:
            self._refusals.add(refused)
            self._tell_count()

    def _tell_count(self) -> None:
        self._watcher.count(len(self.names) + len(self._refusals), self._refusals.files)

    def _job(
        self,
        unsplit: list[tuple[FileHeader, EncryptSecureRTError]],
        one: tuple[Batch, bool],
        *,
        whole: bool,
    ) -> BegunJob:
        """Begin the job of one batch; the last one has the manifests of those before it.

        What could not be split is noted first: if nothing is to be protected then, nothing is sent.
        """
        self._refuse_all(unsplit, whole=whole)
        batch, is_last = one
        requests = [encode_request(header_request(split)) for _, split in batch]
        contents = {ObjectKind.HEADERS: pack_batch(requests)}
        self._merges = is_last and bool(self._manifests)
        if self._merges:
            contents[ObjectKind.MANIFESTS] = pack_batch([bytes(m.header) for m in self._manifests])
            self._manifests = []  # it gives one that has their entries
        return self._begin(contents)

    def _answers(self, batch: Batch, finished: Finished, *, merges: bool) -> list[ProtectedHeader]:
        """Return the answers of one batch; keep its receipt and its manifests."""
        answers = [decode_answer(item) for item in unpack_batch(finished.results[_RESULT])]
        are_due = merges or any(one.state is HeaderState.PROTECTED for one in answers)
        if len(answers) != len(batch) or are_due is not (_MANIFESTS in finished.results):
            raise EncryptSecureRTError(ErrorCode.E_RESULT)
        if are_due:
            made = [decode_answer(one) for one in unpack_batch(finished.results[_MANIFESTS])]
            self._manifests += made
        self.receipts.append(finished.receipt)
        self.reports.append(BatchReport.of(finished))
        self.simulated |= finished.judged.verdict.simulated
        return answers


def _is_last(one: tuple[Batch, bool]) -> bool:
    return one[1]


def _with_last(batches: Iterator[T]) -> Iterator[tuple[T, bool]]:
    """Yield each batch, and whether it is the last."""
    held = next(batches, None)
    for batch in batches:
        if held is not None:
            yield held, False
        held = batch
    if held is not None:
        yield held, True
