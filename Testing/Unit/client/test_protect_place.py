"""A protected copy comes to its place whole or not at all, and replaces nothing that is there."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.protect_place import publish, staging_in


def _made(staging: Path) -> tuple[list[str], list[Path]]:
    """Write two series and a manifest as they are made."""
    paths = [staging / name for name in ("one/1.dcm", "one/2.dcm", "two/3.dcm", "names/m.dcm")]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(path.name.encode())
    return ["one", "two"], paths[3:]


def _publish(destination: Path) -> Sequence[Path]:
    with staging_in(destination) as staging:
        return publish(staging, destination, *_made(staging))


def _below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.dcm"))


def test_series_and_manifest_are_there(tmp_path: Path) -> None:
    folders = _publish(tmp_path / "out")

    assert folders == (tmp_path / "out/one", tmp_path / "out/two")
    assert _below(tmp_path / "out") == ["names/m.dcm", "one/1.dcm", "one/2.dcm", "two/3.dcm"]
    assert len(list((tmp_path / "out").iterdir())) == 3


@pytest.mark.parametrize("stop", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_what_ends_it_between_two_moves_leaves_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException], after: int
) -> None:
    real, calls = Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        calls.append(path)
        if len(calls) == after + 1:
            raise stop
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises((EncryptSecureRTError, KeyboardInterrupt)):
        _publish(tmp_path / "out")

    assert len(calls) > after
    assert not (tmp_path / "out").exists()


def test_another_file_of_a_manifests_name_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out/names").mkdir(parents=True)
    (tmp_path / "out/names/m.dcm").write_bytes(b"another study's image")

    with pytest.raises(EncryptSecureRTError) as refused:
        _publish(tmp_path / "out")

    assert refused.value.code is ErrorCode.E_LOCAL_FILE
    assert _below(tmp_path / "out") == ["names/m.dcm"]
    assert (tmp_path / "out/names/m.dcm").read_bytes() == b"another study's image"


def test_the_same_manifest_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "out/names").mkdir(parents=True)
    (tmp_path / "out/names/m.dcm").write_bytes(b"m.dcm")

    _publish(tmp_path / "out")

    assert len(_below(tmp_path / "out")) == 4
