"""Quick jobs with known results, ordered by clients who outlast a worker's restarts."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from phantom_jobs import phantom_volume, segment_parameters

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.objects import ObjectKind
from EncryptSecureRTLib.client.channel import Channel, open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Finished, Watcher
from EncryptSecureRTLib.client.line import Line
from EncryptSecureRTLib.client.patience import Patience, PatientChannel
from EncryptSecureRTLib.client.runs import run_job
from EncryptSecureRTLib.client.upload import Content, upload

SHAPE = (24, 64, 64)
_PASSING = (ErrorCode.E_UNREACHABLE, ErrorCode.E_TIMEOUT)
# What is asked for in turn: each gives other results.
CHOICES = (("body",), ("skeleton",), ("body", "skeleton"), ("lung_left", "lung_right"))


def small_volume(shape: tuple[int, int, int] = SHAPE, series: int = 0) -> Content:
    """Return a phantom's CT as the octets of a volume object, another one for each series."""
    return phantom_volume(shape, series)


def parameters(choice: int) -> dict[str, Any]:
    """Return the parameters of one of the jobs."""
    return segment_parameters(CHOICES[choice % len(CHOICES)])


def patient(home: ClientHome, url: str, *, total_s: float = 240.0) -> PatientChannel:
    """Return a channel that waits for a worker to come back, and asks often."""
    patience = Patience(total_s=total_s, first_pause_s=0.05, longest_s=0.4)
    return PatientChannel(partial(_open, home, url, total_s), patience)


def _open(home: ClientHome, url: str, total_s: float) -> Channel:
    """Open a channel, at first contact as patiently as later."""
    end_s = time.monotonic() + total_s
    while True:
        try:
            return open_channel(home, url)
        except EncryptSecureRTError as error:
            if error.code not in _PASSING or time.monotonic() > end_s:
                raise
        time.sleep(0.05)


def run_small(
    channel: Line, home: ClientHome, content: Content, choice: int, watcher: Watcher | None = None
) -> Finished:
    """Upload if need be, order, follow and fetch."""
    name = upload(channel, home, ObjectKind.VOLUME, content).name
    order = parameters(choice)
    return run_job(channel, home, "segment", lambda: [name], order, watcher or Watcher())


def outputs(finished: Finished) -> Mapping[str, str]:
    """Return the digests that the receipt names, which were checked against the results."""
    return dict(finished.body.outputs)


def expected_outputs(home: ClientHome, url: str, content: Content) -> list[Mapping[str, str]]:
    """Run each choice once, undisturbed."""
    with patient(home, url) as channel:
        return [outputs(run_small(channel, home, content, n)) for n in range(len(CHOICES))]
