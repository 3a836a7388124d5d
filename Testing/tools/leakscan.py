"""Looks for planted words in what a program has saved, however deep they are packed.

    scan(path, needles)     a file or a folder -> every needle that is still there, and where

Names and contents are searched: plain and escaped text in the usual encodings and in any case, hex
and base64; and, layer by layer, what is in zip, gzip, bzip2 and zlib streams, NRRD payloads and
long runs of base64. What cannot be opened, or is larger than the limits once it is inflated, is an
error: a scanner that looked at half of it would say that nothing was found.

As a command it reads needles from standard input, one a line, so that they are in no list of
processes:  python Testing/tools/leakscan.py case.mrb < needles.txt
"""

import base64
import bz2
import io
import os
import re
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from leakforms import exact_forms, lower_forms, views

LEAST_CHARACTERS = 4  # shorter words turn up in random octets by themselves
_PROBE_BYTES = 256
_ZLIB_START = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/\r\n]{64,}")
_NO_HEX = re.compile(rb"[^0-9A-Fa-f]+")
_NRRD_ENCODING = re.compile(rb"^encoding:\s*(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A needle, where it is (`file!entry!layer`) and in which form."""

    place: str
    needle: str
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLimits:
    """The most that is inflated in all, and how deep archives may be in each other."""

    inflated_bytes: int = 4 * 2**30
    depth: int = 8


class ScanError(Exception):
    """Something could not be looked at as a whole; the text says where and why."""


def scan(path: Path, needles: Iterable[str], limits: ScanLimits | None = None) -> list[Found]:
    """Return every needle in names and contents at or below a path, sorted.

    Raises
    ------
    ScanError
        Damaged or encrypted archives, and what goes over the limits.
    ValueError
        Needles of fewer than 4 characters, or none at all.
    """
    scanner = _Scanner(needles, limits or ScanLimits())
    for each in sorted(_walk(path)):
        name = path.name if each == path else f"{path.name}/{each.relative_to(path).as_posix()}"
        scanner.search(name.encode("utf-8", "surrogateescape"), f"name of {name}")
        if each.is_symlink():
            scanner.search(os.fsencode(os.readlink(each)), name)
        elif each.is_file():
            scanner.look_into(each.read_bytes(), name)
    return sorted(scanner.found)


def _walk(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        for each in path.iterdir():
            yield from _walk(each)


class _Scanner:
    """Collects what is found, and counts what was inflated on the way."""

    def __init__(self, needles: Iterable[str], limits: ScanLimits) -> None:
        wanted = sorted(set(needles))
        if not wanted or min(map(len, wanted)) < LEAST_CHARACTERS:
            raise ValueError(f"needles have at least {LEAST_CHARACTERS} characters")
        self._lower = {needle: lower_forms(needle) for needle in wanted}
        self._exact = {needle: exact_forms(needle) for needle in wanted}
        self._limits = limits
        self._left_bytes = limits.inflated_bytes
        self.found: set[Found] = set()

    def search(self, octets: bytes, place: str) -> None:
        """Look for every form of every needle in the octets, as they are and unescaped."""
        for escape, view in views(octets):
            lower = view.lower()
            for haystack, table in ((lower, self._lower), (view, self._exact)):
                for needle, forms in table.items():
                    form = next((name for octets, name in forms.items() if octets in haystack), "")
                    if form:
                        self.found.add(Found(place, needle, form + escape))

    def look_into(self, octets: bytes, place: str, depth: int = 0) -> None:
        """Search the octets and every layer that is packed in them."""
        if depth > self._limits.depth:
            raise ScanError(f"{place}: packed deeper than {self._limits.depth} layers")
        self.search(octets, place)
        for layer, inner in self._layers(octets, place):
            self.look_into(inner, f"{place}!{layer}", depth + 1)

    def _layers(self, octets: bytes, place: str) -> Iterator[tuple[str, bytes]]:
        if octets.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from self._zip_entries(octets, place)
        elif octets.startswith(b"\x1f\x8b\x08"):
            yield "gzip", self._gunzip(octets, place)
        elif octets.startswith(b"NRRD000"):
            yield from self._nrrd_payload(octets, place)
        else:
            yield from self._streams(octets, place)
            yield from _base64_runs(octets)

    def _zip_entries(self, octets: bytes, place: str) -> Iterator[tuple[str, bytes]]:
        try:
            with zipfile.ZipFile(io.BytesIO(octets)) as archive:
                for info in archive.infolist():
                    self.search(info.filename.encode(), f"name of {place}!{info.filename}")
                    with archive.open(info) as entry:
                        inner = entry.read(self._left_bytes + 1)
                    self._count(inner, place)
                    yield info.filename, inner
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError):
            raise ScanError(f"{place}: a zip that is damaged or encrypted") from None

    def _gunzip(self, octets: bytes, place: str) -> bytes:
        """Return the content of one gzip or of several in a row."""
        parts: list[bytes] = []
        while not parts or octets.startswith(b"\x1f\x8b\x08"):
            inflater = zlib.decompressobj(wbits=31)
            try:
                part = inflater.decompress(octets, self._left_bytes + 1)
            except zlib.error:
                raise ScanError(f"{place}: gzip that is damaged") from None
            self._count(part, place)
            if not inflater.eof:
                raise ScanError(f"{place}: gzip that ends too early")
            parts.append(part)
            octets = inflater.unused_data
        return b"".join(parts)

    def _nrrd_payload(self, octets: bytes, place: str) -> Iterator[tuple[str, bytes]]:
        head, _, payload = octets.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")
        encoding = _NRRD_ENCODING.search(head.replace(b"\r", b""))
        kind = encoding.group(1).lower() if encoding else b""
        if not payload or kind in (b"raw", b"ascii", b"text", b"txt"):
            return  # searched as it stands, with the rest of the file
        if kind == b"hex":
            digits = _NO_HEX.sub(b"", payload).decode()
            yield "payload", bytes.fromhex(digits[: len(digits) // 2 * 2])
        elif kind in (b"gz", b"gzip"):
            yield "payload", self._gunzip(payload, place)
        elif kind in (b"bz2", b"bzip2"):
            try:
                inner = bz2.BZ2Decompressor().decompress(payload, self._left_bytes + 1)
            except OSError:
                raise ScanError(f"{place}: bzip2 that is damaged") from None
            self._count(inner, place)
            yield "payload", inner
        else:
            raise ScanError(f"{place}: an NRRD encoding that is not known")

    def _streams(self, octets: bytes, place: str) -> Iterator[tuple[str, bytes]]:
        """Yield what inflates as zlib from where its first octets stand, as in VTK's XML files."""
        at, view = 0, memoryview(octets)
        while match := _ZLIB_START.search(octets, at):
            start = match.start()
            inner, used = self._inflate(view[start:], place)
            at = start + max(used, 1)
            if inner:
                yield f"zlib at {start}", inner

    def _inflate(self, view: memoryview, place: str) -> tuple[bytes, int]:
        """Return (content, length) of a zlib stream, or nothing: most starts are chance."""
        try:
            zlib.decompressobj().decompress(view[:_PROBE_BYTES])
            inflater = zlib.decompressobj()
            inner = inflater.decompress(view, self._left_bytes + 1)
        except zlib.error:
            return b"", 0
        self._count(inner, place)
        return inner, len(view) - len(inflater.unused_data)

    def _count(self, inflated: bytes, place: str) -> None:
        self._left_bytes -= len(inflated)
        if self._left_bytes < 0:
            raise ScanError(f"{place}: more than {self._limits.inflated_bytes} octets inflated")


def _base64_runs(octets: bytes) -> Iterator[tuple[str, bytes]]:
    for match in _BASE64_RUN.finditer(octets):
        run = match.group().translate(None, b"\r\n")
        whole = run[:-1] if len(run) % 4 == 1 else run  # one character alone is no octet
        padding = b"=" * (-len(whole) % 4)
        yield f"base64 at {match.start()}", base64.b64decode(whole + padding)


def main(arguments: list[str]) -> int:
    """Scan the paths of the command line; return 1 if anything was found."""
    needles = [line.strip() for line in sys.stdin if line.strip()]
    found = [hit for name in arguments for hit in scan(Path(name), needles)]
    numbers = {needle: number for number, needle in enumerate(needles, 1)}
    for hit in found:
        sys.stdout.write(f"{hit.place}: needle {numbers[hit.needle]}, {hit.form}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
