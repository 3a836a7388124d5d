"""Downloads that end early, and an archive that cannot be written: nothing half, the right name."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import FileResponse
from Testing.Integration.hospital import Ward

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.segment import SegmentRequest, segment_series

Send = Callable[[dict[str, Any]], Awaitable[None]]
_TIMEOUT_S = 2.0


def _protect(ward: Ward, home: ClientHome, out: Path) -> ErrorCode | None:
    with open_channel(home, ward.url, timeout_s=_TIMEOUT_S) as channel:
        try:
            protect_series(channel, home, ward.original, out, Watcher())
        except EncryptSecureRTError as error:
            return error.code
    return None


def _segment(ward: Ward, home: ClientHome, out: Path) -> ErrorCode | None:
    order = SegmentRequest(folder=ward.protected, out=out, structures=("body",))
    with ward.channel(home) as channel:
        try:
            segment_series(channel, home, order, Watcher())
        except EncryptSecureRTError as error:
            return error.code
    return None


def _begin_only(monkeypatch: pytest.MonkeyPatch, then: Callable[[], Awaitable[None]]) -> None:
    """Let the worker send the beginning of each result, and then do something else."""

    async def begin(self: FileResponse, send: Send, *_: object) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": bytes(64), "more_body": True})
        await then()

    monkeypatch.setattr(FileResponse, "_handle_simple", begin)


@pytest.mark.parametrize("work", [_protect, _segment])
def test_a_line_that_is_cut_during_a_download_is_the_networks_fault(
    ward: Ward,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Ward, ClientHome, Path], ErrorCode | None],
) -> None:
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")

    async def cut() -> None:
        for connection in list(ward.hospital.service._server.server_state.connections):
            connection.transport.abort()

    with monkeypatch.context() as patch:
        _begin_only(patch, cut)
        code = work(ward, home, tmp_path / "out")

    assert code is ErrorCode.E_UNREACHABLE
    assert not (tmp_path / "out").exists()
    assert work(ward, home, tmp_path / "out") is None


def test_a_worker_that_falls_silent_during_a_download_is_late(
    ward: Ward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pause() -> None:
        await asyncio.sleep(_TIMEOUT_S + 1)

    _begin_only(monkeypatch, pause)

    assert _protect(ward, ward.technician, tmp_path / "out") is ErrorCode.E_TIMEOUT
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("work", [_protect, _segment])
def test_nothing_is_published_whose_receipt_cannot_be_archived(
    ward: Ward,
    tmp_path: Path,
    work: Callable[[Ward, ClientHome, Path], ErrorCode | None],
) -> None:
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")
    home.receipts_path.rename(tmp_path / "aside")
    home.receipts_path.write_bytes(b"not a folder")

    assert work(ward, home, tmp_path / "out") is ErrorCode.E_LOCAL_FILE
    assert not (tmp_path / "out").exists()
    home.receipts_path.unlink()
    assert work(ward, home, tmp_path / "out") is None
    assert list(home.receipts_path.glob("*/receipt.json")) != []


def test_a_destination_that_cannot_be_written_is_a_local_fault(ward: Ward, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert _protect(ward, ward.technician, tmp_path / "file" / "out") is ErrorCode.E_LOCAL_FILE
