"""What `protect` asks and answers for one DICOM file: headers travel, bulk stays where it is.

    request  u32be JSON length ‖ JSON {schema, size, bulk: [{offset, length, sha256}],
             gaps, file_sha256, whole} ‖ the file's octets without the bulk ranges, but for
             those in the gaps of it (gaps.py)
    answer   u32be JSON length ‖ JSON {schema, state, code, name, bulk: [{at, length, sha256}]}
             ‖ the protected file's octets without the bulk ranges (none if refused)

A file is its header octets with the bulk spliced in at the offsets named, so the worker gives a
whole protected file without having seen one pixel, and the client makes it without having read
one element. A request that is `whole` has no bulk: its octets are the file, pixels and all, to be
sealed as one. Many items travel as one batch; each is judged by itself.

>>> answer = refused_header(ErrorCode.E_MODALITY)
>>> decode_answer(encode_answer(answer)) == answer
True
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, NoReturn, TypeVar, overload

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.gaps import Place, check_gaps, gaps_json, read_gaps
from encryptsecurert_protocol.limits import KIB, MIB
from encryptsecurert_protocol.volumes import MAPPED_UID

REQUEST_SCHEMA = "encryptsecurert.header/2"
ANSWER_SCHEMA = "encryptsecurert.protected-header/1"

MAX_BULK_RANGES = 64
# Room for as many gaps as there may be.
MAX_PART_JSON_BYTES = 256 * KIB
# Contours, registrations and plans are header: their numbers are held against the standard.
MAX_HEADER_BYTES = 12 * MIB
# A protected header holds the original up to three times (clear, attributes and raw octets).
MAX_PROTECTED_HEADER_BYTES = 48 * MIB

ENCAPSULATED_SYNTAXES = frozenset(
    b"1.2.840.10008.1.2." + number
    for number in (
        *(b"4.50", b"4.51", b"4.57", b"4.70"),  # JPEG
        *(b"4.80", b"4.81"),  # JPEG-LS
        *(b"4.90", b"4.91", b"4.92", b"4.93"),  # JPEG 2000
        *(b"4.201", b"4.202", b"4.203"),  # High-Throughput JPEG 2000
        b"5",  # RLE
    )
)
"""Compressions whose pixels may stay as they are, in the items that PS3.5 section A.4 has."""

Octets = bytes | bytearray | memoryview

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(rf"{MAPPED_UID}/{MAPPED_UID}\.dcm\Z")
_MAX_SIZE = 2**53 - 1


def _refuse(code: ErrorCode = ErrorCode.E_FORMAT) -> NoReturn:
    raise EncryptSecureRTError(code) from None


def _check_count(value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MAX_SIZE:
        _refuse()


def _check_digest(value: object) -> None:
    if not isinstance(value, str) or not _DIGEST.match(value):
        _refuse()


class HeaderState(Enum):
    """What became of an instance."""

    PROTECTED = "protected"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRange:
    """A range of the original file that stays on the client; `sha256` in lower-case hex."""

    offset: int
    length: int
    sha256: str

    def __post_init__(self) -> None:
        _check_count(self.offset, 0)
        _check_count(self.length, 1)
        _check_digest(self.sha256)

    @property
    def place(self) -> Place:
        """Where it lies, without its digest."""
        return self.offset, self.length

    def as_json(self) -> dict[str, Any]:
        """Return the range's members."""
        return {"offset": self.offset, "length": self.length, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkInsert:
    """Where a bulk range goes: `at` counts from the start of the whole protected file."""

    at: int
    length: int
    sha256: str

    def __post_init__(self) -> None:
        _check_count(self.at, 0)
        _check_count(self.length, 1)
        _check_digest(self.sha256)


def _check_layout(ranges: Sequence[tuple[int, int]], whole: int) -> None:
    """Refuse ranges (start, length) that are not ascending, overlap or pass the end."""
    if len(ranges) > MAX_BULK_RANGES:
        _refuse(ErrorCode.E_TOO_LARGE)
    end = 0
    for start, length in ranges:
        if start < end:
            _refuse()
        end = start + length
    if end > whole:
        _refuse()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRequest:
    """One file without its bulk.

    `header` is exactly `size` minus the bulk lengths long, plus those of the `gaps` in the bulk.
    `file_sha256` is the digest of the whole file, as far as the client says it: the worker stores
    it sealed, so that a later reveal can be held against it. `whole` asks for the file to be sealed
    as it is, pixels included: `header` is then all of it.
    """

    SCHEMA: ClassVar[str] = REQUEST_SCHEMA
    MOST_HEADER_BYTES: ClassVar[int] = MAX_HEADER_BYTES
    # Else the message has no such member, and none for gaps.
    MAY_BE_WHOLE: ClassVar[bool] = True

    size: int
    bulk: tuple[BulkRange, ...]
    header: Octets = field(repr=False)
    file_sha256: str | None = None
    whole: bool = False
    gaps: tuple[Place, ...] = ()

    def __post_init__(self) -> None:
        _check_count(self.size, 1)
        if not isinstance(self.whole, bool) or (self.whole and self.bulk):
            _refuse()
        if (self.whole or self.gaps) and not self.MAY_BE_WHOLE:
            _refuse()
        ranges = [one.place for one in self.bulk]
        _check_layout(ranges, self.size)
        check_gaps(self.gaps, ranges)
        if self.file_sha256 is not None:
            _check_digest(self.file_sha256)
        if len(self.header) > self.MOST_HEADER_BYTES:
            _refuse(ErrorCode.E_TOO_LARGE)
        stays = sum(one.length for one in self.bulk) - sum(length for _, length in self.gaps)
        if len(self.header) + stays != self.size:
            _refuse()


Request = TypeVar("Request", bound=HeaderRequest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedHeader:
    """The worker's answer for one file.

    Protected: `name` is ``<mapped series>/<mapped instance>.dcm``, `code` is None. Refused:
    `code` says why, and there is no name, no bulk and no header.
    """

    state: HeaderState
    code: ErrorCode | None = None
    name: str | None = None
    bulk: tuple[BulkInsert, ...] = ()
    header: Octets = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.state is HeaderState.REFUSED:
            if self.code is None or self.name is not None or self.bulk or len(self.header):
                _refuse()
            return
        if self.code is not None or self.name is None or not _NAME.match(self.name):
            _refuse()
        if len(self.header) > MAX_PROTECTED_HEADER_BYTES:
            _refuse(ErrorCode.E_TOO_LARGE)
        if not len(self.header):
            _refuse()
        _check_layout([(one.at, one.length) for one in self.bulk], self.size)

    @property
    def size(self) -> int:
        """Size of the whole protected file in bytes."""
        return len(self.header) + sum(one.length for one in self.bulk)


def refused_header(code: ErrorCode) -> ProtectedHeader:
    """Return the answer for an instance that is not protected for that reason."""
    return ProtectedHeader(state=HeaderState.REFUSED, code=code)


def encode_request(request: HeaderRequest) -> bytes:
    """Return the octets of a request, as they stand in a batch."""
    fields: dict[str, Any] = {
        "schema": request.SCHEMA,
        "size": request.size,
        "bulk": [one.as_json() for one in request.bulk],
        "file_sha256": request.file_sha256,
    }
    if request.MAY_BE_WHOLE:
        fields["whole"] = request.whole
        fields["gaps"] = gaps_json(request.gaps)
    return join_part(fields, request.header)


@overload
def decode_request(octets: Octets) -> HeaderRequest: ...
@overload
def decode_request(octets: Octets, kind: type[Request]) -> Request: ...
def decode_request(octets: Octets, kind: type[HeaderRequest] = HeaderRequest) -> HeaderRequest:
    """Return the request that the octets stand for; its header is a view of them.

    `kind` is the class of the request, which has its own schema and limit.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT if anything is not as `encode_request` writes it, E_TOO_LARGE over a limit.
    """
    names = {"schema", "size", "bulk", "file_sha256"}
    names |= {"whole", "gaps"} if kind.MAY_BE_WHOLE else set()
    fields, header = _part(octets, names, kind.SCHEMA)
    bulk = bulk_ranges(fields["bulk"])
    return kind(
        size=fields["size"],
        bulk=bulk,
        header=header,
        file_sha256=fields["file_sha256"],
        whole=fields["whole"] if kind.MAY_BE_WHOLE else False,
        gaps=read_gaps(fields["gaps"], [one.place for one in bulk]) if kind.MAY_BE_WHOLE else (),
    )


def bulk_ranges(value: object) -> tuple[BulkRange, ...]:
    """Return the ranges that a message lists (E_FORMAT, E_TOO_LARGE)."""
    return tuple(
        BulkRange(offset=one["offset"], length=one["length"], sha256=one["sha256"])
        for one in _ranges(value, {"offset", "length", "sha256"})
    )


def encode_answer(answer: ProtectedHeader) -> bytes:
    """Return the octets of an answer, as they stand in a batch."""
    return join_part(
        {
            "schema": ANSWER_SCHEMA,
            "state": answer.state.value,
            "code": None if answer.code is None else answer.code.name,
            "name": answer.name,
            "bulk": [
                {"at": one.at, "length": one.length, "sha256": one.sha256} for one in answer.bulk
            ],
        },
        answer.header,
    )


def decode_answer(octets: Octets) -> ProtectedHeader:
    """Return the answer that the octets stand for; its header is a view of them.

    Raises
    ------
    EncryptSecureRTError
        E_FORMAT if anything is not as `encode_answer` writes it, E_TOO_LARGE over a limit.
    """
    fields, header = _part(octets, {"schema", "state", "code", "name", "bulk"}, ANSWER_SCHEMA)
    state, code, name = fields["state"], fields["code"], fields["name"]
    if not isinstance(state, str) or state not in {one.value for one in HeaderState}:
        _refuse()
    if code is not None and (not isinstance(code, str) or code not in ErrorCode.__members__):
        _refuse()
    if name is not None and not isinstance(name, str):
        _refuse()
    inserts = tuple(
        BulkInsert(at=one["at"], length=one["length"], sha256=one["sha256"])
        for one in _ranges(fields["bulk"], {"at", "length", "sha256"})
    )
    return ProtectedHeader(
        state=HeaderState(state),
        code=None if code is None else ErrorCode[code],
        name=name,
        bulk=inserts,
        header=header,
    )


def join_part(fields: Mapping[str, Any], header: Octets) -> bytes:
    """Return u32be JSON length ‖ JSON ‖ octets."""
    text = canonical.encode(fields)
    return b"".join((len(text).to_bytes(4, "big"), text, header))


def split_part(octets: Octets) -> tuple[dict[str, Any], memoryview]:
    """Return what `join_part` has joined (E_FORMAT, E_TOO_LARGE); the octets are a view."""
    view = memoryview(octets).cast("B")
    if len(view) < 4:
        _refuse()
    length = int.from_bytes(view[:4], "big")
    if length > MAX_PART_JSON_BYTES:
        _refuse(ErrorCode.E_TOO_LARGE)
    if len(view) < 4 + length:
        _refuse()
    fields = canonical.decode(bytes(view[4 : 4 + length]), MAX_PART_JSON_BYTES)
    return fields, view[4 + length :]


def _part(octets: Octets, names: set[str], schema: str) -> tuple[dict[str, Any], memoryview]:
    fields, header = split_part(octets)
    if set(fields) != names or fields["schema"] != schema:
        _refuse()
    return fields, header


def _ranges(value: object, names: set[str]) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        _refuse()
    if len(value) > MAX_BULK_RANGES:
        _refuse(ErrorCode.E_TOO_LARGE)
    if any(not isinstance(one, dict) or set(one) != names for one in value):
        _refuse()
    return value
