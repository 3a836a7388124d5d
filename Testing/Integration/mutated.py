"""Every message that a worker takes, as it should be and as it should not.

Some mutations spoil the outermost octets; others spoil what lies inside and sign and seal it
anew, so that they pass the doors before the one that they are meant for.
"""

import dataclasses
import hashlib
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from stand import Stand
from Testing.Integration.inside import Ask
from Testing.Integration.orders import announcement, draft, end_of, now, post
from Testing.Unit.protocol.spoiling import altered, spoiled
from Testing.Unit.worker.sealed import Client

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.bundles import BundleMessage, seal_secrets
from encryptsecurert_protocol.fields import ID_BYTES
from encryptsecurert_protocol.leases import Lease
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ContentKey, ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import KEY_BYTES, hpke_seal, random_octets
from encryptsecurert_protocol.signatures import Label, sign, signed_message
from encryptsecurert_worker.core import WorkerCore
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.changes import with_lease_s

LEASE_S = 3600
_OUTER = 0.65  # of messages that it takes a while to sign or seal, not more are spoiled inside
Mutation = Callable[[random.Random], Ask]
_OBJECT_INFO = b"EncryptSecureRT/object/v1\x00"
_NUMBERS = (b"0", b"1", b"-1", b"+1", b"00", b"1e3", b"9007199254740992", b"9" * 5000, b"\xd9\xa1")


class Bench:
    """A worker with leases and its people, and their messages.

    Attributes
    ----------
    ended : id of a job of the physicist that has ended.
    """

    def __init__(self, folder: Path) -> None:
        self.stand = Stand(folder)
        self.stand.site.change(lambda state, _: with_lease_s(state, LEASE_S))
        self.physicist, self.colleague, self.auditor = self.stand.users(
            [Role.PHYSICIST, Role.PHYSICIST, Role.AUDITOR]
        )
        self.stand.start()
        self.stand.provision()
        with open_channel(self.physicist, self.stand.url) as channel:
            self.order = draft(channel, self.physicist)
            post(channel, self.order, self.physicist.user().key)
            end_of(channel, self.order.job)
        self.ended = self.order.job
        self._certificates = {
            home.path: home.user().certificate_der
            for home in (self.physicist, self.auditor, self.custodian)
        }
        self._open_upload()
        self._leases = 0
        self._key = self.physicist.user().key
        self._right_order = self._signed_order(self.order.encode())
        self._of_site = self.stand.site.current_bundle()
        self._good: tuple[int, BundleMessage] | None = None

    @property
    def custodian(self) -> ClientHome:
        """The custodian's own folder."""
        return self.stand.site.home

    @property
    def core(self) -> WorkerCore:
        """The worker's parts."""
        return self.stand.service.core

    def _open_upload(self) -> None:
        key, user = self.core.identity.hpke, self.physicist.user().user
        self._small = Client(key, b"content", name="0f" * 32, kind=ObjectKind.PARAMETERS)
        self._client = Client(key, random_octets(MIB + 5000), name="ab" * 32)
        upload = self._client.begin(self.core.objects, owner=user)
        self.core.objects.put(upload, 1, self._client.chunk(1))
        self.upload = upload.upload

    def certificate(self, home: ClientHome) -> bytes:
        """Return a user's certificate."""
        return self._certificates[home.path]

    def _ask(
        self, method: str, target: str | bytes, body: bytes = b"", home: ClientHome | None = None
    ) -> Ask:
        octets = target.encode() if isinstance(target, str) else target
        certificate = self.certificate(home or self.physicist)
        return Ask(method=method, target=octets, body=body, certificate=certificate)

    def mutations(self) -> Mapping[str, Mutation]:
        """Return what spoils each kind of message."""
        return {
            "audit query": self.audit,  # before the log is long
            "events query": self.events,
            "evidence query": self.evidence,
            "object": self.object,
            "chunk": self.chunk,
            "job": self.job,
            "bundle": self.bundle,
            "lease": self.lease,
        }

    # ---- objects

    def object(self, rng: random.Random) -> Ask:
        """Spoil the announcement of an object."""
        small, key = self._small, self.core.identity.hpke
        if rng.random() < _OUTER:
            right = canonical.encode(announcement(small.header, small.sealed))
            return self._ask("POST", "/v1/objects", _outer(right, rng))
        header = small.header.replace(small.name.encode(), rng.randbytes(32).hex().encode())
        content = ContentKey(bytes(KEY_BYTES), len(small.content), bytes(32)).encode()
        if rng.random() < 0.7:
            header = _inner(header, rng)
        else:
            content = spoiled(content, rng)
        info = _OBJECT_INFO + hashlib.sha256(header).digest()
        sealed = hpke_seal(key.suite, key.public, info, content)
        body = canonical.encode(announcement(header, sealed))
        return self._ask("POST", "/v1/objects", body)

    def chunk(self, rng: random.Random) -> Ask:
        """Spoil a chunk or where it goes; index 0 is never rightly sealed, so the upload stays."""
        path, body = f"/v1/objects/{self.upload}/1".encode(), self._client.chunk(1)
        match rng.randrange(20):
            case 0:
                return self._ask("PUT", path, _MIB_OF_ZEROS[: rng.randrange(len(_MIB_OF_ZEROS))])
            case 1 | 2 | 3:
                other = rng.choice(_NUMBERS)
                return self._ask("PUT", path[:-1] + other, body)
            case 4 | 5 | 6 | 7:
                return self._ask("PUT", b"/v1/objects/" + spoiled(path[12:], rng), body)
            case 8 | 9:
                other_plaintext = rng.randbytes(8192)
                return self._ask(
                    "PUT", path, self._client.cipher.seal(1, other_plaintext, last=True)
                )
            case _:
                return self._ask("PUT", path, spoiled(body, rng))

    # ---- jobs

    def job(self, rng: random.Random) -> Ask:
        """Spoil a job's order."""
        if rng.random() < _OUTER:
            return self._ask("POST", "/v1/jobs", _outer(self._right_order, rng))
        order = self.order
        if rng.random() < 0.3:
            order = dataclasses.replace(order, job=rng.randbytes(ID_BYTES).hex())
        return self._ask("POST", "/v1/jobs", self._signed_order(_inner(order.encode(), rng)))

    def _signed_order(self, octets: bytes) -> bytes:
        return canonical.encode(signed_message(octets, sign(self._key, Label.JOB, octets)))

    # ---- the custodian's

    def good_bundle(self) -> BundleMessage:
        """Return the site's bundle under the epoch that follows the worker's."""
        epoch = self.core.epoch + 1
        if self._good is None or self._good[0] != epoch:
            core = dataclasses.replace(self._of_site.content, epoch=epoch)
            self._good = epoch, self._bundle(core.encode(), self._of_site.secrets)
        return self._good[1]

    def _bundle(self, core: bytes, secrets: bytes) -> BundleMessage:
        keys, key = self.stand.site._keys, self.core.identity.hpke
        return BundleMessage(
            site_key=keys.site_spki,
            core=core,
            signature=sign(keys.site_signing, Label.BUNDLE, core),
            sealed=seal_secrets(core, secrets, key.suite, key.public),
        )

    def bundle(self, rng: random.Random) -> Ask:
        """Spoil a bundle, its core or its secrets."""
        good = self.good_bundle()
        if rng.random() < _OUTER:
            body = _outer(canonical.encode(good.as_json()), rng)
            return self._ask("POST", "/v1/provision", body, self.custodian)
        # Most of them are of an epoch that is over, which shows only when all else is right.
        core = good.core if rng.random() < 0.3 else self._of_site.core
        secrets = self._of_site.secrets
        if rng.random() < 0.8:
            core = _inner(core, rng)
        else:
            secrets = _inner(secrets, rng)
            digest = hashlib.sha256(secrets).hexdigest()
            value = canonical.decode(core)
            core = canonical.encode({**value, "secrets_sha256": digest})
        body = canonical.encode(self._bundle(core, secrets).as_json())
        return self._ask("POST", "/v1/provision", body, self.custodian)

    def lease(self, rng: random.Random) -> Ask:
        """Spoil a lease; each is newer than the one before, by a second."""
        self._leases += rng.random() < 0.02
        octets = self._lease()
        inside = rng.random() < 0.5
        if inside:
            octets = _inner(octets, rng)
        body = self._signed_lease(octets)
        body = body if inside else _outer(body, rng)
        return self._ask("POST", "/v1/provision", body, self.custodian)

    def good_lease(self) -> Ask:
        """Return a lease for the worker's present epoch."""
        self._leases += 1
        return self._ask("POST", "/v1/provision", self._signed_lease(self._lease()), self.custodian)

    def _lease(self) -> bytes:
        time = now() + timedelta(seconds=self._leases)
        return Lease(
            start_id=self.core.identity.start_id,
            epoch=self.core.epoch,
            time=time,
            not_after=time + timedelta(seconds=LEASE_S),
        ).encode()

    def _signed_lease(self, octets: bytes) -> bytes:
        signature = sign(self.stand.site._keys.site_signing, Label.LEASE, octets)
        return canonical.encode(signed_message(octets, signature))

    # ---- queries

    def evidence(self, rng: random.Random) -> Ask:
        """Spoil the question for evidence."""
        return self._query(b"/v1/evidence", b"nonce=" + rng.randbytes(32).hex().encode(), rng)

    def events(self, rng: random.Random) -> Ask:
        """Spoil the question for events; the job has ended, so the answer ends."""
        ask = self._query(f"/v1/jobs/{self.ended}/events".encode(), b"after=2", rng)
        if rng.random() < 0.3:
            path = b"/v1/jobs/" + spoiled(self.ended.encode() + b"/events", rng)
            return dataclasses.replace(ask, target=path + b"?after=0")
        return ask

    def audit(self, rng: random.Random) -> Ask:
        """Spoil the auditor's question."""
        return self._query(b"/v1/audit", b"after=3", rng, self.auditor)

    def _query(
        self, path: bytes, query: bytes, rng: random.Random, home: ClientHome | None = None
    ) -> Ask:
        if rng.random() < 0.3:
            name = query.split(b"=")[0]
            query = name + b"=" + rng.choice((*_NUMBERS, b"", b"&" + query, b"%00", b"1&" + query))
        else:
            query = spoiled(query, rng)
        return self._ask("GET", path + b"?" + query, home=home)


_MIB_OF_ZEROS = bytes(MIB + 100)


def _outer(octets: bytes, rng: random.Random) -> bytes:
    return spoiled(octets, rng) if rng.random() < 0.5 else _inner(octets, rng)


def _inner(octets: bytes, rng: random.Random) -> bytes:
    """Spoil a canonical message, mostly so that it is canonical still."""
    if rng.random() < 0.8:
        changed = altered(octets, rng)
        if changed is not None:
            return changed
    return spoiled(octets, rng)
