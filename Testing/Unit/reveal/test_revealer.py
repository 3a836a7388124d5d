"""The order of a reveal: nothing is opened before a signed manifest names it, octet for octet."""

import hashlib
import random
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.filereader import read_dataset
from Testing.Unit.protect.conftest import look_alike_block
from Testing.Unit.reveal.signing import SigningSite, body_start, protected_request
from Testing.Unit.worker.contexts import KEYS, Open, task_context

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import pack_batch, unpack_batch
from encryptsecurert_protocol.headers import HeaderRequest, encode_request
from encryptsecurert_protocol.reveals import RevealClass, Revealed, RevealRequest
from encryptsecurert_worker.dicom.protect.elements import MAX_DEPTH
from encryptsecurert_worker.dicom.protect.writing import write_sequence
from encryptsecurert_worker.dicom.reveal import opening, view
from encryptsecurert_worker.tasks.reveal import RevealTask
from encryptsecurert_worker.tasks.task import SiteKeys
from EncryptSecureRTLib.client.dicomfiles import header_request, split_file

Build = Callable[..., HeaderRequest]
ALL = [one.value for one in RevealClass]
FLIPS = 1500


class Key:
    """Counts what is done with the private key."""

    def __init__(self, decrypt: Callable[..., bytes]) -> None:
        self.uses = 0
        self._decrypt = decrypt

    def __call__(self, *arguments: Any) -> bytes:
        """Decrypt, and count it."""
        self.uses += 1
        return self._decrypt(*arguments)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Key:
    counted = Key(opening.decrypted_key)
    monkeypatch.setattr(opening, "decrypted_key", counted)
    return counted


def _keys(site: SigningSite) -> SiteKeys:
    return SiteKeys(
        uid_key=site.keys.uid_key,
        pid_key=site.keys.pid_key,
        dateshift_key=site.keys.dateshift_key,
        recipient_certificate=site.keys.recipient_certificate,
        escrow_certificate=site.keys.escrow_certificate,
        recipient_key=site.recipient_key,
        manifest_site=site.manifest_site,
    )


def _run(
    site: SigningSite,
    files: Sequence[RevealRequest],
    manifest: bytes,
    rights: Open | None = None,
    **asked: object,
) -> list[Revealed]:
    """Run the task on these files."""
    parameters = {
        "schema": "encryptsecurert.reveal/1",
        "form": "display",
        "classes": ALL,
        **asked,
    }
    inputs = [pack_batch([encode_request(file) for file in files]), pack_batch([manifest])]
    context = task_context(keys=_keys(site), rights=rights or Open())
    output = RevealTask().run([memoryview(one) for one in inputs], parameters, context)
    return [Revealed.decode(item) for item in unpack_batch(dict(output.results)["revealed"])]


def test_what_was_protected_is_revealed(signing: SigningSite, ct: Build, key: Key) -> None:
    original = ct()
    answer = signing.protector.protect(original)

    (whole,) = _run(
        signing, [protected_request(answer)], signing.manifest([answer]), form="file", classes=ALL
    )

    assert bytes(whole.octets) == bytes(original.header)
    assert whole.file is not None
    assert (whole.file.size, whole.file.bulk) == (original.size, original.bulk)
    assert whole.file.file_sha256 == original.file_sha256
    assert key.uses == 1


def test_a_block_like_ours_in_the_original_is_not_taken_for_ours(
    signing: SigningSite, ct: Build
) -> None:
    original = ct(elements=look_alike_block())
    answer = signing.protector.protect(original)

    (whole,) = _run(
        signing, [protected_request(answer)], signing.manifest([answer]), form="file", classes=ALL
    )

    assert bytes(whole.octets) == bytes(original.header)


def test_one_flipped_bit_in_sealed_or_clear_part_is_refused_before_the_key_is_used(
    signing: SigningSite, ct: Build, key: Key
) -> None:
    answer = signing.protector.protect(ct())
    good, manifest = protected_request(answer), signing.manifest([answer])
    start, octets = body_start(bytes(good.header)), bytes(good.header)
    places = random.Random(6).sample(range(8 * start, 8 * len(octets)), FLIPS)  # noqa: S311 - the same each time
    flipped = []
    for bit in places:
        changed = bytearray(octets)
        changed[bit // 8] ^= 1 << bit % 8
        flipped.append(RevealRequest(size=good.size, bulk=good.bulk, header=bytes(changed)))

    answers = [
        one
        for at in range(0, FLIPS, 500)
        for one in _run(signing, flipped[at : at + 500], manifest)
    ]

    assert {one.encode() for one in answers} == {Revealed().encode()}
    assert key.uses == 0


def test_one_flipped_bit_of_clear_elements_is_refused_at_every_place(
    signing: SigningSite, ct: Build, key: Key
) -> None:
    answer = signing.protector.protect(ct())
    revealer = signing.revealer(signing.manifest([answer]))
    good = protected_request(answer)
    octets = bytes(good.header)
    sealed = octets.index(b"\x00\x04\x20\x05OB")
    places = [*range(body_start(octets), sealed + 40), *range(len(octets) - 40, len(octets))]

    for place in places:
        for bit in range(8):
            changed = bytearray(octets)
            changed[place] ^= 1 << bit
            request = RevealRequest(size=good.size, bulk=good.bulk, header=bytes(changed))
            with pytest.raises(EncryptSecureRTError):
                revealer.examine(request)

    assert revealer.examine(good).entry
    assert key.uses == 0


def test_one_flipped_bit_in_the_manifest_is_refused_before_the_key_is_used(
    signing: SigningSite, ct: Build, key: Key
) -> None:
    answer = signing.protector.protect(ct())
    request, manifest = protected_request(answer), signing.manifest([answer])
    private = manifest.index(b"\xef\x0e\x03\x10")
    # Behind the heads of both private elements: the manifest's octets and the signature.
    signature = manifest.index(b"\xef\x0e\x04\x10")
    bits = [
        *range(8 * (private + 12), 8 * (signature - 1)),
        *range(8 * (signature + 12), 8 * (signature + 76)),
    ]

    for bit in bits:
        changed = bytearray(manifest)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(EncryptSecureRTError):
            signing.revealer(bytes(changed))

    (refused,) = _run(signing, [request], bytes(changed))
    assert refused.encode() == Revealed().encode()
    assert key.uses == 0
    assert not _run(signing, [request], manifest)[0].refused


def test_other_bulk_than_was_told_is_refused(signing: SigningSite, ct: Build, key: Key) -> None:
    answer = signing.protector.protect(ct())
    good = protected_request(answer)
    (bulk,) = good.bulk
    other = type(bulk)(offset=bulk.offset, length=bulk.length, sha256="0" * 64)
    request = RevealRequest(size=good.size, bulk=(other,), header=good.header)

    (refused,) = _run(signing, [request], signing.manifest([answer]))

    assert refused.refused
    assert key.uses == 0


def test_a_sealed_item_of_another_instance_is_refused(
    signing: SigningSite, ct: Build, key: Key
) -> None:
    one, other = (signing.protector.protect(ct(number)) for number in (1, 2))
    first, second = (bytes(protected_request(answer).header) for answer in (one, other))
    item = b"\x00\x04\x00\x05SQ"
    at, end = (second.index(item), second.index(b"\xe0\x7f\x10\x00"))
    swapped = (
        first[: first.index(item)] + second[at:end] + first[first.index(b"\xe0\x7f\x10\x00") :]
    )
    good = protected_request(one)
    grown = len(swapped) - len(first)
    bulk = tuple(
        type(b)(offset=b.offset + grown, length=b.length, sha256=b.sha256) for b in good.bulk
    )
    request = RevealRequest(size=good.size + grown, bulk=bulk, header=swapped)

    (refused,) = _run(signing, [request], signing.manifest([one, other]))

    assert refused.refused
    assert key.uses == 0


def test_an_instance_that_no_manifest_names_is_refused_and_the_others_go_on(
    signing: SigningSite, ct: Build, key: Key
) -> None:
    listed, left_out = (signing.protector.protect(ct(number)) for number in (1, 2))
    rights = Open()

    answers = _run(
        signing,
        [protected_request(left_out), protected_request(listed)],
        signing.manifest([listed]),
        rights,
    )

    assert [answer.refused for answer in answers] == [True, False]
    assert key.uses == 1
    words = f"display {' '.join(sorted(ALL))}: 1"
    assert [told[0] == "" for told in rights.told] == [False, True]
    assert [told[1:] for told in rights.told] == [(words, False), (words, True)]


@pytest.mark.parametrize("step", ["require_case", "require_classes"])
def test_a_closed_case_and_a_class_too_many_are_the_same_answer(
    signing: SigningSite, ct: Build, key: Key, step: str
) -> None:
    answer = signing.protector.protect(ct())
    rights = Open()

    def refuse(_: object) -> None:
        raise EncryptSecureRTError(ErrorCode.E_CASE)

    setattr(rights, step, refuse)
    (refused,) = _run(signing, [protected_request(answer)], signing.manifest([answer]), rights)

    assert refused.encode() == Revealed().encode()
    ((case, _, was_refused),) = rights.told
    assert was_refused
    assert case == signing.manifest_site.open(signing.manifest([answer])).patient
    assert key.uses == 1


def test_the_case_is_computed_from_the_original(signing: SigningSite, ct: Build, key: Key) -> None:
    answer = signing.protector.protect(ct())
    asked: list[str] = []

    class Asking(Open):
        def require_case(self, pseudonym: str) -> None:
            asked.append(pseudonym)

    _run(signing, [protected_request(answer)], signing.manifest([answer]), Asking())

    assert asked == [signing.protector.examine(ct()).pseudonym]


@pytest.mark.parametrize(
    "parameters",
    [
        {"form": "paper"},
        {"classes": []},
        {"classes": ["identity", "identity"]},
        {"classes": ["everything"]},
        {"form": "file", "classes": ["identity"]},
        {"schema": "encryptsecurert.reveal/2"},
        {"more": 1},
    ],
)
def test_other_parameters_are_refused(parameters: dict[str, object]) -> None:
    good = {"schema": "encryptsecurert.reveal/1", "form": "display", "classes": ALL}
    RevealTask().check(good)

    with pytest.raises(EncryptSecureRTError) as refused:
        RevealTask().check({**good, **parameters})

    assert refused.value.code is ErrorCode.E_PARAMETERS


def test_real_files_come_back_with_their_digest(
    signing: SigningSite, real_cts: Sequence[Path], key: Key
) -> None:
    paths = real_cts[:20]
    requests = [header_request(split_file(path)) for path in paths]
    answers = [signing.protector.protect(request) for request in requests]
    studies: dict[str, list[Any]] = {}
    for answer in answers:
        at = answer.bulk[0].at
        clear = pydicom.dcmread(
            BytesIO(bytes(answer.header[:at])), stop_before_pixels=True
        ).StudyInstanceUID
        studies.setdefault(clear, []).append(answer)
    revealer = signing.revealer(*(signing.manifest(each) for each in studies.values()))

    for path, answer in zip(paths, answers, strict=True):
        whole = revealer.open(revealer.examine(protected_request(answer))).whole()
        octets, file = bytes(whole.octets), path.read_bytes()
        assert whole.file is not None
        (bulk,) = whole.file.bulk
        pixels = file[bulk.offset : bulk.offset + bulk.length]
        back = octets[: bulk.offset] + pixels + octets[bulk.offset :]
        assert hashlib.sha256(back).hexdigest() == whole.file.file_sha256
        assert back == file

    assert key.uses == len(studies)  # the files of one batch and study share a content key


def test_the_classes_together_are_the_original_and_apart_are_disjoint(
    signing: SigningSite, real_cts: Sequence[Path]
) -> None:
    request = header_request(split_file(real_cts[0]))
    answer = signing.protector.protect(request)
    revealer = signing.revealer(signing.manifest([answer]))
    opened = revealer.open(revealer.examine(protected_request(answer)))
    original = pydicom.dcmread(real_cts[0], stop_before_pixels=True)

    def tags(*kinds: RevealClass) -> set[int]:
        octets = bytes(opened.show(frozenset(kinds)).octets)
        dataset = read_dataset(BytesIO(octets), is_implicit_VR=False, is_little_endian=True)
        return {int(tag) for tag in dataset.keys() if int(tag) not in (0x00080005, 0x00080016)}

    everything = tags(*RevealClass)
    leaves = {int(e.tag) for e in original if e.VR != "SQ"}
    assert everything >= leaves - {0x00080005, 0x00080016} - {t for t in leaves if t & 0xFFFF == 0}
    apart = [tags(kind) & leaves for kind in RevealClass]
    assert sum(map(len, apart)) == len(set().union(*apart))
    assert {0x00100010, 0x00100020} <= tags(RevealClass.IDENTITY)
    assert all(tag & 0x10000 for tag in tags(RevealClass.PRIVATE))


def test_an_item_deep_in_sequences_is_written_once_for_each_of_its_levels(
    signing: SigningSite, ct: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    nested: list[list[tuple[int, bytes, Any]]] = [[(0x00080080, b"LO", b"CLINIC")]]
    for _ in range(MAX_DEPTH - 2):
        nested = [[(0x00081140, b"SQ", nested)]]
    answer = signing.protector.protect(ct(elements={0x00081140: (b"SQ", nested)}))
    revealer = signing.revealer(signing.manifest([answer]))
    opened = revealer.open(revealer.examine(protected_request(answer)))
    written: list[int] = []

    def write(tag: int, items: Sequence[bytes]) -> bytes:
        written.append(tag)
        return write_sequence(tag, items)

    monkeypatch.setattr(view, "write_sequence", write)

    octets = bytes(opened.show(frozenset({RevealClass.STAFF})).octets)

    assert b"CLINIC" in octets
    assert written == [0x00081140] * (MAX_DEPTH - 1)


def test_keys_of_the_context_are_not_printed(signing: SigningSite) -> None:
    assert repr(_keys(signing)) == repr(KEYS) == "SiteKeys()"
