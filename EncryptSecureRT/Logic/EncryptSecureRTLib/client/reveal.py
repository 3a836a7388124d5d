"""`reveal`: originals back, as attributes for the program that shows them or as exact files.

The headers of protected files and the manifests travel to the worker, sealed; what comes back is
opened in memory. Attributes go to a program's pipe and nowhere else. A file is put together of
the original's header and the bulk of the protected file, and is there only once its SHA-256 is
the one that was sealed with it.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.gaps import Place, kept_pieces
from encryptsecurert_protocol.headers import MAX_PROTECTED_HEADER_BYTES, encode_request
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.reveals import RevealClass, Revealed, RevealRequest
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client.dicomfiles import SplitFile
from EncryptSecureRTLib.client.dicomfiles.split import header_parts, read_pieces
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.pipeline import Here, writers
from EncryptSecureRTLib.client.reading import SplitBatch, reading
from EncryptSecureRTLib.client.receipts import archive_receipt
from EncryptSecureRTLib.client.runs import BegunJob, begin_job, in_turn, sending_all
from EncryptSecureRTLib.client.study_files import StudyFiles
from EncryptSecureRTLib.client.trust import utc_now
from EncryptSecureRTLib.client.upload import Content

_RESULT = "revealed"
ALL_CLASSES = tuple(sorted(one.value for one in RevealClass))
REFUSED = (
    "a file or the manifest is not as it was signed, the case is not open to you, or your roles "
    "do not see what was asked for"
)

Take = Callable[[Path, SplitFile, Revealed], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealedStudy:
    """What a reveal came to."""

    instances: int
    receipts: tuple[Path, ...]
    simulated: bool
    folder: Path | None = None


class Reveal:
    """One reveal of a study, in batches.

    Parameters
    ----------
    form : ``display`` or ``file``.
    classes : of attributes; a file is asked for with all.
    """

    def __init__(
        self, channel: Line, home: ClientHome, watcher: Watcher, form: str, classes: Sequence[str]
    ) -> None:
        self._channel = channel
        self._home = home
        self._watcher = watcher
        self._parameters = {
            "schema": "encryptsecurert.reveal/1",
            "form": form,
            "classes": sorted(classes),
        }
        self._receipts: list[Path] = []
        self._simulated = False

    def run(
        self, study: StudyFiles, take: Take, batches: Iterator[SplitBatch] | None = None
    ) -> RevealedStudy:
        """Reveal all files of a study, each given to `take` as it comes; files in threads.

        Parameters
        ----------
        batches : what `reading` gives of the study, if somebody has begun to read it.

        Raises
        ------
        EncryptSecureRTError
            E_CASE if any file is refused; what reading, jobs and `take` raise.
        """
        if batches is None:
            with reading(study, self._watcher.stopped) as begun:
                return self.run(study, take, begun)
        manifests = pack_batch([_octets(path) for path in study.manifests])
        done = 0
        with (
            self._takers() as threads,
            in_turn(batches, lambda batch: self._begin(batch, manifests)) as turns,
        ):
            taken: list[Future[None]] = []
            for batch, finished in turns:
                answers = self._answers(finished, len(batch))
                done = self._count(taken, done, len(study.files))
                taken = [
                    threads.submit(self._taken, take, path, split, answer)
                    for (path, split), answer in zip(batch, answers, strict=True)
                ]
            done = self._count(taken, done, len(study.files))
        return RevealedStudy(
            instances=done, receipts=tuple(self._receipts), simulated=self._simulated
        )

    def _takers(self) -> AbstractContextManager[Executor]:
        return writers() if self._parameters["form"] == "file" else Here()

    def _taken(self, take: Take, path: Path, split: SplitFile, answer: Revealed) -> None:
        self._watcher.end_if_stopped()
        take(path, split, answer)

    def _count(self, taken: Sequence[Future[None]], done: int, files: int) -> int:
        """Wait until files are taken, and return how many these are with those before them."""
        for one in taken:
            one.result()
            done += 1
            self._watcher.count(done, files)
        return done

    def _begin(self, batch: SplitBatch, manifests: bytes) -> BegunJob:
        requests = pack_batch([encode_request(_request(split)) for _, split in batch])
        send = sending_all(
            self._channel,
            self._home,
            {
                ObjectKind.HEADERS: lambda: Content([requests]),
                ObjectKind.MANIFESTS: lambda: Content([manifests]),
            },
            self._watcher,
        )
        return begin_job(self._channel, self._home, "reveal", send, self._parameters, self._watcher)

    def _answers(self, finished: Finished, files: int) -> list[Revealed]:
        answers = [Revealed.decode(item) for item in unpack_batch(finished.results[_RESULT])]
        if len(answers) != files:
            raise EncryptSecureRTError(ErrorCode.E_RESULT)
        self._receipts.append(archive_receipt(self._home, finished.receipt, utc_now()))
        self._simulated |= finished.judged.verdict.simulated
        refused = sum(answer.refused for answer in answers)
        if refused:
            detail = f"{refused} of {len(answers)} instances refused: {REFUSED}"
            raise EncryptSecureRTError(ErrorCode.E_CASE, detail)
        return answers


def _request(split: SplitFile) -> RevealRequest:
    return RevealRequest(size=split.size, bulk=split.bulk, header=split.header)


def _octets(path: Path) -> bytes:
    with _local_errors(), path.open("rb") as file:
        octets = file.read(MAX_PROTECTED_HEADER_BYTES + 1)
    if len(octets) > MAX_PROTECTED_HEADER_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    return octets


def put_together(
    protected: Path, split: SplitFile, answer: Revealed, sink: BinaryIO | None = None
) -> str:
    """Put an original together, and return its SHA-256, which is the sealed one.

    Parameters
    ----------
    protected, split : the protected file, and how it was split.
    sink : BinaryIO
        Takes the octets as they come; they are proved at the end only.

    Raises
    ------
    EncryptSecureRTError
        E_RESULT if the answer does not fit; E_DIGEST if the octets are not the original's.
    """
    file = answer.file
    if file is None or [b.length for b in file.bulk] != [b.length for b in split.bulk]:
        raise EncryptSecureRTError(ErrorCode.E_RESULT)
    digest = hashlib.sha256()

    def put(piece: bytes | memoryview) -> None:
        digest.update(piece)
        if sink is not None:
            sink.write(piece)

    # What the original has of its bulk, and where the protected file has the same.
    places: list[Place] = []
    starts: list[int] = []
    for original, bulk in zip(file.bulk, split.bulk, strict=True):
        for place in kept_pieces(original.place, file.gaps):
            places.append(place)
            starts.append(bulk.offset + place[0] - original.offset)
    *before, after = header_parts(answer.octets, places)
    with protected.open("rb") as source:
        for part, start, (_, length) in zip(before, starts, places, strict=True):
            put(part)
            for piece in read_pieces(source, start, length):
                put(piece)
    put(after)
    if digest.hexdigest() != file.file_sha256:
        raise EncryptSecureRTError(ErrorCode.E_DIGEST)
    return file.file_sha256


def reveal_files(
    channel: Line,
    home: ClientHome,
    study: StudyFiles,
    destination: Path,
    watcher: Watcher,
    batches: Iterator[SplitBatch] | None = None,
) -> RevealedStudy:
    """Write the originals of a study into a new folder, all of them or none.

    The files have the names of the protected ones: an original's own name was never kept. `batches`
    are as of `Reveal.run`.

    Raises
    ------
    EncryptSecureRTError
        What `Reveal.run` and `put_together` raise; E_LOCAL_FILE if `destination` is there
        already or cannot be written.
    """
    if destination.exists():
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, "the destination is there already")
    staging = destination.parent / f".esrt-part-{random_octets(8).hex()}"

    folders: dict[Path, Path] = {}

    def take(path: Path, split: SplitFile, answer: Revealed) -> None:
        with _local_errors():
            folder = folders.get(path.parent)
            if folder is None:
                folder = staging / path.parent.relative_to(study.source)
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folders[path.parent] = folder
            with (folder / f"{answer.instance}.dcm").open("xb") as sink:
                put_together(path, split, answer, sink)
                sink.flush()
                os.fsync(sink.fileno())

    try:
        made = Reveal(channel, home, watcher, "file", ALL_CLASSES).run(study, take, batches)
        watcher.end_if_stopped()
        with _local_errors():
            staging.rename(destination)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return replace(made, folder=destination)


def remove_proven(
    channel: Line,
    home: ClientHome,
    study: StudyFiles,
    originals: Sequence[Path],
    watcher: Watcher,
) -> None:
    """Remove originals, after each was revealed whole from its protected file.

    Raises
    ------
    EncryptSecureRTError
        What a reveal raises; E_DIGEST if an original is not among what was revealed, E_LOCAL_FILE
        if one is a link, since what it leads to would stay. Nothing is removed then.
    """
    if any(path.is_symlink() for path in originals):
        detail = "an original is a link: remove it where it lies"
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE, detail)
    proven: set[str] = set()

    def take(path: Path, split: SplitFile, answer: Revealed) -> None:
        with _local_errors():
            proven.add(put_together(path, split, answer))

    Reveal(channel, home, watcher, "file", ALL_CLASSES).run(study, take)
    with _local_errors():
        if not {_sha256(path) for path in originals} <= proven:
            raise EncryptSecureRTError(ErrorCode.E_DIGEST, "an original is not proved")
        watcher.end_if_stopped()
        for path in originals:
            path.unlink()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _local_errors() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise EncryptSecureRTError(ErrorCode.E_LOCAL_FILE) from None
