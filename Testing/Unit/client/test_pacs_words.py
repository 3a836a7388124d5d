"""What names a PACS: addresses, AE titles, searches, credentials; what cannot be is refused."""

import io
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.arguments import parse
from EncryptSecureRTLib.client.pacs.address import (
    DimsePeer,
    checked_title,
    parse_base_url,
    parse_peer,
)
from EncryptSecureRTLib.client.pacs.credentials import VARIABLE, find_credentials
from EncryptSecureRTLib.client.pacs.model import Query
from EncryptSecureRTLib.client.pacs.quiet import need_pynetdicom


def _code(call: object, *words: object, **more: object) -> ErrorCode:
    assert callable(call)
    with pytest.raises(EncryptSecureRTError) as refused:
        call(*words, **more)
    return refused.value.code


@pytest.mark.parametrize(
    ("text", "title", "host", "port", "is_here"),
    [
        ("PACS@archive.example:104", "PACS", "archive.example", 104, False),
        ("A B@127.0.0.1:4242", "A B", "127.0.0.1", 4242, True),
        ("X@Y@10.0.0.1:65535", "X@Y", "10.0.0.1", 65535, False),
        ("PACS@[::1]:104", "PACS", "::1", 104, True),
        ("PACS@localhost:104", "PACS", "localhost", 104, True),
    ],
)
def test_a_peer_is_read(text: str, title: str, host: str, port: int, is_here: bool) -> None:
    peer = parse_peer(text)

    assert peer == DimsePeer(title=title, host=host, port=port)
    assert peer.is_here is is_here


@pytest.mark.parametrize(
    "text",
    [
        *("PACS", "PACS@host", "host:104", "@host:104", "PACS@:104", "PACS@host:0"),
        *("PACS@host:65536", "PACS@ho st:104", "PACS@-host:104", "PACS@[host]:104"),
        *("PA\\CS@host:104", "SEVENTEEN-LETTERS@host:104", "PÄCS@host:104", "PACS@host:1e3"),
    ],
)
def test_what_names_no_peer_is_refused(text: str) -> None:
    assert _code(parse_peer, text) is ErrorCode.E_USAGE


def test_outer_spaces_of_a_title_mean_nothing() -> None:
    assert checked_title("  PACS ") == "PACS"
    assert _code(checked_title, "   ") is ErrorCode.E_USAGE


@pytest.mark.parametrize(
    ("text", "allow_http"),
    [
        ("https://host/dicom-web", False),
        ("https://host:8443/a/b.c/~d/", False),
        ("http://127.0.0.1:8042/dicom-web", False),
        ("http://[::1]:8042/dicom-web", False),
        ("http://host/dicom-web", True),
    ],
)
def test_a_web_address_is_read(text: str, allow_http: bool) -> None:
    assert parse_base_url(text, allow_http=allow_http) == text.rstrip("/")


@pytest.mark.parametrize(
    "text",
    [
        *("http://host/dicom-web", "ftp://host/", "host/dicom-web", "https:///x"),
        *("https://user:secret@host/x", "https://user@host/x", "https://host/x?y=z"),
        *("https://host/x#y", "https://host:99999/x", "https://host:0/x", "https://ho st/"),
        *("https://host/%2e%2e/x", "https://[::1/x", "http://127.0.0.1.example/x"),
    ],
)
def test_what_is_no_safe_web_address_is_refused(text: str) -> None:
    assert _code(parse_base_url, text, allow_http=False) is ErrorCode.E_USAGE


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--dimse", "A@h:1", "--dicomweb", "https://h/x"),
        ("--dicomweb", "https://h/x", "--tls"),
        ("--dicomweb", "https://h/x", "--calling", "ME"),
        ("--dicomweb", "https://h/x", "--move-port", "104"),
        ("--dimse", "A@h:1", "--credentials", "f"),
        ("--dimse", "A@h:1", "--unsafe-allow-http"),
        ("--dimse", "A@h:1", "--ca", "f"),
    ],
)
def test_a_setting_of_the_other_protocol_is_refused(words: tuple[str, ...]) -> None:
    asked = parse(["pacs", "pull", *words]).pacs

    assert _code(asked.peer) is ErrorCode.E_USAGE


def test_a_patient_is_a_pseudonym_since_numbers_of_people_are_for_no_command_line() -> None:
    right = parse(["pacs", "find", "--patient", "PABCDEFGHIJKLMNOP", "--modality", "CT"]).pacs
    wrong = parse(["pacs", "find", "--patient", "4711"]).pacs

    assert right.query() == Query(pseudonym="PABCDEFGHIJKLMNOP", modality="CT")
    assert _code(wrong.query) is ErrorCode.E_USAGE


@pytest.mark.parametrize("word", ["1.2.", "abc", "1.2*", "1..2", "1.2\\1.3", "9" * 65])
def test_what_is_no_uid_is_asked_for_nowhere(word: str) -> None:
    assert _code(parse(["pacs", "pull", "--study", word]).pacs.need_study) is ErrorCode.E_USAGE


def test_a_request_line_says_the_same_as_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"command": "pacs", "dimse": "A@h:1", "study": "1.2", "out": "o", "tls": True}
    octets = io.BytesIO(json.dumps(request).encode() + b"\n")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=octets))

    asked = parse(["pacs", "pull", "--request", "-"])

    words = ["--dimse", "A@h:1", "--study", "1.2", "--tls"]
    assert asked.pacs == parse(["pacs", "pull", *words]).pacs
    assert asked.out == Path("o")


def _file(folder: Path, octets: bytes, mode: int = 0o600) -> Path:
    path = folder / "credentials"
    path.write_bytes(octets)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("octets", "header"),
    [
        (b"basic user:pass word\n", "Basic dXNlcjpwYXNzIHdvcmQ="),
        (b"bearer abc.DEF-123==\r\n", "Bearer abc.DEF-123=="),
    ],
)
def test_credentials_come_from_a_file_of_ones_own(
    tmp_path: Path, octets: bytes, header: str
) -> None:
    found = find_credentials(_file(tmp_path, octets))

    assert found is not None
    assert found.header == header
    assert header.split()[1] not in repr(found)


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = _file(tmp_path, b"basic a:b", mode)

    assert _code(find_credentials, path) is ErrorCode.E_USAGE


@pytest.mark.parametrize(
    "octets", [b"", b"a:b", b"basic ab", b"bearer a b", b"bearer a\r\nX: y", b"basic a:b\0c"]
)
def test_a_line_that_is_no_credentials_is_refused(tmp_path: Path, octets: bytes) -> None:
    assert _code(find_credentials, _file(tmp_path, octets)) is ErrorCode.E_USAGE


def test_the_environment_is_asked_if_there_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert find_credentials(None) is None
    monkeypatch.setenv(VARIABLE, "bearer token")
    found = find_credentials(None)

    assert found is not None
    assert found.header == "Bearer token"


def test_without_pynetdicom_dimse_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pynetdicom", None)
    with pytest.raises(EncryptSecureRTError) as refused:
        need_pynetdicom()

    assert refused.value.code is ErrorCode.E_USAGE
    assert "pip install 'pynetdicom" in refused.value.what
