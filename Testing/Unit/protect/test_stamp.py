"""An original that changed between split and splice is found, whatever its time stamps say.

Whether octets were hashed again shows where the split's own digest is wrong: then they were not, or
the file is refused.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from Testing.Unit.protect.test_dicomfiles import NAME, PIXELS

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import BulkInsert, HeaderState, ProtectedHeader
from EncryptSecureRTLib.client.dicomfiles import SplitFile, splice, split_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no time of change is noted there")
SPLICE = sys.modules["EncryptSecureRTLib.client.dicomfiles.splice"]
LATER_NS = 10_000_000_000
WHOLE = b"HEAD" + PIXELS + b"TAIL"


@pytest.fixture
def original(tmp_path: Path, ct_octets: Callable[..., bytes]) -> Path:
    path = tmp_path / "CANARY.dcm"
    path.write_bytes(ct_octets())
    return path


@pytest.fixture
def settled(original: Path, monkeypatch: pytest.MonkeyPatch) -> SplitFile:
    """Split a file that was last changed a while ago."""
    with monkeypatch.context() as later:
        later.setattr(time, "time_ns", lambda now=time.time_ns: now() + LATER_NS)
        return split_file(original)


def _wrong(split: SplitFile) -> SplitFile:
    return replace(split, bulk=(replace(split.bulk[0], sha256="0" * 64),))


def _splice(split: SplitFile, path: Path) -> bytes:
    (bulk,) = split.bulk
    answer = ProtectedHeader(
        state=HeaderState.PROTECTED,
        name=NAME,
        bulk=(BulkInsert(at=4, length=bulk.length, sha256=bulk.sha256),),
        header=b"HEADTAIL",
    )
    return splice(answer, path, split, path.parent / "out").read_bytes()


def _refusal(split: SplitFile, path: Path) -> ErrorCode:
    with pytest.raises(EncryptSecureRTError) as refused:
        _splice(split, path)
    assert not [one for one in (path.parent / "out").rglob("*") if one.is_file()]
    return refused.value.code


def _change_pixels(path: Path) -> None:
    """Change an octet in place, and put the times that can be set back."""
    before, octets = path.stat(), path.read_bytes()
    place = octets.index(PIXELS) + 7
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xee")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_octets_of_a_file_that_did_not_change_are_not_hashed_again(
    settled: SplitFile, original: Path
) -> None:
    assert _splice(settled, original) == WHOLE
    assert _splice(_wrong(settled), original) == WHOLE


def test_a_file_that_was_just_written_is_hashed_again(original: Path) -> None:
    split = split_file(original)

    assert split.stamp is None
    assert _refusal(_wrong(split), original) is ErrorCode.E_DIGEST
    assert _splice(split, original) == WHOLE


def test_a_change_is_found_though_its_time_was_put_back(settled: SplitFile, original: Path) -> None:
    _change_pixels(original)

    assert _refusal(settled, original) is ErrorCode.E_DIGEST


def test_another_file_in_its_place_is_found(settled: SplitFile, original: Path) -> None:
    before = original.stat()
    other = original.with_name("other")
    other.write_bytes(original.read_bytes().replace(PIXELS, PIXELS[::-1]))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(original)

    assert _refusal(settled, original) is ErrorCode.E_DIGEST


def test_a_change_of_rights_alone_has_the_octets_hashed_and_taken(
    settled: SplitFile, original: Path
) -> None:
    original.chmod(0o400)

    assert _refusal(_wrong(settled), original) is ErrorCode.E_DIGEST
    assert _splice(settled, original) == WHOLE


@pytest.mark.parametrize("change", [_change_pixels, lambda path: path.chmod(0o400)])
def test_a_change_while_octets_are_copied_has_them_copied_again_and_hashed(
    settled: SplitFile, original: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[..., None]
) -> None:
    copy, copies = SPLICE._put_together, []

    def copied_and_changed(*arguments: object, hashed: bool) -> None:
        copy(*arguments, hashed=hashed)
        copies.append(hashed)
        if len(copies) == 1:
            change(original)

    monkeypatch.setattr(SPLICE, "_put_together", copied_and_changed)

    if change is _change_pixels:
        assert _refusal(settled, original) is ErrorCode.E_DIGEST
        assert copies == [False]
    else:
        assert _splice(settled, original) == WHOLE
        assert copies == [False, True]


def test_where_no_time_of_change_is_noted_octets_are_hashed(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda now=time.time_ns: now() + LATER_NS)
    stamps = sys.modules["EncryptSecureRTLib.client.dicomfiles.stamp"]
    monkeypatch.setattr(stamps, "os", type("Windows", (), {"name": "nt"}))

    assert split_file(original).stamp is None
