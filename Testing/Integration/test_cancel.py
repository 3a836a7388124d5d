"""Cancelling: at the next check point of a running job, at once for one that waits."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from phantom_files import write_ct_series
from Testing.Integration.hospital import Hospital
from Testing.Integration.orders import (
    end_of,
    events_of,
    post,
    refusal_of,
    segment_order,
)

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import (
    EndEvent,
    ProgressEvent,
    StateEvent,
    decode_event,
)
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.rights import Role
from encryptsecurert_rt.phantoms import ct_phantom, default_phantom_grid
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher, cancel
from EncryptSecureRTLib.client.protect import protect_series


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hospital, ClientHome, Path]]:
    """Yield a hospital of its own with a protected CT of full size."""
    folder = tmp_path_factory.mktemp("busy")
    hospital = Hospital(folder / "stand")
    home = hospital.user(Role.PHYSICIST)
    phantom = ct_phantom(default_phantom_grid(shape=(120, 512, 512)))
    write_ct_series(folder / "ct", phantom.hu, phantom.grid)
    with hospital:
        hospital.provision()
        with hospital.channel(home) as channel:
            made = protect_series(channel, home, folder / "ct", folder / "p", Watcher())
        yield hospital, home, made.folder


@pytest.mark.slow
def test_cancel_takes_effect_within_a_second_at_any_stage(
    busy: tuple[Hospital, ClientHome, Path], record_property: Callable[[str, object], None]
) -> None:
    hospital, home, folder = busy
    latencies: dict[str, float] = {}
    with hospital.channel(home) as channel:
        for at in (0.05, 0.2, 0.4, 0.6, 0.75, 0.9):
            header = segment_order(channel, home, folder)
            post(channel, header, home.user().key)
            pressed_s = 0.0
            for line in channel.stream_lines(f"/v1/jobs/{header.job}/events?after=0", 65536):
                event = decode_event(line) if line else None
                if isinstance(event, ProgressEvent) and event.fraction >= at and not pressed_s:
                    pressed_s = time.monotonic()
                    cancel(channel, header.job)
                if isinstance(event, EndEvent):
                    latencies[f"{at:.2f}"] = round(time.monotonic() - pressed_s, 3)
                    assert (event.state, event.error) == (JobState.CANCELLED, "E_CANCELLED")
            assert refusal_of(channel.request, "GET", f"/v1/results/{header.job}/receipt") is (
                ErrorCode.E_NOT_FOUND
            )
    record_property("cancel_latency_s", latencies)
    print("cancel latency, s:", latencies)

    assert max(latencies.values()) <= 1.0, latencies
    assert list((hospital.state / "results").iterdir()) != []  # protect's: only ours are gone


def test_a_queued_job_is_cancelled_at_once_and_the_running_one_goes_on(
    busy: tuple[Hospital, ClientHome, Path],
) -> None:
    hospital, home, folder = busy
    with hospital.channel(home) as channel:
        running = segment_order(channel, home, folder)
        waiting = dataclasses.replace(running, job="ab" * 16)
        post(channel, running, home.user().key)
        post(channel, waiting, home.user().key)
        states = {r["job"]: r["state"] for r in channel.request_json("GET", "/v1/jobs")["jobs"]}
        pressed_s = time.monotonic()
        cancel(channel, waiting.job)
        events = events_of(channel, waiting.job)
        took_s = time.monotonic() - pressed_s
        cancel(channel, waiting.job)  # again: nothing more happens
        after = {r["job"]: r["state"] for r in channel.request_json("GET", "/v1/jobs")["jobs"]}
        cancel(channel, running.job)
        end = end_of(channel, running.job)

    assert (states[running.job], states[waiting.job]) == ("running", "queued")
    assert [type(e) for e in events] == [StateEvent, EndEvent]
    assert took_s < 0.5
    assert (after[running.job], after[waiting.job]) == ("running", "cancelled")
    assert end.state is JobState.CANCELLED
