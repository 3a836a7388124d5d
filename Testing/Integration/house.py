"""Two users of one worker, and what the first of them has there."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from Testing.Integration.hospital import Hospital
from Testing.Integration.orders import put_object
from Testing.Integration.served import raw_connection, rest_of
from Testing.Integration.small_jobs import parameters, run_small, small_volume
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher


def small_job(channel: Channel, home: ClientHome, choice: int = 0) -> str:
    """Run a small job to its end and return its id."""
    jobs: list[str] = []
    run_small(channel, home, small_volume(), choice, Watcher(job=jobs.append))
    return jobs[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Two users of one worker: what the first one has there, and the second who looks for it."""

    hospital: Hospital
    first: ClientHome
    second: ClientHome
    job: str
    upload: str
    complete: str
    volume: str
    order: str
    etag: str
    client: Client

    def octets(
        self, home: ClientHome, method: str, path: str, *more: str, body: bytes = b""
    ) -> bytes:
        """Send one request and return the whole answer, octet for octet."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close"]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "".join(more) + "\r\n"])
        with closing(raw_connection(self.hospital.url, home)) as connection:
            connection.sendall(head.encode() + body)
            return rest_of(connection)

    def state_of(self, home: ClientHome) -> list[bytes]:
        """Return what a user sees of all that is theirs."""
        paths = ["/v1/jobs", f"/v1/objects/{self.upload}", f"/v1/results/{self.job}/receipt"]
        paths += [f"/v1/jobs/{self.job}/events?after=0", f"/v1/objects/{self.complete}"]
        return [self.octets(home, "GET", path) for path in paths]


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """Let two users in, the first of whom leaves things there."""
    hospital = Hospital(folder)
    first, second = hospital.users([Role.PHYSICIST, Role.PHYSICIST])
    with hospital:
        hospital.provision()
        with hospital.channel(first) as channel:
            job = small_job(channel, first)
            volume = put_object(channel, first, b"any", ObjectKind.VOLUME)
            order = put_object(channel, first, canonical.encode(parameters(0)))
            etag = channel.request("GET", f"/v1/results/{job}/receipt").headers["etag"]
        core, user = hospital.service.core, first.user().user
        client = Client(core.identity.hpke, random_octets(MIB + 1), name=random_octets(32).hex())
        upload = client.begin(core.objects, owner=user)
        core.objects.put(upload, 0, client.chunk(0))
        complete = core.objects.require_complete(user, volume).upload
        yield House(
            hospital=hospital,
            first=first,
            second=second,
            job=job,
            upload=upload.upload,
            complete=complete,
            volume=volume,
            order=order,
            etag=etag,
            client=client,
        )
