"""A client's side of an upload, chunk by chunk."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from Testing.Unit.worker.orders import OWNER

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import (
    ChunkPlan,
    ContentKey,
    ObjectHeader,
    ObjectKind,
    padded_chunk,
    seal_content_key,
)
from encryptsecurert_protocol.sealing import (
    KEY_BYTES,
    PREFIX_BYTES,
    ChunkCipher,
    HpkeKeyPair,
    random_octets,
)
from encryptsecurert_worker.vault.objects import ObjectStore
from encryptsecurert_worker.vault.uploads import Upload


@dataclass
class Client:
    """Seals one content as a client does."""

    key: HpkeKeyPair
    content: bytes
    name: str = "ab" * 32
    sha256: bytes = b""
    kind: ObjectKind = ObjectKind.VOLUME

    def __post_init__(self) -> None:
        self.plan = ChunkPlan.for_size(len(self.content))
        header = ObjectHeader(
            object=self.name,
            kind=self.kind,
            plan=self.plan,
            prefix=random_octets(PREFIX_BYTES),
            suite=self.key.suite,
            worker=hashlib.sha256(self.key.public).hexdigest(),
        )
        self.header = header.encode()
        digest = self.sha256 or hashlib.sha256(self.content).digest()
        content_key = ContentKey(random_octets(KEY_BYTES), len(self.content), digest)
        self.sealed = seal_content_key(header, content_key, self.key.public)
        aad = hashlib.sha256(self.header).digest()
        self.cipher = ChunkCipher(content_key.data_key, header.prefix, aad)

    def chunk(self, index: int) -> bytes:
        """Return one sealed chunk."""
        padded = padded_chunk(memoryview(self.content), self.plan, index)
        return self.cipher.seal(index, padded, last=self.plan.is_last(index))

    def key_of(self, name: str) -> HpkeKeyPair:
        """Return the worker's key of a name, as the worker does."""
        if name != hashlib.sha256(self.key.public).hexdigest():
            raise EncryptSecureRTError(ErrorCode.E_SEAL)
        return self.key

    def begin(self, store: ObjectStore, *, owner: str = OWNER) -> Upload:
        """Begin the upload, or find it."""
        return store.begin(owner, self.header, self.sealed, self.key_of)

    def send(
        self, store: ObjectStore, *, owner: str = OWNER, order: Sequence[int] | None = None
    ) -> Upload:
        """Upload everything, or the chunks of `order`."""
        upload = self.begin(store, owner=owner)
        for index in range(self.plan.chunks) if order is None else order:
            store.put(upload, index, self.chunk(index))
        return upload
