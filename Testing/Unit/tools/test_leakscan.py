"""The scanner of saved files finds what was planted in every form and layer, and nothing else."""

import base64
import bz2
import gzip
import io
import json
import sys
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from leakscan import Found, ScanError, ScanLimits, main, scan

NEEDLE = 'Plänted^Näme "Canary" <1958>'
PLAIN = "PLANTED-4711"


def _file(folder: Path, octets: bytes, name: str = "file.bin") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)
    return path


def _zip(entries: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in entries.items():
            archive.writestr(name, octets)
    return stream.getvalue()


def _nrrd(encoding: str, payload: bytes, end: bytes = b"\n") -> bytes:
    lines = [b"NRRD0004", b"type: uint8", b"dimension: 1", f"encoding: {encoding}".encode(), b""]
    return end.join([*lines, b""]) + payload


def _vtk_xml(content: bytes) -> bytes:
    """Return appended data as VTK writes it: a header of sizes in base64, then zlib in base64."""
    packed = zlib.compress(content)
    head = b"".join(n.to_bytes(4, "little") for n in (1, len(content), 0, len(packed)))
    data = base64.b64encode(head) + base64.b64encode(packed)
    return b'<VTKFile><AppendedData encoding="base64">_' + data + b"</AppendedData></VTKFile>"


def _partly_escaped(text: str) -> bytes:
    """Return a file name as MRML makes it from a node's name."""
    return text.replace('"', "%22").encode()


def _noise(size: int) -> bytes:
    """Return octets in which nothing repeats, so that compressors leave no words in clear."""
    octets = b""
    while len(octets) < size:
        octets += zlib.crc32(octets[-64:] + len(octets).to_bytes(4, "big")).to_bytes(4, "big")
    return octets


# ---- positive controls: one for each form


FORMS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": lambda text: text.encode(),
    "UTF-16 LE": lambda text: text.encode("utf-16-le"),
    "UTF-16 BE": lambda text: text.encode("utf-16-be"),
    "UTF-16 LE at an odd place": lambda text: b"x" + text.encode("utf-16-le"),
    "Latin-1": lambda text: text.encode("latin-1"),
    "upper case": lambda text: text.upper().encode(),
    "lower case": lambda text: text.lower().encode(),
    "changing case": lambda text: text.swapcase().encode(),
    "upper case in UTF-16": lambda text: text.upper().encode("utf-16-le"),
    "decomposed letters": lambda text: text.replace("ä", "a\u0308").encode(),
    "percent, all": lambda text: urllib.parse.quote(text, safe="").encode(),
    "percent, lower case": lambda text: urllib.parse.quote(text, safe="").lower().encode(),
    "percent, query": lambda text: urllib.parse.quote_plus(text).encode(),
    "percent, only the quotes": _partly_escaped,
    "percent, Latin-1": lambda text: urllib.parse.quote(text, encoding="latin-1").encode(),
    "XML attribute": lambda text: quoteattr(text).encode(),
    "XML numbers": lambda text: "".join(f"&#{ord(c)};" for c in text).encode(),
    "XML hex numbers": lambda text: "".join(f"&#x{ord(c):X};" for c in text).encode(),
    "percent in XML": lambda text: quoteattr(urllib.parse.quote(text, safe=" ")).encode(),
    "XML in XML": lambda text: quoteattr(quoteattr(text)).encode(),
    "JSON": lambda text: json.dumps(text).encode(),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)).encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "hex, upper case": lambda text: text.encode().hex().upper().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 at the second octet": lambda text: base64.b64encode(b"x" + text.encode() + b"y"),
    "base64 at the third octet": lambda text: base64.b64encode(b"xy" + text.encode() + b"z"),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"??>" + text.encode()),
    "base64 of a long text": lambda text: base64.b64encode(b"a" * 90 + text.swapcase().encode()),
    "base64 in lines": lambda text: base64.encodebytes(b"a" * 50 + text.encode() + b"b" * 50),
}


@pytest.mark.parametrize("form", FORMS)
def test_needle_is_found_in_every_form(tmp_path: Path, form: str) -> None:
    path = _file(tmp_path, b"before " + FORMS[form](NEEDLE) + b" after")

    assert {hit.needle for hit in scan(path, [NEEDLE])} == {NEEDLE}
    assert scan(path, ["Nobody^Planted this"]) == []


LAYERS: dict[str, Callable[[bytes], bytes]] = {
    "zip": lambda octets: _zip({"a/b.txt": octets}),
    "zip in a zip": lambda octets: _zip({"inner.mrb": _zip({"b.txt": octets})}),
    "gzip": gzip.compress,
    "two gzips in a row": lambda octets: gzip.compress(b"first") + gzip.compress(octets),
    "gzip in a zip": lambda octets: _zip({"b.gz": gzip.compress(octets)}),
    "NRRD, gzip": lambda octets: _nrrd("gzip", gzip.compress(octets)),
    "NRRD, gz": lambda octets: _nrrd("gz", gzip.compress(octets)),
    "NRRD with other line ends": lambda o: _nrrd("gzip", gzip.compress(o), b"\r\n"),
    "NRRD, bzip2": lambda octets: _nrrd("bzip2", bz2.compress(octets)),
    "NRRD, raw": lambda octets: _nrrd("raw", octets),
    "NRRD, hex": lambda octets: _nrrd("hex", octets.hex().encode()),
    "NRRD in a zip": lambda o: _zip({"Data/v.nrrd": _nrrd("gzip", gzip.compress(o))}),
    "zlib in the middle": lambda octets: b"head " + zlib.compress(octets) + b" tail",
    "two zlibs in a row": lambda o: zlib.compress(b"first") + zlib.compress(o),
    "zlib that is cut off": lambda octets: zlib.compress(octets + _noise(500))[:-20],
    "VTK's XML": _vtk_xml,
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("form", ["UTF-8", "UTF-16 LE", "XML attribute"])
def test_needle_is_found_in_every_layer(tmp_path: Path, layer: str, form: str) -> None:
    # Noise on both sides, so that no compressor leaves the words as they are.
    octets = _noise(300) + FORMS[form](NEEDLE) + _noise(300)
    path = _file(tmp_path, LAYERS[layer](octets))

    assert {hit.needle for hit in scan(path, [NEEDLE])} == {NEEDLE}
    assert scan(path, ["Nobody^Planted this"]) == []


def test_names_of_files_folders_and_entries_are_searched(tmp_path: Path) -> None:
    _file(tmp_path, b"", f"{PLAIN}-folder/file")
    _file(tmp_path, b"", f"other/{PLAIN}%22.nrrd")
    _file(tmp_path, _zip({f"Data/{PLAIN}.nrrd": b""}), "case.mrb")

    places = {
        hit.place.removeprefix(f"name of {tmp_path.name}/") for hit in scan(tmp_path, [PLAIN])
    }

    assert places >= {
        f"{PLAIN}-folder",
        f"other/{PLAIN}%22.nrrd",
        f"case.mrb!Data/{PLAIN}.nrrd",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_target_of_a_link_is_searched_and_not_followed(tmp_path: Path) -> None:
    outside = _file(tmp_path, PLAIN.encode(), "outside/secret")
    (tmp_path / "scanned").mkdir()
    (tmp_path / "scanned" / "a").symlink_to(outside)
    (tmp_path / "scanned" / "b").symlink_to(f"/somewhere/{PLAIN}")

    assert scan(tmp_path / "scanned", [PLAIN]) == [Found("scanned/b", PLAIN, "utf-8")]


def test_hit_tells_place_needle_and_form(tmp_path: Path) -> None:
    path = _file(tmp_path, _zip({"case.mrml": b'<Volume name="PLANTED&#45;4711"/>'}), "case.mrb")

    assert scan(path, [PLAIN, "Another needle"]) == [
        Found("case.mrb!case.mrml", PLAIN, "utf-8 in XML")
    ]


def test_every_needle_of_several_is_found(tmp_path: Path) -> None:
    needles = [f"Planted-{n:02}" for n in range(20)]
    path = _file(tmp_path, " ".join(needles[::2]).encode())

    assert [hit.needle for hit in scan(path, needles)] == sorted(needles[::2])


# ---- what cannot be looked at


@pytest.mark.parametrize(
    "damage",
    [
        lambda: _zip({"a": b"abc" * 99})[:-30],
        lambda: b"PK\x03\x04" + _noise(99),
        lambda: gzip.compress(_noise(99))[:-20],
        lambda: b"\x1f\x8b\x08" + _noise(40),
        lambda: _nrrd("gzip", b"no gzip"),
        lambda: _nrrd("bzip2", b"no bzip2"),
        lambda: _nrrd("zrl", b"xyz"),
    ],
    ids=[
        "cut zip",
        "no zip",
        "cut gzip",
        "no gzip",
        "no gzip payload",
        "no bzip2",
        "unknown NRRD encoding",
    ],
)
def test_what_cannot_be_opened_is_an_error_and_not_silence(
    tmp_path: Path, damage: Callable[[], bytes]
) -> None:
    with pytest.raises(ScanError):
        scan(_file(tmp_path, damage()), [PLAIN])


def test_encrypted_zip_is_an_error(tmp_path: Path) -> None:
    octets = bytearray(_zip({"a": b"abc"}))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        octets[octets.index(mark) + flags] |= 1

    with pytest.raises(ScanError):
        scan(_file(tmp_path, bytes(octets)), [PLAIN])


@pytest.mark.parametrize("pack", [gzip.compress, lambda o: _zip({"a": o}), zlib.compress])
def test_what_inflates_to_more_than_the_limit_is_an_error(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = _file(tmp_path, pack(bytes(100_000)))

    with pytest.raises(ScanError):
        scan(path, [PLAIN], ScanLimits(inflated_bytes=99_999))
    assert scan(path, [PLAIN], ScanLimits(inflated_bytes=100_000)) == []


def test_limit_is_of_all_entries_together(tmp_path: Path) -> None:
    path = _file(tmp_path, _zip({"a": bytes(60_000), "b": bytes(60_000)}))

    with pytest.raises(ScanError):
        scan(path, [PLAIN], ScanLimits(inflated_bytes=100_000))
    assert scan(path, [PLAIN], ScanLimits(inflated_bytes=120_000)) == []


def test_archives_in_archives_are_opened_as_deep_as_the_limit_and_no_deeper(
    tmp_path: Path,
) -> None:
    octets = PLAIN.encode()
    for _ in range(4):
        octets = _zip({"x.zip": octets})
    path = _file(tmp_path, octets)

    assert len(scan(path, [PLAIN], ScanLimits(depth=4))) == 1
    with pytest.raises(ScanError):
        scan(path, [PLAIN], ScanLimits(depth=3))


@pytest.mark.parametrize("needles", [[], ["abc"], ["long enough", ""]])
def test_needles_that_would_find_anything_or_nothing_are_refused(
    tmp_path: Path, needles: list[str]
) -> None:
    with pytest.raises(ValueError, match="at least 4"):
        scan(tmp_path, needles)


def test_chance_starts_of_zlib_in_voxels_cost_nothing_and_find_nothing(tmp_path: Path) -> None:
    octets = b"\x78\x9c\x78\xda\x78\x01\x78\x5e" * 5000 + _noise(2000)

    assert scan(_file(tmp_path, octets), [PLAIN]) == []


# ---- the command


def test_command_reads_needles_from_standard_input_and_does_not_print_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dirty, clean = _file(tmp_path, PLAIN.encode(), "dirty"), _file(tmp_path, b"", "clean")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"Another needle\n\n{PLAIN}\n"))

    status = main([str(dirty), str(clean)])

    assert status == 1
    assert capsys.readouterr().out == "dirty: needle 2, utf-8\n"


def test_command_ends_with_0_where_nothing_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(PLAIN))

    assert main([str(_file(tmp_path, b"nothing"))]) == 0
    assert capsys.readouterr().out == ""


# ---- any needle

_needle = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=5, max_size=30)


@given(
    needle=_needle,
    form=st.sampled_from(
        ["UTF-8", "UTF-16 LE", "UTF-16 BE", "percent, all", "XML numbers", "JSON", "hex", "base64"]
    ),
    layer=st.sampled_from(["zip", "gzip", "NRRD, gzip", "NRRD, raw", "zlib in the middle"]),
    lead=st.binary(max_size=9),
)
def test_any_needle_is_found_in_any_form_and_layer(
    tmp_path_factory: pytest.TempPathFactory, needle: str, form: str, layer: str, lead: bytes
) -> None:
    octets = _noise(100) + lead + b"-" + FORMS[form](needle) + b"-" + _noise(100)
    path = _file(tmp_path_factory.mktemp("any"), LAYERS[layer](octets))

    assert {hit.needle for hit in scan(path, [needle])} == {needle}


@given(
    needle=st.text(st.characters(min_codepoint=0x400, exclude_categories=["Cs"]), min_size=5),
    octets=st.binary(max_size=200),
)
def test_any_needle_that_is_not_there_is_not_found(
    tmp_path_factory: pytest.TempPathFactory, needle: str, octets: bytes
) -> None:
    assume(needle.encode() not in octets)  # the file has other letters, but for its hex
    path = _file(tmp_path_factory.mktemp("any"), octets.hex().upper().encode())

    assert [hit for hit in scan(path, [needle]) if "hex" not in hit.form] == []
