"""The way of a file through `protect` and `reveal`, all messages as they go over the wire."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pydicom
from Testing.Unit.reveal.signing import SigningSite

from encryptsecurert_protocol.headers import (
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from encryptsecurert_protocol.reveals import Revealed, RevealRequest
from EncryptSecureRTLib.client.dicomfiles import (
    SplitFile,
    header_request,
    splice,
    split_file,
    split_protected,
)
from EncryptSecureRTLib.client.reveal import put_together


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A file, what was made of it, and the manifest that names that."""

    signing: SigningSite
    original: Path
    protected: Path
    manifest: bytes
    split: SplitFile

    @property
    def octets(self) -> bytes:
        """The protected file."""
        return self.protected.read_bytes()

    def revealed(self, protected: Path | None = None) -> bytes:
        """Return the original out of a protected file, proved by its digest."""
        path = protected or self.protected
        split = split_protected(path)
        message = encode_request(
            RevealRequest(size=split.size, bulk=split.bulk, header=split.header)
        )
        revealer = self.signing.revealer(self.manifest)
        listed = revealer.examine(decode_request(message, RevealRequest))
        answer = Revealed.decode(revealer.open(listed).whole().encode())
        sink = BytesIO()
        put_together(path, split, answer, sink)
        return sink.getvalue()


def trip(signing: SigningSite, octets: bytes, folder: Path) -> Trip:
    """Protect a file, and check that it comes back to the octet."""
    original = folder / "original.dcm"
    original.write_bytes(octets)
    split = split_file(original)
    request = decode_request(encode_request(header_request(split)))
    answer = decode_answer(encode_answer(signing.protector.protect(request)))
    done = Trip(
        signing=signing,
        original=original,
        protected=splice(answer, original, split, folder / "protected"),
        manifest=signing.manifest([answer]),
        split=split,
    )
    assert done.revealed() == octets
    return done


def pixels_of(path: Path) -> npt.NDArray[Any]:
    """Return the pixels as pydicom's plugins decode them."""
    decoded: npt.NDArray[Any] = pydicom.dcmread(path).pixel_array
    return decoded
