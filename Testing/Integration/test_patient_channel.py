"""A client that outlasts restarts and cut lines of a real worker, and attests it anew each time."""

import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import FileResponse
from Testing.Integration.hospital import Hospital, Ward
from Testing.Integration.orders import refusal_of
from Testing.Integration.taps import EVIDENCE_ONLY

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.limits import KIB, MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client import downloads
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.patience import Patience, PatientChannel, Waiter
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.upload import Content, upload

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_QUICK = Patience(total_s=60, first_pause_s=0.05, longest_s=0.5)


def _patient(home: ClientHome, url: str, waiter: Waiter | None = None) -> PatientChannel:
    return PatientChannel(partial(open_channel, home, url), _QUICK, waiter or Waiter())


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hospital, ClientHome]]:
    hospital = Hospital(tmp_path_factory.mktemp("staffed"))
    home = hospital.user(Role.PHYSICIST)
    with hospital:
        hospital.provision()
        yield hospital, home


def test_a_restarted_worker_is_attested_before_it_gets_the_next_request(
    staffed: tuple[Hospital, ClientHome],
) -> None:
    hospital, home = staffed
    with _patient(home, hospital.url) as channel:
        before = channel.statement
        hospital.restart()
        mine = len(hospital.tap.connections)
        channel.request_json("GET", "/v1/tasks")
        after = channel.statement

    assert after.start_id != before.start_id
    assert after.hpke_public_key != before.hpke_public_key
    used = [c for c in hospital.tap.connections[mine:] if c.received]
    assert [[line.split("?")[0] for line, _ in c.requests()] for c in used] == [
        ["GET /v1/evidence", "GET /v1/health", "GET /v1/tasks"]
    ]


def test_a_worker_that_is_away_is_waited_for(staffed: tuple[Hospital, ClientHome]) -> None:
    hospital, home = staffed
    heard: list[tuple[str, int]] = []

    def waiting(code: str, attempt: int, pause_s: float) -> None:
        heard.append((code, attempt))
        if attempt == 3:
            hospital.start()

    with _patient(home, hospital.url, Waiter(waiting=waiting)) as channel:
        hospital.stop()
        tasks = channel.request_json("GET", "/v1/tasks")["tasks"]

    assert tasks
    assert heard[:3] == [("E_UNREACHABLE", attempt) for attempt in (1, 2, 3)]


def test_a_user_who_was_revoked_meanwhile_is_not_waited_for(
    staffed: tuple[Hospital, ClientHome],
) -> None:
    hospital, _ = staffed
    home = hospital.user(Role.PHYSICIST)
    hospital.provision()
    heard: list[str] = []
    waiter = Waiter(waiting=lambda code, attempt, pause_s: heard.append(code))
    with _patient(home, hospital.url, waiter) as channel:
        hospital.site.revoke_user(home.user().user)
        hospital.provision()

        code = refusal_of(channel.request_json, "GET", "/v1/tasks")

    assert code is ErrorCode.E_USER_CERTIFICATE
    assert heard == []


def test_an_upload_goes_on_after_a_restart_without_a_chunk_sent_twice(
    staffed: tuple[Hospital, ClientHome],
) -> None:
    hospital, home = staffed
    content = random_octets(8 * MIB + 5000)
    starts: list[str] = []
    before = len(hospital.tap.connections)

    with _patient(home, hospital.url) as channel:

        def progress(done_bytes: int, total_bytes: int) -> None:
            if done_bytes >= 3 * MIB and not starts:
                starts.append(channel.statement.start_id)
                hospital.restart()

        first = upload(channel, home, ObjectKind.VOLUME, Content([content]), progress=progress)
        starts.append(channel.statement.start_id)
        again = upload(channel, home, ObjectKind.VOLUME, Content([content]))

    requests = [r for c in hospital.tap.connections[before:] for r in c.requests()]
    announced = [line for line, _ in requests if line == "POST /v1/objects"]
    assert len(set(starts)) == 2
    assert (first.sent_bytes, again.sent_bytes) == (len(content), 0)
    assert len(announced) == 2  # the first and the last: the restart needed none
    assert list(home.uploads_path.iterdir()) == []


def test_the_next_run_sends_what_the_run_before_did_not(
    staffed: tuple[Hospital, ClientHome],
) -> None:
    hospital, home = staffed
    content = random_octets(8 * MIB)
    seen: list[int] = []

    def progress(done_bytes: int, total_bytes: int) -> None:
        seen.append(done_bytes)

    with open_channel(home, hospital.url) as channel:
        code = refusal_of(
            upload,
            channel,
            home,
            ObjectKind.VOLUME,
            Content([content]),
            progress=progress,
            stopped=lambda: bool(seen) and seen[-1] >= 3 * MIB,
        )
    hospital.restart()
    with open_channel(home, hospital.url) as channel:
        rest = upload(channel, home, ObjectKind.VOLUME, Content([content]))

    assert code is ErrorCode.E_CANCELLED
    assert 0 < rest.sent_bytes <= len(content) - 3 * MIB
    assert list(home.uploads_path.iterdir()) == []


def test_a_download_that_is_cut_goes_on_with_a_range(
    ward: Ward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")
    monkeypatch.setattr(downloads, "_PIECE_BYTES", 4 * KIB)
    whole = FileResponse._handle_simple
    cuts: list[int] = []

    async def cut_once(self: FileResponse, send: Send, *rest: Any) -> None:
        if cuts or Path(self.path).stat().st_size < 64 * KIB:
            return await whole(self, send, *rest)
        cuts.append(1)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        octets = Path(self.path).read_bytes()[: 32 * KIB]
        await send({"type": "http.response.body", "body": octets, "more_body": True})
        for connection in list(ward.hospital.service._server.server_state.connections):
            connection.transport.close()
        return None

    monkeypatch.setattr(FileResponse, "_handle_simple", cut_once)
    first = len(ward.hospital.tap.connections)
    with _patient(home, ward.url) as channel:
        made = protect_series(channel, home, ward.original, tmp_path / "out", Watcher())

    received = b"".join(bytes(c.received) for c in ward.hospital.tap.connections[first:])
    assert len(cuts) == 1
    assert [int(start) for start in re.findall(rb"(?i)\r\nrange: bytes=(\d+)-", received)] == [
        32 * KIB
    ]
    assert made.instances == len(list(ward.original.iterdir()))
    assert EVIDENCE_ONLY.match(ward.hospital.tap.connections[-1].received)
