"""What one user may take of a worker, and that it is taken from nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from Testing.Integration.audited import audit_lines
from Testing.Integration.held import no_job_starts
from Testing.Integration.hospital import Hospital
from Testing.Integration.orders import announce, draft, end_of, events_of, post
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol.audit import AuditEvent
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.events import StateEvent
from encryptsecurert_protocol.jobs import JobState
from encryptsecurert_protocol.limits import LIMITS
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from encryptsecurert_worker.core import WorkerCore
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome

pytestmark = pytest.mark.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A worker and two users on their lines."""

    hospital: Hospital
    homes: tuple[ClientHome, ClientHome]
    channels: tuple[Channel, Channel]

    @property
    def core(self) -> WorkerCore:
        """The worker's parts."""
        return self.hospital.service.core

    def order(self, who: int) -> str:
        """Order a small job and return its id."""
        channel, home = self.channels[who], self.homes[who]
        return str(post(channel, draft(channel, home), home.user().key)["job"])

    def begin(self, who: int) -> tuple[Client, str]:
        """Begin an upload."""
        client = Client(self.core.identity.hpke, b"some", name=random_octets(32).hex())
        return client, str(announce(self.channels[who], client)["upload"])


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    hospital = Hospital(tmp_path / "stand")
    first, second = hospital.users([Role.PHYSICIST, Role.PHYSICIST])
    with hospital:
        hospital.provision()
        with hospital.channel(first) as one, hospital.channel(second) as two:
            yield Shared(hospital=hospital, homes=(first, second), channels=(one, two))


def _refusal(error: pytest.ExceptionInfo[EncryptSecureRTError]) -> tuple[ErrorCode, str]:
    return error.value.code, error.value.detail


def test_open_uploads_are_counted_for_each_user(shared: Shared) -> None:
    begun = [shared.begin(0) for _ in range(LIMITS.open_uploads_per_user)]

    with pytest.raises(EncryptSecureRTError) as refused:
        shared.begin(0)
    shared.begin(1)
    client, upload = begun[0]
    shared.channels[0].put(f"/v1/objects/{upload}/0", client.chunk(0))
    shared.begin(0)  # one has become an object

    assert _refusal(refused) == (ErrorCode.E_QUOTA, "too many uploads are open")
    with pytest.raises(EncryptSecureRTError):
        shared.begin(0)


def test_waiting_jobs_are_counted_for_each_user(shared: Shared) -> None:
    with no_job_starts(shared.core):
        waiting = [shared.order(0) for _ in range(LIMITS.queued_jobs_per_user)]

        with pytest.raises(EncryptSecureRTError) as refused:
            shared.order(0)
        others = shared.order(1)
        shared.channels[0].request("DELETE", f"/v1/jobs/{waiting[0]}")
        waiting.append(shared.order(0))  # in the place of the one that was cancelled

    ends = [end_of(shared.channels[0], job).state for job in waiting]
    assert _refusal(refused) == (ErrorCode.E_QUOTA, "too many jobs wait")
    assert ends == [JobState.CANCELLED] + [JobState.DONE] * LIMITS.queued_jobs_per_user
    assert end_of(shared.channels[1], others).state is JobState.DONE


def test_a_job_waits_for_one_of_another_user_at_most(shared: Shared) -> None:
    with no_job_starts(shared.core):
        many = [shared.order(0) for _ in range(20)]
        one = shared.order(1)
        places = [
            row["place"] for row in shared.channels[1].request_json("GET", "/v1/jobs")["jobs"]
        ]
    events = events_of(shared.channels[1], one)
    for job in many:
        end_of(shared.channels[0], job)

    lines = audit_lines(shared.hospital)
    started = [line.job for line in lines if line.event is AuditEvent.JOB_STARTED]
    told = [event.place for event in events if isinstance(event, StateEvent)]
    assert places == [1]
    assert max(told) <= 1
    assert started.index(one) <= 1
    assert [job for job in started if job != one] == many
