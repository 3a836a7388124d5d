"""One segmentation through the whole path, with all that was heard of it."""

import dataclasses
from pathlib import Path

from Testing.Integration.hospital import Ward

from encryptsecurert_protocol.events import Event
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.segment import Segmented, SegmentRequest, segment_series


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """What was made, what was heard, and where the files are."""

    made: Segmented
    events: list[Event]
    out: Path


def segment(ward: Ward, out: Path, home: ClientHome | None = None) -> Done:
    """Segment the ward's protected series as the physicist, unless told otherwise."""
    events: list[Event] = []
    home = home or ward.physicist
    request = SegmentRequest(folder=ward.protected, out=out)
    with ward.channel(home) as channel:
        made = segment_series(channel, home, request, Watcher(event=events.append))
    return Done(made, events, out)
