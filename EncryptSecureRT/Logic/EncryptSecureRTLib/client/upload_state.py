"""What a large upload needs to go on after a break, also in another process: kept till it ends.

    uploads/<object name>.json   canonical JSON {schema, header, sealed, data_key, sha256, check}

`header` and `sealed` are the octets that announce the upload; the worker answers the same header
with the same upload, also after a restart with other keys. `sha256` is of the plaintext, and
`check` is keyed over the rest. Mode 0600. Whatever is wrong with a file, it is dropped: the
upload then starts anew under a new data key, so no key ever seals other octets.
"""

import contextlib
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.fields import DIGEST_BYTES, Fields, base64_text
from encryptsecurert_protocol.limits import LIMITS, MIB
from encryptsecurert_protocol.objects import (
    ChunkPlan,
    ContentKey,
    ObjectHeader,
    ObjectKind,
    seal_content_key,
)
from encryptsecurert_protocol.sealing import (
    KEY_BYTES,
    PREFIX_BYTES,
    ChunkCipher,
    keyed_name,
    random_octets,
)
from encryptsecurert_protocol.statement import Statement
from EncryptSecureRTLib.attest.localfiles import read_whole, write_whole

KEPT_FROM_BYTES = 4 * MIB  # what is not larger is sent anew in a moment
KEPT_S = 7 * 24 * 3600.0
_SCHEMA = "encryptsecurert.upload/1"
_MEMBERS = ("schema", "header", "sealed", "data_key", "size", "sha256", "check")
_SEALED_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is uploaded: its name tells nobody what it holds."""

    name: str
    kind: ObjectKind
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Header and keys of one upload; each (data key, index) seals one chunk of one source."""

    header: ObjectHeader
    key: ContentKey = field(repr=False)
    sealed: bytes = field(repr=False)

    @classmethod
    def new(cls, source: Source, statement: Statement) -> "Draft":
        """Return a draft under a new data key and prefix, sealed to the worker that proved itself.

        A source larger than an object may be is E_TOO_LARGE.
        """
        header = ObjectHeader(
            object=source.name,
            kind=source.kind,
            plan=ChunkPlan.for_size(source.size_bytes),
            prefix=random_octets(PREFIX_BYTES),
            suite=statement.hpke_suite,
            worker=statement.hpke_key_sha256,
        )
        key = ContentKey(random_octets(KEY_BYTES), source.size_bytes, source.sha256)
        sealed = seal_content_key(header, key, statement.hpke_public_key)
        return cls(header=header, key=key, sealed=sealed)

    def message(self) -> dict[str, str]:
        """Return what announces the upload."""
        return {"header": base64_text(self.header.encode()), "sealed": base64_text(self.sealed)}

    def cipher(self) -> ChunkCipher:
        """Return what seals the chunks."""
        aad = hashlib.sha256(self.header.encode()).digest()
        return ChunkCipher(self.key.data_key, self.header.prefix, aad)

    def is_of(self, source: Source) -> bool:
        """Tell whether this is a draft of that source."""
        return (
            self.header.object == source.name
            and self.header.kind is source.kind
            and self.header.plan == ChunkPlan.for_size(source.size_bytes)
            and self.key.size_bytes == source.size_bytes
            and self.key.sha256 == source.sha256
        )


class UploadStore:
    """The folder of drafts. Of small uploads it keeps nothing."""

    def __init__(
        self, folder: Path, check_key: bytes, clock_s: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._check_key = check_key
        self._clock_s = clock_s

    def load(self, source: Source) -> Draft | None:
        """Return the draft of an upload of this source that did not end; drop what is none."""
        if source.size_bytes <= KEPT_FROM_BYTES:
            return None
        self._prune()
        draft = None
        with contextlib.suppress(EncryptSecureRTError):  # unreadable: as if it were not there
            octets = read_whole(self._path(source), LIMITS.json_line_bytes)
            draft = None if octets is None else self._decode(octets)
        if draft is not None and draft.is_of(source):
            return draft
        self.drop(source)
        return None

    def save(self, source: Source, draft: Draft) -> None:
        """Keep a draft; E_LOCAL_FILE if that cannot be done."""
        if source.size_bytes <= KEPT_FROM_BYTES:
            return
        members = {
            "schema": _SCHEMA,
            **draft.message(),
            "data_key": base64_text(draft.key.data_key),
            "size": draft.key.size_bytes,
            "sha256": draft.key.sha256.hex(),
        }
        octets = canonical.encode({**members, "check": self._check(members)})
        write_whole(self._path(source), octets)

    def drop(self, source: Source) -> None:
        """Forget the draft of a source."""
        with contextlib.suppress(OSError):  # what stays is replaced or grows stale
            self._path(source).unlink()

    def _path(self, source: Source) -> Path:
        return self._folder / f"{source.name}.json"

    def _check(self, members: Mapping[str, object]) -> str:
        return keyed_name(self._check_key, b"upload-state", canonical.encode(members))

    def _decode(self, octets: bytes) -> Draft:
        value = canonical.decode(octets, LIMITS.json_line_bytes)
        fields = Fields(value, _MEMBERS)
        fields.constant("schema", _SCHEMA)
        members = {name: value[name] for name in _MEMBERS if name != "check"}
        if not hmac.compare_digest(fields.hex("check", DIGEST_BYTES), self._check(members)):
            raise EncryptSecureRTError(ErrorCode.E_FORMAT)
        key = ContentKey(
            fields.octets("data_key", KEY_BYTES, KEY_BYTES),
            fields.integer("size", 0, LIMITS.object_bytes),
            bytes.fromhex(fields.hex("sha256", DIGEST_BYTES)),
        )
        return Draft(
            header=ObjectHeader.decode(fields.octets("header", LIMITS.json_line_bytes)),
            key=key,
            sealed=fields.octets("sealed", _SEALED_MAX_BYTES),
        )

    def _prune(self) -> None:
        """Remove what nobody went on with for longer than a worker could hold it."""
        oldest_s = self._clock_s() - KEPT_S
        with contextlib.suppress(OSError):
            for path in list(self._folder.iterdir()):
                if path.stat().st_mtime < oldest_s:
                    path.unlink()
