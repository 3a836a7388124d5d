"""Cancelling: at the next check point of a running job, at once for one that waits."""

import dataclasses
import time
from collections.abc import Callable

import pytest
from Testing.Integration.hospital import Busy
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
from EncryptSecureRTLib.client.jobs import cancel


@pytest.mark.slow
@pytest.mark.alone
def test_cancel_takes_effect_within_a_second_at_any_stage(
    busy: Busy, record_property: Callable[[str, object], None]
) -> None:
    hospital, home, folder = busy.hospital, busy.home, busy.protected
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


@pytest.mark.alone
def test_a_queued_job_is_cancelled_at_once_and_the_running_one_goes_on(
    busy: Busy,
) -> None:
    hospital, home, folder = busy.hospital, busy.home, busy.protected
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
