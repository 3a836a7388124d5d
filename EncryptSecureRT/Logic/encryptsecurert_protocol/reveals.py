"""What `reveal` asks and answers for one protected file, and which roles see which attributes.

    request  as of `protect` (headers.py), of a protected file, with a limit of its own
    answer   u32be JSON length ‖ JSON {schema, state, code, instance, file} ‖ octets

For display the octets are a data set in Explicit VR Little Endian of the attributes asked for,
and `file` is null. As a file they are the original's octets without its bulk, and `file` says
{size, bulk: [{offset, length, sha256}], gaps, file_sha256}, so that the client puts it together
and proves it. A refusal has one code whatever the reason, and no octets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, MAX_INTEGER, Fields
from encryptsecurert_protocol.gaps import MAX_GAPS, Place, gaps_json, read_gaps
from encryptsecurert_protocol.headers import (
    MAX_BULK_RANGES,
    MAX_HEADER_BYTES,
    MAX_PROTECTED_HEADER_BYTES,
    BulkRange,
    HeaderRequest,
    Octets,
    bulk_ranges,
    join_part,
    split_part,
)
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.volumes import MAPPED_UID

REQUEST_SCHEMA = "encryptsecurert.protected-file/1"
ANSWER_SCHEMA = "encryptsecurert.revealed/2"
REFUSAL = ErrorCode.E_CASE


class RevealClass(Enum):
    """Classes of attributes (DICOM attributes as their original says them)."""

    IDENTITY = "identity"
    DEMOGRAPHICS = "demographics"
    DATES = "dates"
    STAFF = "staff"
    TEXT = "text"
    LABELS = "labels"
    DEVICE = "device"
    PRIVATE = "private"
    UIDS = "uids"


_C = RevealClass
_CLINICAL = frozenset({_C.IDENTITY, _C.DEMOGRAPHICS, _C.DATES, _C.STAFF, _C.TEXT, _C.LABELS})
ROLE_CLASSES: Mapping[Role, frozenset[RevealClass]] = {
    Role.RADIOLOGIST: _CLINICAL,
    Role.RADIATION_ONCOLOGIST: frozenset(RevealClass),
    Role.PHYSICIST: _CLINICAL | {_C.DEVICE, _C.UIDS},
    Role.DOSIMETRIST: frozenset({_C.IDENTITY, _C.DEMOGRAPHICS, _C.DATES, _C.LABELS, _C.DEVICE}),
    Role.TECHNICIAN: frozenset({_C.IDENTITY, _C.DATES, _C.LABELS, _C.DEVICE}),
    Role.RESEARCHER: frozenset(),
    Role.CUSTODIAN: frozenset(),
    Role.AUDITOR: frozenset(),
}
"""What a role may see of a case that is open to its user, if it has the operation `reveal`."""


def classes_of(roles: Sequence[Role]) -> frozenset[RevealClass]:
    """Return what a user with these roles may see."""
    return frozenset[RevealClass]().union(*(ROLE_CLASSES[role] for role in roles))


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealRequest(HeaderRequest):
    """One protected file without its bulk."""

    SCHEMA: ClassVar[str] = REQUEST_SCHEMA
    MOST_HEADER_BYTES: ClassVar[int] = MAX_PROTECTED_HEADER_BYTES
    MAY_BE_WHOLE: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalFile:
    """How the original file is put together.

    `bulk` ranges of it come from the protected one, but for the `gaps` in them.
    """

    size: int
    bulk: tuple[BulkRange, ...]
    file_sha256: str
    gaps: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """The worker's answer for one file.

    Attributes
    ----------
    instance : mapped SOPInstanceUID, None if refused.
    file : only where the whole file was asked for.
    octets : a data set, or the original without its bulk; empty if refused.
    """

    instance: str | None = None
    file: OriginalFile | None = None
    octets: Octets = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.instance is None and (self.file is not None or len(self.octets)):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        if len(self.octets) > MAX_HEADER_BYTES:
            raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
        if self.file is not None:
            HeaderRequest(
                size=self.file.size,
                bulk=self.file.bulk,
                header=self.octets,
                gaps=self.file.gaps,
            )

    @property
    def refused(self) -> bool:
        """Whether there is nothing in it."""
        return self.instance is None

    def encode(self) -> bytes:
        """Return the octets of the answer, as they stand in a batch."""
        return join_part(
            {
                "schema": ANSWER_SCHEMA,
                "state": "refused" if self.refused else "revealed",
                "code": REFUSAL.name if self.refused else None,
                "instance": self.instance,
                "file": None if self.file is None else _file_json(self.file),
            },
            self.octets,
        )

    @classmethod
    def decode(cls, octets: Octets) -> "Revealed":
        """Read an answer strictly (E_FORMAT, E_TOO_LARGE); its octets are a view of these."""
        value, rest = split_part(octets)
        fields = Fields(value, ("schema", "state", "code", "instance", "file"))
        fields.constant("schema", ANSWER_SCHEMA)
        refused = fields.text("state", "revealed|refused") == "refused"
        if refused:
            fields.constant("code", REFUSAL.name)
        if refused != fields.is_null("instance") or refused == fields.is_null("code"):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        return cls(
            instance=None if refused else fields.text("instance", MAPPED_UID),
            file=None if fields.is_null("file") else _read_file(fields),
            octets=rest,
        )


def _file_json(file: OriginalFile) -> dict[str, object]:
    return {
        "size": file.size,
        "bulk": [one.as_json() for one in file.bulk],
        "gaps": gaps_json(file.gaps),
        "file_sha256": file.file_sha256,
    }


def _read_file(fields: Fields) -> OriginalFile:
    file = fields.child("file", ("size", "bulk", "gaps", "file_sha256"))
    bulk = bulk_ranges(file.items("bulk", MAX_BULK_RANGES))
    return OriginalFile(
        size=file.integer("size", 1, MAX_INTEGER),
        bulk=bulk,
        file_sha256=file.hex("file_sha256", DIGEST_BYTES),
        gaps=read_gaps(file.items("gaps", 2 * MAX_GAPS), [one.place for one in bulk]),
    )
