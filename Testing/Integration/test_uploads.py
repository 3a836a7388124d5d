"""Chunks that are cut, swapped, doubled, too many or untrue: what is held stays as it was."""

import hashlib
from dataclasses import dataclass, field

import pytest
from Testing.Integration.hospital import Ward
from Testing.Integration.orders import draft, end_of, post, put_object, refusal_of

from encryptsecurert_protocol.errors import ErrorCode
from encryptsecurert_protocol.events import EndEvent
from encryptsecurert_protocol.fields import base64_text
from encryptsecurert_protocol.framing import pack_batch
from encryptsecurert_protocol.limits import KIB, MIB
from encryptsecurert_protocol.objects import (
    ChunkPlan,
    ContentKey,
    ObjectHeader,
    ObjectKind,
    padded_chunk,
    seal_content_key,
)
from encryptsecurert_protocol.sealing import (
    KEY_BYTES,
    PREFIX_BYTES,
    ChunkCipher,
    HpkeKeyPair,
    random_octets,
)
from EncryptSecureRTLib.client.channel import Channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.upload import Content, upload

CONTENT = random_octets(2 * MIB + 5000)  # three chunks, the last one padded to 8 KiB


@dataclass
class Sender:
    """An upload that a test drives chunk by chunk."""

    channel: Channel
    content: bytes = CONTENT
    claimed_sha256: bytes = b""
    name: str = field(default_factory=lambda: random_octets(32).hex())
    kind: ObjectKind = ObjectKind.HEADERS
    announced: bool = True

    def __post_init__(self) -> None:
        statement = self.channel.statement
        self.plan = ChunkPlan.for_size(len(self.content))
        self.header = ObjectHeader(
            object=self.name,
            kind=self.kind,
            plan=self.plan,
            prefix=random_octets(PREFIX_BYTES),
            suite=statement.hpke_suite,
            worker=statement.hpke_key_sha256,
        )
        digest = self.claimed_sha256 or hashlib.sha256(self.content).digest()
        self.key = ContentKey(random_octets(KEY_BYTES), len(self.content), digest)
        aad = hashlib.sha256(self.header.encode()).digest()
        self.cipher = ChunkCipher(self.key.data_key, self.header.prefix, aad)
        self.sealed = seal_content_key(self.header, self.key, statement.hpke_public_key)
        self.upload = str(self.begin().get("upload")) if self.announced else ""

    def begin(self) -> dict[str, object]:
        """Announce the object, once more if it was announced before."""
        body = {"header": base64_text(self.header.encode()), "sealed": base64_text(self.sealed)}
        return self.channel.request_json("POST", "/v1/objects", body)

    def chunk(self, index: int) -> bytes:
        """Return a chunk as it should be sent."""
        padded = padded_chunk(memoryview(self.content), self.plan, index)
        return self.cipher.seal(index, padded, last=self.plan.is_last(index))

    def put(self, index: int | str, sealed: bytes) -> None:
        """Send octets for an index."""
        self.channel.request("PUT", f"/v1/objects/{self.upload}/{index}", data=sealed)

    def put_all(self, order: tuple[int, ...] = (0, 1, 2)) -> None:
        """Send every chunk."""
        for index in order:
            self.put(index, self.chunk(index))

    def held(self) -> object:
        """Return which chunks the worker holds."""
        return self.channel.request_json("GET", f"/v1/objects/{self.upload}")["chunks"]


@pytest.fixture
def sender(ward: Ward) -> Sender:
    return Sender(ward.channel())


def _end_of_job_with(channel: Channel, home: ClientHome, name: str) -> EndEvent:
    header = draft(channel, home, inputs=(name,))
    post(channel, header, home.user().key)
    return end_of(channel, header.job)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_chunks_may_come_in_any_order(ward: Ward, order: tuple[int, ...]) -> None:
    with ward.channel() as channel:
        sender = Sender(channel)
        sender.put_all(order)
        complete = channel.request_json("GET", f"/v1/objects/{sender.upload}")
        end = _end_of_job_with(channel, ward.physicist, sender.name)

    assert complete == {"chunks": [0, 1, 2], "complete": True}
    # Size and digest were found right: what is wrong is that the octets are no batch of headers.
    assert end.error == "E_FORMAT"


@pytest.mark.parametrize(
    ("what", "size", "code"),
    [
        ("a last octet too few", MIB + 15, ErrorCode.E_SEAL),
        ("nothing", 0, ErrorCode.E_SEAL),
        ("the size of the last chunk", 8 * KIB + 16, ErrorCode.E_SEAL),
        ("a first octet too many", MIB + 17, ErrorCode.E_TOO_LARGE),
        ("two chunks at once", 2 * (MIB + 16), ErrorCode.E_TOO_LARGE),
    ],
)
def test_a_chunk_of_another_size_is_refused(
    sender: Sender, what: str, size: int, code: ErrorCode
) -> None:
    octets = (sender.chunk(0) * 3)[:size]

    assert refusal_of(sender.put, 0, octets) is code, what
    assert sender.held() == []
    sender.put(0, sender.chunk(0))
    assert sender.held() == [0]


def test_octets_sealed_for_another_index_are_refused(sender: Sender) -> None:
    assert refusal_of(sender.put, 1, sender.chunk(0)) is ErrorCode.E_SEAL
    sender.put(0, sender.chunk(0))
    assert refusal_of(sender.put, 1, sender.chunk(0)) is ErrorCode.E_SEAL
    sender.put(1, sender.chunk(1))
    assert sender.held() == [0, 1]


def test_a_last_chunk_that_is_not_sealed_as_the_last_is_refused(sender: Sender) -> None:
    padded = padded_chunk(memoryview(CONTENT), sender.plan, 2)

    assert refusal_of(sender.put, 2, sender.cipher.seal(2, padded, last=False)) is ErrorCode.E_SEAL
    sender.put(2, sender.cipher.seal(2, padded, last=True))
    assert sender.held() == [2]


@pytest.mark.parametrize("index", ["3", "4096", "99999", "00", "-1", "+1", "1.0", "%EF%BC%91"])
def test_an_index_that_the_object_does_not_have_is_refused(sender: Sender, index: str) -> None:
    assert refusal_of(sender.put, index, sender.chunk(1)) is ErrorCode.E_SEAL
    assert sender.held() == []


def test_the_same_octets_again_are_welcome_and_others_are_not(sender: Sender) -> None:
    sealed = sender.chunk(1)
    other = sender.cipher.seal(1, bytes(MIB), last=False)
    for _ in range(3):
        sender.put(1, sealed)

    assert refusal_of(sender.put, 1, other) is ErrorCode.E_SEAL
    assert sender.held() == [1]
    sender.put(1, sealed)


def test_padding_other_than_zeros_is_refused(sender: Sender) -> None:
    padded = bytearray(padded_chunk(memoryview(CONTENT), sender.plan, 2))
    padded[-1] = 1

    assert refusal_of(sender.put, 2, sender.cipher.seal(2, bytes(padded), last=True)) is (
        ErrorCode.E_SEAL
    )
    padded[-1] = 0
    sender.put(2, sender.cipher.seal(2, bytes(padded), last=True))


def test_content_that_is_not_the_announced_is_refused_by_the_job(ward: Ward) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        untrue = Sender(channel, claimed_sha256=hashlib.sha256(b"something else").digest())
        untrue.put_all()
        end = _end_of_job_with(channel, home, untrue.name)

        assert (end.error, end.results) == ("E_DIGEST", ())
        # "Send them again" must be possible: the untrue octets are held no longer.
        again = Sender(channel, name=untrue.name)
        assert again.upload != "None"
        again.put_all()
        assert _end_of_job_with(channel, home, untrue.name).error == "E_FORMAT"


def test_an_object_that_is_not_whole_cannot_be_an_input(ward: Ward) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        sender = Sender(channel)
        sender.put_all((0, 2))
        order = draft(channel, home, inputs=(sender.name,))
        before = refusal_of(post, channel, order, home.user().key)
        sender.put(1, sender.chunk(1))
        after = post(channel, order, home.user().key)

    assert before is ErrorCode.E_INPUT_GONE
    assert after["job"] == order.job


def test_announcing_the_same_upload_again_goes_on_where_it_stopped(sender: Sender) -> None:
    sender.put_all((0, 2))

    assert sender.begin() == {"upload": sender.upload, "next_chunk": 1}
    sender.put(1, sender.chunk(1))
    assert sender.begin() == {"have": True}


def test_what_is_sealed_to_another_key_or_header_is_refused(ward: Ward) -> None:
    sender = Sender(ward.channel(), announced=False)  # an open upload is found by its header alone
    stranger = HpkeKeyPair.generate()
    header = sender.header.encode().replace(sender.name.encode(), random_octets(32).hex().encode())
    other_worker = sender.header.encode().replace(
        sender.header.worker.encode(), hashlib.sha256(stranger.public).hexdigest().encode()
    )
    unknown = Sender(sender.channel, announced=False)
    sealed = unknown.sealed
    cases = {
        "the envelope of another header": (header, sender.sealed),
        "another worker's": (other_worker, sender.sealed),
        "damaged": (unknown.header.encode(), sealed[:-1] + bytes([sealed[-1] ^ 1])),
        "cut": (unknown.header.encode(), sealed[:-1]),
    }
    for name, (octets, sealed) in cases.items():
        body = {"header": base64_text(octets), "sealed": base64_text(sealed)}
        code = refusal_of(sender.channel.request_json, "POST", "/v1/objects", body)
        assert code is ErrorCode.E_SEAL, name


def test_the_chunks_of_one_upload_do_not_open_in_another(ward: Ward) -> None:
    with ward.channel() as channel:
        first, second = Sender(channel), Sender(channel)

        assert refusal_of(second.put, 0, first.chunk(0)) is ErrorCode.E_SEAL
        second.put(0, second.chunk(0))


def test_what_the_worker_holds_is_not_sent_again(ward: Ward) -> None:
    home, tap = ward.physicist, ward.hospital.tap
    content = random_octets(3 * MIB)

    def send() -> int:
        with ward.channel() as channel:
            return upload(channel, home, ObjectKind.VOLUME, Content([content])).sent_bytes

    first = send()
    before = len(tap.lines())
    second = send()

    assert (first, second) == (3 * MIB, 0)
    assert [line.split("?")[0] for line in tap.lines()[before:]] == [
        "GET /v1/evidence",
        "GET /v1/health",
        "POST /v1/objects",
    ]


def test_two_kinds_of_the_same_octets_are_two_objects(ward: Ward) -> None:
    octets = pack_batch([b"{}"])
    with ward.channel() as channel:
        names = {
            put_object(channel, ward.physicist, octets, kind)
            for kind in (ObjectKind.PARAMETERS, ObjectKind.HEADERS)
        }
        other_user = ward.channel(ward.colleague)
        theirs = put_object(other_user, ward.colleague, octets)
        other_user.close()

    # Nor does the name tell another user that somebody has the same octets.
    assert len(names | {theirs}) == 3
